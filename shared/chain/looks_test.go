package chain_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

func TestStatusTellsHeadsEpochAndRules(t *testing.T) {
	for spec, want := range map[uint32]struct {
		epoch uint64
		next  subnet.Block
	}{
		446: {epoch: 1, next: 1360}, // the schedule kept in storage: the chain's first block began an epoch
		393: {epoch: 3, next: 1322}, // (block + 120 + 1) / (360 + 1), which runs in the last block before it counts
	} {
		cfg := config(t)
		cfg.SpecVersion, cfg.Rules.StakeThreshold = spec, 77
		node := start(t, cfg)
		got, err := dial(t, quick(node.Endpoint())).Status(t.Context(), netuid)
		if err != nil {
			t.Fatal(err)
		}
		if got.Finalized.Number != 1002 || got.Best.Number != 1004 || got.Genesis != node.Genesis() || got.SpecVersion != spec || got.SpecName != "node-subtensor" ||
			got.Chain != "Affine development" || !strings.HasPrefix(got.Node, "affine-chaintest ") {
			t.Errorf("spec %d: %+v", spec, got)
		}
		if got.Epoch != want.epoch || got.NextEpoch != want.next || got.Neurons != 3 || got.Rules.Tempo != 360 || got.Rules.BlockTime != 12*time.Second || got.Rules.VersionKey != 7 {
			t.Errorf("spec %d: epoch %d, next at %d; %+v", spec, got.Epoch, got.NextEpoch, got.Rules)
		}
		if beat := got.Time.Unix() % 12; got.Time.Before(time.Unix(1<<30, 0)) || beat != 0 {
			t.Errorf("spec %d: time %v", spec, got.Time)
		}
	}
}

func TestStatusOfASubnetWithoutEpochs(t *testing.T) {
	cfg := config(t)
	cfg.Rules.Tempo = 0
	got, err := dial(t, quick(start(t, cfg).Endpoint())).Status(t.Context(), netuid)
	if err != nil || got.NextEpoch != 0 || got.Epoch != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What a chain does not have is told as such, by every look at it.
func TestLooksAtWhatIsNotThere(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	if _, err := client.Status(t.Context(), 121); !errors.Is(err, chain.ErrNoSubnet) {
		t.Errorf("status: %v", err)
	}
	if _, err := client.Rows(t.Context(), 121, 0); !errors.Is(err, chain.ErrNoSubnet) {
		t.Errorf("rows: %v", err)
	}
	if _, err := client.Rows(t.Context(), netuid, 1); !errors.Is(err, chain.ErrNoMechanism) {
		t.Errorf("rows of mechanism 1: %v", err)
	}
	if _, err := client.Commitments(t.Context(), 121); !errors.Is(err, chain.ErrNoSubnet) {
		t.Errorf("commitments: %v", err)
	}
	if _, err := client.Committing(t.Context(), netuid, "nobody"); err == nil || !strings.Contains(err.Error(), `hotkey "nobody"`) {
		t.Errorf("committing: %v", err)
	}
	state, err := client.Committing(t.Context(), netuid, hotkey(t, "Dave"))
	if err != nil || state.Registered || state.Record != nil || state.Last != 0 {
		t.Errorf("a stranger: %+v, %v", state, err)
	}
}

// A node that is cut off in the middle of a look makes it fail, never lie.
func TestLooksFailWithTheNode(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	looks := map[string]func() error{
		"status":      func() error { _, err := client.Status(t.Context(), netuid); return err },
		"rows":        func() error { _, err := client.Rows(t.Context(), netuid, 0); return err },
		"commitments": func() error { _, err := client.Commitments(t.Context(), netuid); return err },
		"committing":  func() error { _, err := client.Committing(t.Context(), netuid, hotkey(t, "Bob")); return err },
		"beacon":      func() error { _, err := client.Beacon(t.Context()); return err },
	}
	for name, look := range looks {
		if err := look(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		node.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Method: "state_queryStorageAt", Times: -1})
		if err := look(); !errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("%s of a node that is cut off: %v", name, err)
		}
		node.Heal()
	}
}

func TestRowsTellWhatIsSetAndWhatIsSealed(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	c := commit(t, node, client, intent(t, client))
	before, err := client.Rows(t.Context(), netuid, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Sealed) != 1 || len(before.Neurons) != 3 || len(before.Neurons[0].Values) != 0 {
		t.Fatalf("sealed: %+v", before)
	}
	if s := before.Sealed[0]; s.Hotkey != hotkey(t, "Alice") || s.Block != c.At || s.Round != c.Round || s.Bytes < timelock.Overhead || s.Epoch == 0 {
		t.Errorf("%+v, committed as %+v", s, c)
	}
	opened(t, node, c)
	mine(t, node, 3)
	after, err := client.Rows(t.Context(), netuid, 0)
	if err != nil || len(after.Sealed) != 0 {
		t.Fatalf("opened: %+v, %v", after, err)
	}
	alice := after.Neurons[0]
	if diff := cmp.Diff(bobAndCharlie, alice.Values); diff != "" || alice.Hotkey != hotkey(t, "Alice") || alice.LastUpdate != c.At {
		t.Errorf("%+v %s", alice, diff)
	}
}

// Sealed weights of another shape are the node's fault, not nobody's.
func TestRowsRefuseSealedWeightsOfAnotherShape(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	commit(t, node, client, intent(t, client))
	for name, lie := range map[string]twist{
		"keys cut short": func(method string, result json.RawMessage) json.RawMessage {
			if method != "state_getKeysPaged" {
				return result
			}
			var page []string
			if json.Unmarshal(result, &page) != nil || len(page) != 1 {
				t.Errorf("one key was expected: %s", result)
				return result
			}
			return json.RawMessage(`["` + page[0][:len(page[0])-2] + `"]`)
		},
		"keys of elsewhere": func(method string, result json.RawMessage) json.RawMessage {
			if method == "state_getKeysPaged" {
				return json.RawMessage(`["0x00"]`)
			}
			return result
		},
	} {
		if _, err := dial(t, quick(liar(t, node, lie))).Rows(t.Context(), netuid, 0); !errors.Is(err, chain.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCommittingFollowsACommitment(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	bob := hotkey(t, "Bob")
	first, err := client.Committing(t.Context(), netuid, bob)
	if err != nil || !first.Registered || first.UID != 1 || first.Space != 3100 || first.Used != 0 || first.Record != nil || first.Last != 0 || first.BlockTime != 12*time.Second {
		t.Fatalf("before: %+v, %v", first, err)
	}
	node.HoldPulses(true)
	signed, err := chain.NewSigner(client, person(t, "Bob"), minerConfig(node, &signer.Memory{})).SignCommitment(t.Context(), commitIntent(t, client))
	if err != nil {
		t.Fatal(err)
	}
	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil || inc.Failure != "" {
		t.Fatalf("%+v, %v", inc, err)
	}
	sealed, err := client.Committing(t.Context(), netuid, bob)
	if err != nil || sealed.Record == nil || sealed.Record.Block != inc.Block || sealed.Record.Round != signed.Round || sealed.Last != inc.Block || len(sealed.Revealed) != 0 {
		t.Fatalf("sealed: %+v, %v", sealed, err)
	}
	if size := len(sealed.Record.Sealed); sealed.Used != uint64(size) || sealed.FreshFrom != 1360 || !sealed.Room(3100-size) || sealed.Room(3101-size) {
		t.Errorf("%d bytes used, %d sealed, fresh from %d", sealed.Used, size, sealed.FreshFrom)
	}
	node.HoldPulses(false)
	mine(t, node, 5)
	open, err := client.Committing(t.Context(), netuid, bob)
	if err != nil || open.Record != nil || len(open.Revealed) != 1 || string(open.Revealed[0].Text) != string(signed.Text) || open.Last != inc.Block {
		t.Errorf("open: %+v, %v", open, err)
	}
	mine(t, node, 360)
	if fresh, err := client.Committing(t.Context(), netuid, bob); err != nil || fresh.Used != 0 {
		t.Errorf("in the next epoch: %+v, %v", fresh, err)
	}
}

func TestShortCommitmentsCountAsLongerOnes(t *testing.T) {
	c := chain.Committing{Space: 300, Used: 200}
	if !c.Room(1) || !c.Room(100) || c.Room(101) {
		t.Error("the least that a commitment counts for is 100 bytes")
	}
}

// While something is in the pool, or in a block that is not final, the nonces differ.
func TestNoncesTellWhatIsUnderWay(t *testing.T) {
	cfg := config(t)
	cfg.Sealing = chaintest.ByHand
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	nonces := func() chain.Nonces {
		t.Helper()
		head, err := client.Finalized(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n, err := client.Nonces(t.Context(), hotkey(t, "Alice"), head)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := nonces(); !n.Settled() || n != (chain.Nonces{}) {
		t.Errorf("at first %+v", n)
	}
	leave(t, node, client, sign(t, client, "Alice", intent(t, client)))
	if n := nonces(); n.Settled() || n != (chain.Nonces{Pooled: 1}) {
		t.Errorf("in the pool %+v", n)
	}
	mine(t, node, 1)
	if n := nonces(); n.Settled() || n != (chain.Nonces{Best: 1, Pooled: 1}) {
		t.Errorf("in a block %+v", n)
	}
	mine(t, node, 2)
	if n := nonces(); !n.Settled() || n.Final != 1 {
		t.Errorf("final %+v", n)
	}
}

func TestBeaconIsTheChainsOwn(t *testing.T) {
	node := start(t, config(t))
	if got, err := dial(t, quick(node.Endpoint())).Beacon(t.Context()); err != nil || got != node.Beacon() {
		t.Errorf("%+v, %v; want %+v", got, err, node.Beacon())
	}
	cfg := real343(t)
	if got, err := dial(t, quick(start(t, cfg).Endpoint())).Beacon(t.Context()); err != nil || got.Period == 0 {
		t.Errorf("of a real runtime: %+v, %v", got, err)
	}
}

func TestLatencyNamesTheEndpointInUse(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick("ws://127.0.0.1:1", node.Endpoint()))
	if endpoint, took, err := client.Latency(t.Context()); err != nil || endpoint != node.Endpoint() || took <= 0 {
		t.Errorf("%s, %v, %v", endpoint, took, err)
	}
	node.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Times: -1})
	node.Inject(chaintest.Fault{Kind: chaintest.RefuseDial, Status: 503, Times: -1})
	if _, _, err := client.Latency(t.Context()); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("of a node that is gone: %v", err)
	}
}
