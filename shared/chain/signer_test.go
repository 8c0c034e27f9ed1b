package chain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

func TestSignerKeepsItsPolicy(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	for name, spoil := range map[string]func(*subnet.WeightsIntent, *chain.SignerConfig){
		"another subnet":  func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Netuid = 64 },
		"nothing":         func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.UIDs, in.Values = nil, nil },
		"lengths differ":  func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Values = in.Values[:1] },
		"all zero":        func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Values = []uint16{0, 0} },
		"twice":           func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.UIDs = []subnet.UID{1, 1} },
		"descending":      func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.UIDs = []subnet.UID{2, 1} },
		"head mislabeled": func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Head-- },
		"wrong genesis":   func(_ *subnet.WeightsIntent, c *chain.SignerConfig) { c.Genesis = "0x" + strings.Repeat("2f", 32) },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			in, cfg := intent(t, client), chain.SignerConfig{Netuid: netuid, Log: &log}
			spoil(&in, &cfg)
			signed, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignWeights(t.Context(), in)
			if !errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" {
				t.Errorf("got %+v, %v; want ErrPolicy", signed, err)
			}
			if log.Len() > 0 {
				t.Errorf("a signature was recorded: %s", &log)
			}
		})
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

// A key that AWS KMS could hold: the chain takes ed25519 hotkeys as well.
func TestEd25519Hotkey(t *testing.T) {
	pair, err := keys.FromURI(keys.Ed25519, "//Alice")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	cfg.Neurons[0].Hotkey = subnet.Hotkey(pair.Address())
	client := dial(t, quick(start(t, cfg).Endpoint()))
	signed, err := chain.NewSigner(client, pair, chain.SignerConfig{Netuid: netuid}).SignWeights(t.Context(), intent(t, client))
	if err != nil {
		t.Fatal(err)
	}
	if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" || signed.Hotkey != cfg.Neurons[0].Hotkey {
		t.Errorf("signed by %s: %+v, %v", signed.Hotkey, inc, err)
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
	if signed, err := signer.SignWeights(t.Context(), ahead); err == nil || errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" {
		t.Errorf("a head that is not final: got %+v, %v, want an error after which to try again", signed, err)
	}
	mine(t, node, 64)
	if _, err := signer.SignWeights(t.Context(), old); !errors.Is(err, chain.ErrPolicy) {
		t.Errorf("a head of 64 blocks ago: got %v, want ErrPolicy", err)
	}
}
