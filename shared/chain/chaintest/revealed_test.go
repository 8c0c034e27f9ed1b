package chaintest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// sealText is a commitment's field that opens in a block.
func sealText(t testing.TB, n *Node, text string, block subnet.Block) metadata.Variant {
	t.Helper()
	round := roundAt(n, block)
	return timelocked(encrypt(t, n, []byte(text), round), round)
}

func TestCommitmentIsOpened(t *testing.T) {
	for _, spec := range []uint32{343, 446} {
		cfg := trio(t)
		cfg.SpecVersion = spec
		n := run(t, cfg)
		stays := plainData([]byte("stays"))
		if got := do(t, n, "Bob", setCommitmentName, infoOf(sealText(t, n, "first", 208), stays, sealText(t, n, "later", 210))); got != "" {
			t.Fatal(got)
		}
		for _, step := range []struct {
			head     subnet.Block
			fields   int
			revealed []any
			events   []string
		}{
			{208, 3, nil, nil}, // the round comes in with this block
			{209, 2, []any{[]any{[]byte("first"), uint64(209)}}, []string{"CommitmentRevealed"}},
			{210, 2, []any{[]any{[]byte("first"), uint64(209)}}, nil},
			{211, 1, []any{[]any{[]byte("first"), uint64(209)}, []any{[]byte("later"), uint64(211)}}, []string{"CommitmentRevealed"}},
		} {
			mine(t, n, int(step.head-n.Head()))
			fields, revealed := committed(t, n, "Bob")
			if len(fields) != step.fields || !cmp.Equal(revealed, step.revealed) || !slices.Equal(happened(t, n, "Commitments"), step.events) {
				t.Errorf("at %d: %d fields, revealed %v, events %v", step.head, len(fields), revealed, happened(t, n, "Commitments"))
			}
			waits := len(stored(t, n, "Commitments.TimelockedIndex").([]any)) > 0
			if waits != (step.head < 211) {
				t.Errorf("at %d something waits: %v", step.head, waits)
			}
		}
	}
}

// A commitment of nothing but an opened text leaves no record behind.
func TestOpenedCommitmentIsRemoved(t *testing.T) {
	n := run(t, trio(t))
	for i := range maxReveals + 2 {
		at := n.Head() + 1
		if got := do(t, n, "Bob", setCommitmentName, infoOf(sealText(t, n, fmt.Sprint("text ", i), at))); got != "" {
			t.Fatal(got)
		}
		mine(t, n, 1)
		if fields, _ := committed(t, n, "Bob"); fields != nil {
			t.Fatalf("text %d left %v", i, fields)
		}
	}
	_, revealed := committed(t, n, "Bob")
	if len(revealed) != maxReveals {
		t.Fatalf("%d texts kept", len(revealed))
	}
	for i, want := range map[int]string{0: "text 2", maxReveals - 1: fmt.Sprint("text ", maxReveals+1)} {
		if got := string(revealed[i].([]any)[0].([]byte)); got != want {
			t.Errorf("place %d holds %q, want %q", i, got, want)
		}
	}
}

// What cannot be opened was lost before spec 446, and stays as a failure since.
func TestCommitmentThatCannotBeOpened(t *testing.T) {
	for name, c := range map[string]struct {
		sealed func(t testing.TB, n *Node, round uint64) []byte
		why    string
	}{
		"no ciphertext": {func(testing.TB, *Node, uint64) []byte { return []byte("not sealed") }, "CiphertextDeserialize"},
		"other round":   {func(t testing.TB, n *Node, round uint64) []byte { return encrypt(t, n, []byte("x"), round+5) }, "Decrypt"},
		"no text":       {func(t testing.TB, n *Node, round uint64) []byte { return encrypt(t, n, nil, round) }, "EmptyPlaintext"},
	} {
		for _, spec := range []uint32{445, 446} {
			t.Run(fmt.Sprint(name, spec), func(t *testing.T) {
				cfg := trio(t)
				cfg.SpecVersion = spec
				n := run(t, cfg)
				round := roundAt(n, 206)
				sealed := c.sealed(t, n, round)
				if got := do(t, n, "Bob", setCommitmentName, infoOf(timelocked(sealed, round))); got != "" {
					t.Fatal(got)
				}
				mine(t, n, 1)
				fields, revealed := committed(t, n, "Bob")
				if len(revealed) > 0 || len(stored(t, n, "Commitments.TimelockedIndex").([]any)) > 0 {
					t.Errorf("revealed %v, or still waiting", revealed)
				}
				if spec < specKeepsFailed {
					if fields != nil || happened(t, n, "Commitments") != nil {
						t.Errorf("left %v, events %v", fields, happened(t, n, "Commitments"))
					}
					return
				}
				want := []metadata.Variant{{Name: "TimelockRevealFailed", Value: map[string]any{"encrypted": sealed, "reveal_round": round}}}
				if diff := cmp.Diff(want, fields); diff != "" {
					t.Error(diff)
				}
				if e := eventsOf(t, n)[0]; e.Name != "CommitmentRevealFailed" || e.Fields.(map[string]any)["error"] != any(metadata.Variant{Name: c.why}) {
					t.Errorf("event %+v, want %s", e, c.why)
				}
			})
		}
	}
}

// Rounds older than all that are stored never come: since spec 446 that is a failure.
func TestCommitmentToAnExpiredRound(t *testing.T) {
	for _, spec := range []uint32{445, 446} {
		cfg := trio(t)
		cfg.SpecVersion = spec
		n := run(t, cfg)
		if got := do(t, n, "Bob", setCommitmentName, infoOf(timelocked(encrypt(t, n, []byte("x"), 1), 1))); got != "" {
			t.Fatal(got)
		}
		mine(t, n, 1)
		fields, _ := committed(t, n, "Bob")
		want := map[bool]string{true: "TimelockRevealFailed", false: "TimelockEncrypted"}[spec == 446]
		if len(fields) != 1 || fields[0].Name != want {
			t.Errorf("spec %d: fields %v, want %s", spec, fields, want)
		}
	}
}

// The SDK hands out ciphertexts in an envelope, which runtimes open since spec 446.
func TestCommitmentInAnEnvelope(t *testing.T) {
	for _, spec := range []uint32{445, 446} {
		cfg := trio(t)
		cfg.SpecVersion = spec
		n := run(t, cfg)
		round := roundAt(n, 206)
		var e scale.Encoder
		e.Bytes(encrypt(t, n, []byte("inner"), round))
		e.U64(round)
		if got := do(t, n, "Bob", setCommitmentName, infoOf(timelocked(e.Data(), round))); got != "" {
			t.Fatal(got)
		}
		mine(t, n, 1)
		if _, revealed := committed(t, n, "Bob"); (len(revealed) == 1) != (spec == 446) {
			t.Errorf("spec %d: revealed %v", spec, revealed)
		}
	}
}

// A commitment that a Subtensor runtime has opened is opened here to the same bytes.
func TestVectorOfCommitmentIsOpened(t *testing.T) {
	sealed, signature := vectorOf(t, 2)
	n := start(t, trio(t))
	n.HoldPulses(true)
	mine(t, n, 5)
	if got := do(t, n, "Bob", setCommitmentName, infoOf(timelocked(sealed, 1000))); got != "" {
		t.Fatal(got)
	}
	if err := n.Pulse(1000, append([]byte{}, signature[:47]...)); err == nil {
		t.Error("half a signature came in")
	}
	if err := n.Pulse(1001, signature); err == nil {
		t.Error("the signature of another round came in")
	}
	if err := n.Pulse(1000, signature); err != nil {
		t.Fatal(err)
	}
	mine(t, n, 2)
	_, revealed := committed(t, n, "Bob")
	if len(revealed) != 1 {
		t.Fatalf("revealed %v", revealed)
	}
	const want = `{"model":"alice/affine-model-5Grwva","revision":"0123456789abcdef0123456789abcdef01234567"}`
	if text := scale.NewDecoder(revealed[0].([]any)[0].([]byte)).Str(); text != want {
		t.Errorf("revealed %q", text)
	}
}

// Whatever is committed, the index lists in order exactly those that wait.
func TestTimelockedIndexIsASet(t *testing.T) {
	n := run(t, trio(t))
	later := roundAt(n, 900)
	sealed := timelocked([]byte{1}, later)
	for _, step := range []struct {
		signer string
		field  any
		want   []string
	}{
		{"Bob", sealed, []string{"Bob"}}, {"Charlie", sealed, []string{"Bob", "Charlie"}}, {"Alice", sealed, []string{"Alice", "Bob", "Charlie"}},
		{"Bob", sealed, []string{"Alice", "Bob", "Charlie"}}, {"Bob", plainData([]byte("x")), []string{"Alice", "Charlie"}},
	} {
		if got := do(t, n, step.signer, setCommitmentName, infoOf(step.field)); got != "" {
			t.Fatal(got)
		}
		var want [][]byte
		for _, name := range step.want {
			account := pair(t, name).Public()
			want = append(want, account[:])
		}
		slices.SortFunc(want, bytes.Compare)
		var got [][]byte
		for _, entry := range stored(t, n, "Commitments.TimelockedIndex").([]any) {
			got = append(got, entry.([]any)[1].([]byte))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %s: %s", step.signer, diff)
		}
	}
}
