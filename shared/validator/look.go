package validator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/affine-go/affine/shared/subnet"
)

// looks at once; upstream's AFFINE_META_CONCURRENCY.
const lookConcurrency = 12

// verdict is what one look at a miner found.
type verdict struct {
	state  subnet.MinerState
	reason string
	slug   string
}

// look examines every neuron and returns its miner row as it should stand now. The
// order is that of the metagraph; hotkeys that left the subnet follow.
func (e *Enumerator) look(ctx context.Context, mg subnet.Metagraph, standing map[subnet.Hotkey]subnet.Miner) ([]subnet.Miner, error) {
	miners := make([]subnet.Miner, len(mg.Neurons))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookConcurrency)
	for i, n := range mg.Neurons {
		g.Go(func() error {
			miners[i] = e.lookAt(ctx, mg, n, standing[n.Hotkey])
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("look at the miners: %w", err)
	}
	markDuplicates(miners)
	here := make(map[subnet.Hotkey]bool, len(mg.Neurons))
	for _, n := range mg.Neurons {
		here[n.Hotkey] = true
	}
	for hotkey, row := range standing {
		if !here[hotkey] {
			row.State, row.Reason = subnet.Unregistered, "the hotkey left the subnet"
			miners = append(miners, row)
		}
	}
	slices.SortStableFunc(miners[len(mg.Neurons):], func(a, b subnet.Miner) int { return cmp.Compare(a.Hotkey, b.Hotkey) })
	for i := range miners {
		if old := standing[miners[i].Hotkey]; miners[i].State != old.State || miners[i].Revision != old.Revision {
			miners[i].Since = e.Clock()
		}
	}
	return miners, nil
}

// lookAt judges one neuron. row is its standing row, zero when there is none.
func (e *Enumerator) lookAt(ctx context.Context, mg subnet.Metagraph, n subnet.Neuron, row subnet.Miner) subnet.Miner {
	row.Netuid, row.UID, row.Hotkey = mg.Netuid, n.UID, n.Hotkey
	raw, committed := mg.Commitments[n.Hotkey]
	if !committed {
		row.Commitment, row.CommitBlock, row.Slug = subnet.Commitment{}, 0, ""
		row.State, row.Reason = subnet.NoCommitment, ""
		return row
	}
	c, err := raw.Parse()
	if err != nil {
		row.Commitment, row.CommitBlock, row.Slug = subnet.Commitment{}, raw.Block, ""
		row.State, row.Reason = subnet.CommitmentInvalid, clip(err.Error())
		return row
	}
	if n.UID == 0 {
		c.Block = 0 // the owner's base model is always the first mover
	}
	same := row.Commitment == c
	row.Commitment, row.CommitBlock = c, c.Block
	v := e.judge(ctx, n, c)
	if v.state == subnet.Unknown && same && (row.State != subnet.Valid || e.Clock().Sub(row.LastGood) < e.Grace) {
		return row // a provider's hiccup makes nobody invalid, nor does it clear anybody
	}
	if v.state == subnet.Valid {
		row.LastGood = e.Clock()
	}
	row.State, row.Reason = v.state, clip(v.reason)
	if v.slug != "" {
		row.Slug = v.slug
	}
	return row
}

// judge runs the checks of upstream's enumeration that need the provider, in its order.
func (e *Enumerator) judge(ctx context.Context, n subnet.Neuron, c subnet.Commitment) verdict {
	if e.Blacklist[n.Hotkey] {
		return verdict{state: subnet.Blacklisted, reason: "named in AFFINE_MINER_BLACKLIST"}
	}
	if c.ChuteID == "" {
		return verdict{state: subnet.ChuteMissing, reason: "the commitment names no chute_id"}
	}
	chute, err := e.Chutes.Chute(ctx, c.ChuteID)
	switch {
	case errors.Is(err, subnet.ErrNoChute):
		return verdict{state: subnet.ChuteMissing, reason: err.Error()}
	case err != nil:
		return verdict{state: subnet.Unknown, reason: err.Error()}
	case !chute.Hot:
		return verdict{state: subnet.ChuteCold, reason: "no instance of the chute is up"}
	case chute.Name != c.Model:
		return verdict{state: subnet.NameMismatch, reason: fmt.Sprintf("committed %q, the chute serves %q", c.Model, chute.Name)}
	case n.UID != 0 && !affineName(chute.Name):
		return verdict{state: subnet.NameMismatch, reason: fmt.Sprintf("the repository name of %q does not start with \"affine\"", chute.Name)}
	case chute.Revision != "" && chute.Revision != c.Revision:
		return verdict{state: subnet.RevisionMismatch, reason: fmt.Sprintf("committed %q, the chute serves %q", c.Revision, chute.Revision)}
	}
	return verdict{state: subnet.Valid, slug: chute.Slug}
}

// affineName holds upstream's naming rule: the part after the first slash, or the
// whole name, starts with "affine" in any case.
func affineName(model string) bool {
	if _, after, found := strings.Cut(model, "/"); found {
		model = after
	}
	return strings.HasPrefix(strings.ToLower(model), "affine")
}

// markDuplicates keeps, of valid miners with the same model name, the one that
// committed first (ties: lowest uid) and marks the others.
func markDuplicates(miners []subnet.Miner) {
	first := make(map[string]int)
	for i, m := range miners {
		if m.State != subnet.Valid {
			continue
		}
		k, seen := first[m.Model]
		if !seen || m.CommitBlock < miners[k].CommitBlock {
			first[m.Model] = i
		}
	}
	for i := range miners {
		m := &miners[i]
		if k := first[m.Model]; m.State == subnet.Valid && k != i {
			m.State = subnet.DuplicateOf
			m.Reason = fmt.Sprintf("uid %d committed %s earlier, at block %d", miners[k].UID, m.Model, miners[k].CommitBlock)
		}
	}
}

// clip bounds a reason that may quote what a stranger wrote, and makes it text.
func clip(reason string) string {
	reason = strings.ToValidUTF8(reason, "�")
	if len(reason) <= subnet.MaxReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:subnet.MaxReason-3], "") + "…"
}
