package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	storelocal "github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/subnet"
)

// A run that is killed while its weights are sealed leaves them on chain. Until they
// open, they are shown as sealed; the next run finds them opened and goes on, and a
// service tells of each epoch's commit and reveal.
func TestKilledWhileWeightsAreSealed(t *testing.T) {
	if testing.Short() {
		t.Skip("runs af several times")
	}
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	killed := startAF(t, smallRun(data, "--commit-reveal")...)
	killed.stderr.await(t, ", sealed until drand round", killed.ended)
	killed.end(t, os.Kill)
	_, note, code := runAF(t, "weights", "--data", data)
	if code != 0 || !strings.Contains(note, "included in block") || !strings.Contains(note, "sealed until drand round") {
		t.Errorf("while they are sealed, af weights exits with %d and says\n%s", code, note)
	}
	serving := startAF(t, smallRun(data, "--commit-reveal", "--serve")...)
	for _, text := range []string{"opened at block", ": weights included in block", ": weights confirmed in block"} {
		serving.stdout.await(t, text, serving.ended)
	}
	if code := serving.end(t, os.Interrupt); code != 0 {
		t.Errorf("the service exits with %d:\n%s", code, &serving.stderr)
	}
	checkSealedRecords(t, data)
}

// runningAF is a command that has been started.
type runningAF struct {
	cmd            *exec.Cmd
	stdout, stderr lockedBuffer
	ended          chan struct{}
}

func startAF(t *testing.T, args ...string) *runningAF {
	t.Helper()
	r := &runningAF{cmd: afCommand(t, args...), ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.cmd.Wait(); close(r.ended) }() // the exit code says how it ended
	return r
}

// end sends a signal and returns the exit code.
func (r *runningAF) end(t *testing.T, sig os.Signal) int {
	t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	return r.cmd.ProcessState.ExitCode()
}

// checkSealedRecords wants the records confirmed by their reveals, but for the newest,
// which may wait for its own.
func checkSealedRecords(t *testing.T, data string) {
	t.Helper()
	s, err := storelocal.Open(filepath.Join(data, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	recs, err := s.LatestWeights(t.Context(), 120, 10)
	if err != nil || len(recs) < 2 {
		t.Fatalf("records %+v, %v", recs, err)
	}
	for _, rec := range recs[1:] {
		if rec.State != subnet.Confirmed || rec.Round == 0 || rec.RevealAt < rec.At {
			t.Errorf("record %+v: want it confirmed after its reveal", rec)
		}
	}
}
