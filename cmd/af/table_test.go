package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"charm.land/lipgloss/v2"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/timelock"
)

func TestTableCutsAndAligns(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	columns := []column{{name: "N", right: true}, {name: "TEXT", most: 6}, {name: "LAST"}}
	rows := [][]string{{"1", "short", "x"}, {"22", "rather long", ""}, {"3", "漢字漢字漢字", "y"}, {"4", "a\x1b[2J\tb", "z"}}
	if err := printTable(&out, false, columns, rows); err != nil {
		t.Fatal(err)
	}
	want := " N  TEXT    LAST\n 1  short   x\n22  rathe…\n 3  漢字…   y\n 4  a�[2J…  z\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	if err := printTable(&out, true, columns, rows[1:2]); err != nil || !strings.Contains(out.String(), "rather long") {
		t.Errorf("wide: %v\n%s", err, out.String())
	}
	if err := printTable(full{}, false, columns, rows); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk: %v", err)
	}
}

func TestCutIsNeverWiderThanAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, most := rapid.String().Draw(t, "text"), rapid.IntRange(1, 20).Draw(t, "most")
		got := cut(text, most)
		if lipgloss.Width(got) > most || lipgloss.Width(text) <= most && got != text {
			t.Fatalf("cut(%q, %d) = %q, %d wide", text, most, got, lipgloss.Width(got))
		}
	})
}

// What --json prints cannot steer a terminal, and reads back as what it was.
func TestDocumentsAreHarmlessAndExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + rapid.SampledFrom([]string{"", "\u009b2J", "\u202e", "\x7f", "\x1b]0;x\a", "\U000e0001", "<&>"}).Draw(t, "more")
		var out strings.Builder
		if err := printDocument(&out, map[string]string{"text": text}); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%q holds %U", out.String(), r)
			}
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(out.String()), &back); err != nil || back["text"] != strings.ToValidUTF8(text, "\ufffd") {
			t.Fatalf("%q came back as %q, %v", text, back["text"], err)
		}
	})
}

// A file is complete or not there, whatever stands in its way.
func TestFilesAreWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := writeWhole(name, []byte("first"), false); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(name, []byte("second"), false); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "first" {
		t.Errorf("%q, %v: it was touched", got, err)
	}
	if err := writeWhole(name, []byte("third"), true); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(filepath.Join(dir, "folder"), nil, true); err == nil {
		t.Error("a folder was replaced")
	}
	if err := writeWhole(filepath.Join(dir, "none", "file"), nil, true); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("into no folder: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFiguresForPeople(t *testing.T) {
	t.Parallel()
	for rao, want := range map[uint64]string{0: "0.0000", 99_999: "0.0000", 100_000: "0.0001", 1_999_999_999: "1.9999", 1<<64 - 1: "18446744073.7095"} {
		if got := tao(rao); got != want {
			t.Errorf("%d rao: %s, want %s", rao, got, want)
		}
	}
	if ago(5, 0) != "never" || ago(5, 6) != "0" || ago(5, 5) != "0" || ago(7, 2) != "5" {
		t.Error("blocks ago")
	}
	if drand := timelock.Quicknet(); opens(drand, 1<<63) != nil || opens(drand, 1).Unix() != 1692803367 {
		t.Errorf("opens: %v, %v", opens(drand, 1<<63), opens(drand, 1))
	}
}
