package local_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/signer/local"
	"github.com/affine-go/affine/shared/signer/signertest"
)

func open(t *testing.T, path string) *local.File {
	t.Helper()
	ledger, err := local.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() }) // some tests close it themselves
	return ledger
}

func read(t *testing.T, path string) (entries []signer.Entry) {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var e signer.Entry
		if err := json.Unmarshal(line, &e); err != nil || line[len(line)-1] != '\n' {
			t.Fatalf("line %q: %v", line, err)
		}
		entries = append(entries, e)
	}
	return entries
}

func claim(t *testing.T, ledger *local.File, want int) {
	t.Helper()
	if slot, err := ledger.Claim(t.Context(), signertest.Entry(1000), 9); err != nil || slot != want {
		t.Errorf("slot %d, %v; want %d", slot, err, want)
	}
}

func TestContract(t *testing.T) {
	signertest.Run(t, func(t *testing.T) signertest.Storage {
		path := filepath.Join(t.TempDir(), "signer.jsonl")
		return signertest.Storage{
			Open: func() signer.Ledger { return open(t, path) },
			Read: func() []signer.Entry { return read(t, path) },
		}
	})
}

// A kill or a full disk may leave a part of a line behind. No key was used for it.
func TestATornLastLineWasNeverGiven(t *testing.T) {
	whole, err := json.Marshal(signertest.Entry(1000))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		path := filepath.Join(t.TempDir(), "signer.jsonl")
		claim(t, open(t, path), 0)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, whole[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		claim(t, open(t, path), 1)
		if entries := read(t, path); len(entries) != 2 {
			t.Fatalf("cut at %d: %d entries, want 2", cut, len(entries))
		}
	}
}

// A line that lacks its end only, as editors leave it, counts.
func TestALineWithoutItsEndCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signer.jsonl")
	claim(t, open(t, path), 0)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.TrimSuffix(text, []byte("\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	claim(t, open(t, path), 1)
	if entries := read(t, path); len(entries) != 2 {
		t.Errorf("%d entries, want 2", len(entries))
	}
}

func TestFailingWrites(t *testing.T) {
	full := errors.New("no space left on device")
	for name, c := range map[string]struct{ stored, next int }{
		"refused":                {0, 0},
		"a part stored":          {40, 0},
		"stored, reply lost":     {1 << 20, 1}, // the sync failed: perhaps it stands, so it counts
		"stored but for its end": {-1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "signer.jsonl")
			ledger := open(t, path)
			if c.stored < 0 {
				whole, err := json.Marshal(signertest.Entry(1000))
				if err != nil {
					t.Fatal(err)
				}
				c.stored = len(whole)
			}
			ledger.Spoil(c.stored, full)
			if slot, err := ledger.Claim(t.Context(), signertest.Entry(1000), 9); !errors.Is(err, full) || !strings.Contains(err.Error(), path) {
				t.Fatalf("slot %d, %v; want the disk's error, with the file's name", slot, err)
			}
			claim(t, ledger, c.next)
			claim(t, open(t, path), c.next+1)
		})
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	entry, err := json.Marshal(signertest.Entry(1000))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"words":          "hello\n",
		"empty line":     "\n",
		"empty object":   "{}\n",
		"another log":    `{"at":"2026-01-01T00:00:00Z","hash":"0x00"}` + "\n",
		"two in a line":  string(entry) + string(entry) + "\n",
		"negative slot":  strings.Replace(string(entry), `"slot":0`, `"slot":-1`, 1) + "\n",
		"zeros":          strings.Repeat("\x00", 100) + "\n" + string(entry) + "\n",
		"a line too big": `{"series":"` + strings.Repeat("x", 5<<20) + `"}` + "\n",
	} {
		path := filepath.Join(t.TempDir(), "signer.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ledger, err := local.Open(path)
		if !errors.Is(err, local.ErrDamaged) || ledger != nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want ErrDamaged with the file's name", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// Whoever takes the file away takes the count away: the signer stops.
func TestAFileThatIsTakenAwayStopsTheSigner(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"cut":     func(path string) error { return os.Truncate(path, 10) },
		"replaced": func(path string) error {
			if err := os.Rename(path, path+".old"); err != nil {
				return err
			}
			return os.WriteFile(path, nil, 0o600)
		},
	} {
		path := filepath.Join(t.TempDir(), "signer.jsonl")
		ledger := open(t, path)
		claim(t, ledger, 0)
		claim(t, ledger, 1)
		if err := take(path); err != nil {
			t.Fatal(err)
		}
		if slot, err := ledger.Claim(t.Context(), signertest.Entry(1000), 9); !errors.Is(err, local.ErrDamaged) {
			t.Errorf("%s: slot %d, %v; want ErrDamaged", name, slot, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := local.Open(filepath.Join(t.TempDir(), "no", "signer.jsonl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
	path := filepath.Join(t.TempDir(), "signer.jsonl")
	ledger := open(t, path)
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Claim(t.Context(), signertest.Entry(1000), 9); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("after its end: %v, want an error with the file's name", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to %v, %v", info.Mode(), err)
	}
}

// FuzzOpen opens files of any contents: refused, or counted on from there.
func FuzzOpen(f *testing.F) {
	entry, err := json.Marshal(signertest.Entry(1000))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(entry, '\n'))
	f.Add(entry[:50])
	f.Add([]byte("{}\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "signer.jsonl")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		ledger, err := local.Open(path)
		if err != nil {
			return
		}
		defer ledger.Close()
		first, err := ledger.Claim(t.Context(), signertest.Entry(1000), 1<<62)
		if err != nil {
			t.Fatal(err)
		}
		if next, err := open(t, path).Claim(t.Context(), signertest.Entry(1000), 1<<62); err != nil || next != first+1 {
			t.Errorf("slots %d and %d, %v", first, next, err)
		}
	})
}
