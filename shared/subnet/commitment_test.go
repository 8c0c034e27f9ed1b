package subnet_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/affine-go/affine/shared/subnet"
)

func TestParseCommitment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       subnet.Commitment
		refused    string // part of the reason; empty when accepted
	}{
		{name: "seed era", text: `{"model":"a/Affine-x","revision":"abc","chute_id":"c-1"}`,
			want: subnet.Commitment{Model: "a/Affine-x", Revision: "abc", ChuteID: "c-1"}},
		{name: "without chute", text: `{"model":"a/Affine-x","revision":"abc"}`,
			want: subnet.Commitment{Model: "a/Affine-x", Revision: "abc"}},
		{name: "unknown field", text: `{"model":"m","revision":"r","extra":[1,{"a":2}]}`,
			want: subnet.Commitment{Model: "m", Revision: "r"}},
		{name: "empty", text: "", refused: "not a JSON object"},
		{name: "not JSON", text: "hello", refused: "not a JSON object"},
		{name: "null", text: "null", refused: "model is missing"},
		{name: "array", text: `["model"]`, refused: "not a JSON object"},
		{name: "no model", text: `{"revision":"abc"}`, refused: "model is missing"},
		{name: "no revision", text: `{"model":"m"}`, refused: "revision is missing"},
		{name: "blank model", text: `{"model":"  ","revision":"r"}`, refused: "model is missing"},
		{name: "number for model", text: `{"model":5,"revision":"r"}`, refused: "not a JSON object"},
		{name: "two objects", text: `{"model":"m","revision":"r"}{"a":1}`, refused: "after the JSON object"},
		{name: "newline in model", text: "{\"model\":\"m\\nx\",\"revision\":\"r\"}", refused: "unprintable"},
		{name: "terminal escape", text: "{\"model\":\"m\\u001b[31m\",\"revision\":\"r\"}", refused: "unprintable"},
		{name: "hash in revision", text: `{"model":"m","revision":"r#affine:sat"}`, refused: "'#'"},
		{name: "long model", text: `{"model":"` + strings.Repeat("m", 257) + `","revision":"r"}`, refused: "at most 256"},
		{name: "not UTF-8", text: "{\"model\":\"\xff\",\"revision\":\"r\"}", refused: "not UTF-8"},
		{name: "huge", text: strings.Repeat("x", 1<<20), refused: "at most 4096"},
		{name: "deeply nested", text: strings.Repeat("[", 4000), refused: "not a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := subnet.ParseCommitment([]byte(c.text), 7)
			if c.refused != "" {
				if !errors.Is(err, subnet.ErrCommitment) || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("error %v, want one with %q", err, c.refused)
				}
				return
			}
			c.want.Block = 7
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func FuzzParseCommitment(f *testing.F) {
	f.Add([]byte(`{"model":"a/Affine-x","revision":"abc","chute_id":"c-1"}`))
	f.Add([]byte("\x00\x01"))
	f.Add([]byte(`{"model":"m","revision":"r"} trailing`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := subnet.ParseCommitment(text, 1)
		if err != nil {
			if !errors.Is(err, subnet.ErrCommitment) {
				t.Fatalf("error %v does not wrap ErrCommitment", err)
			}
			return
		}
		if c.Model == "" || c.Revision == "" || strings.ContainsAny(string(c.Revision), "#/\n ") || !utf8.ValidString(c.Model) {
			t.Fatalf("accepted %+v", c)
		}
	})
}

func TestRawCommitmentWithoutText(t *testing.T) {
	raw := subnet.RawCommitment{Text: []byte(`{"model":"a/m","revision":"r"}`), Block: 7}
	if c, err := raw.Parse(); err != nil || c.Model != "a/m" || c.Block != 7 {
		t.Errorf("%+v, %v", c, err)
	}
	raw.Problem = "sealed until drand round 9"
	if c, err := raw.Parse(); !errors.Is(err, subnet.ErrCommitment) || !strings.Contains(err.Error(), raw.Problem) || c != (subnet.Commitment{}) {
		t.Errorf("with a problem: %+v, %v", c, err)
	}
}
