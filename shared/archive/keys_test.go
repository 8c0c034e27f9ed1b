package archive_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/subnet"
)

func TestKeys(t *testing.T) {
	at := time.Date(2026, 11, 23, 0, 30, 0, 0, time.FixedZone("CET", 3600)) // still the 22nd in UTC
	for _, tt := range []struct{ got, want string }{
		{archive.PartKey(at, "er-7f", 3), "samples/v1/level=0/dt=2026-11-22/er-7f-00000003.parquet"},
		{archive.PackKey(at, "er-7f", 3), "conv/v1/dt=2026-11-22/er-7f-00000003.pack"},
		{archive.PartPrefix(at), "samples/v1/level=0/dt=2026-11-22/"},
		{archive.SortedKey(at, "affine:sat", "abc"), "samples/v1/level=2/dt=2026-11-22/env=affine-sat/abc.parquet"},
		{archive.ManifestKey(at), "_manifest/v1/2026-11-22.json"},
		{archive.WeightsKey(at, 7_000_001), "weights/v1/dt=2026-11-22/7000001.json"},
		{archive.LatestWeightsKey, "weights/v1/latest.json"},
		{archive.WindowKey(120, 700), "windows/v1/netuid=120/700.json"},
		{archive.SeedLatestKey, "affine/weights/latest.json"},
		{archive.SeedSummaryKey(7_000_001), "affine/weights/summary-7000001.json"},
	} {
		if tt.got != tt.want {
			t.Errorf("key %s, want %s", tt.got, tt.want)
		}
		if err := archive.CheckPrefix(tt.got); err != nil {
			t.Error(err)
		}
	}
}

func TestKeysAreValidAndSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,63}`).Draw(t, "run")
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0)
		seq := rapid.IntRange(0, 99_999_998).Draw(t, "seq")
		if err := archive.CheckRun(run); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{
			archive.PartKey(at, run, seq), archive.PackKey(at, run, seq), archive.ManifestKey(at),
			archive.SortedKey(at, "affine:sat", run), archive.WeightsKey(at, subnet.Block(seq)),
		} {
			if err := archive.CheckKey(key); err != nil {
				t.Fatal(err)
			}
		}
		if archive.PartKey(at, run, seq) >= archive.PartKey(at, run, seq+1) {
			t.Fatalf("part %d does not sort before the next", seq)
		}
		if !strings.HasPrefix(archive.PartKey(at, run, seq), archive.PartPrefix(at)) {
			t.Fatal("the part does not lie in its day's folder")
		}
	})
}

func TestCheckRun(t *testing.T) {
	for _, run := range []string{"a", "0", "er-7f3a9c", strings.Repeat("x", 64)} {
		if err := archive.CheckRun(run); err != nil {
			t.Error(err)
		}
	}
	for _, run := range []string{"", "-a", "A", "a/b", "a b", "a.b", "a_b", "é", "a\x00", strings.Repeat("x", 65)} {
		if archive.CheckRun(run) == nil {
			t.Errorf("run id %q was not refused", run)
		}
	}
}

func TestCheckPrefix(t *testing.T) {
	for _, prefix := range []string{"", "a", "a/", "a/b", "samples/v1/level=0/dt=2026-", "a."} {
		if err := archive.CheckPrefix(prefix); err != nil {
			t.Error(err)
		}
	}
	for _, prefix := range []string{"/", "/a", "a//", "../", "a/../", ".git/", "a\\", "\n", "\xff", strings.Repeat("a", 1025)} {
		if archive.CheckPrefix(prefix) == nil {
			t.Errorf("prefix %q was not refused", prefix)
		}
	}
}

// Whatever CheckKey lets through is one path below a folder, and every prefix of
// it is a prefix that List takes.
func FuzzCheckKey(f *testing.F) {
	for _, key := range []string{"a/b", "../a", "a/./b", "a//b", "\x00", "é/日本", ".put-1", "a/", "/a", "a\\b"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if archive.CheckKey(key) != nil {
			return
		}
		segments := strings.Split(key, "/")
		if len(key) > archive.MaxKey || slices.Contains(segments, "") || slices.Contains(segments, "..") || slices.Contains(segments, ".") {
			t.Fatalf("%q passed", key)
		}
		for i := range key {
			if err := archive.CheckPrefix(key[:i]); err != nil {
				t.Fatal(err)
			}
		}
	})
}
