package chaintest

import (
	"testing"

	"github.com/affine-go/affine/shared/subnet"
)

func TestEpochsThatAreDue(t *testing.T) {
	for name, c := range map[string]struct {
		s    schedule
		at   uint64
		want bool
	}{
		"a tempo later":          {schedule{kept: true, tempo: 10, last: 100}, 110, true},
		"before that":            {schedule{kept: true, tempo: 10, last: 100}, 109, false},
		"long overdue":           {schedule{kept: true, tempo: 10, last: 100}, 500, true},
		"set for this block":     {schedule{kept: true, tempo: 10, last: 100, pending: 105}, 105, true},
		"set for a later block":  {schedule{kept: true, tempo: 10, last: 100, pending: 106}, 105, false},
		"no tempo":               {schedule{kept: true, last: 100, pending: 1, since: maxTempo + 1}, 500, false},
		"stalled":                {schedule{kept: true, tempo: 60_000, last: 100, since: maxTempo + 1}, 105, true},
		"nearly stalled":         {schedule{kept: true, tempo: 60_000, last: 100, since: maxTempo}, 105, false},
		"by number, last of it":  {schedule{tempo: 10, netuid: 120}, 208, true},
		"by number, first of it": {schedule{tempo: 10, netuid: 120}, 209, false},
		"by number, without":     {schedule{netuid: 120}, 208, false},
	} {
		if got := c.s.due(c.at); got != c.want {
			t.Errorf("%s: due is %v", name, got)
		}
	}
}

// The vectors of the chain's own tools: with this state the first reveal of a commit in
// the next block comes in that block.
func TestEpochVectors(t *testing.T) {
	var file struct {
		Epoch []struct {
			Name  string
			State struct {
				Last    uint64 `json:"last_epoch_block"`
				Pending uint64 `json:"pending_epoch_at"`
				Index   uint64 `json:"subnet_epoch_index"`
				Tempo   uint16 `json:"tempo"`
				Since   uint64 `json:"blocks_since_last_step"`
				Current uint64 `json:"current_block"`
			}
			Period uint64 `json:"reveal_period"`
			Error  bool
			First  subnet.Block `json:"first_reveal_block"`
		}
	}
	readVectors(t, "epoch-and-weights.json", &file)
	if len(file.Epoch) != 3 {
		t.Fatalf("%d vectors", len(file.Epoch))
	}
	for _, v := range file.Epoch {
		t.Run(v.Name, func(t *testing.T) {
			cfg := sealing(t)
			cfg.First, cfg.Rules.Tempo, cfg.Rules.RevealPeriod = subnet.Block(v.State.Current), v.State.Tempo, v.Period
			n := start(t, cfg)
			mine(t, n, 1)
			n.mu.Lock()
			x := &execution{node: n, number: n.chain.head}
			for entry, value := range map[string]uint64{"LastEpochBlock": v.State.Last, "PendingEpochAt": v.State.Pending,
				"SubnetEpochIndex": v.State.Index, "BlocksSinceLastStep": v.State.Since} {
				if err := x.put("SubtensorModule", entry, value, netuid); err != nil {
					t.Fatal(err)
				}
			}
			n.mu.Unlock()
			round := stored(t, n, "Drand.LastStoredRound").(uint64)
			if got := do(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round)); got != "" {
				t.Fatal(got)
			}
			opened := subnet.Block(0)
			for range 200 {
				if row, err := n.Weights(netuid, 0); err != nil || len(row) > 0 {
					opened = n.Head()
					break
				}
				mine(t, n, 1)
			}
			if opened != v.First {
				t.Errorf("opened in block %d, want %d", opened, v.First)
			}
		})
	}
}
