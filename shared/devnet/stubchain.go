package devnet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// startStub starts the stub chain, which has the subnet from its first block on.
func (n *Net) startStub(ctx context.Context) error {
	cfg := chaintest.Config{
		Netuid: Netuid, First: firstBlock, FinalityLag: finalityLag, StateFile: filepath.Join(n.cfg.Dir, "chain.journal"), Rules: n.rules(),
	}
	for _, m := range n.Members {
		neuron, err := m.neuron()
		if err != nil {
			return err
		}
		cfg.Neurons = append(cfg.Neurons, neuron)
	}
	pair, err := ownKey()
	if err != nil {
		return err
	}
	n.Netuid, n.Own = Netuid, subnet.UID(len(cfg.Neurons))
	newcomer, err := newcomerKey()
	if err != nil {
		return err
	}
	cfg.Neurons = append(cfg.Neurons,
		chaintest.Neuron{Hotkey: subnet.Hotkey(pair.Address()), Stake: ownStake, Permit: true},
		chaintest.Neuron{Hotkey: subnet.Hotkey(newcomer.Address())})
	n.Stub, err = chaintest.Start(context.WithoutCancel(ctx), cfg)
	if errors.Is(err, chaintest.ErrOlderChain) {
		return fmt.Errorf("%s: its chain cannot be gone on with: choose another folder with --data: %w", n.cfg.Dir, err)
	}
	if errors.Is(err, chaintest.ErrOtherChain) {
		return fmt.Errorf("%s was begun with other miners (--miner, --cruxeval), with another --commit-reveal or another --block-time: use those again, or choose another folder with --data: %w", n.cfg.Dir, err)
	}
	if err != nil {
		return err
	}
	n.onClose(n.Stub.Close)
	n.Node = n.Stub
	if n.Stub.Finalized() < firstBlock {
		// The first finalized block then lies in the window that the run is in.
		return n.Stub.Mine(finalityLag + 1)
	}
	return nil
}

const (
	finalityLag = 2
	ownStake    = 10_000_000_000_000 // rao
)

// rules are those of the development subnet.
func (n *Net) rules() subnet.WeightRules {
	return subnet.WeightRules{
		Tempo: 40, RateLimit: 20, MinAllowed: 1, MaxWeight: 65535, BlockTime: n.cfg.BlockTime,
		CommitReveal: n.cfg.CommitReveal, RevealPeriod: 1,
	}
}

// ownKey is the development validator's key. Everybody can derive it.
func ownKey() (*keys.Pair, error) {
	pair, err := keys.FromURI(keys.Sr25519, "//Affine//validator")
	if err != nil {
		return nil, fmt.Errorf("the validator's key: %w", err)
	}
	return pair, nil
}
