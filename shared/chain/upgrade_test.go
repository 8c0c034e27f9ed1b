package chain_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/subnet"
)

// upgraded stands in front of a node and tells that a block put another runtime in force:
// the state after it has another version, and a description in which an error and an event
// stand under other names.
func upgraded(t testing.TB, node *chaintest.Node, block subnet.Block) string {
	t.Helper()
	var at string
	rpc(t, node, &at, "chain_getBlockHash", block)
	return front(t, node, func(method string, params []json.RawMessage, answer map[string]json.RawMessage) {
		if len(params) == 0 || string(params[len(params)-1]) != fmt.Sprintf("%q", at) {
			return
		}
		switch {
		case method == "state_getRuntimeVersion":
			answer["result"] = json.RawMessage(strings.Replace(string(answer["result"]), `"specVersion":`, `"specVersion":999,"was":`, 1))
		case method == "state_call" && strings.Contains(string(params[0]), "Metadata_metadata_at_version"):
			text := string(answer["result"])
			for _, name := range []string{"SettingWeightsTooFast", "TimelockedWeightsRevealed"} {
				text = strings.Replace(text, hex.EncodeToString([]byte(name)), hex.EncodeToString([]byte(strings.ToLower(name))), 1)
			}
			answer["result"] = json.RawMessage(text)
		}
	})
}

// rpc asks a node one question.
func rpc(t testing.TB, node *chaintest.Node, result any, method string, params ...any) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), node.Endpoint(), nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 24)
	answer := struct{ Result any }{result}
	if err := wsjson.Write(t.Context(), conn, map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params}); err != nil {
		t.Error(err)
	}
	if err := wsjson.Read(t.Context(), conn, &answer); err != nil {
		t.Error(err)
	}
}

// A block that puts another runtime in force was itself made by the old one, which wrote
// its events.
func TestFailureInTheBlockOfAnUpgrade(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	var last subnet.SignedWeights
	for range 2 { // the second comes too fast
		last = sign(t, client, "Alice", intent(t, client))
		if _, err := client.Submit(t.Context(), last.Extrinsic); err != nil {
			t.Fatal(err)
		}
	}
	inc, found, err := client.Find(t.Context(), last.Hash, 1005, node.Finalized())
	if err != nil || !found {
		t.Fatalf("%v, %v", found, err)
	}
	later := dial(t, quick(upgraded(t, node, inc.Block)))
	got, found, err := later.Find(t.Context(), last.Hash, 1005, node.Finalized())
	if err != nil || !found || got != inc || got.Failure != "SubtensorModule.SettingWeightsTooFast" {
		t.Errorf("%+v, %v, %v; want %+v", got, found, err, inc)
	}
}

func TestRevealInTheBlockOfAnUpgrade(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	c := commit(t, node, client, intent(t, client))
	at := opened(t, node, c)
	mine(t, node, 5)
	later := dial(t, quick(upgraded(t, node, at)))
	if r, err := later.Revealed(t.Context(), c); err != nil || r.Block != at {
		t.Errorf("%+v, %v; want block %d", r, err, at)
	}
}

// Between the finalized block and the newest one the runtime may change: a signature for
// either version could be dead on arrival.
func TestSignerRefusesDuringAnUpgrade(t *testing.T) {
	cfg := config(t)
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	s := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid})
	node.Upgrade(394)
	mine(t, node, 1)
	if signed, err := s.SignWeights(t.Context(), intent(t, client)); !errors.Is(err, chain.ErrUpgrade) || errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" {
		t.Errorf("signed %+v, %v; want ErrUpgrade", signed, err)
	}
	mine(t, node, cfg.FinalityLag)
	signed, err := s.SignWeights(t.Context(), intent(t, client))
	if err != nil {
		t.Fatalf("after the upgrade is final: %v", err)
	}
	if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" {
		t.Errorf("included as %+v, %v", inc, err)
	}
}

// A signature is bound to the version of transactions as it is to the runtime's own.
func TestSignerRefusesWhileTransactionsChange(t *testing.T) {
	node := start(t, config(t))
	var best string
	rpc(t, node, &best, "chain_getBlockHash")
	changing := front(t, node, func(method string, params []json.RawMessage, answer map[string]json.RawMessage) {
		if method == "state_getRuntimeVersion" && string(params[0]) == fmt.Sprintf("%q", best) {
			answer["result"] = json.RawMessage(strings.Replace(string(answer["result"]), `"transactionVersion":1`, `"transactionVersion":2`, 1))
		}
	})
	client := dial(t, quick(changing))
	s := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid})
	if signed, err := s.SignWeights(t.Context(), intent(t, client)); !errors.Is(err, chain.ErrUpgrade) || signed.Extrinsic != "" {
		t.Errorf("signed %+v, %v; want ErrUpgrade", signed, err)
	}
}
