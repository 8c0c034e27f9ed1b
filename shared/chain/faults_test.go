package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/subnet"
)

// breakages are the faults after which the same request, sent again, is answered.
var breakages = map[string]chaintest.Fault{
	"socket dropped":           {Kind: chaintest.DropSocket},
	"socket dropped at once":   {Kind: chaintest.CutAnswer, Bytes: 0},
	"socket dropped mid-frame": {Kind: chaintest.CutAnswer, Bytes: 30},
	"answer lost":              {Kind: chaintest.LoseReply},
	"silence":                  {Kind: chaintest.Silence},
	"slow":                     {Kind: chaintest.Slow, Delay: 30 * time.Millisecond},
	"too slow":                 {Kind: chaintest.Slow, Delay: time.Minute},
	"wrong id":                 {Kind: chaintest.WrongID},
	"garbage":                  {Kind: chaintest.Garbage},
}

// patience is a client's configuration that tells the slow from the silent: it waits
// long for every node but one that will never answer.
func patience(fault chaintest.Fault, endpoint string) chain.Config {
	cfg := quick(endpoint)
	cfg.RequestTimeout = time.Minute
	if fault.Kind == chaintest.Silence || fault.Delay >= time.Minute {
		cfg.RequestTimeout = time.Second
	}
	return cfg
}

func TestReadsSurviveOneFault(t *testing.T) {
	for name, fault := range breakages {
		for _, fault.Method = range []string{"chain_getFinalizedHead", "state_getRuntimeVersion", "state_queryStorageAt"} {
			t.Run(name+" at "+fault.Method, func(t *testing.T) {
				fault := fault
				t.Parallel()
				node := start(t, config(t))
				client := dial(t, patience(fault, node.Endpoint()))
				node.Inject(fault)
				mg, err := client.Metagraph(t.Context(), netuid)
				if err != nil || len(mg.Neurons) != 3 {
					t.Errorf("got %+v, %v", mg, err)
				}
			})
		}
	}
}

func TestReadsGiveUpInTheEnd(t *testing.T) {
	for name, fault := range breakages {
		if name == "slow" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := start(t, config(t))
			client := dial(t, patience(fault, node.Endpoint()))
			fault.Method, fault.Times = "state_queryStorageAt", -1
			node.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			mg, err := client.Metagraph(ctx, netuid)
			if ctx.Err() != nil {
				t.Error("it took longer than the attempts together may")
			}
			if !errors.Is(err, chain.ErrUnreachable) || len(mg.Neurons) > 0 {
				t.Fatalf("got %+v, %v; want ErrUnreachable", mg, err)
			}
			for _, part := range []string{node.Endpoint(), "state_queryStorageAt", "3 attempts"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
			node.Heal()
			if _, err := client.Metagraph(t.Context(), netuid); err != nil {
				t.Errorf("after the fault is over: %v", err)
			}
		})
	}
}

func TestDiscardedStateIsNotAskedForAgain(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	node.Inject(chaintest.Fault{Kind: chaintest.Discarded, Method: "state_queryStorageAt", Times: 2})
	for range 2 { // each asks once: two reads use up two faults
		if _, err := client.Metagraph(t.Context(), netuid); !errors.Is(err, chain.ErrDiscarded) {
			t.Errorf("got %v, want ErrDiscarded", err)
		}
	}
	if _, err := client.Metagraph(t.Context(), netuid); err != nil {
		t.Error(err)
	}
}

func TestDiscardedStateComesFromTheArchive(t *testing.T) {
	lite := config(t)
	lite.KeepState = 8
	node, archive := start(t, lite), start(t, config(t))
	cfg := quick(node.Endpoint())
	cfg.Archive = []string{archive.Endpoint()}
	client := dial(t, cfg)
	signed := sign(t, client, "Alice", intent(t, client))
	if _, err := client.Submit(t.Context(), signed.Extrinsic); err != nil {
		t.Fatal(err)
	}
	if len(archive.Served()) > 0 {
		t.Errorf("the archive was asked for what the node has: %v", archive.Served())
	}
	if _, err := dial(t, quick(archive.Endpoint())).Submit(t.Context(), signed.Extrinsic); err != nil {
		t.Fatal(err) // the archive makes the same blocks
	}
	mine(t, node, 20)
	inc, found, err := client.Find(t.Context(), signed.Hash, 1000, 1010)
	if err != nil || !found || inc.Block != 1005 || inc.Failure != "" {
		t.Errorf("got %+v, %v, %v", inc, found, err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	inc, found, err = client.Find(t.Context(), signed.Hash, 1000, 1010)
	if !errors.Is(err, chain.ErrUnreachable) || !found || inc.Block != 1005 {
		t.Errorf("without the archive: %+v, %v, %v; want the block, and an error for what happened there", inc, found, err)
	}
}

func TestDialRefused(t *testing.T) {
	node := start(t, config(t))
	for _, status := range []int{429, 503} {
		node.Inject(chaintest.Fault{Kind: chaintest.RefuseDial, Status: status})
		_, err := chain.Dial(t.Context(), quick(node.Endpoint()))
		if !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), fmt.Sprint(status)) || !strings.Contains(err.Error(), node.Endpoint()) {
			t.Errorf("got %v, want ErrUnreachable with %d and the endpoint", err, status)
		}
	}
	if _, err := chain.Dial(t.Context(), quick()); err == nil {
		t.Error("dialled no endpoint at all")
	}
}

func TestFailover(t *testing.T) {
	node := start(t, config(t))
	refusing := start(t, config(t))
	refusing.Inject(chaintest.Fault{Kind: chaintest.RefuseDial, Status: 503, Times: -1})
	client := dial(t, quick("ws://127.0.0.1:1", refusing.Endpoint(), node.Endpoint()))
	if _, err := client.Metagraph(t.Context(), netuid); err != nil {
		t.Error(err)
	}
	if len(refusing.Served()) > 0 {
		t.Error("the refusing node was asked")
	}
}

func TestFailoverInTheMiddle(t *testing.T) {
	first, second := start(t, config(t)), start(t, config(t)) // the same chain: blocks follow from the genesis
	client := dial(t, quick(first.Endpoint(), second.Endpoint()))
	first.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Method: "state_queryStorageAt"})
	if _, err := client.Metagraph(t.Context(), netuid); err != nil {
		t.Fatal(err)
	}
	if second.Served()["state_queryStorageAt"] != 1 {
		t.Errorf("the second node served %v", second.Served())
	}
}

func TestOtherChainIsNotTaken(t *testing.T) {
	other := config(t)
	other.Name = "another chain"
	right, wrong := start(t, config(t)), start(t, other)
	_, err := chain.Dial(t.Context(), func() chain.Config {
		cfg := quick(wrong.Endpoint())
		cfg.Genesis = right.Genesis()
		return cfg
	}())
	if !errors.Is(err, chain.ErrWrongChain) {
		t.Errorf("pinned genesis: got %v, want ErrWrongChain", err)
	}
	client := dial(t, quick(right.Endpoint(), wrong.Endpoint()))
	if err := right.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Finalized(t.Context()); !errors.Is(err, chain.ErrWrongChain) && !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("after failover: got %v, want ErrWrongChain", err)
	}
	if wrong.Served()["chain_getFinalizedHead"] > 0 {
		t.Error("the other chain was read")
	}
}

func TestClosedClient(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Finalized(t.Context()); err == nil {
		t.Error("a closed client answers")
	}
}

func TestCancelledRead(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	node.Inject(chaintest.Fault{Kind: chaintest.Silence, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := client.Finalized(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if _, err := client.Finalized(t.Context()); err != nil {
		t.Errorf("the client is spoiled by a cancelled read: %v", err)
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
	_, found, err := client.Find(t.Context(), hash, 1000, node.Head())
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
				client := dial(t, patience(fault, node.Endpoint()))
				signed := sign(t, client, "Alice", intent(t, client))
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
	leave(t, client, first)
	if _, err := client.Submit(t.Context(), rival.Extrinsic); !errors.Is(err, chain.ErrRefused) || !strings.Contains(err.Error(), "1014") {
		t.Errorf("got %v, want ErrRefused with code 1014", err)
	}
}

// leave submits an extrinsic and goes away before it is in a block.
func leave(t testing.TB, client *chain.Client, signed subnet.SignedWeights) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if inc, err := client.Submit(ctx, signed.Extrinsic); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %+v, %v; want the deadline", inc, err)
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
			leave(t, client, signed)
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
	leave(t, client, signed)
	mine(t, node, 2) // it is in a block that is not final
	if err := node.Retract(2); err != nil {
		t.Fatal(err)
	}
	leave(t, client, signed) // the pool takes it again
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
	if _, err := client.Submit(t.Context(), signed.Extrinsic); !errors.Is(err, chain.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
	again := sign(t, client, "Alice", intent(t, client))
	if inc, err := client.Submit(t.Context(), again.Extrinsic); err != nil || inc.Failure != "" {
		t.Errorf("signed for the new version: %+v, %v", inc, err)
	}
}

func TestSignerRefusesUnderCommitReveal(t *testing.T) {
	cfg := config(t)
	cfg.Rules.CommitReveal = true
	client := dial(t, quick(start(t, cfg).Endpoint()))
	_, err := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid}).SignWeights(t.Context(), intent(t, client))
	if !errors.Is(err, chain.ErrPolicy) || !strings.Contains(err.Error(), "commit-reveal") {
		t.Errorf("got %v, want ErrPolicy that says why", err)
	}
}

func TestSignerCountsPerWindow(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	var log strings.Builder
	signer := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, MaxPerWindow: 2, Log: &log})
	in := intent(t, client)
	nonces := map[uint32]bool{}
	for i := range 3 {
		signed, err := signer.SignWeights(t.Context(), in)
		if refused := errors.Is(err, chain.ErrPolicy); refused != (i == 2) {
			t.Fatalf("signature %d: %v", i, err)
		}
		if err == nil {
			nonces[signed.Nonce] = true
		}
	}
	if len(nonces) != 1 {
		t.Errorf("signatures of one window have nonces %v: more than one could be included", nonces)
	}
	in.Epoch++
	if _, err := signer.SignWeights(t.Context(), in); err != nil {
		t.Errorf("the next window: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines in the log, want 3", len(lines))
	}
	for _, line := range lines {
		var entry struct{ Hotkey, Hash string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Hotkey != string(hotkey(t, "Alice")) || entry.Hash == "" {
			t.Errorf("log line %s: %v", line, err)
		}
	}
}

// brokenLog refuses every line.
type brokenLog struct{}

func (brokenLog) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestNothingIsSignedThatCannotBeRecorded(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	signer := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, Log: brokenLog{}})
	signed, err := signer.SignWeights(t.Context(), intent(t, client))
	if err == nil || signed.Extrinsic != "" {
		t.Errorf("got %+v, %v; want the log's error and no signature", signed, err)
	}
}

func TestSignerRefusesStaleAndFutureHeads(t *testing.T) {
	cfg := config(t)
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	signer := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid})
	old := intent(t, client)
	best, err := client.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ahead := old
	ahead.Head, ahead.HeadHash = best.Number, best.Hash
	if _, err := signer.SignWeights(t.Context(), ahead); !errors.Is(err, chain.ErrPolicy) {
		t.Errorf("a head that is not final: got %v, want ErrPolicy", err)
	}
	mine(t, node, 64)
	if _, err := signer.SignWeights(t.Context(), old); !errors.Is(err, chain.ErrPolicy) {
		t.Errorf("a head of 64 blocks ago: got %v, want ErrPolicy", err)
	}
}
