package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// inProcess runs one command line, without the process around it, and returns what it
// printed on standard output.
func inProcess(t testing.TB, stdin string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRootCmd()
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func echo(_ context.Context, line []byte) (any, error) { return string(line), nil }

func TestLinesAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 2, 7, 64} {
		synctest.Test(t, func(t *testing.T) {
			var in, want strings.Builder
			for i := range 50 {
				fmt.Fprintf(&in, "  %d\r\n\n", i)
				fmt.Fprintf(&want, "\"%d\"\n", i)
			}
			var out bytes.Buffer
			// The earlier of two lines takes longer, so that only waiting keeps the order.
			late := func(ctx context.Context, line []byte) (any, error) {
				n, err := strconv.Atoi(string(line))
				time.Sleep(time.Duration(100-n) * time.Millisecond)
				if err != nil {
					return nil, err
				}
				return echo(ctx, line)
			}
			if err := (lineByLine{limit: 20, parallel: parallel}).run(t.Context(), strings.NewReader(in.String()), &out, late); err != nil || out.String() != want.String() {
				t.Errorf("%d at once: %v\n%s", parallel, err, out.String())
			}
		})
	}
}

func TestLinesAreUnderWayAtOnce(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			second := func(context.Context, []byte) (any, error) {
				time.Sleep(time.Second)
				return 1, nil
			}
			err := lineByLine{limit: 20, parallel: parallel}.run(t.Context(), strings.NewReader("a\nb\nc\nd\ne\nf\n"), io.Discard, second)
			if took, want := time.Since(start), time.Duration(6/parallel)*time.Second; err != nil || took != want {
				t.Errorf("%d at once: six lines of a second took %v, want %v (%v)", parallel, took, want, err)
			}
		})
	}
}

func TestFirstBadLineEndsTheWork(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	picky := func(ctx context.Context, line []byte) (any, error) {
		if line[0] == 'x' {
			return nil, bad
		}
		return echo(ctx, line)
	}
	for _, parallel := range []int{1, 8} {
		var out bytes.Buffer
		err := lineByLine{limit: 20, parallel: parallel}.run(t.Context(), strings.NewReader("a\n\nb\nx\nc\nx\n"), &out, picky)
		if !errors.Is(err, bad) || err.Error() != "line 4: bad" {
			t.Errorf("error %v, want line 4", err)
		}
		if out.String() != "\"a\"\n\"b\"\n" {
			t.Errorf("printed %q, want the lines before the bad one", out.String())
		}
	}
}

func TestLongestLine(t *testing.T) {
	t.Parallel()
	l := lineByLine{limit: 8, parallel: 1}
	for text, want := range map[string]string{
		"12345678":            "",
		"12345678\n12345678":  "",
		"a\n123456789\nb\n":   "line 2: longer than 8 bytes",
		"a\n\n123456789":      "line 3: longer than 8 bytes",
		"":                    "",
		"\n\n \n\t\r\n":       "",
		"last without a feed": "line 1: longer than 8 bytes",
	} {
		err := l.run(t.Context(), strings.NewReader(text), io.Discard, echo)
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// A line without end is read no further than the limit.
func TestEndlessLineIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	endless := &endlessLine{}
	err := lineByLine{limit: 1 << 20, parallel: 1}.run(t.Context(), endless, io.Discard, echo)
	if err == nil || !strings.Contains(err.Error(), "line 1: longer than 1048576 bytes") {
		t.Errorf("error %v", err)
	}
	if endless.read > 4<<20 {
		t.Errorf("read %d bytes", endless.read)
	}
}

type endlessLine struct{ read int }

func (e *endlessLine) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '['
	}
	e.read += len(b)
	return len(b), nil
}

func TestReadAndWriteFaultsAreTold(t *testing.T) {
	t.Parallel()
	l := lineByLine{limit: 8, parallel: 1}
	broken := io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := l.run(t.Context(), broken, io.Discard, echo); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader that fails: %v", err)
	}
	if err := l.run(t.Context(), strings.NewReader("a\nb\n"), full{}, echo); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// Whoever interrupts a command that waits for its input is not kept waiting, nor
// whoever interrupts one whose answer takes long.
func TestInterruptEndsTheWait(t *testing.T) {
	t.Parallel()
	silent, writer := io.Pipe()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		fmt.Fprintln(writer, "a") // taken once the reader is there
		cancel()
	}()
	if err := (lineByLine{limit: 8, parallel: 1}).run(ctx, silent, io.Discard, echo); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for input: %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	stuck := func(ctx context.Context, _ []byte) (any, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := (lineByLine{limit: 8, parallel: 2}).run(ctx, strings.NewReader("a\nb\nc\n"), io.Discard, stuck); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for an answer: %v", err)
	}
}

func TestParseLineSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"nonce": 5}`:                     "",
		`{"nonce": 18446744073709551615}`:  "",
		`{"nonce": 18446744073709551616}`:  "nonce: JSON number 18446744073709551616 where a uint64 belongs",
		`{"nonce": -1}`:                    "nonce: JSON number -1 where a uint64 belongs",
		`{"nonce": "5"}`:                   "nonce: JSON string where a uint64 belongs",
		`{"nonce": 5} {"nonce": 6}`:        "more than one JSON value: the second begins after byte 12",
		`{"nonce": 5}]`:                    "more than one JSON value: the second begins after byte 12",
		`{"nonce": 5`:                      "not JSON: it breaks off after byte 11",
		`{nonce: 5}`:                       "not JSON at byte 2: invalid character 'n' looking for beginning of object key string",
		`[]`:                               "JSON array where an object belongs",
		`"x"`:                              "JSON string where an object belongs",
		strings.Repeat("[", 20_000):        "not JSON at byte 10001: invalid character '[' exceeded max depth",
		strings.Repeat(`{"args":`, 20_000): "not JSON at byte 80001: invalid character '{' exceeded max depth",
	} {
		var in struct {
			Nonce *uint64        `json:"nonce"`
			Args  map[string]any `json:"args"`
		}
		err := parseLine([]byte(text), &in)
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("%.40s: error %v, want %q", text, err, want)
		}
	}
}
