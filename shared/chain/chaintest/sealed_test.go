package chaintest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// sealing is trio with weights that must be sealed: epochs of 10 blocks, the last one at
// 200, so that the head of 205 lies in the first of a new one.
func sealing(t testing.TB) Config {
	cfg := trio(t)
	cfg.Rules.CommitReveal, cfg.Rules.Tempo, cfg.Rules.LastEpochHint, cfg.Rules.RateLimit = true, 10, 200, 2
	return cfg
}

// seal makes the payload of a hotkey that gives uids 1 and 2 a weight each.
func seal(t testing.TB, n *Node, signer string, round uint64, values ...uint16) []byte {
	t.Helper()
	plain, err := timelock.WeightsPayload{Hotkey: pair(t, signer).Public(), UIDs: []subnet.UID{1, 2}, Values: values, VersionKey: 7}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return encrypt(t, n, plain, round)
}

func encrypt(t testing.TB, n *Node, plain []byte, round uint64) []byte {
	t.Helper()
	random := sha256.Sum256(plain)
	sealed, err := n.Beacon().Encrypt(plain, round, bytes.NewReader(bytes.Repeat(random[:], 3)))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// roundAt is the first round that is published when a block is made.
func roundAt(n *Node, block subnet.Block) uint64 { return n.published(uint64(block)) }

func commitArgs(sealed []byte, round uint64) map[string]any {
	return map[string]any{"netuid": netuid, "commit": sealed, "reveal_round": round, "commit_reveal_version": 4}
}

const commitCallName = "SubtensorModule.commit_timelocked_weights"

// Weights sealed in the epoch that began at 200 are opened in the one that begins at 210,
// a block after their round has come in.
func TestSealedWeightsAreOpened(t *testing.T) {
	n := run(t, sealing(t))
	round := roundAt(n, 212)
	sealed := seal(t, n, "Alice", round, 30000, 60000)
	if got := do(t, n, "Alice", commitCallName, commitArgs(sealed, round)); got != "" {
		t.Fatal(got)
	}
	if diff := cmp.Diff([]string{"TimelockedWeightsCommitted"}, happened(t, n, "SubtensorModule")); diff != "" {
		t.Error(diff)
	}
	alice := pair(t, "Alice").Public()
	waiting := []any{[]any{alice[:], uint64(206), sealed, round}}
	if diff := cmp.Diff(waiting, stored(t, n, "SubtensorModule.TimelockedWeightCommits", netuid, 0)); diff != "" {
		t.Error("waiting:", diff)
	}
	if diff := cmp.Diff([]any{uint64(206), uint64(0), uint64(0)}, stored(t, n, "SubtensorModule.LastUpdate", netuid)); diff != "" {
		t.Error("last update at the commit:", diff)
	}
	mine(t, n, 6) // to 212, in whose block the round comes in
	if row, err := n.Weights(netuid, 0); err != nil || len(row) > 0 {
		t.Fatalf("weights %v, %v before the round", row, err)
	}
	mine(t, n, 1)
	if diff := cmp.Diff([]string{"WeightsSet", "TimelockedWeightsRevealed"}, happened(t, n, "SubtensorModule")); diff != "" {
		t.Error(diff)
	}
	if e := eventsOf(t, n)[1]; e.ExtrinsicIndex != -1 || !cmp.Equal(e.Fields, []any{uint64(netuid), alice[:]}) {
		t.Errorf("event %+v", e)
	}
	row, err := n.Weights(netuid, 0)
	if diff := cmp.Diff(map[subnet.UID]uint16{1: 32767, 2: 65535}, row); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if diff := cmp.Diff([]any{uint64(206), uint64(0), uint64(0)}, stored(t, n, "SubtensorModule.LastUpdate", netuid)); diff != "" {
		t.Error("last update moved at the reveal:", diff)
	}
	if left := stored(t, n, "SubtensorModule.TimelockedWeightCommits", netuid, 0); len(left.([]any)) > 0 {
		t.Errorf("left %v", left)
	}
}

// A commit that is included in the block in which an epoch runs belongs to that epoch.
func TestCommitBelongsToTheEpochOfItsBlock(t *testing.T) {
	for block, want := range map[int]uint64{209: 0, 210: 1, 211: 1, 219: 1, 220: 2} {
		n := run(t, sealing(t))
		mine(t, n, block-1-int(n.Head()))
		round := roundAt(n, 400)
		if got := do(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round)); got != "" {
			t.Fatal(got)
		}
		for epoch := range uint64(4) {
			if list := stored(t, n, "SubtensorModule.TimelockedWeightCommits", netuid, epoch).([]any); len(list) > 0 != (epoch == want) {
				t.Errorf("commit in block %d: epoch %d has %d commits", block, epoch, len(list))
			}
		}
	}
}

// The pulse is looked for in every block of the reveal's epoch, and in none after it.
func TestLatePulse(t *testing.T) {
	for until, opened := range map[subnet.Block]bool{209: true, 215: true, 217: true, 218: false, 225: false} {
		t.Run(fmt.Sprint(until), func(t *testing.T) {
			n := run(t, sealing(t))
			n.HoldPulses(true)
			round := roundAt(n, 210)
			if got := do(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round)); got != "" {
				t.Fatal(got)
			}
			mine(t, n, int(until-n.Head()))
			n.HoldPulses(false)
			mine(t, n, 5) // the first of them brings the pulses
			row, err := n.Weights(netuid, 0)
			if err != nil || (len(row) > 0) != opened {
				t.Errorf("weights %v, %v", row, err)
			}
			mine(t, n, 10)
			for epoch := range uint64(4) {
				if list := stored(t, n, "SubtensorModule.TimelockedWeightCommits", netuid, epoch).([]any); len(list) > 0 {
					t.Errorf("epoch %d still has %d commits at %d", epoch, len(list), n.Head())
				}
			}
		})
	}
}

// What is wrong with sealed weights shows when they are opened, by their absence.
func TestSealedWeightsAreDroppedSilently(t *testing.T) {
	payload := func(t testing.TB, signer string, uids []subnet.UID, values []uint16, version uint64) []byte {
		b, err := timelock.WeightsPayload{Hotkey: pair(t, signer).Public(), UIDs: uids, Values: values, VersionKey: version}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	both, ones := []subnet.UID{1, 2}, []uint16{1, 1}
	for name, c := range map[string]struct {
		signer string
		plain  func(t testing.TB) []byte
		change func(*Config)
		opened bool
	}{
		"good":           {plain: func(t testing.TB) []byte { return payload(t, "Alice", both, ones, 7) }, opened: true},
		"left over":      {plain: func(t testing.TB) []byte { return append(payload(t, "Alice", both, ones, 7), 0) }, opened: true},
		"without hotkey": {plain: func(t testing.TB) []byte { return payload(t, "Alice", both, ones, 7)[33:] }, opened: true},
		"another hotkey": {plain: func(t testing.TB) []byte { return payload(t, "Bob", both, ones, 7) }},
		"cut off":        {plain: func(t testing.TB) []byte { return payload(t, "Alice", both, ones, 7)[:40] }},
		"empty":          {plain: func(testing.TB) []byte { return nil }},
		"old version":    {plain: func(t testing.TB) []byte { return payload(t, "Alice", both, ones, 6) }},
		"a uid twice":    {plain: func(t testing.TB) []byte { return payload(t, "Alice", []subnet.UID{1, 1}, ones, 7) }},
		"no permit":      {signer: "Bob", plain: func(t testing.TB) []byte { return payload(t, "Bob", both, ones, 7) }},
		"too few":        {plain: func(t testing.TB) []byte { return payload(t, "Alice", both[:1], ones[:1], 7) }},
	} {
		t.Run(name, func(t *testing.T) {
			n := run(t, sealing(t))
			signer := map[bool]string{true: "Alice", false: c.signer}[c.signer == ""]
			round := roundAt(n, 210)
			if got := do(t, n, signer, commitCallName, commitArgs(encrypt(t, n, c.plain(t), round), round)); got != "" {
				t.Fatal(got)
			}
			mine(t, n, 5)
			if names := happened(t, n, "SubtensorModule"); (len(names) == 2) != c.opened || (!c.opened && len(names) > 0) {
				t.Errorf("events %v", names)
			}
			mine(t, n, 1)
			if left := stored(t, n, "SubtensorModule.TimelockedWeightCommits", netuid, 0).([]any); len(left) > 0 {
				t.Errorf("%d commits left", len(left))
			}
		})
	}
}

// A ciphertext and a signature that others made and a Subtensor runtime has opened are
// opened here to the same weights.
func TestVectorOfSealedWeightsIsOpened(t *testing.T) {
	sealed, signature := vectorOf(t, 0)
	cfg := sealing(t)
	cfg.Rules.VersionKey, cfg.Neurons = 0, wide(t, 256)
	n := start(t, cfg)
	n.HoldPulses(true)
	mine(t, n, 5)
	if got := do(t, n, "Alice", commitCallName, commitArgs(sealed, 1000)); got != "" {
		t.Fatal(got)
	}
	if err := n.Pulse(1000, signature); err != nil {
		t.Fatal(err)
	}
	mine(t, n, 4)
	row, err := n.Weights(netuid, 0)
	if diff := cmp.Diff(map[subnet.UID]uint16{0: 65535, 1: 1, 2: 32768, 255: 257}, row); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// A block that opened weights and is undone leaves nothing; the block that takes its
// place opens them again, from the same pulse.
func TestUndoneRevealHappensAgain(t *testing.T) {
	cfg := sealing(t)
	cfg.FinalityLag = 5
	n := run(t, cfg)
	round := roundAt(n, 212)
	if got := do(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round)); got != "" {
		t.Fatal(got)
	}
	mine(t, n, 7) // to 213, which opens them
	undone := n.chain.at(213).hash
	if err := n.Retract(3); err != nil {
		t.Fatal(err)
	}
	if row, err := n.Weights(netuid, 0); err != nil || len(row) > 0 {
		t.Errorf("weights %v, %v after the retraction", row, err)
	}
	if last := stored(t, n, "Drand.LastStoredRound"); last != roundAt(n, 210) {
		t.Errorf("the last round is %v at %d", last, n.Head())
	}
	mine(t, n, 3)
	if row, err := n.Weights(netuid, 0); err != nil || len(row) != 2 || n.chain.at(213).hash == undone {
		t.Errorf("weights %v, %v in another block 213", row, err)
	}
}
