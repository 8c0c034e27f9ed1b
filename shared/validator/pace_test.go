package validator

import (
	"testing"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

func TestPaceInterval(t *testing.T) {
	t.Parallel()
	window := 10_000 * 12 * time.Second
	for _, c := range []struct {
		name    string
		pace    Pace
		planned int
		want    time.Duration
	}{
		{"base rate", Pace{PerDay: 100, Need: 200}, 200, 864 * time.Second},
		{"tripled below the need", Pace{PerDay: 100, Need: 200}, 199, 288 * time.Second},
		{"never below the need in a window", Pace{PerDay: 100, Need: 200, Span: window}, 200,
			time.Duration(float64(window) / (200 * margin))},
		{"no rate at all", Pace{}, 0, 24 * time.Hour},
	} {
		// A nanosecond's rounding aside.
		if got := c.pace.interval(c.planned); (got - c.want).Abs() > time.Microsecond {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// At the floor rate a miner gathers its need with the margin to spare: the seed's
// own constants leave it with 139 samples where 200 are wanted.
func TestPaceMeetsTheNeedInEveryWindow(t *testing.T) {
	t.Parallel()
	window := 10_000 * 12 * time.Second
	p := Pace{PerDay: 100, Need: 200, Span: window, Burst: 10}
	progress := subnet.EnvProgress{Next: 1000} // long past the need: no tripling
	now := time.Unix(0, 0)
	progress.Planned = now
	planned := 0
	for end := now.Add(window); now.Before(end); now = now.Add(time.Minute) {
		if n := p.due(progress, now); n > 0 {
			planned += n
			progress.Planned = p.planned(progress, now, n)
		}
	}
	if want := int(200*margin) - 1; planned < want {
		t.Fatalf("%d tasks in a window, want the need of 200 and its margin, %d", planned, want)
	}
}

func TestPaceDue(t *testing.T) {
	t.Parallel()
	p := Pace{PerDay: 100, Burst: 5}
	now := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		name  string
		since time.Duration
		want  int
	}{
		{"too early", 863 * time.Second, 0},
		{"one interval", 864 * time.Second, 1},
		{"three", 3 * 864 * time.Second, 3},
		{"after a long outage, a burst", 100 * time.Hour, 5},
		{"the clock went back", -time.Hour, 0},
	} {
		if got := p.due(subnet.EnvProgress{Planned: now.Add(-c.since)}, now); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got := p.due(subnet.EnvProgress{}, now); got != 1 {
		t.Errorf("a miner never planned for: %d, want 1", got)
	}
}

func TestPaceUpTo(t *testing.T) {
	t.Parallel()
	p := Pace{UpTo: 200, GiveUp: 250, Burst: 40}
	for _, c := range []struct {
		name                               string
		planned, scored, outstanding, want int
	}{
		{"start", 0, 0, 0, 40},
		{"as many as were done", 40, 10, 30, 10},
		{"never more than needed", 195, 195, 0, 5},
		{"reached", 200, 200, 0, 0},
		{"unscored rows are made up for", 200, 190, 0, 10},
		{"given up", 250, 190, 0, 0},
	} {
		got := p.upTo(subnet.EnvProgress{Start: 7, Next: 7 + uint32(c.planned)}, c.scored, c.outstanding)
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
