package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/devnet"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// setWeights waits out the chain's rate limit and brings this epoch's record to its end.
func setWeights(ctx context.Context, net *devnet.Net) (subnet.WeightsRecord, error) {
	for {
		rec, err := net.Setter.Run(ctx)
		soon, wait := errors.AsType[*validator.TooSoonError](err)
		if !wait {
			if err == nil && rec.State == subnet.Failed {
				err = fmt.Errorf("weights of epoch %d failed: %s", rec.Epoch, rec.Reason)
			}
			return rec, err
		}
		fmt.Fprintln(os.Stderr, soon)
		select {
		case <-ctx.Done():
			return rec, context.Cause(ctx)
		case <-time.After(time.Duration(soon.Until-soon.Block) * net.BlockTime()):
		}
	}
}

// awaitReveal waits until the chain has opened sealed weights, and gives the record that
// says so.
func awaitReveal(ctx context.Context, net *devnet.Net, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	fmt.Fprintf(os.Stderr, "weights of epoch %d are in block %d%s\n", rec.Epoch, rec.At, sealOf(rec))
	for rec.Sealed() {
		left := max(1, rec.Reveal-min(rec.Reveal, net.Node.Head()))
		select {
		case <-ctx.Done():
			return rec, context.Cause(ctx)
		case <-time.After(time.Duration(left) * net.BlockTime()):
		}
		var err error
		if rec, err = net.Setter.Settle(ctx, rec.Epoch); err != nil {
			return rec, err
		}
	}
	if rec.State == subnet.Failed {
		return rec, fmt.Errorf("weights of epoch %d failed: %s", rec.Epoch, rec.Reason)
	}
	return rec, nil
}

// sealOf says how long weights are sealed, or when they were opened; nothing of those
// that were set in the open.
func sealOf(rec subnet.WeightsRecord) string {
	switch {
	case rec.Round == 0:
		return ""
	case rec.Sealed():
		return fmt.Sprintf(", sealed until drand round %d, which opens them at about block %d", rec.Round, rec.Reveal)
	case rec.RevealAt > 0:
		return fmt.Sprintf(", sealed until drand round %d, opened at block %d", rec.Round, rec.RevealAt)
	}
	return fmt.Sprintf(", sealed until drand round %d", rec.Round)
}

// serve goes on sampling and sets weights at every epoch until ctx ends, which is
// how it is meant to end.
func serve(ctx context.Context, out io.Writer, net *devnet.Net, show *progress, o devOptions) error {
	fmt.Fprintf(os.Stderr, "serving: chain %s, Chutes %s; interrupt to end\n", net.Node.Endpoint(), net.Provider.API())
	fmt.Fprintf(os.Stderr, "to commit as a new miner: af commit --endpoint %s --netuid %d --keyfile %s --repo OWNER/Affine-NAME --revision SHA\n",
		net.Node.Endpoint(), net.Netuid, net.NewcomerFile())
	told := make(map[subnet.Block]subnet.WeightsState)
	if err := tellWeights(ctx, io.Discard, net, told); err != nil { // those have been reported
		return endOf(ctx, err)
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(net.BlockTime() * 10):
		}
		if err := sampleAll(ctx, net, show, o); err != nil {
			return endOf(ctx, err)
		}
		if _, err := setWeights(ctx, net); err != nil {
			return endOf(ctx, err)
		}
		if err := tellWeights(ctx, out, net, told); err != nil {
			return endOf(ctx, err)
		}
	}
	return nil
}

// tellWeights prints the newest records whose state has changed.
func tellWeights(ctx context.Context, out io.Writer, net *devnet.Net, told map[subnet.Block]subnet.WeightsState) error {
	const few = 4 // more are never unfinished
	recs, err := net.Setter.Store.LatestWeights(ctx, net.Netuid, few)
	if err != nil {
		return err
	}
	for _, rec := range slices.Backward(recs) {
		if told[rec.Epoch] == rec.State {
			continue
		}
		told[rec.Epoch] = rec.State
		fmt.Fprintf(out, "epoch %d: weights %s in block %d%s: %s\n", rec.Epoch, rec.State, rec.At, sealOf(rec), cmp.Or(rec.Reason, rec.Why))
	}
	return nil
}

// endOf turns the error of an interrupted service into none.
func endOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // whoever interrupts a service wants it to end
	}
	return err
}
