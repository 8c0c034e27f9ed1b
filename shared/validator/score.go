package validator

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// scoreReads is how many shelves are read at once.
const scoreReads = 32

// Score reads the samples that count at a metagraph's block and applies the rule.
// It writes nothing and gives the same verdict for the same rows.
func (w *WeightSetter) Score(ctx context.Context, mg subnet.Metagraph) (dominance.Verdict, error) {
	rows, err := w.Store.Miners(ctx, w.Netuid)
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("read the miners: %w", err)
	}
	in := dominance.Input{
		Envs: w.Envs, CurrentBlock: mg.Block, Burn: w.Burn,
		CommitBlocks: make(map[subnet.Hotkey]subnet.Block),
	}
	here := make(map[subnet.Hotkey]bool, len(mg.Neurons))
	for _, n := range mg.Neurons {
		in.Hotkeys = append(in.Hotkeys, n.Hotkey)
		here[n.Hotkey] = true
	}
	var miners []subnet.Miner
	for _, m := range rows {
		if !here[m.Hotkey] || m.Model == "" {
			continue
		}
		miners = append(miners, m)
		in.CommitBlocks[m.Hotkey] = m.CommitBlock
		// Unknown is what a valid miner becomes when the provider cannot be asked for
		// long: that must not send everybody's pay to uid 0.
		if m.State == subnet.Valid || m.State == subnet.Unknown {
			in.Queryable = append(in.Queryable, m.Hotkey)
		}
	}
	if in.Samples, err = w.records(ctx, mg.Block, miners); err != nil {
		return dominance.Verdict{}, err
	}
	verdict, err := w.Rule(in)
	if err != nil {
		return verdict, fmt.Errorf("score block %d: %w", mg.Block, err)
	}
	return verdict, nil
}

// records reads every miner's shelves for its committed revision, in order of
// hotkey, environment, window and index.
func (w *WeightSetter) records(ctx context.Context, block subnet.Block, miners []subnet.Miner) ([]dominance.Record, error) {
	shelves := make([][]dominance.Record, len(miners)*len(w.Envs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(scoreReads)
	for i, m := range miners {
		for k, env := range w.Envs {
			g.Go(func() error {
				var err error
				shelves[i*len(w.Envs)+k], err = w.shelf(ctx, block, m, env)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []dominance.Record
	for _, s := range shelves {
		all = append(all, s...)
	}
	return all, nil
}

func (w *WeightSetter) shelf(ctx context.Context, block subnet.Block, m subnet.Miner, env subnet.EnvID) ([]dominance.Record, error) {
	now := subnet.WindowOf(block, w.Window)
	shelf := store.Shelf{Hotkey: m.Hotkey, Revision: m.Revision, Env: env}
	samples, err := w.Store.Samples(ctx, shelf, max(now, 1)-1, now)
	if err != nil {
		return nil, fmt.Errorf("read the samples of %s in %s: %w", m.Hotkey, env, err)
	}
	lo, hi := dominance.ScoreRange(env)
	var out []dominance.Record
	for _, s := range samples {
		if !s.Outcome.Scored() || s.Model != m.Model || s.Block+w.Window <= block {
			continue
		}
		commit := s.Commit // a pointer into s would keep the whole row
		out = append(out, dominance.Record{
			Hotkey: s.Hotkey, Model: s.Model, Revision: s.Revision, Env: s.Env,
			Score: lo + (hi-lo)*float64(s.Score)/subnet.ScoreScale, Block: &commit,
		})
	}
	return out, nil
}
