package chaintest

import (
	"fmt"
	"testing"
)

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

// Before it submits, a client can ask what the pool would say: these are the bytes in
// which a node answers.
func TestPoolsVerdictsInBytes(t *testing.T) {
	n := run(t, sealing(t))
	c := connect(t, n)
	last := stored(t, n, "Drand.LastStoredRound").(uint64)
	old := callDraft(t, n, "Alice", commitCallName, commitArgs([]byte{1}, last-1))
	spoiled := callDraft(t, n, "Alice", commitCallName, commitArgs([]byte{1}, last))
	spoiled.ctx.SpecVersion++
	future := callDraft(t, n, "Alice", commitCallName, commitArgs([]byte{1}, last))
	future.opts.Nonce++
	alice := pair(t, "Alice").Public()
	turn := func(nonce byte) string { return fmt.Sprintf("0490%x%02x000000", alice, nonce) } // a list of one name of 36 bytes
	const rest = "400000000000000001"                                                        // longevity 64, propagated
	for want, d := range map[string]*draft{
		"0x0100070f": old, "0x010004": spoiled,
		"0x000000000000000000" + turn(0) + turn(1) + rest: future, // valid once another has had its turn
	} {
		query := append([]byte{2}, d.sign(t, "Alice")...)
		query = append(query, make([]byte, 32)...)
		if got := c.text("state_call", "TaggedTransactionQueue_validate_transaction", toHex(query)); got != want {
			t.Errorf("answered %s, want %s", got, want)
		}
	}
}
