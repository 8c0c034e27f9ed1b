package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// sealedSubnet is a node whose pulses are held back: Alice has committed weights and Bob
// a model, and neither is open.
func sealedSubnet(t *testing.T) *chaintest.Node {
	t.Helper()
	cfg := smallSubnet(t)
	cfg.Rules.CommitReveal, cfg.Rules.Tempo, cfg.Rules.RateLimit = true, 20, 1
	node := startNode(t, cfg)
	node.HoldPulses(true)
	client, err := chain.Dial(t.Context(), chain.Config{Endpoints: []string{node.Endpoint()}, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	head, err := client.Finalized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	weights, err := chain.NewSigner(client, pair(t, "Alice"), chain.SignerConfig{Netuid: 120, Beacon: node.Beacon()}).SignWeights(t.Context(), subnet.WeightsIntent{
		Netuid: 120, UIDs: []subnet.UID{1}, Values: []uint16{65535}, VersionKey: 7, Head: head.Number, HeadHash: head.Hash,
	})
	if err != nil {
		t.Fatal(err)
	}
	model, err := chain.NewSigner(client, pair(t, "Bob"), chain.SignerConfig{Netuid: 120, Beacon: node.Beacon(), Profile: chain.MinerProfile}).SignCommitment(t.Context(), subnet.CommitIntent{
		Netuid: 120, Commitment: subnet.Commitment{Model: "bob/Affine-2", Revision: revisionA}, After: 1, Head: head.Number, HeadHash: head.Hash,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{weights.Extrinsic, model.Extrinsic} {
		if inc, err := client.Submit(t.Context(), text); err != nil || inc.Failure != "" {
			t.Fatalf("%+v, %v", inc, err)
		}
	}
	return node
}

// What is under a timelock is told apart from what is not there: which round opens it,
// and when.
func TestSealedWeightsAndCommitmentsAreShown(t *testing.T) {
	t.Parallel()
	node := sealedSubnet(t)
	ask := func(args ...string) string {
		t.Helper()
		out, err := inProcess(t, "", append([]string{"chain"}, append(args, "--endpoint", node.Endpoint())...)...)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(out, "\n") {
			if len([]rune(line)) > 100 && args[len(args)-1] != "--json" {
				t.Errorf("%q is wider than 100 columns", line)
			}
		}
		return out
	}
	if out := ask("weights"); !strings.Contains(out, "weights of 0 neurons, and 1 sealed commit.") || !strings.Contains(out, "5GrwvaEF…          1005      1  round ") {
		t.Errorf("weights:\n%s", out)
	}
	var rows rowsDocument
	if err := json.Unmarshal([]byte(ask("weights", "--json")), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows.Rows) != 0 || len(rows.Sealed) != 1 || rows.Sealed[0].UID != 0 || rows.Sealed[0].Opens == nil || rows.Sealed[0].Bytes == 0 {
		t.Errorf("%+v", rows)
	}
	if opens := rows.Sealed[0].Opens; !opens.Equal(node.Beacon().RoundTime(rows.Sealed[0].Round)) {
		t.Errorf("opens %v by another beacon than the chain's", opens)
	}
	if out := ask("weights", "--uid", "1"); strings.Contains(out, "round") {
		t.Errorf("another's row:\n%s", out)
	}
	if out := ask("status"); !strings.Contains(out, "weights      under a timelock (commit-reveal), opened 1 epoch later, version 4") {
		t.Errorf("status:\n%s", out)
	}
	if out := ask("commitments"); !strings.Contains(out, "2 valid, 2 invalid, 1 sealed, 0 failed.") || !strings.Contains(out, "1007  sealed   round ") {
		t.Errorf("commitments:\n%s", out)
	}
	if out := ask("metagraph"); !strings.Contains(out, "bob/Affine-1") {
		t.Errorf("metagraph: what was opened before counts until the next is open\n%s", out)
	}
}

// Each thing that the chain may hold of a miner has its place.
func TestCommittedIsDescribed(t *testing.T) {
	t.Parallel()
	text := subnet.RawCommitment{Text: []byte(`{"model":"m","revision":"r"}`), Block: 9}
	for name, c := range map[string]struct {
		is   chain.Committed
		want string // states, in order
	}{
		"revealed":              {chain.Committed{Revealed: []subnet.RawCommitment{text}}, "valid"},
		"in the open":           {chain.Committed{Record: &chain.CommitRecord{Block: 8, Plain: text.Text}}, "valid"},
		"revealed counts first": {chain.Committed{Revealed: []subnet.RawCommitment{text}, Record: &chain.CommitRecord{Block: 8, Plain: []byte("x")}}, "valid"},
		"sealed":                {chain.Committed{Record: &chain.CommitRecord{Block: 8, Sealed: []byte{1}, Round: 1 << 63}}, "sealed"},
		"revealed and failed":   {chain.Committed{Revealed: []subnet.RawCommitment{text}, Record: &chain.CommitRecord{Block: 8, Failed: true}}, "valid failed"},
		"open and sealed":       {chain.Committed{Record: &chain.CommitRecord{Block: 8, Plain: []byte("x"), Sealed: []byte{1}, Round: 5}}, "invalid sealed"},
		"unreadable":            {chain.Committed{Problem: "no"}, "invalid"},
		"flags only":            {chain.Committed{Record: &chain.CommitRecord{Block: 8}}, ""},
	} {
		var states []string
		for _, d := range describeCommitted(c.is, timelock.Quicknet()) {
			states = append(states, d.State)
			if (d.State == "sealed") != (d.Round > 0) || d.Round > lastRound && d.Opens != nil {
				t.Errorf("%s: %+v", name, d)
			}
		}
		if got := strings.Join(states, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
