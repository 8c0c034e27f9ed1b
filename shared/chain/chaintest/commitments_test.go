package chaintest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
)

const setCommitmentName = "Commitments.set_commitment"

func infoOf(fields ...any) map[string]any {
	return map[string]any{"netuid": netuid, "info": map[string]any{"fields": fields}}
}

func timelocked(sealed []byte, round uint64) metadata.Variant {
	return metadata.Variant{Name: "TimelockEncrypted", Value: map[string]any{"encrypted": sealed, "reveal_round": round}}
}

func committed(t testing.TB, n *Node, signer string) (fields []metadata.Variant, revealed []any) {
	t.Helper()
	account := pair(t, signer).Public()
	if value := stored(t, n, "Commitments.CommitmentOf", netuid, account[:]); value != nil {
		var err error
		if fields, err = fieldsOfInfo(value.(map[string]any)["info"].(map[string]any)); err != nil {
			t.Fatal(err)
		}
	}
	revealed, _ = stored(t, n, "Commitments.RevealedCommitments", netuid, account[:]).([]any)
	return fields, revealed
}

func TestSetCommitment(t *testing.T) {
	text := []byte(`{"model":"alice/affine","revision":"abc"}`)
	field, long := plainData(text), metadata.Variant{Name: "BigRaw", Value: bytes.Repeat([]byte("x"), maxBigRaw)}
	hash := metadata.Variant{Name: "Sha256", Value: make([]byte, 32)}
	failed := metadata.Variant{Name: "TimelockRevealFailed", Value: map[string]any{"encrypted": []byte{1}, "reveal_round": 9}}
	for name, c := range map[string]struct {
		signer string
		fields []any
		want   string
		event  string
	}{
		"plain":                 {"Bob", []any{field}, "", "Commitment"},
		"nothing":               {"Bob", []any{}, "", "Commitment"},
		"three fields":          {"Bob", []any{long, hash, metadata.Variant{Name: "ResetBondsFlag"}}, "", "Commitment"},
		"sealed":                {"Bob", []any{timelocked(make([]byte, maxSealed), 1)}, "", "TimelockCommitment"},
		"not registered":        {"Dave", []any{field}, "AccountNotAllowedCommit", ""},
		"only the chain may":    {"Bob", []any{failed}, "TimelockRevealFailedNotAllowed", ""},
		"registration is first": {"Dave", []any{failed}, "AccountNotAllowedCommit", ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := run(t, trio(t))
			got := do(t, n, c.signer, setCommitmentName, infoOf(c.fields...))
			if want := map[bool]string{true: "Commitments." + c.want}[c.want != ""]; got != want {
				t.Fatalf("dispatch ended with %q, want %q", got, want)
			}
			account := pair(t, c.signer).Public()
			if got := stored(t, n, "Commitments.CommitmentOf", netuid, account[:]) != nil; got != (c.want == "") {
				t.Errorf("a record: %v", got)
			}
			if last := stored(t, n, "Commitments.LastCommitment", netuid, account[:]); c.want == "" && last != uint64(206) {
				t.Errorf("last commitment at %v", last)
			}
			if names := strings.Join(happened(t, n, "Commitments"), " "); names != c.event {
				t.Errorf("events %q, want %q", names, c.event)
			}
		})
	}
}

// What is longer than the chain's types allow, the chain cannot decode.
func TestCommitmentThatCannotBeDecoded(t *testing.T) {
	field := plainData([]byte("x"))
	for name, fields := range map[string][]any{
		"four fields":     {field, field, field, field},
		"a long text":     {metadata.Variant{Name: "BigRaw", Value: make([]byte, maxBigRaw+1)}},
		"a long timelock": {timelocked(make([]byte, maxSealed+1), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			n := run(t, trio(t))
			raw := callDraft(t, n, "Bob", setCommitmentName, infoOf(fields...)).sign(t, "Bob")
			expectRefusal(t, submit(t, n, raw), 1002, "")
		})
	}
}

// A hotkey may write 3100 bytes in an epoch, where short texts count as 100.
func TestCommitmentSpace(t *testing.T) {
	for name, spec := range map[string]uint32{"epochs kept": 446, "epochs by number": 424} {
		t.Run(name, func(t *testing.T) {
			cfg := trio(t)
			cfg.SpecVersion, cfg.Rules.Tempo, cfg.Rules.LastEpochHint = spec, 49, 203
			n := run(t, cfg)
			big := metadata.Variant{Name: "BigRaw", Value: make([]byte, 500)}
			for i, c := range []struct {
				fields []any
				want   string
			}{
				{[]any{big, big, big}, ""}, {[]any{big, big, plainData(make([]byte, 100))}, ""}, {[]any{big}, ""}, // the limit itself
				{[]any{}, "Commitments.SpaceLimitExceeded"},
			} {
				if got := do(t, n, "Bob", setCommitmentName, infoOf(c.fields...)); got != c.want {
					t.Errorf("commitment %d ended with %q, want %q", i, got, c.want)
				}
			}
			if got := do(t, n, "Charlie", setCommitmentName, infoOf()); got != "" {
				t.Errorf("another hotkey: %q", got)
			}
			mine(t, n, 50)
			if got := do(t, n, "Bob", setCommitmentName, infoOf(big)); got != "" {
				t.Errorf("in the next epoch: %q", got)
			}
		})
	}
}
