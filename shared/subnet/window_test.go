package subnet_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/subnet"
)

func plan(secret byte) subnet.WindowPlan {
	return subnet.WindowPlan{Netuid: 120, Window: 3, Secret: append(make([]byte, 31), secret)}
}

// Within one pass every id of the range comes exactly once; the next pass is
// another order and another attempt.
func TestWindowPlanGoesThroughTheRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lo := subnet.TaskID(rapid.Uint64Range(0, 1<<40).Draw(t, "lo"))
		n := rapid.Uint32Range(1, 700).Draw(t, "n")
		p := plan(rapid.Byte().Draw(t, "secret"))
		seen := make(map[subnet.TaskID]bool)
		for i := range n {
			id, attempt, err := p.Task("affine:sat", lo, lo+subnet.TaskID(n), i)
			if err != nil || attempt != 0 || id < lo || id >= lo+subnet.TaskID(n) || seen[id] {
				t.Fatalf("index %d of %d: id %d attempt %d seen %v: %v", i, n, id, attempt, seen[id], err)
			}
			seen[id] = true
		}
		if _, attempt, err := p.Task("affine:sat", lo, lo+subnet.TaskID(n), n); err != nil || attempt != 1 {
			t.Fatalf("after one pass: attempt %d, %v; want 1", attempt, err)
		}
	})
}

func TestWindowPlanDependsOnSecretWindowAndEnv(t *testing.T) {
	t.Parallel()
	first := func(p subnet.WindowPlan, e subnet.EnvID) [8]subnet.TaskID {
		var out [8]subnet.TaskID
		for i := range out {
			out[i], _, _ = p.Task(e, 0, 1<<31, uint32(i))
		}
		return out
	}
	base := first(plan(1), "affine:sat")
	other := plan(1)
	other.Window++
	for name, got := range map[string][8]subnet.TaskID{
		"secret": first(plan(2), "affine:sat"),
		"window": first(other, "affine:sat"),
		"env":    first(plan(1), "affine:abd"),
	} {
		if got == base {
			t.Errorf("another %s gave the same tasks", name)
		}
	}
	if first(plan(1), "affine:sat") != base {
		t.Error("the same plan gave other tasks")
	}
}

func TestWindowPlanRefusesImpossibleRanges(t *testing.T) {
	t.Parallel()
	if _, _, err := plan(1).Task("e", 5, 5, 0); err == nil {
		t.Error("an empty range was accepted")
	}
	if _, _, err := plan(1).Task("e", 0, 3, 3*256); err == nil {
		t.Error("a 257th pass was accepted: its attempt would wrap round to 0")
	}
	if id, _, err := plan(1).Task("e", 9, 10, 0); err != nil || id != 9 {
		t.Errorf("the range of one id gave %d, %v", id, err)
	}
}

func TestWindowOf(t *testing.T) {
	t.Parallel()
	for block, want := range map[subnet.Block]uint64{0: 0, 9_999: 0, 10_000: 1, 5_000_001: 500} {
		if got := subnet.WindowOf(block, subnet.WindowBlocks); got != want {
			t.Errorf("block %d lies in window %d, want %d", block, got, want)
		}
	}
}
