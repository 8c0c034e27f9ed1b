package part_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/archive/part"
	"github.com/affine-go/affine/shared/subnet"
)

func samples(n int) []subnet.Sample {
	s := newSynthetic()
	out := make([]subnet.Sample, n)
	for i := range out {
		out[i] = s.sample()
		out[i].ID = out[i].SampleID()
	}
	return out
}

func encode(t testing.TB, in []subnet.Sample) []byte {
	t.Helper()
	data, err := part.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wantDecoded(t testing.TB, data []byte, want []subnet.Sample) {
	t.Helper()
	got, err := part.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("decoded samples differ:\n%s", cmp.Diff(want, got))
	}
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 511, 512, 513, 1000, 5000} {
		in := samples(n)
		wantDecoded(t, encode(t, in), in)
	}
}

// More than one row group, and more reasons than a dictionary may hold.
func TestRoundTripLarge(t *testing.T) {
	in := samples(140_000)
	for i := range in[:12_000] {
		in[i].Reason = strings.Repeat(in[i].ID.String(), 6)
	}
	wantDecoded(t, encode(t, in), in)
}

func TestRoundTripAnySample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Custom(anySample), 0, 40).Draw(t, "samples")
		data, err := part.Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := part.Decode(data)
		if err != nil || !slices.Equal(got, in) {
			t.Fatalf("%v\n%s", err, cmp.Diff(in, got))
		}
	})
}

// anySample draws every field from its type's whole range, as far as Check lets it.
func anySample(t *rapid.T) subnet.Sample {
	text := func(name string, min int) string { return rapid.StringN(min, 20, -1).Draw(t, name) }
	s := subnet.Sample{
		Task: subnet.Task{
			Schema: subnet.TaskSchema, Netuid: subnet.Netuid(rapid.Uint16().Draw(t, "netuid")), UID: subnet.UID(rapid.Uint16().Draw(t, "uid")),
			Hotkey: subnet.Hotkey(text("hotkey", 1)), Model: text("model", 0), Revision: subnet.Revision(text("revision", 1)), Slug: text("slug", 0),
			Commit: subnet.Block(rapid.Uint64().Draw(t, "commit")), Env: subnet.EnvID(text("env", 1)), Window: rapid.Uint64().Draw(t, "window"),
			Index: rapid.Uint32Max(subnet.MaxIndex).Draw(t, "index"), TaskID: subnet.TaskID(rapid.Uint64().Draw(t, "task")),
			Attempt: rapid.Uint8().Draw(t, "attempt"), Block: subnet.Block(rapid.Uint64().Draw(t, "block")),
		},
		Outcome: rapid.SampledFrom(subnet.Outcomes).Draw(t, "outcome"), Reason: text("reason", 0),
		Latency: rapid.Int64().Draw(t, "latency"), Prompt: rapid.Int().Draw(t, "prompt"), Complete: rapid.Int().Draw(t, "complete"),
		At:  time.UnixMilli(rapid.Int64Range(0, math.MaxInt32*1000).Draw(t, "at")).UTC(),
		Ref: subnet.PackRef{Pack: text("pack", 0), Offset: rapid.Int64().Draw(t, "offset"), Length: rapid.Int64().Draw(t, "length")},
	}
	if s.Outcome == subnet.OK {
		s.Score = rapid.IntRange(0, subnet.ScoreScale).Draw(t, "score")
	}
	s.ID = s.SampleID()
	return s
}

func TestSameSamplesSameBytes(t *testing.T) {
	in := samples(3000)
	want := encode(t, in)
	for _, portion := range []int{1, 700, 3000} {
		var buf bytes.Buffer
		w := part.NewWriter(&buf)
		for chunk := range slices.Chunk(in, portion) {
			if err := w.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf.Bytes(), want) {
			t.Errorf("the same samples, %d at a time, gave other bytes: %d, not %d", portion, buf.Len(), len(want))
		}
	}
}

// Readers other than parquet-go find a column by its path in each row group.
func TestEveryRowGroupNamesItsColumns(t *testing.T) {
	data := encode(t, samples(270_000))
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	groups := file.Metadata().RowGroups
	if len(groups) != 3 {
		t.Errorf("%d row groups, want 3", len(groups))
	}
	for g, group := range groups {
		for i, path := range file.Schema().Columns() {
			if got := group.Columns[i].MetaData.PathInSchema; !slices.Equal([]string(got), path) {
				t.Errorf("row group %d: column %d is named %q, want %q", g, i, got, path)
			}
		}
	}
}

func TestWhatIsCut(t *testing.T) {
	in := samples(1)
	in[0].Reason = "said \xff\xfe"
	in[0].At = time.Date(2026, 11, 22, 1, 2, 3, 456_789_000, time.FixedZone("", 3600))
	want := slices.Clone(in)
	want[0].Reason = "said \uFFFD"
	want[0].At = time.Date(2026, 11, 22, 0, 2, 3, 456_000_000, time.UTC)
	wantDecoded(t, encode(t, in), want)
}

// The columns are the JSON fields of a sample, in their order, without the id.
func TestColumnsAreNamedAsTheJSON(t *testing.T) {
	var want []string
	collectTags(reflect.TypeFor[subnet.Sample](), &want)
	file, err := parquet.OpenFile(bytes.NewReader(encode(t, samples(10))), int64(len(encode(t, samples(10)))))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range file.Schema().Columns() {
		got = append(got, strings.Join(path, "."))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func collectTags(of reflect.Type, names *[]string) {
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "sample_id":
		case field.Anonymous || field.Type == reflect.TypeFor[subnet.PackRef]():
			collectTags(field.Type, names)
		default:
			*names = append(*names, name)
		}
	}
}

func TestWriterPassesOnFailures(t *testing.T) {
	full := errors.New("no space")
	w := part.NewWriter(failing{full})
	err := w.Write(samples(1000))
	if err == nil {
		err = w.Close()
	}
	if !errors.Is(err, full) {
		t.Errorf("%v, want the output's error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
