package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// miner is the key of a seed that nobody else has; the number tells one from another.
func miner(t testing.TB, n byte) *keys.Pair {
	t.Helper()
	p, err := keys.FromSeed(keys.Sr25519, seedOf(n))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func seedOf(n byte) [32]byte { return [32]byte{31: n} }

// writeKeyfile writes the miner's keyfile as btcli does.
func writeKeyfile(t testing.TB, name string, n byte) {
	t.Helper()
	seed := seedOf(n)
	text, err := json.Marshal(map[string]string{"secretSeed": "0x" + hex.EncodeToString(seed[:]), "ss58Address": miner(t, n).Address()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// minersOnly is a subnet of a validator and miners 1 to 5: 1 and 2 have committed nothing, 3
// once, 4 in the open; 5 is not registered.
func minersOnly(t testing.TB) chaintest.Config {
	t.Helper()
	neurons := []chaintest.Neuron{{Hotkey: hotkey(t, "Alice"), Stake: 1_000_000_000, Permit: true}}
	for n := byte(1); n <= 4; n++ {
		neurons = append(neurons, chaintest.Neuron{Hotkey: subnet.Hotkey(miner(t, n).Address())})
	}
	neurons[3].Revealed = []chaintest.Commitment{{Text: []byte(`{"model":"m/Affine-3","revision":"` + revisionA + `","chute_id":"` + chuteA + `"}`), Block: 990}}
	neurons[4].Plain = []byte(`{"model":"m/Affine-4","revision":"` + revisionA + `"}`)
	return chaintest.Config{
		Netuid: 120, First: 1000, FinalityLag: 2, Neurons: neurons,
		Rules: subnet.WeightRules{Tempo: 360, MinAllowed: 1, BlockTime: 100 * time.Millisecond},
	}
}

const (
	revisionA = "0123456789abcdef0123456789abcdef01234567"
	chuteA    = "c0ffee00-0000-4000-8000-000000000001"
)

// af commit as a person uses it; the node stands at $NODE, wallets in $WORK/wallets.
func TestCommitScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script", "commit"),
		Setup: func(e *testscript.Env) error {
			node := startNode(t, minersOnly(t))
			if err := node.Mine(30); err != nil { // so that the chain knows rounds of the past
				return err
			}
			e.Setenv("NODE", node.Endpoint())
			e.Setenv("REVISION", revisionA)
			e.Setenv("LOCKED", keys.PasswordVariable(filepath.Join(e.Getenv("WORK"), "locked")))
			e.Setenv("CHUTE", chuteA)
			for n := byte(1); n <= 5; n++ {
				writeKeyfile(t, filepath.Join(e.Getenv("WORK"), "wallets", "cold", "hotkeys", fmt.Sprintf("hot%d", n)), n)
			}
			return errors.Join(
				os.WriteFile(filepath.Join(e.Getenv("WORK"), "locked"), []byte("$NACL, and cut short"), 0o600),
				os.WriteFile(filepath.Join(e.Getenv("WORK"), "public"), []byte(`{"publicKey":"0x`+hex.EncodeToString(make([]byte, 32))+`"}`), 0o600))
		},
	})
}
