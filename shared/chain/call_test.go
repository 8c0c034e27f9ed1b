package chain

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

func TestBackoffDoubles(t *testing.T) {
	c := &Client{cfg: Config{Backoff: time.Second}}
	for attempt, want := range []time.Duration{0, 0, time.Second, 2 * time.Second, 4 * time.Second} {
		if got := c.backoff(attempt); got != want {
			t.Errorf("attempt %d waits %s, want %s", attempt, got, want)
		}
	}
}

func TestRequestsArePaced(t *testing.T) {
	node, err := chaintest.Start(t.Context(), chaintest.Config{Sealing: chaintest.ByHand})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() }) // there is no state file to close
	client, err := Dial(t.Context(), Config{Endpoints: []string{node.Endpoint()}, PerSecond: 1e-3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // never fails
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var name string
	err = client.call(ctx, &name, "system_chain")
	if !errors.Is(err, context.DeadlineExceeded) || node.Served()["system_chain"] != 0 {
		t.Errorf("the second request within %v, after the dial's own, was not held back: %v", 1000*time.Second, err)
	}
}

func TestDiscardedStateIsRecognised(t *testing.T) {
	for name, test := range map[string]struct {
		err  RPCError
		want bool
	}{
		"a lite node's word":   {RPCError{Code: 4003, Message: "Client error: UnknownBlock: State already discarded for 0x12"}, true},
		"under another code":   {RPCError{Code: -32000, Message: "UnknownBlock: State already discarded for 0x12"}, true},
		"a block that is none": {RPCError{Code: 4003, Message: "Client error: UnknownBlock: Header was not found in the database: 0x12"}, false},
		"a call that failed":   {RPCError{Code: 4003, Message: "Client error: Execution failed: discarded"}, false},
	} {
		if got := errors.Is(&CallError{Err: &test.err}, ErrDiscarded); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSeveralErrorsOnOneLine(t *testing.T) {
	err := inOneLine([]error{ErrWrongChain, unreachable(errors.New("refused"))})
	if !errors.Is(err, ErrWrongChain) || !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// The answer of a real node, read by a real runtime's metadata.
func TestNeuronsOfARealNode(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "data", "chain"), "metadata-393.v16.scale"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "vectors", "chain"), "upstream-sdk-438.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Calls []struct {
			API    string `json:"api"`
			Result string `json:"resultHex"`
		} `json:"runtimeCalls"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	answer, err := fromHex(file.Calls[0].Result)
	if err != nil || file.Calls[0].API != "NeuronInfoRuntimeApi_get_neurons_lite" {
		t.Fatal(file.Calls[0].API, err)
	}
	value, err := m.DecodeAPIResult("NeuronInfoRuntimeApi", "get_neurons_lite", answer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := neuron(value.([]any)[0], 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := subnet.Neuron{Hotkey: "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM", Stake: 1_000_000_000} // the all-zero account
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuantiseAgreesWithTheSDK(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "vectors", "chain"), "epoch-and-weights.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			UIDs      []subnet.UID `json:"uids"`
			Weights   []float64    `json:"weights"`
			OutUIDs   []subnet.UID `json:"out_uids"`
			OutValues []uint16     `json:"out_values"`
		} `json:"weights"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		uids, values := []subnet.UID{}, []uint16{}
		for i, v := range subnet.Quantise(c.Weights) {
			if v > 0 {
				uids, values = append(uids, c.UIDs[i]), append(values, v)
			}
		}
		if diff := cmp.Diff([]any{c.OutUIDs, c.OutValues}, []any{uids, values}); diff != "" {
			t.Errorf("%v: %s", c.Weights, diff)
		}
	}
}
