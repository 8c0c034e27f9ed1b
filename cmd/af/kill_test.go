package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive"
	archivelocal "github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/archive/pack"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/store"
	storelocal "github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/subnet"
)

// killSamples is how many scored samples the runs are to bring every cell to.
const killSamples = 40

// A run that is killed at any moment, again and again, and then run to its end has
// every sample once: no planned index without a row, no row without its transcript.
func TestKilledRunsLoseAndDoubleNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds af and kills it several times")
	}
	af := filepath.Join(t.TempDir(), "af")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", af, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	data := filepath.Join(t.TempDir(), "data")
	random := rand.New(rand.NewPCG(11, 7))
	began, killed := time.Now(), 0
	for range 8 {
		if runKilled(t, af, data, time.Duration(300+random.IntN(2500))*time.Millisecond) {
			killed++
		}
	}
	if killed < 3 {
		t.Errorf("only %d runs were killed before they ended: the test did not bite", killed)
	}
	out, code := runToEnd(t, af, data)
	if code != 0 || !strings.Contains(out, "confirmed in block") {
		t.Fatalf("the last run exits with %d:\n%s", code, out)
	}
	t.Logf("%d runs killed, all done after %v", killed, time.Since(began))
	checkFolder(t, data)
}

func devCommand(ctx context.Context, af, data string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, af, "dev", "--data", data, "--samples", "40", "--block-time", "50ms", "--latency", "0.01")
	cmd.Env = append(os.Environ(), "AFFINE_CRUXEVAL=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// runKilled starts a run and kills it after d; it reports false when the run had
// ended by itself.
func runKilled(t *testing.T, af, data string, d time.Duration) bool {
	t.Helper()
	var out bytes.Buffer
	cmd := devCommand(t.Context(), af, data)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("a run ended with %v:\n%s", err, out.String())
		}
		return false
	case <-time.After(d):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	return true
}

func runToEnd(t *testing.T, af, data string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := devCommand(ctx, af, data)
	out, _ := cmd.CombinedOutput() // the exit code says how it ended
	return string(out), cmd.ProcessState.ExitCode()
}

// checkFolder derives anew, from what lies in the folder, that nothing is missing.
func checkFolder(t *testing.T, data string) {
	t.Helper()
	s, err := storelocal.Open(filepath.Join(data, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, err := archivelocal.Open(filepath.Join(data, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	miners, err := s.Miners(t.Context(), 120)
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	for _, m := range miners {
		if m.State != subnet.Valid {
			continue
		}
		for _, id := range []subnet.EnvID{sat.LegacyID, sat.HardID, abd.ID} {
			cells++
			checkCell(t, s, a, m, id)
		}
	}
	if cells < 15 {
		t.Errorf("only %d cells were checked", cells)
	}
}

func checkCell(t *testing.T, s *storelocal.Store, a archive.Archive, m subnet.Miner, id subnet.EnvID) {
	t.Helper()
	const window = 500 // the development chain begins with it
	p := m.Progress[id]
	rows, err := s.Samples(t.Context(), store.Shelf{Hotkey: m.Hotkey, Revision: m.Revision, Env: id}, window, window)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan(t.Context(), 120, window)
	if err != nil {
		t.Fatal(err)
	}
	scored, byIndex := 0, make(map[uint32]int)
	for i, row := range rows {
		// A task that was sent by a run that ended before it could count it has its row
		// all the same; the miner then starts anew at the cursor.
		if byIndex[row.Index]++; row.Index >= plan.Cursor[id] || byIndex[row.Index] > 1 {
			t.Errorf("%s in %s: index %d, row %d of it, lies beyond the cursor %d or stands twice", m.Model, id, row.Index, byIndex[row.Index], plan.Cursor[id])
		}
		if row.Outcome.Scored() {
			scored++
		}
		if i%7 == 0 {
			checkTranscript(t, a, row)
		}
	}
	for index := p.Start; index < p.Next; index++ {
		if byIndex[index] != 1 {
			t.Errorf("%s in %s: index %d has %d rows", m.Model, id, index, byIndex[index])
		}
	}
	if scored < killSamples && !strings.Contains(m.Model, "broke") {
		t.Errorf("%s in %s: %d scored samples, want %d", m.Model, id, scored, killSamples)
	}
}

func checkTranscript(t *testing.T, a archive.Archive, row subnet.Sample) {
	t.Helper()
	frame, err := a.Get(t.Context(), row.Ref.Pack, row.Ref.Offset, row.Ref.Length)
	if err != nil {
		t.Errorf("transcript of %s: %v", row.ID, err)
		return
	}
	if tr, err := pack.Read(frame); err != nil || tr.ID != row.ID {
		t.Errorf("transcript of %s: id %s, %v", row.ID, tr.ID, err)
	}
}
