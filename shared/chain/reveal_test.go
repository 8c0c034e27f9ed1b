package chain

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

var whose = [32]byte{1, 2, 3}

func someCommit() *reveals {
	return &reveals{TimelockCommit: subnet.TimelockCommit{At: 50, Round: 7}, account: whose, index: 4096 + 120}
}

func TestCommitIsRecognised(t *testing.T) {
	other := make([]byte, 32)
	for name, test := range map[string]struct {
		entry []any
		want  bool
	}{
		"it":                       {[]any{whose[:], uint64(50), []byte("sealed"), uint64(7)}, true},
		"it, in the old form":      {[]any{whose[:], []byte("sealed"), uint64(7)}, true},
		"of another hotkey":        {[]any{other, uint64(50), []byte("sealed"), uint64(7)}, false},
		"to another round":         {[]any{whose[:], uint64(50), []byte("sealed"), uint64(8)}, false},
		"of another block":         {[]any{whose[:], uint64(51), []byte("sealed"), uint64(7)}, false},
		"another in the old form":  {[]any{whose[:], []byte("sealed"), uint64(6)}, false},
		"a short account":          {[]any{whose[:31], uint64(50), []byte("sealed"), uint64(7)}, false},
		"the account within bytes": {[]any{other, uint64(50), whose[:], uint64(7)}, false},
	} {
		if got, err := someCommit().is(test.entry); err != nil || got != test.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, entry := range []any{
		nil, 7, []any{}, []any{whose[:], uint64(7)}, []any{whose[:], []byte{}, []byte{}, uint64(7)}, []any{"x", uint64(50), []byte{}, uint64(7)},
		[]any{whose[:], uint64(50), []byte{}, "x"}, []any{whose[:], uint64(50), []byte{}, uint64(7), uint64(8)},
	} {
		if got, err := someCommit().is(entry); err == nil || got {
			t.Errorf("%#v was taken for a commit", entry)
		}
	}
}

func TestRevealIsRecognised(t *testing.T) {
	index := uint64(4096 + 120)
	for name, test := range map[string]struct {
		event metadata.Event
		want  bool
	}{
		"it":                   {metadata.Event{Pallet: "SubtensorModule", Name: "TimelockedWeightsRevealed", Fields: []any{index, whose[:]}}, true},
		"as it was called":     {metadata.Event{Pallet: "SubtensorModule", Name: "CRV3WeightsRevealed", Fields: []any{index, whose[:]}}, true},
		"of another mechanism": {metadata.Event{Pallet: "SubtensorModule", Name: "TimelockedWeightsRevealed", Fields: []any{uint64(120), whose[:]}}, false},
		"of another hotkey":    {metadata.Event{Pallet: "SubtensorModule", Name: "TimelockedWeightsRevealed", Fields: []any{index, make([]byte, 32)}}, false},
		"of another pallet":    {metadata.Event{Pallet: "Commitments", Name: "TimelockedWeightsRevealed", Fields: []any{index, whose[:]}}, false},
		"the commit":           {metadata.Event{Pallet: "SubtensorModule", Name: "TimelockedWeightsCommitted", Fields: []any{index, whose[:]}}, false},
		"of no fields":         {metadata.Event{Pallet: "SubtensorModule", Name: "TimelockedWeightsRevealed"}, false},
		"of other fields":      {metadata.Event{Pallet: "SubtensorModule", Name: "TimelockedWeightsRevealed", Fields: []any{whose[:], index}}, false},
	} {
		if got := someCommit().tells(test.event); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Wherever the reveal was, and wherever it was due, it is found, in few steps: those of a
// search by halves and, close to where it was due, fewer.
func TestProbesFindTheReveal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := subnet.Block(rapid.Uint32Range(1, 1<<20).Draw(t, "at"))
		head := at + subnet.Block(rapid.Uint32Range(1, 1<<14).Draw(t, "blocks since"))
		revealed := at + 1 + subnet.Block(rapid.Uint32Range(0, uint32(head-at-1)).Draw(t, "revealed"))
		due := subnet.Block(rapid.Uint32Range(0, uint32(head)+100).Draw(t, "due"))
		r := reveals{TimelockCommit: subnet.TimelockCommit{At: at, Due: due}}
		low, high, steps := at, head, 0
		for ; high-low > 1; steps++ {
			probe := r.probe(low, high)
			if probe <= low || probe >= high {
				t.Fatalf("between %d and %d it looks at %d", low, high, probe)
			}
			if probe < revealed {
				low = probe
			} else {
				high = probe
			}
		}
		if high != revealed || steps > 32 {
			t.Fatalf("found %d after %d steps, want %d", high, steps, revealed)
		}
		if late := revealed - due; revealed >= due && due > at && late <= 4 && steps > 5 {
			t.Fatalf("%d blocks late, it took %d steps", late, steps)
		}
	})
}
