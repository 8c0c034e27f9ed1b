package chain

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// written is a CommitmentOf value of these fields.
func written(fields ...any) map[string]any {
	return map[string]any{"deposit": uint64(0), "block": uint64(77), "info": map[string]any{"fields": fields}}
}

var (
	inTheOpen = metadata.Variant{Name: "Raw4", Value: []byte("text")}
	bigInOpen = metadata.Variant{Name: "BigRaw", Value: []byte(strings.Repeat("t", 200))}
	sealed    = metadata.Variant{Name: "TimelockEncrypted", Value: map[string]any{"encrypted": []byte{1, 2}, "reveal_round": uint64(4711)}}
	failed    = metadata.Variant{Name: "TimelockRevealFailed", Value: sealed.Value}
	flag      = metadata.Variant{Name: "ResetBondsFlag"}
	hash      = metadata.Variant{Name: "Sha256", Value: make([]byte, 32)}
)

func TestLastWritten(t *testing.T) {
	for name, test := range map[string]struct {
		value any
		want  subnet.RawCommitment
		found bool
	}{
		"text":                    {written(inTheOpen), subnet.RawCommitment{Text: []byte("text"), Block: 77}, true},
		"long text":               {written(bigInOpen), subnet.RawCommitment{Text: bigInOpen.Value.([]byte), Block: 77}, true},
		"the first text":          {written(flag, bigInOpen, inTheOpen), subnet.RawCommitment{Text: bigInOpen.Value.([]byte), Block: 77}, true},
		"text beside what is not": {written(sealed, failed, inTheOpen), subnet.RawCommitment{Text: []byte("text"), Block: 77}, true},
		"sealed":                  {written(sealed), subnet.RawCommitment{Block: 77, Problem: "sealed until drand round 4711"}, true},
		"could not be opened":     {written(failed), subnet.RawCommitment{Block: 77, Problem: "the chain could not open it"}, true},
		"a hash and a flag":       {written(hash, flag), subnet.RawCommitment{}, false},
		"no field":                {written(), subnet.RawCommitment{}, false},
	} {
		got, found, err := lastWritten(test.value)
		if diff := cmp.Diff(test.want, got); err != nil || found != test.found || diff != "" {
			t.Errorf("%s: %v, %v %s", name, found, err, diff)
		}
	}
}

// Under a real runtime's types a sealed record reads as sealed.
func TestSealedRecordOfARealRuntime(t *testing.T) {
	m := real393(t)
	entry, err := m.StorageEntry("Commitments", "CommitmentOf")
	if err != nil {
		t.Fatal(err)
	}
	var e scale.Encoder
	if err := m.EncodeType(&e, entry.Value, written(sealed)); err != nil {
		t.Fatal(err)
	}
	value, err := m.DecodeStorage("Commitments", "CommitmentOf", e.Data())
	if err != nil {
		t.Fatal(err)
	}
	raw, found, err := lastWritten(value)
	if err != nil || !found || raw.Problem != "sealed until drand round 4711" {
		t.Errorf("%+v, %v, %v", raw, found, err)
	}
	if _, err := raw.Parse(); !errors.Is(err, subnet.ErrCommitment) || !strings.Contains(err.Error(), "4711") {
		t.Errorf("a sealed commitment parses: %v", err)
	}
}

// A value that cannot be read concerns one miner; when none can be read it is the read
// that has failed.
func TestFaultsOfCommitments(t *testing.T) {
	good := []any{[]any{[]byte("text"), uint64(5)}}
	for name, test := range map[string]struct {
		revealed []any // of Alice, Bob and Charlie, by items
		problems int
		fails    bool
	}{
		"all are read":          {[]any{good, good, good}, 0, false},
		"one cannot be":         {[]any{good, 7, nil}, 1, false},
		"most cannot be":        {[]any{7, 7, good}, 2, false},
		"the only one cannot":   {[]any{7, nil, nil}, 1, false},
		"none of several can":   {[]any{7, 7, nil}, 2, true},
		"nobody wrote anything": {[]any{nil, nil, nil}, 0, false},
	} {
		c := newCommitments(netuid120, threeNeurons())
		for i, it := range c.items() {
			if it.entry != "RevealedCommitments" {
				continue
			}
			if err := it.into(test.revealed[i/2]); err != nil {
				it.fault(fmt.Errorf("made up: %w", err))
			}
		}
		got, err := c.newest()
		problems := 0
		for _, raw := range got {
			if raw.Problem != "" {
				problems++
			}
		}
		if errors.Is(err, ErrAnswer) != test.fails || (!test.fails && problems != test.problems) {
			t.Errorf("%s: %d problems, %v", name, problems, err)
		}
	}
}
