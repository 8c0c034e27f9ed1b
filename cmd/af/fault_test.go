package main

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive/archivetest"
	"github.com/affine-go/affine/shared/archive/batch"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/devnet"
	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/queue/queuetest"
	"github.com/affine-go/affine/shared/store/storetest"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// The whole system over its real local backends, while up to one call in twelve to
// table, queues and archive is refused or done without an answer, and the chain node keeps
// dropping its connections: in the end every sample stands once, with its
// transcript, and the weights reached the chain once.
func TestFaultsOnAllSidesLoseAndDoubleNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("samples a whole subnet")
	}
	t.Parallel()
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	net, err := devnet.Start(ctx, devnet.Config{
		Dir: dir, Samples: killSamples, BlockTime: 50 * time.Millisecond, Latency: 0.005,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	bewitch(net)
	if failed := fillUnderFaults(ctx, t, net); failed == 0 || log.Len() == 0 {
		t.Errorf("%d looks failed and the runner logged %d bytes: the faults did not bite", failed, log.Len())
	}
	rec := weighUnderFaults(ctx, t, net)
	net.Stub.Heal()
	row, err := net.Chain.Weights(ctx, devnet.Netuid, 0, net.Own)
	if err != nil || row.LastUpdate != rec.At || len(row.Values) == 0 {
		t.Errorf("the chain holds %+v, %v; want the weights confirmed in block %d", row, err, rec.At)
	}
	if err := net.Close(); err != nil {
		t.Error(err)
	}
	checkFolder(t, dir)
}

// bewitch puts faults before every backend of the net.
func bewitch(net *devnet.Net) {
	table := storetest.Faulty(net.Enumerator.Store, fewerReads(faultplan.Seeded(3, 0.04, 0.04)))
	net.Enumerator.Store, net.Runner.Store, net.Setter.Store = table, table, table
	net.Runner.Queues = nil
	for i, env := range net.Enumerator.Envs {
		q := queuetest.Faulty(net.Enumerator.Queues[env.ID], noneHidden(faultplan.Seeded(uint64(5+i), 0.04, 0.04)))
		net.Enumerator.Queues[env.ID] = q
		net.Runner.Queues = append(net.Runner.Queues, q)
	}
	plan := faultplan.Seeded(11, 0.04, 0.04)
	a := archivetest.NewFaulty(net.Enumerator.Archive, func(c archivetest.Call) archivetest.Fault {
		return archivetest.Fault(plan(c.Method, c.N)) // both count None, Refuse, lost reply
	})
	net.Enumerator.Archive, net.Setter.Archive = a, a
	net.Runner.Batch = batch.New(a, "dev-under-faults")
}

// fewerReads spares three in four of the reads, of which every look makes dozens.
func fewerReads(plan faultplan.Plan) faultplan.Plan {
	return func(method string, n int) faultplan.Fault {
		if method == "Samples" && n%4 != 0 {
			return faultplan.None
		}
		return plan(method, n)
	}
}

// noneHidden spares what would hide a message for its whole visibility timeout, which
// is longer than this test: a Receive or an Extend without an answer.
func noneHidden(plan faultplan.Plan) faultplan.Plan {
	return func(method string, n int) faultplan.Fault {
		if fault := plan(method, n); method != "Extend" && (method != "Receive" || fault == faultplan.Refuse) {
			return fault
		}
		return faultplan.None
	}
}

// fillUnderFaults samples until nobody lacks anything, and counts the looks that failed.
func fillUnderFaults(ctx context.Context, t *testing.T, net *devnet.Net) (failed int) {
	t.Helper()
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- net.Runner.Run(running) }()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for round := 0; ; round++ {
		breakConnections(net, round)
		found, err := net.Enumerator.Run(ctx)
		if err != nil {
			failed++
		} else if done(found, len(net.Envs)) {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %d looks, %d of them failed: %v", round, failed, err)
		case <-ticker.C:
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the runner ends with %v", err)
	}
	return failed
}

// breakConnections makes the chain node cut its next answers, every third round,
// each time in another way.
func breakConnections(net *devnet.Net, round int) {
	if round%3 != 0 {
		return
	}
	round /= 3
	h := fnv.New32a()
	h.Write([]byte{byte(round), byte(round >> 8)})
	kinds := []chaintest.FaultKind{chaintest.DropSocket, chaintest.CutAnswer, chaintest.LoseReply}
	net.Stub.Inject(chaintest.Fault{Kind: kinds[round%len(kinds)], Bytes: int(h.Sum32() % 900), Times: 1 + round%3})
}

// weighUnderFaults sets weights, trying again whatever fails.
func weighUnderFaults(ctx context.Context, t *testing.T, net *devnet.Net) subnet.WeightsRecord {
	t.Helper()
	ticker := time.NewTicker(net.BlockTime())
	defer ticker.Stop()
	var epoch subnet.Block
	for round := 0; ; round++ {
		breakConnections(net, round)
		rec, err := net.Setter.Run(ctx)
		if err == nil && rec.State == subnet.Confirmed {
			return rec
		}
		if _, wait := errors.AsType[*validator.TooSoonError](err); err != nil && !wait {
			t.Logf("try %d: %v", round, err)
		}
		if epoch = max(epoch, rec.Epoch); rec.State == subnet.Failed {
			t.Fatalf("weights of epoch %d failed: %s", epoch, rec.Reason)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no weights after %d tries: %v", round, err)
		case <-ticker.C:
		}
	}
}
