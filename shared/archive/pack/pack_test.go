package pack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/archive/pack"
	"github.com/affine-go/affine/shared/subnet"
)

func transcript(i int) subnet.Transcript {
	return subnet.Transcript{
		ID:     subnet.SampleID{byte(i), byte(i >> 8), 7},
		Prompt: fmt.Sprintf("Find an assignment for formula %d: (x1 ∨ ¬x2) & <x3>", i),
		Reply:  strings.Repeat(fmt.Sprintf("thinking about %d, ", i), i%50),
		Answer: fmt.Sprint(i),
	}
}

func appendAll(t testing.TB, in []subnet.Transcript) (packed []byte, entries []pack.Entry) {
	t.Helper()
	var w pack.Writer
	for _, tr := range in {
		offset, length, err := w.Append(tr)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, pack.Entry{Offset: offset, Length: length, Transcript: tr})
	}
	if w.Len() != len(w.Bytes()) {
		t.Errorf("Len is %d of %d bytes", w.Len(), len(w.Bytes()))
	}
	return w.Bytes(), entries
}

func TestFramesReadAloneAndInOrder(t *testing.T) {
	var in []subnet.Transcript
	for i := range 300 {
		in = append(in, transcript(i))
	}
	packed, entries := appendAll(t, in)
	for _, e := range entries {
		got, err := pack.Read(packed[e.Offset : e.Offset+e.Length])
		if err != nil || got != e.Transcript {
			t.Fatalf("frame at %d: %v\n%s", e.Offset, err, cmp.Diff(e.Transcript, got))
		}
	}
	var scanned []pack.Entry
	for e, err := range pack.Scan(packed) {
		if err != nil {
			t.Fatal(err)
		}
		scanned = append(scanned, e)
	}
	if !slices.Equal(scanned, entries) {
		t.Error(cmp.Diff(entries, scanned))
	}
}

// A pack unpacks as a whole to JSON lines, with any zstd.
func TestPackIsJSONLines(t *testing.T) {
	in := []subnet.Transcript{transcript(1), transcript(2), transcript(3)}
	packed, _ := appendAll(t, in)
	reader, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	text, err := io.ReadAll(reader)
	if err != nil || bytes.Count(text, []byte("\n")) != len(in) {
		t.Fatalf("%d lines, %v", bytes.Count(text, []byte("\n")), err)
	}
	if !bytes.Contains(text, []byte("& <x3>")) {
		t.Errorf("programs are not readable in %q", text)
	}
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var got subnet.Transcript
		if err := json.Unmarshal(line, &got); err != nil || got != in[i] {
			t.Errorf("line %d: %v, %+v", i, err, got)
		}
	}
}

func TestAnyTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 200)
		text := func(name string) string { return string(raw.Draw(t, name)) }
		in := subnet.Transcript{Prompt: text("prompt"), Reply: text("reply"), Answer: text("answer"), Error: text("error")}
		var w pack.Writer
		if _, _, err := w.Append(in); err != nil {
			t.Fatal(err)
		}
		got, err := pack.Read(w.Bytes())
		want := subnet.Transcript{Prompt: clean(in.Prompt), Reply: clean(in.Reply), Answer: clean(in.Answer), Error: clean(in.Error)}
		if err != nil || got != want {
			t.Fatalf("%v\n%s", err, cmp.Diff(want, got))
		}
	})
}

// clean puts U+FFFD for each byte that is not UTF-8, as JSON must.
func clean(s string) string { return string([]rune(s)) }

func TestSameTranscriptSameBytes(t *testing.T) {
	var w, other pack.Writer
	for i := range 50 {
		if _, _, err := other.Append(transcript(i * 3)); err != nil { // an encoder that has seen other things
			t.Fatal(err)
		}
		w.Reset()
		if _, _, err := w.Append(transcript(7)); err != nil {
			t.Fatal(err)
		}
		if want, _ := appendAll(t, []subnet.Transcript{transcript(7)}); !bytes.Equal(want, w.Bytes()) {
			t.Fatal("the same transcript gave other bytes")
		}
	}
}

func TestTenMegabyteReply(t *testing.T) {
	in := subnet.Transcript{Reply: strings.Repeat("\x01", 10<<20)} // 6 bytes each in JSON
	packed, _ := appendAll(t, []subnet.Transcript{in})
	got, err := pack.Read(packed)
	if err != nil || got != in {
		t.Errorf("%v, %d bytes of reply", err, len(got.Reply))
	}
}

func TestTooLarge(t *testing.T) {
	var w pack.Writer
	if _, _, err := w.Append(transcript(1)); err != nil {
		t.Fatal(err)
	}
	before := w.Len()
	if _, _, err := w.Append(subnet.Transcript{Reply: strings.Repeat("x", pack.MaxTranscript)}); !errors.Is(err, pack.ErrTooLarge) {
		t.Errorf("append: %v, want ErrTooLarge", err)
	}
	if w.Len() != before {
		t.Errorf("a refused transcript left %d bytes", w.Len()-before)
	}
}
