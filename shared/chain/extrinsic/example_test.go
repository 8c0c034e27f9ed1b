package extrinsic_test

import (
	std "context"
	"fmt"
	"log"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// A call is encoded by name, its payload signed (here or by a signer elsewhere), the
// extrinsic assembled; a node takes it apart again.
func Example() {
	raw, err := build.Build(build.Spec{Version: 15, Pallets: []build.Pallet{{Name: "SubtensorModule", Index: 7, Calls: []build.Variant{
		{Name: "set_weights", Fields: []build.Field{
			{Name: "netuid", Type: "u16"}, {Name: "dests", Type: "Vec<u16>"}, {Name: "weights", Type: "Vec<u16>"}, {Name: "version_key", Type: "u64"},
		}},
	}}}})
	if err != nil {
		log.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		log.Fatal(err)
	}
	call, err := m.EncodeCall("SubtensorModule", "set_weights", map[string]any{
		"netuid": 120, "dests": []uint16{3, 5}, "weights": []uint16{65535, 32768}, "version_key": 0,
	})
	if err != nil {
		log.Fatal(err)
	}

	ctx := extrinsic.Context{Metadata: m, SpecVersion: 393, TxVersion: 1}
	opts := extrinsic.Options{Nonce: 4, Era: extrinsic.Mortal(128, 5_000_000)}
	pair, err := keys.FromURI(keys.Ed25519, "//Alice")
	if err != nil {
		log.Fatal(err)
	}
	_, toSign, err := extrinsic.Payload(ctx, call, opts)
	if err != nil {
		log.Fatal(err)
	}
	sig, err := pair.Sign(std.Background(), toSign)
	if err != nil {
		log.Fatal(err)
	}
	whole, err := extrinsic.Assemble(ctx, call, pair.Public(), pair.Kind(), sig, opts)
	if err != nil {
		log.Fatal(err)
	}

	signed, err := extrinsic.Decode(m, whole)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signed.Pallet, signed.Name, signed.Args["dests"], signed.Args["weights"])
	fmt.Println("nonce", signed.Nonce, "dies at block", signed.Era.Death(5_000_000))
	fmt.Println("signature:", signed.Verify(ctx, opts.EraBlockHash))
	// Output:
	// SubtensorModule set_weights [3 5] [65535 32768]
	// nonce 4 dies at block 5000128
	// signature: <nil>
}
