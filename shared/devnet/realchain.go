package devnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/wasmchain"
	"github.com/affine-go/affine/shared/chain/wasmhost"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrUsedFolder is returned for a data folder that holds what was decided on another
// chain than a real runtime's, which begins anew with every run.
var ErrUsedFolder = errors.New("the data folder has been used before")

// checkFresh refuses to run a real runtime in a used folder: its chain is kept in memory
// and begins at block 0, where the folder's records are ahead of it.
func (n *Net) checkFresh(f *folder) error {
	if n.cfg.Runtime == "" {
		return nil
	}
	if _, err := os.Stat(f.path("store.db")); err == nil {
		return fmt.Errorf("%s: %w, and the chain of a real runtime begins anew with every run: choose another folder with --data", n.cfg.Dir, ErrUsedFolder)
	}
	return nil
}

// startReal starts a chain with a real runtime and founds the subnet on it, by the calls
// that its owner, miners and validator would make.
func (n *Net) startReal(ctx context.Context) error {
	code, err := os.ReadFile(n.cfg.Runtime)
	if err != nil {
		return fmt.Errorf("runtime: %w", err)
	}
	node, err := wasmchain.Start(context.WithoutCancel(ctx), wasmchain.Config{
		Code: code, Every: n.cfg.BlockTime, FinalityLag: finalityLag,
		Host: wasmhost.Config{Cache: codeCache()},
	})
	if err != nil {
		return fmt.Errorf("runtime %s: %w", n.cfg.Runtime, err)
	}
	n.onClose(node.Close)
	n.Node = node
	if err := n.found(ctx, node); err != nil {
		return fmt.Errorf("runtime %s: %w", n.cfg.Runtime, err)
	}
	return nil
}

// codeCache is where compiled runtimes are kept from one run to the next: compiling takes
// seconds. It is empty, for none, where the user has no folder for such things.
func codeCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "affine", "runtimes")
}

// found registers the members, the validator and the newcomer, has the members commit in the order in
// which they did on the stub chain, and waits for the epoch that gives the validator its
// permit.
func (n *Net) found(ctx context.Context, node *wasmchain.Node) error {
	founder, err := keys.FromURI(keys.Sr25519, "//Alice")
	if err != nil {
		return err
	}
	own, err := ownKey()
	if err != nil {
		return err
	}
	newcomer, err := newcomerKey()
	if err != nil {
		return err
	}
	s := wasmchain.Subnet{Founder: founder, Rules: n.rules()}
	pairs := make([]*keys.Pair, len(n.Members))
	for i, m := range n.Members {
		if pairs[i], err = m.key(); err != nil {
			return err
		}
		s.Neurons = append(s.Neurons, wasmchain.Neuron{Hotkey: pairs[i].Public()})
	}
	n.Own = subnet.UID(len(s.Neurons))
	s.Neurons = append(s.Neurons, wasmchain.Neuron{Hotkey: own.Public(), Stake: ownStake}, wasmchain.Neuron{Hotkey: newcomer.Public()})
	if n.Netuid, err = node.Found(ctx, s); err != nil {
		return err
	}
	if err := n.commit(ctx, node, pairs); err != nil {
		return err
	}
	return node.Mine(ctx, int(s.Rules.Tempo)+1)
}

func (n *Net) commit(ctx context.Context, node *wasmchain.Node, pairs []*keys.Pair) error {
	order := make([]int, len(n.Members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(n.Members[a].Commit, n.Members[b].Commit) })
	for _, i := range order {
		m := n.Members[i]
		done, err := node.Do(ctx, pairs[i], "Commitments", "set_commitment", map[string]any{
			"netuid": uint16(n.Netuid), "info": map[string]any{"fields": []any{plainField(m.text())}},
		})
		if err != nil {
			return fmt.Errorf("commitment of %s: %w", m.Name, err)
		}
		if done.Failure != "" {
			return fmt.Errorf("commitment of %s: %s", m.Name, done.Failure)
		}
	}
	return nil
}

// plainField is a commitment's field in the open. The chain has a variant for every
// length up to 128, and one for longer texts.
func plainField(text []byte) metadata.Variant {
	const short = 128
	if len(text) > short {
		return metadata.Variant{Name: "BigRaw", Value: text}
	}
	return metadata.Variant{Name: fmt.Sprintf("Raw%d", len(text)), Value: text}
}
