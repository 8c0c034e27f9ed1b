package chain_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
)

// doorman stands before a node and turns clients away while refuse says so.
type doorman struct {
	url    string
	knocks atomic.Int32
}

// guard puts a doorman before the node. refuse gets the number of the handshake, from 1,
// and says with which status and Retry-After it is refused; 0 lets it through.
func guard(t testing.TB, node *chaintest.Node, refuse func(knock int) (status int, after string)) *doorman {
	t.Helper()
	behind, err := url.Parse(strings.Replace(node.Endpoint(), "ws://", "http://", 1))
	if err != nil {
		t.Fatal(err)
	}
	d := &doorman{}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, after := refuse(int(d.knocks.Add(1)))
		if status == 0 {
			proxy.ServeHTTP(w, r)
			return
		}
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	d.url = strings.Replace(server.URL, "http://", "ws://", 1)
	return d
}

func TestDialWaitsAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	for status, after := range map[int]string{429: "1", 503: "1"} {
		door := guard(t, start(t, config(t)), func(knock int) (int, string) {
			if knock == 1 {
				return status, after
			}
			return 0, ""
		})
		began := time.Now()
		client := dial(t, quick(door.url))
		if took := time.Since(began); took < time.Second || door.knocks.Load() != 2 {
			t.Errorf("%d: in after %s and %d handshakes, want a wait of 1 s and 2", status, took, door.knocks.Load())
		}
		if _, err := client.Finalized(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestPolicyIsToldAndKept(t *testing.T) {
	node := start(t, config(t))
	for name, test := range map[string]struct {
		status int
		after  string
		wait   time.Duration
	}{
		"unknown here": {401, "", 5 * time.Minute},
		"forbidden":    {403, "", 5 * time.Minute},
		"too often":    {429, "3600", time.Hour},
		"overloaded":   {503, "3600", time.Hour},
	} {
		door := guard(t, node, func(int) (int, string) { return test.status, test.after })
		_, err := chain.Dial(t.Context(), quick(door.url))
		refused, policy := errors.AsType[*chain.PolicyError](err)
		if !policy || !errors.Is(err, chain.ErrUnreachable) || *refused != (chain.PolicyError{Endpoint: door.url, Status: test.status, Wait: test.wait}) {
			t.Errorf("%s: %v", name, err)
		}
		if knocks := door.knocks.Load(); knocks != 1 {
			t.Errorf("%s: it was dialled %d times", name, knocks)
		}
	}
}

// An endpoint that wants to be left alone is not dialled when another has to be replaced.
func TestEndpointIsLeftAlone(t *testing.T) {
	node := start(t, config(t))
	shut := guard(t, node, func(int) (int, string) { return 429, "3600" })
	open := guard(t, node, func(int) (int, string) { return 0, "" })
	client := dial(t, quick(shut.url, open.url))
	for range 3 {
		node.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Method: "chain_getFinalizedHead"})
		if _, err := client.Finalized(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if shut.knocks.Load() != 1 || open.knocks.Load() != 4 {
		t.Errorf("dialled %d and %d times, want 1 and 4", shut.knocks.Load(), open.knocks.Load())
	}
}

// A client that is turned away in the middle gives up at once, with the endpoint's word.
func TestTurnedAwayInTheMiddle(t *testing.T) {
	node := start(t, config(t))
	door := guard(t, node, func(knock int) (int, string) {
		if knock == 1 {
			return 0, ""
		}
		return 403, ""
	})
	client := dial(t, quick(door.url))
	for range 2 { // the second call does not even knock
		node.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Method: "chain_getFinalizedHead"})
		_, err := client.Finalized(t.Context())
		if refused, policy := errors.AsType[*chain.PolicyError](err); !policy || refused.Status != 403 {
			t.Errorf("got %v, want the refusal", err)
		}
		if door.knocks.Load() != 2 {
			t.Errorf("dialled %d times, want 2", door.knocks.Load())
		}
	}
}

// An endpoint that takes the connection and says nothing is given up in time.
func TestSilentHandshake(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() }) // nothing was written to it
	node := start(t, config(t))
	cfg := quick("ws://"+silent.Addr().String(), node.Endpoint())
	cfg.DialTimeout = 200 * time.Millisecond
	if _, err := dial(t, cfg).Finalized(t.Context()); err != nil {
		t.Errorf("the second endpoint was not asked: %v", err)
	}
	alone := quick("ws://" + silent.Addr().String())
	alone.DialTimeout, alone.Attempts = 50*time.Millisecond, 1
	if _, err := chain.Dial(t.Context(), alone); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
}

// One client serves many at once, also while its sockets break.
func TestManyAtOnce(t *testing.T) {
	node := start(t, config(t))
	cfg := quick(node.Endpoint())
	cfg.Attempts = 20 // each break may hit every one of them
	client := dial(t, cfg)
	var askers sync.WaitGroup
	for i := range 8 {
		askers.Go(func() {
			for range 5 {
				if i == 0 {
					node.Inject(chaintest.Fault{Kind: chaintest.DropSocket})
				}
				if mg, err := client.Metagraph(t.Context(), netuid); err != nil || len(mg.Neurons) != 3 {
					t.Errorf("%d neurons, %v", len(mg.Neurons), err)
				}
			}
		})
	}
	askers.Wait()
}

// busyAt answers the first call of a method with this error.
func busyAt(t testing.TB, node *chaintest.Node, method, answered string) string {
	t.Helper()
	var met atomic.Bool
	return front(t, node, func(m string, _ []json.RawMessage, answer map[string]json.RawMessage) {
		if m == method && !met.Swap(true) {
			delete(answer, "result")
			answer["error"] = json.RawMessage(answered)
		}
	})
}

// A request that was turned away for there being too many is asked elsewhere, or later.
func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	for _, answered := range []string{`{"code":-32999,"message":"RPC rate limit exceeded"}`, `{"code":-32009,"message":"Server is busy, try again later"}`} {
		node := start(t, config(t))
		first := busyAt(t, node, "chain_getFinalizedHead", answered)
		if _, err := dial(t, quick(first, node.Endpoint())).Finalized(t.Context()); err != nil {
			t.Errorf("another endpoint was not asked: %v", err)
		}
		client := dial(t, quick(busyAt(t, node, "chain_getFinalizedHead", answered)))
		began := time.Now()
		if _, err := client.Finalized(t.Context()); err != nil || time.Since(began) < time.Second {
			t.Errorf("after %s: %v; want a wait of 1 s and an answer", time.Since(began), err)
		}
	}
}

// To be turned away is not to be refused: the bytes may be good.
func TestTooManyCallsAreNoRefusal(t *testing.T) {
	node := start(t, config(t))
	cfg := quick(busyAt(t, node, "author_submitExtrinsic", `{"code":-32999,"message":"RPC rate limit exceeded"}`))
	cfg.Attempts = 1
	client := dial(t, cfg)
	signed := sign(t, client, "Alice", intent(t, client))
	if _, err := client.Submit(t.Context(), signed.Extrinsic); errors.Is(err, chain.ErrRefused) || !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable and not ErrRefused", err)
	}
}

// Close may come at any time, also while a socket is being replaced.
func TestCloseAtAnyTime(t *testing.T) {
	node := start(t, config(t))
	for range 20 {
		client, err := chain.Dial(t.Context(), quick(node.Endpoint()))
		if err != nil {
			t.Fatal(err)
		}
		var askers sync.WaitGroup
		for range 4 {
			askers.Go(func() {
				node.Inject(chaintest.Fault{Kind: chaintest.DropSocket})
				_, _ = client.Finalized(t.Context()) // an answer or an error, whichever came first
			})
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		askers.Wait()
		if _, err := client.Finalized(t.Context()); err == nil {
			t.Fatal("a closed client answers")
		}
		node.Heal()
	}
}

// After Close nothing of the client runs, whatever its sockets went through.
func TestNothingRunsAfterClose(t *testing.T) {
	node := start(t, config(t))
	for name, fault := range breakages {
		if name == "slow" || name == "too slow" || name == "silence" {
			continue // these take their time
		}
		client, err := chain.Dial(t.Context(), quick(node.Endpoint()))
		if err != nil {
			t.Fatal(err)
		}
		fault.Method = "chain_getHeader"
		node.Inject(fault)
		if _, err := client.Finalized(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		var stacks strings.Builder
		if err := pprof.Lookup("goroutine").WriteTo(&stacks, 1); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(stacks.String(), "chain.(*link).read") {
			t.Errorf("%s: a link is still read", name)
		}
	}
}
