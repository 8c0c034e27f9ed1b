package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/subnet"
)

// committer sees one commitment through, from the look at what is there to the
// comparison of what the chain reads with what was meant.
type committer struct {
	client   *chain.Client
	signer   *chain.Signer
	beacon   timelock.Beacon
	netuid   subnet.Netuid
	model    subnet.Commitment
	text     []byte // as the chain will read it
	replace  bool
	dryRun   bool
	progress io.Writer
	details  *commitDetails // what is known so far
	sent     bool
	told     string // the last line of progress
}

// prepare makes the signer, which seals to the beacon that the chain opens timelocks
// with. On a public chain that is drand's quicknet, whatever a node says.
func (c *committer) prepare(ctx context.Context, key chain.Key) (err error) {
	if c.text, err = c.model.Text(); err != nil {
		return err
	}
	if c.beacon, err = c.client.Beacon(ctx); err != nil {
		return err
	}
	if err := trusted(c.beacon, c.client.Genesis()); err != nil {
		return err
	}
	c.signer = chain.NewSigner(c.client, key, chain.SignerConfig{
		Netuid: c.netuid, Genesis: c.client.Genesis(), Profile: chain.MinerProfile, Beacon: c.beacon,
	})
	return nil
}

// trusted refuses to seal to anything but quicknet on a public chain.
func trusted(beacon timelock.Beacon, genesis string) error {
	if config.Public(genesis) && beacon != timelock.Quicknet() {
		return errors.New("the node names another beacon than drand's quicknet: what is sealed to it could be read at once")
	}
	return nil
}

// run commits once, or finds that the chain has the commitment already.
func (c *committer) run(ctx context.Context) error {
	err := c.start(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil:
		return hinted(ctx, err)
	}
	cause, known := context.Cause(ctx), c.known()
	if known == "" {
		known = fmt.Sprintf("nothing was sent (%v)", err)
	}
	if errors.Is(cause, context.Canceled) {
		c.tell("%s", known) // all else that is told of an interrupt is that it was one
		cause = interrupted{}
	}
	return fmt.Errorf("%w; %s", cause, known)
}

// interrupted is context.Canceled in the words of the person who did it.
type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }

// Is makes it match context.Canceled.
func (interrupted) Is(target error) bool { return target == context.Canceled }

// start looks, and commits when there is nothing in the way. When something else that
// this hotkey signed comes in between, it looks again: only from a state in which nothing
// is under way does it follow that nothing is committed twice.
func (c *committer) start(ctx context.Context) error {
	for {
		state, nonce, err := c.settled(ctx)
		if err != nil {
			return err
		}
		if sealed(state.Record) {
			again, err := c.await(state)
			if err != nil {
				return err
			}
			if again {
				if err := c.pause(ctx, state.BlockTime); err != nil {
					return err
				}
				continue
			}
		}
		if at, same := c.present(state); same {
			c.details.Revealed, c.details.Note = at, "it was on chain already: nothing was sent"
			c.tell("%s", c.details.Note)
			return nil
		}
		if err := c.preflight(state); err != nil {
			return err
		}
		done, err := c.commit(ctx, state, nonce)
		if done || err != nil {
			return err
		}
	}
}

// settled reads how the hotkey stands once nothing of it is under way: neither in the
// node's pool nor in a block that is not final. The nonce is the next one.
func (c *committer) settled(ctx context.Context) (chain.Committing, uint32, error) {
	for {
		state, err := c.client.Committing(ctx, c.netuid, c.signer.Hotkey())
		if err != nil {
			return state, 0, err
		}
		if !state.Registered {
			return state, 0, fmt.Errorf("hotkey %s is not registered on subnet %d", c.signer.Hotkey(), c.netuid)
		}
		uid := state.UID
		c.details.UID = &uid
		nonces, err := c.client.Nonces(ctx, c.signer.Hotkey(), state.Head)
		if err != nil || nonces.Settled() {
			return state, nonces.Final, err
		}
		c.tell("this hotkey has something under way: waiting until it is final")
		if err := c.pause(ctx, state.BlockTime); err != nil {
			return state, 0, fmt.Errorf("something that this hotkey signed does not become final: %w", err)
		}
	}
}

func sealed(r *chain.CommitRecord) bool { return r != nil && r.Sealed != nil }

// await decides about a commitment that is sealed already: again is true when it is to be
// waited for, false when it is to be replaced unseen.
func (c *committer) await(state chain.Committing) (again bool, err error) {
	r := state.Record
	out := opens(c.beacon, r.Round)
	at := opening(r.Round, out)
	if out != nil && out.Sub(state.Now).Abs() < longestWait {
		c.tell("a commitment of this hotkey from block %d is sealed (%s): waiting to read it before anything is sent", r.Block, at)
		return true, nil
	}
	if !c.replace {
		return false, fmt.Errorf("this hotkey has committed already, at block %d, sealed (%s): %s", r.Block, at, onceOnly)
	}
	c.tell("replacing a commitment from block %d that nobody can read yet (%s)", r.Block, at)
	return false, nil
}

// longestWait is how far the round of a sealed commitment may lie ahead that is waited
// for, or lie back: those of the usual tools open within a minute, and what has not been
// opened long after its round never will be.
const longestWait = 10 * time.Minute

const onceOnly = "a hotkey may commit once, and upstream's validators disqualify one that commits again; --replace commits all the same"

// present is the block since when validators read this very commitment, if they do.
func (c *committer) present(state chain.Committing) (subnet.Block, bool) {
	raw, found := standing(state.Committed)
	if !found {
		return 0, false
	}
	there, err := raw.Parse()
	there.Block = c.model.Block
	return raw.Block, err == nil && there == c.model
}

// standing is what validators read of a hotkey: what was opened last, or else a text in
// the open.
func standing(c chain.Committed) (subnet.RawCommitment, bool) {
	if n := len(c.Revealed); n > 0 {
		return c.Revealed[n-1], true
	}
	if c.Record != nil && c.Record.Plain != nil {
		return subnet.RawCommitment{Text: c.Record.Plain, Block: c.Record.Block}, true
	}
	return subnet.RawCommitment{}, false
}

// preflight refuses what the chain or upstream's validators would punish.
func (c *committer) preflight(state chain.Committing) error {
	if state.UID != 0 && !affineName.MatchString(c.model.Model) {
		return fmt.Errorf("--repo %s: validators take no model whose name does not begin with Affine, as in OWNER/Affine-NAME", c.model.Model)
	}
	if raw, found := standing(state.Committed); found {
		if !c.replace {
			return fmt.Errorf("this hotkey has committed already, %s at block %d: %s", inShort(raw), raw.Block, onceOnly)
		}
		c.tell("replacing what this hotkey committed at block %d: upstream's validators may disqualify it", raw.Block)
	} else if state.Last > 0 || state.Problem != "" {
		c.tell("an earlier commitment of this hotkey could never be read; committing again")
	}
	size := sealedSize(c.text)
	if size > timelock.MaxCommitment {
		return fmt.Errorf("the commitment has %d bytes once it is sealed, the chain takes %d: shorten its names by %d", size, timelock.MaxCommitment, size-timelock.MaxCommitment)
	}
	if !state.Room(size) {
		return fmt.Errorf("this hotkey has used %d of the %d bytes that it may commit in an epoch, and this takes %d: try again after block %d (in %s)",
			state.Used, state.Space, size, state.FreshFrom, minutes(time.Duration(state.FreshFrom-min(state.FreshFrom, state.Head.Number))*state.BlockTime))
	}
	return nil
}

// inShort names what is committed, or quotes what cannot be read as a model.
func inShort(raw subnet.RawCommitment) string {
	c, err := raw.Parse()
	if err != nil {
		return fmt.Sprintf("%.60q", raw.Text)
	}
	return fmt.Sprintf("%s (revision %s)", c.Model, c.Revision)
}

// sealedSize is how long the text is under its timelock, with its length before it.
func sealedSize(text []byte) int {
	prefix := 1
	if len(text) >= 1<<6 {
		prefix = 2
	}
	return len(text) + prefix + timelock.Overhead
}

// commit signs, submits and follows. It is not done when the signature came after
// something else that the hotkey signed, and so was not sent, or when the signed bytes
// are dead: then nothing of it is on chain, or ever will be.
func (c *committer) commit(ctx context.Context, state chain.Committing, nonce uint32) (done bool, err error) {
	signed, err := c.signer.SignCommitment(ctx, subnet.CommitIntent{
		Netuid: c.netuid, Commitment: c.model, After: 1, Head: state.Head.Number, HeadHash: state.Head.Hash,
	})
	if err != nil {
		return true, err
	}
	if signed.Nonce != nonce {
		return false, nil
	}
	if c.dryRun {
		c.details.Note = "dry run: nothing was sent"
		c.tell("%s", c.details.Note)
		return true, nil
	}
	c.details.Hash, c.details.Round = signed.Hash, signed.Round
	inc, err := c.submit(ctx, signed, state.BlockTime)
	switch {
	case errors.Is(err, chain.ErrExpired):
		c.tell("its time ran out before a block took it: starting again")
		return false, nil
	case err != nil:
		return true, err
	}
	c.details.Block = inc.Block
	if inc.Failure != "" {
		return true, fmt.Errorf("the chain took it in block %d and refused it: %s", inc.Block, inc.Failure)
	}
	return true, c.follow(ctx, signed, state.BlockTime)
}
