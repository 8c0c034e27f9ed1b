package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
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
		cfg.RequestTimeout = 500 * time.Millisecond
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
		cfg := quick(node.Endpoint())
		cfg.Attempts = 1
		_, err := chain.Dial(t.Context(), cfg)
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

// An endpoint that stood still long ago is not believed to be the chain's end.
func TestEndpointFarBehindIsLeft(t *testing.T) {
	first, stuck, last := start(t, config(t)), start(t, config(t)), start(t, config(t))
	mine(t, first, 100)
	mine(t, last, 60)
	client := dial(t, quick(first.Endpoint(), stuck.Endpoint(), last.Endpoint()))
	if head, err := client.Finalized(t.Context()); err != nil || head.Number != 1102 {
		t.Fatalf("%+v, %v", head, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	head, err := client.Finalized(t.Context())
	if err != nil || head.Number != 1062 || stuck.Served()["chain_getFinalizedHead"] != 1 {
		t.Errorf("%+v, %v; want the last endpoint's, which is a little behind", head, err)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	if mg, err := client.Metagraph(t.Context(), netuid); !errors.Is(err, chain.ErrUnreachable) || len(mg.Neurons) > 0 {
		t.Errorf("with nothing but one far behind: %+v, %v", mg, err)
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

// A block that no endpoint comes near any more is not the chain's end for ever: one that
// lied about it, or a chain that was begun anew, would keep the client from all others.
func TestBlockThatOneEndpointMadeUpIsForgotten(t *testing.T) {
	liar, node := start(t, config(t)), start(t, config(t))
	mine(t, liar, 200)
	cfg := quick(liar.Endpoint(), node.Endpoint())
	cfg.Patience = time.Nanosecond
	client := dial(t, cfg)
	if head, err := client.Finalized(t.Context()); err != nil || head.Number != 1202 {
		t.Fatalf("%+v, %v", head, err)
	}
	if err := liar.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first may still ask the one that is gone
		if head, err := client.Finalized(t.Context()); err == nil && head.Number == 1002 {
			return
		}
	}
	t.Error("the honest endpoint is refused for ever")
}

// What is no block hash does not decide which chain a client is bound to.
func TestEndpointWithoutAGenesisDecidesNothing(t *testing.T) {
	node := start(t, config(t))
	for _, text := range []string{`null`, `""`, `"0x"`, `"0x12"`, `"genesis"`} {
		broken := liar(t, node, func(method string, result json.RawMessage) json.RawMessage {
			if method == "chain_getBlockHash" {
				return json.RawMessage(text)
			}
			return result
		})
		client := dial(t, quick(broken, node.Endpoint()))
		if client.Genesis() != node.Genesis() {
			t.Errorf("%s: bound to %q", text, client.Genesis())
		}
		if _, err := client.Metagraph(t.Context(), netuid); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
