package chaintest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "vectors", "chain"), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := fromHex(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type polkadotVectors struct {
	Genesis string `json:"genesis"`
	Sets    []struct {
		Label string `json:"label"`
		Spec  uint32 `json:"specVersion"`
		Calls []struct {
			Pallet string `json:"pallet"`
			Call   string `json:"call"`
			Hex    string `json:"callHex"`
			Sign   []struct {
				Era       string `json:"era"`
				Nonce     uint64 `json:"nonce"`
				Tip       uint64 `json:"tip"`
				BlockHash string `json:"blockHash"`
				Extrinsic string `json:"extrinsicHex"`
				Hash      string `json:"extrinsicHash"`
			} `json:"sign"`
		} `json:"calls"`
		Storage []struct {
			Pallet string `json:"pallet"`
			Entry  string `json:"entry"`
			Keys   []any  `json:"keys"`
			Key    string `json:"keyHex"`
		} `json:"storage"`
	} `json:"sets"`
}

// Extrinsics that another implementation signed for the real chain are read and verified
// by the node's own metadata as they are by the real one.
func TestExtrinsicsOfOthersAreRead(t *testing.T) {
	var file polkadotVectors
	readVectors(t, "polkadotjs-vectors.json", &file)
	n := run(t, trio(t))
	seen := 0
	for _, set := range file.Sets {
		ctx := n.runtime
		ctx.SpecVersion, ctx.Genesis = set.Spec, [32]byte(unhex(t, file.Genesis))
		for _, call := range set.Calls {
			if _, _, err := ctx.Metadata.Call(call.Pallet, call.Call); err != nil {
				continue // a call that this node does not play
			}
			for _, v := range call.Sign {
				signed, err := extrinsic.Decode(ctx.Metadata, unhex(t, v.Extrinsic))
				if err != nil {
					t.Errorf("%s %s: %v", set.Label, call.Call, err)
					continue
				}
				if signed.Nonce != v.Nonce || signed.Tip != v.Tip || toHex(signed.Call) != call.Hex {
					t.Errorf("%s %s: read as %+v", set.Label, call.Call, signed)
				}
				if err := signed.Verify(ctx, [32]byte(unhex(t, v.BlockHash))); err != nil {
					t.Errorf("%s %s: %v", set.Label, call.Call, err)
				}
				seen++
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d extrinsics were looked at", seen)
	}
}

// An extrinsic that polkadot.js signed for finney goes through the pool into a block and
// is dispatched, on a node that is given finney's genesis.
func TestExtrinsicOfOthersIsExecuted(t *testing.T) {
	var file polkadotVectors
	readVectors(t, "polkadotjs-vectors.json", &file)
	for _, set := range file.Sets {
		for i, call := range set.Calls {
			v := call.Sign[0]
			if v.Era != "0x00" || v.Nonce != 0 || v.Tip != 0 || call.Call != "set_weights" {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", set.Label, i), func(t *testing.T) {
				cfg := trio(t)
				cfg.SpecVersion, cfg.Rules.VersionKey = set.Spec, 0
				for len(cfg.Neurons) < 256 {
					cfg.Neurons = append(cfg.Neurons, Neuron{Hotkey: subnet.Hotkey(keys.Address([32]byte{byte(len(cfg.Neurons))}, keys.Prefix))})
				}
				n := run(t, cfg)
				n.runtime.Genesis = [32]byte(unhex(t, file.Genesis))
				if err := submit(t, n, unhex(t, v.Extrinsic)); err != nil {
					t.Fatal(err)
				}
				if got := outcome(t, n); got != "" {
					t.Errorf("dispatch failed with %s", got)
				}
				row, err := n.Weights(netuid, 0)
				if err != nil || len(row) == 0 {
					t.Errorf("weights %v, %v", row, err)
				}
				if b := n.chain.holders[[32]byte(unhex(t, v.Hash))]; b == nil || b.number != 206 {
					t.Errorf("the extrinsic is not under its hash in block 206 but in %+v", b)
				}
			})
		}
	}
}

func TestStorageKeysOfOthers(t *testing.T) {
	var file polkadotVectors
	readVectors(t, "polkadotjs-vectors.json", &file)
	n := run(t, trio(t))
	seen := map[string]bool{}
	for _, set := range file.Sets {
		for _, v := range set.Storage {
			got, err := n.runtime.Metadata.StorageKey(v.Pallet, v.Entry, v.Keys...)
			if err != nil {
				continue // an item that this node does not have
			}
			seen[v.Entry] = true
			if toHex(got) != v.Key {
				t.Errorf("%s %s: %x, want %s", set.Label, v.Entry, got, v.Key)
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("only these items were looked at: %v", seen)
	}
}

// Answers of a real node's runtime APIs have the layout that this node answers in.
func TestAnswersOfOthers(t *testing.T) {
	var file struct {
		Calls []struct {
			API    string `json:"api"`
			Result string `json:"resultHex"`
		} `json:"runtimeCalls"`
	}
	readVectors(t, "upstream-sdk-438.json", &file)
	m := run(t, trio(t)).runtime.Metadata
	if len(file.Calls) != 2 {
		t.Errorf("%d answers", len(file.Calls))
	}
	for _, call := range file.Calls {
		api, name, _ := strings.Cut(call.API, "_")
		method, err := m.RuntimeAPI(api, name)
		if err != nil {
			t.Fatal(err)
		}
		value, err := m.DecodeAPIResult(api, name, unhex(t, call.Result))
		if err != nil {
			t.Fatal(err)
		}
		var e scale.Encoder
		if err := m.EncodeType(&e, method.Output, value); err != nil {
			t.Fatal(err)
		}
		if got := toHex(e.Data()); got != call.Result {
			t.Errorf("%s is written back as %s, was %s", name, got, call.Result)
		}
	}
}

func TestUpscaleAsSeenOnTheChain(t *testing.T) {
	var file struct {
		Cases []struct {
			Sent   []uint16 `json:"sent"`
			Stored []uint16 `json:"stored"`
		} `json:"chainUpscale"`
	}
	readVectors(t, "epoch-and-weights.json", &file)
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		if diff := cmp.Diff(c.Stored, upscale(c.Sent)); diff != "" {
			t.Errorf("%v: %s", c.Sent, diff)
		}
	}
}

// vectorOf is a ciphertext that a Subtensor runtime has opened, and drand's signature of
// its round.
func vectorOf(t testing.TB, i int) (sealed, signature []byte) {
	t.Helper()
	var file struct {
		Signature string `json:"drandSignature1000"`
		Vectors   []struct {
			Ciphertext string `json:"ciphertextHex"`
		}
	}
	readVectors(t, "tlock-vectors.json", &file)
	return unhex(t, "0x"+file.Vectors[i].Ciphertext), unhex(t, "0x"+file.Signature)
}

// wide is the trio and as many more neurons as make count.
func wide(t testing.TB, count int) []Neuron {
	neurons := trio(t).Neurons
	for len(neurons) < count {
		neurons = append(neurons, Neuron{Hotkey: subnet.Hotkey(keys.Address([32]byte{byte(len(neurons))}, keys.Prefix))})
	}
	return neurons
}
