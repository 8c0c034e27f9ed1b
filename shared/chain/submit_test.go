package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/subnet"
)

func TestSubmitEndsWithItsContext(t *testing.T) {
	cfg := config(t)
	cfg.Sealing = chaintest.ByHand
	node := start(t, cfg)
	signed := sign(t, dial(t, quick(node.Endpoint())), "Alice", intent(t, dial(t, quick(node.Endpoint()))))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := dial(t, quick(front(t, node, func(string, []json.RawMessage, map[string]json.RawMessage) {
		if node.Pending() > 0 {
			cancel()
		}
	})))
	if _, err := client.Submit(ctx, signed.Extrinsic); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if node.Pending() != 1 {
		t.Errorf("%d extrinsics wait in the pool, want 1", node.Pending())
	}
}

// signedOnChain counts the signed extrinsics in all blocks.
func signedOnChain(t testing.TB, node *chaintest.Node, hash string) int {
	t.Helper()
	client := dial(t, quick(node.Endpoint()))
	nonce, err := client.Nonce(t.Context(), hotkey(t, "Alice"))
	if err != nil {
		t.Fatal(err)
	}
	_, found, err := client.Find(t.Context(), hash, 1000, node.Finalized())
	if err != nil || found != (nonce == 1) {
		t.Errorf("nonce %d, found %v, %v", nonce, found, err)
	}
	return int(nonce)
}

func TestSubmitSurvivesOneFault(t *testing.T) {
	for name, fault := range breakages {
		for _, fault.Method = range []string{"author_submitExtrinsic", "state_call", "chain_getBlock", "state_getStorage"} {
			t.Run(name+" at "+fault.Method, func(t *testing.T) {
				fault := fault
				t.Parallel()
				node := start(t, config(t))
				calm := dial(t, quick(node.Endpoint()))
				signed := sign(t, calm, "Alice", intent(t, calm))
				client := dial(t, patience(fault, node.Endpoint()))
				node.Inject(fault)
				inc, err := client.Submit(t.Context(), signed.Extrinsic)
				if err != nil || inc.Failure != "" || inc.Block != 1005 {
					t.Errorf("got %+v, %v", inc, err)
				}
				if n := signedOnChain(t, node, signed.Hash); n != 1 {
					t.Errorf("%d extrinsics on chain", n)
				}
			})
		}
	}
}

// Whatever goes wrong on the way, an extrinsic is on chain once at most, a success is
// reported only when it is there, and the next try finds out.
func TestSubmitUnderManyFaults(t *testing.T) {
	kinds := []chaintest.FaultKind{chaintest.DropSocket, chaintest.CutAnswer, chaintest.LoseReply, chaintest.WrongID, chaintest.Garbage, chaintest.RefuseDial}
	methods := []string{"", "author_submitExtrinsic", "state_call", "chain_getBlock", "chain_getFinalizedHead", "chain_getHeader", "chain_getBlockHash", "state_getStorage"}
	rapid.Check(t, func(r *rapid.T) {
		node := start(t, config(t))
		client := dial(t, quick(node.Endpoint()))
		defer func() {
			if err := errors.Join(client.Close(), node.Close()); err != nil {
				r.Error(err)
			}
		}()
		signed := sign(t, client, "Alice", intent(t, client))
		for range rapid.IntRange(1, 6).Draw(r, "faults") {
			fault := chaintest.Fault{
				Kind: rapid.SampledFrom(kinds).Draw(r, "kind"), Times: rapid.IntRange(1, 4).Draw(r, "times"),
				Bytes: rapid.IntRange(0, 200).Draw(r, "bytes"), Status: 503,
			}
			if fault.Kind != chaintest.RefuseDial {
				fault.Method = rapid.SampledFrom(methods).Draw(r, "method")
			}
			node.Inject(fault)
		}
		inc, err := client.Submit(t.Context(), signed.Extrinsic)
		if err != nil && !errors.Is(err, chain.ErrUnreachable) {
			r.Fatalf("got %v, want success or ErrUnreachable", err)
		}
		node.Heal()
		if n := signedOnChain(t, node, signed.Hash); err == nil && (n != 1 || inc.Block != 1005) {
			r.Fatalf("reported %+v, %d on chain", inc, n)
		}
		again, err := client.Submit(t.Context(), signed.Extrinsic)
		if err != nil || again.Block != 1005 || signedOnChain(t, node, signed.Hash) != 1 {
			r.Fatalf("second try: %+v, %v", again, err)
		}
	})
}

func TestFindRefusesWhatIsNoHash(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	for _, hash := range []string{"", "0x", "0x12", "zz", strings.Repeat("ab", 32)} {
		if _, found, err := client.Find(t.Context(), hash, 1000, 1004); found || err == nil {
			t.Errorf("%q: found %v, %v; an error is wanted, lest it be taken for absent", hash, found, err)
		}
	}
	if _, found, err := client.Find(t.Context(), "0x"+strings.Repeat("ab", 32), 1000, 1002); found || err != nil {
		t.Errorf("an extrinsic that is not: found %v, %v", found, err)
	}
	if _, found, err := client.Find(t.Context(), "0x"+strings.Repeat("ab", 32), 1000, 5000); found || err == nil {
		t.Errorf("in blocks to come: found %v, %v; an error is wanted, lest it be taken for absent", found, err)
	}
	if _, found, err := client.Find(t.Context(), "0x"+strings.Repeat("ab", 32), 1003, 1001); found || err != nil {
		t.Errorf("no blocks at all: found %v, %v", found, err)
	}
}

func TestDispatchFailureIsNamed(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	for i, want := range []string{"", "SubtensorModule.SettingWeightsTooFast"} {
		inc, err := client.Submit(t.Context(), sign(t, client, "Alice", intent(t, client)).Extrinsic)
		if err != nil || inc.Failure != want {
			t.Errorf("submission %d: %+v, %v; want failure %q", i, inc, err, want)
		}
	}
}

func TestRefusedExtrinsics(t *testing.T) {
	cfg := config(t)
	cfg.FinalityLag = 0 // a used nonce is looked into up to the newest block
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	first, rival := sign(t, client, "Alice", intent(t, client)), sign(t, client, "Alice", intent(t, client))
	if _, err := client.Submit(t.Context(), first.Extrinsic); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ hex, says string }{
		"used nonce":    {rival.Extrinsic, "outdated"},
		"flipped bit":   {first.Extrinsic[:len(first.Extrinsic)-1] + "1", "signature"},
		"cut short":     {first.Extrinsic[:len(first.Extrinsic)-2], "malformed"},
		"not hex":       {"0xzz", "not an extrinsic"},
		"nothing":       {"", "not an extrinsic"},
		"empty":         {"0x", "malformed"},
		"another chain": {strings.Replace(first.Extrinsic, "84", "04", 1), ""},
	} {
		if _, err := client.Submit(t.Context(), c.hex); !errors.Is(err, chain.ErrRefused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want ErrRefused that says %q", name, err, c.says)
		}
	}
}

func TestRivalInThePoolIsRefused(t *testing.T) {
	cfg := config(t)
	cfg.Sealing = chaintest.ByHand
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	first, rival := sign(t, client, "Alice", intent(t, client)), sign(t, client, "Alice", intent(t, client))
	leave(t, node, client, first)
	if _, err := client.Submit(t.Context(), rival.Extrinsic); !errors.Is(err, chain.ErrRefused) || !strings.Contains(err.Error(), "1014") {
		t.Errorf("got %v, want ErrRefused with code 1014", err)
	}
}

// leave submits an extrinsic and goes away when it is in the pool, before it is in a block.
func leave(t testing.TB, node *chaintest.Node, client *chain.Client, signed subnet.SignedWeights) {
	t.Helper()
	for node.Pending() == 0 && !t.Failed() {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if inc, err := client.Submit(ctx, signed.Extrinsic); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %+v, %v; want the deadline", inc, err)
		}
		cancel()
	}
}

func mine(t testing.TB, node *chaintest.Node, count int) {
	t.Helper()
	if err := node.Mine(count); err != nil {
		t.Fatal(err)
	}
}

// After a crash the same bytes are submitted again: still waiting, in a block, or dead.
func TestSubmitAgainAfterACrash(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*testing.T, *chaintest.Node)
		block     subnet.Block // 0 when it never gets in
	}{
		"in a block by now": {func(t *testing.T, n *chaintest.Node) { mine(t, n, 10) }, 1005},
		"in a block not yet final": {func(t *testing.T, n *chaintest.Node) {
			mine(t, n, 1)
			n.HoldFinality(true)
			mine(t, n, 1)
			n.HoldFinality(false)
			mine(t, n, 2)
		}, 1005},
		"long ago":                 {func(t *testing.T, n *chaintest.Node) { mine(t, n, 150) }, 1005},
		"pool lost, era over":      {func(t *testing.T, n *chaintest.Node) { n.DropPool(); mine(t, n, 70) }, 0},
		"pool lost, era long over": {func(t *testing.T, n *chaintest.Node) { n.DropPool(); mine(t, n, 200) }, 0},
		"block undone, era over": {func(t *testing.T, n *chaintest.Node) {
			mine(t, n, 1)
			if err := n.Retract(1); err != nil {
				t.Fatal(err)
			}
			mine(t, n, 70)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			cfg.Sealing = chaintest.ByHand
			node := start(t, cfg)
			client := dial(t, quick(node.Endpoint()))
			signed := sign(t, client, "Alice", intent(t, client))
			leave(t, node, client, signed)
			c.meanwhile(t, node)
			inc, err := client.Submit(t.Context(), signed.Extrinsic)
			if c.block == 0 {
				if !errors.Is(err, chain.ErrExpired) {
					t.Errorf("got %+v, %v; want ErrExpired", inc, err)
				}
				return
			}
			if err != nil || inc.Block != c.block || inc.Failure != "" {
				t.Errorf("got %+v, %v; want block %d", inc, err, c.block)
			}
		})
	}
}

func TestBlockThatIsUndoneIsNotTheEnd(t *testing.T) {
	cfg := config(t)
	cfg.Sealing = chaintest.ByHand
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	signed := sign(t, client, "Alice", intent(t, client))
	leave(t, node, client, signed)
	mine(t, node, 2) // it is in a block that is not final
	if err := node.Retract(2); err != nil {
		t.Fatal(err)
	}
	leave(t, node, client, signed) // the pool takes it again
	mine(t, node, 6)
	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil || inc.Block != 1005 || signedOnChain(t, node, signed.Hash) != 1 {
		t.Errorf("got %+v, %v", inc, err)
	}
}

func TestFinalityThatStandsStill(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, func() chain.Config {
		cfg := quick(node.Endpoint())
		cfg.Patience = 20 * time.Millisecond
		return cfg
	}())
	signed := sign(t, client, "Alice", intent(t, client))
	node.HoldFinality(true)
	if _, err := client.Submit(t.Context(), signed.Extrinsic); !errors.Is(err, chain.ErrStalled) {
		t.Errorf("got %v, want ErrStalled", err)
	}
	node.HoldFinality(false)
	if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Block != 1005 {
		t.Errorf("once finality is back: %+v, %v", inc, err)
	}
}

func TestUpgradeBetweenSigningAndSubmitting(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	signed := sign(t, client, "Alice", intent(t, client))
	node.Upgrade(400)
	mine(t, node, 3)
	_, err := client.Submit(t.Context(), signed.Extrinsic)
	old, outdated := errors.AsType[*subnet.OutdatedError](err)
	if !errors.Is(err, chain.ErrRefused) || !outdated || old.At != node.Finalized() {
		t.Errorf("got %v, want ErrRefused for the runtime of block %d", err, node.Finalized())
	}
	again := sign(t, client, "Alice", intent(t, client))
	if inc, err := client.Submit(t.Context(), again.Extrinsic); err != nil || inc.Failure != "" {
		t.Errorf("signed for the new version: %+v, %v", inc, err)
	}
}
