package extrinsic_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// extensionsNamed are extensions with the types that those of the name have; a name that
// is not known has no data.
func extensionsNamed(names ...string) []build.Extension {
	var list []build.Extension
	for _, name := range names {
		x := build.Extension{Name: name}
		for _, known := range build.SubtensorExtensions() {
			if known.Name == name {
				x = known
			}
		}
		list = append(list, x)
	}
	return list
}

// TestListsOfSubtensorsRuntimes signs under the list of each generation of runtimes. All
// but one carry the same bytes, in the same order.
func TestListsOfSubtensorsRuntimes(t *testing.T) {
	const first = "CheckNonZeroSender CheckSpecVersion CheckTxVersion CheckGenesis CheckMortality CheckNonce CheckWeight ChargeTransactionPayment "
	for name, c := range map[string]struct {
		own    string
		hashed bool // has CheckMetadataHash
	}{
		"before 200": {"SubtensorSignedExtension CommitmentsSignedExtension", false},
		"219":        {"SubtensorSignedExtension CommitmentsSignedExtension CheckMetadataHash", true},
		"293":        {"SubtensorTransactionExtension CheckMetadataHash", true},
		"343":        {"SubtensorTransactionExtension DrandPriority CheckMetadataHash", true},
		"365":        {"SudoTransactionExtension SubtensorTransactionExtension DrandPriority CheckMetadataHash", true},
		"393":        {"SudoTransactionExtension CheckShieldedTxValidity SubtensorTransactionExtension DrandPriority CheckMetadataHash", true},
	} {
		for _, version := range []uint8{14, 15, 16} {
			ctx := context(t, own(t, version, extensionsNamed(strings.Fields(first+c.own)...)))
			call := note(t, ctx.Metadata, 3)
			opts := extrinsic.Options{Nonce: 3, Tip: 64, Era: extrinsic.Era{Period: 64, Phase: 24}, EraBlockHash: [32]byte{9}}
			payload, _, err := extrinsic.Payload(ctx, call, opts)
			if err != nil {
				t.Fatal(err)
			}
			mode, none := "", ""
			if c.hashed {
				mode, none = "00", "00"
			}
			want := "07030c000000" + "8501" + "0c" + "0101" + mode + "89010000" + "01000000" + hex.EncodeToString(ctx.Genesis[:]) + "09" + strings.Repeat("00", 31) + none
			if hex.EncodeToString(payload) != want {
				t.Errorf("runtime %s, metadata %d: payload %x, want %s", name, version, payload, want)
			}
			verifies(t, ctx, call, opts)
		}
	}
}

// verifies signs and takes apart what was signed.
func verifies(t testing.TB, ctx extrinsic.Context, call []byte, opts extrinsic.Options) {
	t.Helper()
	s, err := extrinsic.Decode(ctx.Metadata, signed(t, ctx, call, pair(t, keys.Ed25519), opts))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx, opts.EraBlockHash); err != nil || s.Nonce != opts.Nonce || s.Tip != opts.Tip || s.Era != opts.Era || !bytes.Equal(s.Call, call) {
		t.Errorf("signed with %+v, read as %+v: %v", opts, s, err)
	}
}

// TestTheListsOrderIsThePayloads: whatever order a runtime has its extensions in, and
// whichever of no data stand between them, both halves follow it.
func TestTheListsOrderIsThePayloads(t *testing.T) {
	halves := map[string]struct{ extra, implicit string }{
		"CheckSpecVersion": {"", "89010000"}, "CheckTxVersion": {"", "01000000"}, "CheckGenesis": {"", "010203" + strings.Repeat("00", 29)},
		"CheckMortality": {"8501", "09" + strings.Repeat("00", 31)}, "CheckNonce": {"0c", ""}, "ChargeTransactionPayment": {"0101", ""}, "CheckMetadataHash": {"00", "00"},
		"CheckWeight": {}, "NobodyKnowsThis": {}, "NorThis": {},
	}
	var names []string
	for name := range halves {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(r *rapid.T) {
		list := rapid.Permutation(names).Draw(r, "list")
		ctx := context(t, own(t, rapid.SampledFrom([]uint8{14, 15, 16}).Draw(r, "metadata"), extensionsNamed(list...)))
		extra, implicit := "", ""
		for _, name := range list {
			extra, implicit = extra+halves[name].extra, implicit+halves[name].implicit
		}
		opts := extrinsic.Options{Nonce: 3, Tip: 64, Era: extrinsic.Era{Period: 64, Phase: 24}, EraBlockHash: [32]byte{9}}
		payload, _, err := extrinsic.Payload(ctx, note(t, ctx.Metadata, 0), opts)
		if err != nil || hex.EncodeToString(payload) != "070300"+extra+implicit {
			r.Fatalf("payload %x, %v; want 070300 %s %s", payload, err, extra, implicit)
		}
		verifies(t, ctx, note(t, ctx.Metadata, 0), opts)
	})
}
