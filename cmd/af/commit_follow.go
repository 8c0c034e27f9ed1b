package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/subnet"
)

// submit sends the bytes until it is known what became of them. Sending the same bytes
// again is safe: the chain takes them once.
func (c *committer) submit(ctx context.Context, signed subnet.SignedCommit, blockTime time.Duration) (subnet.Inclusion, error) {
	c.tell("sending extrinsic %s, sealed to round %d", signed.Hash, signed.Round)
	c.sent = true
	for {
		inc, err := c.client.Submit(ctx, signed.Extrinsic)
		switch {
		case err == nil:
			c.tell("included in block %d, which is final", inc.Block)
			return inc, nil
		case errors.Is(err, chain.ErrRefused), errors.Is(err, chain.ErrExpired):
			c.sent = false
			return inc, err
		case !errors.Is(err, chain.ErrUnreachable) && !errors.Is(err, chain.ErrStalled):
			return inc, fmt.Errorf("%w; %s", err, c.known())
		}
		c.tell("lost sight of it (%s): trying again with the same bytes", oneLine(err))
		if err := c.pause(ctx, blockTime); err != nil {
			return inc, err
		}
	}
}

// follow waits until the chain has opened the commitment and compares what it reads.
func (c *committer) follow(ctx context.Context, signed subnet.SignedCommit, blockTime time.Duration) error {
	for {
		now, err := c.client.Committing(ctx, c.netuid, signed.Hotkey)
		switch {
		case errors.Is(err, chain.ErrUnreachable) && ctx.Err() == nil:
			c.tell("lost the connection (%s): trying again", oneLine(err))
		case err != nil:
			return fmt.Errorf("%w; %s", err, c.known())
		case now.Head.Number >= c.details.Block:
			revealed, err := c.judge(now.Committed, signed)
			if revealed || err != nil {
				return err
			}
			c.tell("sealed to round %d: %s", signed.Round, c.left(signed.Round, now.Now))
		}
		if err := c.pause(ctx, blockTime); err != nil {
			return err
		}
	}
}

// left tells how long it takes until a round is out, by the chain's clock.
func (c *committer) left(round uint64, now time.Time) string {
	left := c.beacon.RoundTime(round).Sub(now)
	if left <= 0 {
		return "the round is out, waiting for the chain to open it"
	}
	return fmt.Sprintf("opens in about %s", minutes(left))
}

// judge says whether the commitment has been opened, and what went wrong if it will
// never be.
func (c *committer) judge(now chain.Committed, signed subnet.SignedCommit) (revealed bool, err error) {
	i := slices.IndexFunc(now.Revealed, func(r subnet.RawCommitment) bool {
		return r.Block >= c.details.Block && bytes.Equal(r.Text, signed.Text)
	})
	r := now.Record
	switch {
	case i >= 0:
		c.details.Revealed = now.Revealed[i].Block
		c.tell("opened in block %d: the chain reads what was committed", c.details.Revealed)
		return true, nil
	case now.Problem != "":
		return false, errors.New(now.Problem)
	case r != nil && r.Failed:
		return false, errors.New("the chain could not open the timelock (TimelockRevealFailed): the commitment cannot be read, commit again")
	case r != nil && r.Block > c.details.Block:
		return false, fmt.Errorf("another commitment of this hotkey took its place in block %d, before it was opened", r.Block)
	case sealed(r):
		return false, nil
	}
	if n := len(now.Revealed); n > 0 && now.Revealed[n-1].Block >= c.details.Block {
		return false, fmt.Errorf("the chain reads something else: %.100q", now.Revealed[n-1].Text)
	}
	return false, errors.New("the chain deleted the commitment, as it does when a timelock cannot be opened: commit again")
}

// known is what a person should know when the wait ends early; empty when nothing was sent.
func (c *committer) known() string {
	look := fmt.Sprintf("run the same command again, which looks before it sends anything, or see af chain commitments --netuid %d", c.netuid)
	switch {
	case !c.sent:
		return ""
	case c.details.Block > 0:
		return fmt.Sprintf("it is on chain since block %d, sealed to round %d and not seen opened: %s", c.details.Block, c.details.Round, look)
	}
	return fmt.Sprintf("extrinsic %s was sent and may be on chain: %s", c.details.Hash, look)
}

// pause waits for about half a block.
func (c *committer) pause(ctx context.Context, blockTime time.Duration) error {
	timer := time.NewTimer(min(max(blockTime/2, 20*time.Millisecond), 6*time.Second))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// tell prints a line of progress, unless it was the last one too.
func (c *committer) tell(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if line == c.told {
		return
	}
	c.told = line
	fmt.Fprintln(c.progress, oneLine(errors.New(line)))
}
