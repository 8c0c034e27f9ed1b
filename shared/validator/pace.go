package validator

import (
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// Pace says how fast a miner is sampled in each environment.
type Pace struct {
	PerDay   float64       // base rate, tasks per day and environment (upstream: 100)
	Need     int           // samples that make a miner eligible; below it the rate is tripled
	Span     time.Duration // how long a window lasts: the rate is at least Need × 1.15 / Span
	Burst    int           // most tasks of one miner and environment planned at once
	MaxDepth int           // no more is put on a queue that holds this many messages

	// UpTo, when not 0, replaces the rate: tasks are planned as fast as they are
	// done, until every miner has UpTo scored samples in the window or GiveUp tasks
	// have been planned for it. It serves the run that is to come to an end.
	UpTo   int
	GiveUp int
}

// margin over Need × window: the seed's constants give 139 samples in a window that
// wants 200, and make a flawless miner eligible in only 63 % of rounds.
const margin = 1.15

// interval is the time between two tasks of a miner that has been given planned
// tasks in this window.
func (p Pace) interval(planned int) time.Duration {
	perDay := p.PerDay
	if planned < p.Need {
		perDay *= 3
	}
	if p.Span > 0 {
		perDay = max(perDay, float64(p.Need)*margin*float64(24*time.Hour)/float64(p.Span))
	}
	if perDay <= 0 {
		return 24 * time.Hour
	}
	return time.Duration(float64(24*time.Hour) / perDay)
}

// due is how many tasks to plan now for a miner with this progress.
func (p Pace) due(progress subnet.EnvProgress, now time.Time) int {
	planned := int(progress.Next - progress.Start)
	if progress.Planned.IsZero() {
		return 1
	}
	n := int(now.Sub(progress.Planned) / p.interval(planned))
	return min(max(n, 0), p.Burst)
}

// planned is the time from which the next due task is counted once n are planned:
// what is left over of an interval is kept, what a burst could not hold is not.
func (p Pace) planned(progress subnet.EnvProgress, now time.Time, n int) time.Time {
	if progress.Planned.IsZero() || n >= p.Burst {
		return now
	}
	return progress.Planned.Add(time.Duration(n) * p.interval(int(progress.Next-progress.Start)))
}

// upTo is how many tasks to plan now for a miner that has scored samples, and planned
// tasks outstanding, in the mode that runs to an end.
func (p Pace) upTo(progress subnet.EnvProgress, scored, outstanding int) int {
	planned := int(progress.Next - progress.Start)
	want := p.UpTo - scored - outstanding
	return max(0, min(want, p.Burst-outstanding, p.GiveUp-planned))
}
