package chain_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// anyIntent is what a signer takes, in half of the cases with something amiss.
func anyIntent(rt *rapid.T, head chain.Head) subnet.WeightsIntent {
	uid := rapid.Map(rapid.Uint16Range(0, 3), func(v uint16) subnet.UID { return subnet.UID(v) })
	uids := rapid.SliceOfNDistinct(uid, 1, 4, rapid.ID).Draw(rt, "uids")
	in := subnet.WeightsIntent{
		Netuid: netuid, VersionKey: rapid.SampledFrom([]uint64{7, 8, 1 << 63}).Draw(rt, "version"), Epoch: head.Number,
		Head: head.Number, HeadHash: head.Hash, UIDs: slices.Sorted(slices.Values(uids)),
		Values: rapid.SliceOfN(rapid.Uint16Min(1), len(uids), len(uids)).Draw(rt, "values"),
	}
	if rapid.Bool().Draw(rt, "sound") {
		return in
	}
	switch rapid.IntRange(0, 5).Draw(rt, "amiss") {
	case 0:
		in.Netuid = rapid.SampledFrom([]subnet.Netuid{0, 121}).Draw(rt, "netuid")
	case 1:
		in.Mechanism = 1
	case 2:
		in.VersionKey = rapid.Uint64Max(6).Draw(rt, "low version")
	case 3:
		in.Head--
	case 4:
		in.UIDs = rapid.SliceOfN(rapid.Map(rapid.Uint16(), func(v uint16) subnet.UID { return subnet.UID(v) }), 0, 5).Draw(rt, "any uids")
	case 5:
		in.Values = rapid.SliceOfN(rapid.Uint16Max(1), 0, 5).Draw(rt, "any values")
	}
	return in
}

// Whatever is asked: what is signed says what was asked for and nothing else, for this
// chain, without a tip, for 64 blocks; and nothing that the chain would refuse is signed.
func TestWhatIsSignedIsWhatWasAsked(t *testing.T) {
	cfg := config(t)
	cfg.Rules.Mechanisms = 1
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	head, err := client.Finalized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rt, err := client.Runtime(t.Context(), head.Hash)
	if err != nil {
		t.Fatal(err)
	}
	var ledger signer.Memory
	s := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, MaxPerWindow: 1 << 30, Ledger: &ledger})
	given := 0
	rapid.Check(t, func(r *rapid.T) {
		in := anyIntent(r, head)
		signed, err := s.SignWeights(t.Context(), in)
		if err != nil {
			if !errors.Is(err, chain.ErrPolicy) || signed != (subnet.SignedWeights{}) {
				r.Fatalf("%+v: %+v, %v", in, signed, err)
			}
			return
		}
		given++
		x, err := extrinsic.Decode(rt.Metadata, unhex(t, signed.Extrinsic))
		if err != nil {
			r.Fatal(err)
		}
		if err := x.Verify(rt, [32]byte(unhex(t, head.Hash))); err != nil {
			r.Fatal(err)
		}
		uids, values := []any{}, []any{}
		for i, uid := range in.UIDs {
			uids, values = append(uids, uint64(uid)), append(values, uint64(in.Values[i]))
		}
		want := map[string]any{"netuid": uint64(120), "dests": uids, "weights": values, "version_key": in.VersionKey}
		if diff := cmp.Diff(want, x.Args); diff != "" || x.Pallet != "SubtensorModule" || x.Name != "set_weights" {
			r.Fatalf("%s.%s: %s", x.Pallet, x.Name, diff)
		}
		if x.Tip != 0 || x.Nonce != 0 || x.Era.Period != 64 || x.Era.Birth(uint64(head.Number)) != uint64(in.Head) || signed.Death != in.Head+64 {
			r.Fatalf("tip %d, nonce %d, era %+v, death %d", x.Tip, x.Nonce, x.Era, signed.Death)
		}
	})
	if len(ledger.Entries()) != given || given == 0 {
		t.Errorf("%d given, %d entered", given, len(ledger.Entries()))
	}
}
