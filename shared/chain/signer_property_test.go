package chain_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// anyIntent is near what a signer takes, and often not quite it.
func anyIntent(rt *rapid.T, head chain.Head) subnet.WeightsIntent {
	n := rapid.IntRange(0, 4).Draw(rt, "n")
	in := subnet.WeightsIntent{
		Netuid: rapid.SampledFrom([]subnet.Netuid{120, 120, 120, 121, 0}).Draw(rt, "netuid"), Mechanism: rapid.SampledFrom([]subnet.Mechanism{0, 0, 1}).Draw(rt, "mechanism"),
		VersionKey: rapid.SampledFrom([]uint64{7, 7, 8, 6, 1 << 63}).Draw(rt, "version"), Epoch: head.Number,
		Head: head.Number - rapid.SampledFrom([]subnet.Block{0, 0, 0, 1}).Draw(rt, "behind"), HeadHash: head.Hash,
		Values: rapid.SliceOfN(rapid.Uint16(), n, n).Draw(rt, "values"),
	}
	in.UIDs = rapid.SliceOfNDistinct(rapid.Map(rapid.Uint16Range(0, 4), func(v uint16) subnet.UID { return subnet.UID(v) }), n, n, rapid.ID).Draw(rt, "uids")
	if rapid.Bool().Draw(rt, "sorted") {
		for i := range in.UIDs {
			in.UIDs[i] = subnet.UID(i)
		}
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
