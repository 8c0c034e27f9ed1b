// Package archivetest holds the suite that every implementation of
// archive.Archive passes, and Faulty, which makes one refuse writes or lose their
// replies.
package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/affine-go/affine/shared/archive"
)

// Run puts an archive through the contract. open returns an empty archive for each
// test, or one whose keys no other test uses.
func Run(t *testing.T, open func(t *testing.T) archive.Archive) {
	tests := []struct {
		name string
		test func(t *testing.T, a archive.Archive)
	}{
		{"an object comes back as it was put", roundTrip},
		{"a key is written once", writeOnce},
		{"replace overwrites", replace},
		{"ranges are exact", ranges},
		{"a missing key is not found", notFound},
		{"list gives sorted keys with the prefix", list},
		{"bad keys are refused", badKeys},
		{"a cancelled context stores nothing", cancelled},
		{"a body may be reused after put", reuse},
		{"twenty writers race and one wins", race},
		{"list goes past one page", paging},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

// oddKeys are keys that URL escaping, file systems and XML treat unkindly.
var oddKeys = []string{
	"plain", "a/b/c/d/e/f.json", "dt=2026-11-22/env=affine-sat/x.parquet",
	"with space", "plus+sign", "per%20cent", "question?mark", "hash#mark", "amp&ersand",
	"quote'and\"double", "<angle>", "tilde~", "ünïcödé/日本語", "colon:semi;comma,", "(paren)[bracket]{brace}",
	"trailing.dot.", "@at$dollar!bang*star", "UPPER", "Upper", strings.Repeat("n", 200),
}

func roundTrip(t *testing.T, a archive.Archive) {
	bodies := map[string][]byte{"empty": {}, "one": {0}, "large": noise(8 << 20)}
	for _, key := range oddKeys {
		bodies["odd/"+key] = []byte("under " + key)
	}
	for key, body := range bodies {
		must(t, a.Put(t.Context(), key, body))
		wantBody(t, a, key, body)
	}
	got, err := a.List(t.Context(), "odd/")
	must(t, err)
	want := make([]string, 0, len(oddKeys))
	for _, key := range oddKeys {
		want = append(want, "odd/"+key)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func writeOnce(t *testing.T, a archive.Archive) {
	for _, body := range [][]byte{[]byte("first"), {}} {
		key := fmt.Sprintf("once/%d", len(body))
		must(t, a.Put(t.Context(), key, body))
		if err := a.Put(t.Context(), key, body); err != nil {
			t.Errorf("the same %d bytes again: %v", len(body), err)
		}
		for _, other := range []string{"first, and more", "First", "f"} {
			err := a.Put(t.Context(), key, []byte(other))
			if !errors.Is(err, archive.ErrExists) {
				t.Errorf("putting %q over %q: %v, want ErrExists", other, body, err)
			}
			if err != nil && !strings.Contains(err.Error(), key) {
				t.Errorf("error %q does not name the key", err)
			}
		}
		wantBody(t, a, key, body)
	}
}

func replace(t *testing.T, a archive.Archive) {
	const key = "pointer/latest.json"
	for _, body := range []string{"one", "two, longer", "", "3"} {
		must(t, a.Replace(t.Context(), key, []byte(body)))
		wantBody(t, a, key, []byte(body))
	}
	if err := a.Put(t.Context(), key, []byte("other")); !errors.Is(err, archive.ErrExists) {
		t.Errorf("put over a replaced object: %v, want ErrExists", err)
	}
	must(t, a.Put(t.Context(), key, []byte("3")))
}

func ranges(t *testing.T, a archive.Archive) {
	body := noise(1000)
	must(t, a.Put(t.Context(), "ranged", body))
	must(t, a.Put(t.Context(), "empty", nil))
	for _, tt := range []struct {
		key            string
		offset, length int64
		want           []byte // nil: ErrPastEnd
	}{
		{"ranged", 0, -1, body},
		{"ranged", 0, 1000, body},
		{"ranged", 0, 1, body[:1]},
		{"ranged", 999, 1, body[999:]},
		{"ranged", 999, -1, body[999:]},
		{"ranged", 250, 500, body[250:750]},
		{"ranged", 0, 0, []byte{}},
		{"ranged", 500, 0, []byte{}},
		{"ranged", 1000, 0, []byte{}},
		{"ranged", 1000, -1, []byte{}},
		{"ranged", 1001, 0, nil},
		{"ranged", 1001, -1, nil},
		{"ranged", 1000, 1, nil},
		{"ranged", 999, 2, nil},
		{"ranged", 0, 1001, nil},
		{"ranged", 1 << 40, 1, nil},
		{"ranged", 1, 1<<63 - 1, nil},
		{"ranged", -1, 1, nil},
		{"ranged", -1, -1, nil},
		{"empty", 0, -1, []byte{}},
		{"empty", 0, 0, []byte{}},
		{"empty", 0, 1, nil},
		{"empty", 1, -1, nil},
	} {
		got, err := a.Get(t.Context(), tt.key, tt.offset, tt.length)
		if tt.want == nil {
			if !errors.Is(err, archive.ErrPastEnd) || got != nil {
				t.Errorf("%s[%d, %d long]: %d bytes, %v; want ErrPastEnd", tt.key, tt.offset, tt.length, len(got), err)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, tt.want) {
			t.Errorf("%s[%d, %d long]: %d bytes, %v; want %d bytes", tt.key, tt.offset, tt.length, len(got), err, len(tt.want))
		}
	}
}

func notFound(t *testing.T, a archive.Archive) {
	must(t, a.Put(t.Context(), "here/it/is", []byte("x")))
	for _, key := range []string{"gone", "here", "here/it", "here/it/is/not", "here/it/i"} {
		for _, r := range [][2]int64{{0, -1}, {0, 0}, {0, 1}, {5, 1}} {
			_, err := a.Get(t.Context(), key, r[0], r[1])
			if !errors.Is(err, archive.ErrNotFound) {
				t.Errorf("get %s from %d, %d long: %v, want ErrNotFound", key, r[0], r[1], err)
			}
		}
	}
}

func list(t *testing.T, a archive.Archive) {
	keys := []string{"a-b", "a.c", "a/b/1", "a/b/2", "a/b0", "a/b-1", "a0", "ab", "b/x", "Z"}
	for _, key := range keys {
		must(t, a.Put(t.Context(), key, []byte(key)))
	}
	slices.Sort(keys)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/2", "a/b/2/", "b/x", "c", "nothing/here/", "Z"} {
		var want []string
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		got, err := a.List(t.Context(), prefix)
		must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("list %q: %q, want %q", prefix, got, want)
		}
	}
	if _, err := a.List(t.Context(), "../"); err == nil {
		t.Error("listing outside the archive was not refused")
	}
}

func badKeys(t *testing.T, a archive.Archive) {
	for _, key := range []string{
		"", "/", "/abs", "a//b", "a/", "..", "../a", "a/../b", "a/..", ".", "./a", ".hidden", "a/.hidden",
		"nul\x00", "new\nline", "back\\slash", "\xff", "\u0085", strings.Repeat("n", 256), strings.Repeat("a/", 512) + "b",
	} {
		if err := a.Put(t.Context(), key, []byte("x")); err == nil {
			t.Errorf("put under %q was not refused", key)
		}
		if err := a.Replace(t.Context(), key, []byte("x")); err == nil {
			t.Errorf("replace under %q was not refused", key)
		}
		if _, err := a.Get(t.Context(), key, 0, -1); err == nil || errors.Is(err, archive.ErrNotFound) {
			t.Errorf("get %q: %v, want a refusal", key, err)
		}
	}
	got, err := a.List(t.Context(), "")
	must(t, err)
	if len(got) != 0 {
		t.Errorf("refused keys left %q behind", got)
	}
}

func cancelled(t *testing.T, a archive.Archive) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Put(ctx, "late", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want context.Canceled", err)
	}
	if err := a.Replace(ctx, "late", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("replace: %v, want context.Canceled", err)
	}
	if _, err := a.Get(t.Context(), "late", 0, -1); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("get: %v, want ErrNotFound", err)
	}
}

func reuse(t *testing.T, a archive.Archive) {
	body := []byte("before")
	must(t, a.Put(t.Context(), "reused", body))
	copy(body, "after!")
	wantBody(t, a, "reused", []byte("before"))
}

func race(t *testing.T, a archive.Archive) {
	const writers, rounds = 20, 5
	for round := range rounds {
		key := fmt.Sprintf("race/%d", round)
		results := make([]error, writers)
		var group errgroup.Group
		for w := range writers {
			group.Go(func() error {
				results[w] = a.Put(t.Context(), key, raceBody(w))
				return nil
			})
		}
		must(t, group.Wait())
		oneWinner(t, a, key, results)
	}
}

// raceBody is the same for writers 0 and 1, 2 and 3, and so on: two of a pair may
// both succeed.
func raceBody(writer int) []byte {
	return bytes.Repeat([]byte{byte('a' + writer/2)}, 4096+writer/2)
}

func oneWinner(t *testing.T, a archive.Archive, key string, results []error) {
	t.Helper()
	stands, err := a.Get(t.Context(), key, 0, -1)
	must(t, err)
	succeeded := 0
	for w, err := range results {
		winner := bytes.Equal(stands, raceBody(w))
		switch {
		case winner && err == nil:
			succeeded++
		case winner || !errors.Is(err, archive.ErrExists):
			t.Errorf("%s: writer %d, whose bytes stand: %v, was told %v", key, w, winner, err)
		}
	}
	if succeeded != 2 {
		t.Errorf("%s: %d writers succeeded, want the 2 that wrote the bytes that stand", key, succeeded)
	}
}

// paging lists more keys than the 1,000 that S3 and R2 give at a time.
func paging(t *testing.T, a archive.Archive) {
	const n = 1100
	want := make([]string, n)
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		want[i] = fmt.Sprintf("page/%05d", i)
		group.Go(func() error { return a.Put(t.Context(), want[i], []byte{byte(i)}) })
	}
	must(t, group.Wait())
	got, err := a.List(t.Context(), "page/")
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("listed %d keys, want the %d that were put, in order", len(got), n)
	}
}

// noise is n bytes that do not compress, the same in every run.
func noise(n int) []byte {
	body := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(body)
	return body
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantBody(t *testing.T, a archive.Archive, key string, want []byte) {
	t.Helper()
	got, err := a.Get(t.Context(), key, 0, -1)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s holds %d bytes (%v), want %d", key, len(got), err, len(want))
	}
}
