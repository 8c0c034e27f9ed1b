package local_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/sqlitefile"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/store/storetest"
	"github.com/affine-go/affine/shared/subnet"
)

func shelf(s subnet.Sample) store.Shelf {
	return store.Shelf{Hotkey: s.Hotkey, Revision: s.Revision, Env: s.Env}
}

func TestOpenRefusals(t *testing.T) {
	path := file(t)
	f, err := sqlitefile.Open(path, sqlitefile.Schema{
		Kind: 0x61667374, Version: 99, Tables: "CREATE TABLE x (y)", Sync: sqlitefile.Power,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Open(path); !errors.Is(err, store.ErrNewer) || !oneLine(err) {
		t.Errorf("opening a newer file gave %v, want ErrNewer in one line", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Open(path); !errors.Is(err, sqlitefile.ErrDamaged) || !oneLine(err) {
		t.Errorf("opening a malformed file gave %v, want ErrDamaged in one line", err)
	}
}

func oneLine(err error) bool { return err != nil && !strings.Contains(err.Error(), "\n") }

// TestFullDisk fills the file to its bound: the write that does not fit is refused
// whole, says so in one line, and the rows before it stay.
func TestFullDisk(t *testing.T) {
	s := open(t, file(t))
	first := storetest.Sample("5A", 44, 0)
	if _, err := s.PutSamples(t.Context(), []subnet.Sample{first}); err != nil {
		t.Fatal(err)
	}
	if err := s.LimitPages(14); err != nil {
		t.Fatal(err)
	}
	batch := make([]subnet.Sample, 1000)
	for i := range batch {
		batch[i] = storetest.Sample("5A", 44, uint32(i))
	}
	batch[999].Score = -1
	results, err := s.PutSamples(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results[:999] {
		if !errors.Is(r.Err, store.ErrFull) || !oneLine(r.Err) || r.Duplicate {
			t.Fatalf("sample %d: %+v, want ErrFull in one line", i, r)
		}
	}
	if !errors.Is(results[999].Err, store.ErrUnstorable) {
		t.Errorf("the bad sample: %v, want its own error", results[999].Err)
	}
	if _, err := s.PutPlan(t.Context(), subnet.WindowPlan{Window: 1, Secret: make([]byte, 1<<17)}); !errors.Is(err, store.ErrFull) {
		t.Errorf("a plan on a full disk gave %v, want ErrFull", err)
	}
	if got, err := s.Samples(t.Context(), shelf(first), 0, 100); err != nil || len(got) != 1 {
		t.Errorf("%d samples stand, %v; want the first alone", len(got), err)
	}
	if _, err := s.Plan(t.Context(), 0, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the plan that did not fit: %v", err)
	}
	if err := s.LimitPages(0); err != nil {
		t.Fatal(err)
	}
	results, err = s.PutSamples(t.Context(), batch[:999])
	if err != nil || !results[0].Duplicate || results[998] != (store.PutResult{}) {
		t.Errorf("with room again: first %+v, last %+v, %v", results[0], results[998], err)
	}
}

// crashFile names the file on which this test binary, started by
// TestKilledAtAnyMoment, writes until it is killed.
const crashFile = "STORE_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

const perBatch = 7

// writeUntilKilled goes on where the file ends and says, after each batch, which
// index comes next.
func writeUntilKilled(path string) error {
	s, err := local.Open(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	got, err := s.Samples(ctx, shelf(storetest.Sample("5A", 0, 0)), 44, 44)
	if err != nil {
		return err
	}
	for next := uint32(len(got)); ; {
		batch := make([]subnet.Sample, perBatch)
		for i := range batch {
			batch[i] = storetest.Sample("5A", 44, next+uint32(i))
		}
		results, err := s.PutSamples(ctx, batch)
		if err != nil || results[0] != (store.PutResult{}) {
			return fmt.Errorf("put: %+v, %w", results[0], err)
		}
		next += perBatch
		fmt.Println(next)
	}
}

// TestKilledAtAnyMoment: what a killed process was told is stored stands, and no
// batch stands in part.
func TestKilledAtAnyMoment(t *testing.T) {
	path := file(t)
	for round := range 5 {
		told := killAfter(t, path, 5+3*round)
		s, err := local.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Samples(t.Context(), shelf(storetest.Sample("5A", 0, 0)), 44, 44)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) < told || len(got)%perBatch != 0 {
			t.Errorf("round %d: %d samples stand, %d were told, batches have %d", round, len(got), told, perBatch)
		}
		for i, smp := range got {
			if smp.Index != uint32(i) {
				t.Fatalf("round %d: sample %d has index %d", round, i, smp.Index)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter starts a writer, kills it after n batches and returns the last number
// it said.
func killAfter(t *testing.T, path string, n int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashFile+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, told := 0, 0
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if _, err := fmt.Sscan(scanner.Text(), &told); err != nil {
			t.Errorf("the writer said %q", scanner.Text())
		}
		if lines++; lines == n {
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil || lines < n {
		t.Fatalf("the writer ended by itself after %d batches: %v", lines, err)
	}
	return told
}
