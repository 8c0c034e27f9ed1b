package chaintest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

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

func TestCommitRules(t *testing.T) {
	for name, c := range map[string]struct {
		signer string
		change func(*Config)
		edit   func(map[string]any)
		want   string
	}{
		"good":                          {},
		"commit-reveal is off":          {change: func(c *Config) { c.Rules.CommitReveal = false }, want: "CommitRevealDisabled"},
		"no such subnet":                {edit: func(a map[string]any) { a["netuid"] = 121 }, want: "MechanismDoesNotExist"},
		"another version":               {edit: func(a map[string]any) { a["commit_reveal_version"] = 3 }, want: "IncorrectCommitRevealVersion"},
		"the version asked for":         {change: func(c *Config) { c.Rules.CommitVersion = 5 }, edit: func(a map[string]any) { a["commit_reveal_version"] = 5 }},
		"not registered":                {signer: "Dave", want: "HotKeyNotRegisteredInSubNet"},
		"a miner commits":               {signer: "Bob"}, // permits are looked at when it is opened
		"just registered":               {change: func(c *Config) { c.Neurons[0].Registered = 205 }, want: "CommittingWeightsTooFast"},
		"registered a limit ago":        {change: func(c *Config) { c.Neurons[0].Registered = 204 }},
		"bytes that are no ciphertext":  {edit: func(a map[string]any) { a["commit"] = []byte{1, 2, 3} }},
		"first broken rule: the switch": {signer: "Dave", change: func(c *Config) { c.Rules.CommitReveal = false }, edit: func(a map[string]any) { a["commit_reveal_version"] = 3 }, want: "CommitRevealDisabled"},
		"then the version":              {signer: "Dave", edit: func(a map[string]any) { a["commit_reveal_version"] = 3 }, want: "IncorrectCommitRevealVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := sealing(t)
			if c.change != nil {
				c.change(&cfg)
			}
			n := run(t, cfg)
			if c.signer == "" {
				c.signer = "Alice"
			}
			round := roundAt(n, 300)
			args := commitArgs(seal(t, n, c.signer, round, 1, 2), round)
			if c.edit != nil {
				c.edit(args)
			}
			got := do(t, n, c.signer, commitCallName, args)
			if want := map[bool]string{true: "SubtensorModule." + c.want}[c.want != ""]; got != want {
				t.Errorf("dispatch ended with %q, want %q", got, want)
			}
			if moved := stored(t, n, "SubtensorModule.LastUpdate", netuid).([]any)[0] == uint64(206); moved && (c.want != "" || c.signer != "Alice") {
				t.Error("a refused commit counts for the rate limit")
			}
		})
	}
}

func TestUnrevealedCommitsAreLimited(t *testing.T) {
	cfg := sealing(t)
	cfg.Rules.RateLimit, cfg.Rules.Tempo = 0, 100
	n := run(t, cfg)
	round := roundAt(n, 400)
	sealed := seal(t, n, "Alice", round, 1, 2)
	for i := range 11 {
		want := ""
		if i == maxUnrevealed {
			want = "SubtensorModule.TooManyUnrevealedCommits"
		}
		if got := do(t, n, "Alice", commitCallName, commitArgs(sealed, round)); got != want {
			t.Errorf("commit %d: %q, want %q", i, got, want)
		}
	}
	if got := do(t, n, "Bob", commitCallName, commitArgs(sealed, round)); got != "" {
		t.Errorf("another hotkey: %q", got)
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

func TestOldRoundIsRefusedByThePool(t *testing.T) {
	n := run(t, sealing(t))
	last := stored(t, n, "Drand.LastStoredRound").(uint64)
	if last != roundAt(n, 205) {
		t.Fatalf("round %d at block 205, want %d", last, roundAt(n, 205))
	}
	for round, code := range map[uint64]int{last - 1: 1010, last: 0} {
		d := callDraft(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round))
		expectRefusal(t, submit(t, n, d.sign(t, "Alice")), code, map[bool]string{true: "Custom error: 15"}[code != 0])
	}
}

func TestLowStakeIsRefusedByThePool(t *testing.T) {
	for _, commitReveal := range []bool{false, true} {
		cfg := sealing(t)
		cfg.Rules.CommitReveal, cfg.Rules.StakeThreshold = commitReveal, 101
		n := run(t, cfg)
		d := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2})
		if commitReveal {
			round := roundAt(n, 300)
			d = callDraft(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round))
		}
		expectRefusal(t, submit(t, n, d.sign(t, "Alice")), 1010, "Custom error: 1")
	}
}

func TestCommitThatCannotBeDecoded(t *testing.T) {
	n := run(t, sealing(t))
	for size, code := range map[int]int{maxCommit: 0, maxCommit + 1: 1002} {
		d := callDraft(t, n, "Alice", commitCallName, commitArgs(make([]byte, size), roundAt(n, 300)))
		expectRefusal(t, submit(t, n, d.sign(t, "Alice")), code, "")
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

func TestBeaconFollowsTheChain(t *testing.T) {
	for _, blockTime := range []time.Duration{250 * time.Millisecond, 12 * time.Second} {
		cfg := sealing(t)
		cfg.Rules.BlockTime = blockTime
		n := run(t, cfg)
		last := stored(t, n, "Drand.LastStoredRound").(uint64)
		pulse := stored(t, n, "Drand.Pulses", last).(map[string]any)
		signature := pulse["signature"].([]byte)
		if err := n.Beacon().VerifyPulse(last, signature); err != nil {
			t.Error(err)
		}
		randomness := sha256.Sum256(signature)
		if !bytes.Equal(pulse["randomness"].([]byte), randomness[:]) || pulse["round"] != last {
			t.Errorf("pulse %v", pulse)
		}
		now := time.UnixMilli(int64(stored(t, n, "Timestamp.Now").(uint64)))
		if at := n.Beacon().RoundTime(last); at.After(now) || !n.Beacon().RoundTime(last+1).After(now) {
			t.Errorf("round %d of %v is the newest at %v", last, at, now)
		}
	}
}
