package subnet_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/subnet"
)

// TestCommitmentText: the bytes that Python's json.dumps gives for the same values.
func TestCommitmentText(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]subnet.Commitment{
		`{"model": "a/Affine-x", "revision": "abc", "chute_id": "c-1"}`:               {Model: "a/Affine-x", Revision: "abc", ChuteID: "c-1", Block: 7},
		`{"model": "a/Affine-x", "revision": "abc"}`:                                  {Model: "a/Affine-x", Revision: "abc"},
		`{"model": "a\\b\"c", "revision": "<&>'"}`:                                    {Model: `a\b"c`, Revision: `<&>'`},
		`{"model": "\u00fc\u4e2d", "revision": "\ud83e\udd80", "chute_id": "\u00e9"}`: {Model: "ü中", Revision: "🦀", ChuteID: "é"},
	} {
		if got, err := c.Text(); err != nil || string(got) != want {
			t.Errorf("%+v: %s, %v; want %s", c, got, err, want)
		}
	}
}

func TestCommitmentTextRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]subnet.Commitment{
		"nothing":        {},
		"no revision":    {Model: "m"},
		"space":          {Model: "a b", Revision: "r"},
		"not UTF-8":      {Model: "a\xff", Revision: "r"},
		"escape":         {Model: "a\x1b[31m", Revision: "r"},
		"deleted":        {Model: "a\x7f", Revision: "r"},
		"key of another": {Model: "m", Revision: "r#affine"},
		"long":           {Model: strings.Repeat("m", 257), Revision: "r"},
	} {
		if text, err := c.Text(); !errors.Is(err, subnet.ErrCommitment) || text != nil {
			t.Errorf("%s: %s, %v; want ErrCommitment", name, text, err)
		}
	}
}

// What is written is read as it was, whatever the names are made of.
func TestCommitmentTextIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := subnet.Commitment{
			Model:    rapid.String().Draw(rt, "model"),
			Revision: subnet.Revision(rapid.StringN(0, 20, -1).Draw(rt, "revision")),
			ChuteID:  rapid.StringN(0, 20, -1).Draw(rt, "chute"),
			Block:    9,
		}
		text, err := c.Text()
		if err != nil {
			return
		}
		for _, b := range text {
			if b < ' ' || b > '~' {
				rt.Fatalf("byte %#x in %q", b, text)
			}
		}
		if got, err := subnet.ParseCommitment(text, 9); err != nil || got != c {
			rt.Fatalf("%+v became %+v, %v", c, got, err)
		}
	})
}
