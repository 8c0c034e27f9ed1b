package chaintest

import (
	"encoding/binary"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// runtimeCalls are the methods of runtime APIs that the node answers.
var runtimeCalls = map[string]func(*Node, *block, *scale.Decoder) ([]byte, error){
	"Core_version":                                 (*Node).callVersion,
	"Metadata_metadata":                            (*Node).callMetadata,
	"Metadata_metadata_at_version":                 (*Node).callMetadataAtVersion,
	"Metadata_metadata_versions":                   (*Node).callMetadataVersions,
	"AccountNonceApi_account_nonce":                (*Node).callNonce,
	"TaggedTransactionQueue_validate_transaction":  (*Node).callValidate,
	"TransactionPaymentApi_query_info":             (*Node).callQueryInfo,
	"NeuronInfoRuntimeApi_get_neurons_lite":        (*Node).callNeurons,
	"SubnetInfoRuntimeApi_get_subnet_hyperparams":  (*Node).callHyperparams,
	"SubnetInfoRuntimeApi_get_selective_metagraph": (*Node).callMetagraph,
}

func (n *Node) callVersion(b *block, d *scale.Decoder) ([]byte, error) {
	return encodedVersion(b.runtime.spec), d.End()
}

func (n *Node) callMetadata(b *block, d *scale.Decoder) ([]byte, error) {
	raw, err := b.runtime.plain()
	if err != nil {
		return nil, err
	}
	var e scale.Encoder
	e.Bytes(raw)
	return e.Data(), d.End()
}

func (n *Node) callMetadataAtVersion(b *block, d *scale.Decoder) ([]byte, error) {
	version := d.U32()
	if err := d.End(); err != nil {
		return nil, err
	}
	raw, err := b.runtime.in(uint8(min(version, 255)))
	if err != nil {
		return nil, err
	}
	var e scale.Encoder
	e.Bool(raw != nil)
	if raw == nil {
		return e.Data(), nil
	}
	e.Bytes(raw)
	return e.Data(), nil
}

func (n *Node) callMetadataVersions(b *block, d *scale.Decoder) ([]byte, error) {
	var e scale.Encoder
	e.Compact(uint64(len(b.runtime.versions)))
	for _, v := range b.runtime.versions {
		e.U32(uint32(v))
	}
	return e.Data(), d.End()
}

func (n *Node) callNonce(b *block, d *scale.Decoder) ([]byte, error) {
	account := d.Raw(32)
	if err := d.End(); err != nil {
		return nil, err
	}
	nonce, err := n.nonce(b.number, [32]byte(account))
	if err != nil {
		return nil, err
	}
	return b.result("AccountNonceApi", "account_nonce", nonce)
}

// result encodes what a runtime API's method returns, by the block's own metadata.
func (b *block) result(api, name string, value any) ([]byte, error) {
	m, err := b.runtime.metadata.RuntimeAPI(api, name)
	if err != nil {
		return nil, err
	}
	var e scale.Encoder
	err = b.runtime.metadata.EncodeType(&e, m.Output, value)
	return e.Data(), err
}

// callValidate judges an extrinsic for the block to come, whatever block is named: the
// pool knows no other.
func (n *Node) callValidate(b *block, d *scale.Decoder) ([]byte, error) {
	d.U8() // source: in a block, local or external, all judged alike
	framed := d.Raw(d.Remaining() - 32)
	d.Raw(32)
	if err := d.End(); err != nil {
		return nil, err
	}
	signed, err := n.decode(framed)
	if err != nil {
		return nil, err
	}
	invalid, err := n.judge(signed)
	if err != nil {
		return nil, err
	}
	if invalid != nil && invalid != future {
		why := metadata.Variant{Name: "Invalid", Value: metadata.Variant{Name: invalid.name, Value: invalid.code}}
		return b.result("TaggedTransactionQueue", "validate_transaction", metadata.Variant{Name: "Err", Value: why})
	}
	requires := []any{} // one whose turn has not come is valid, but for what it waits for
	if invalid == future {
		requires = append(requires, turn(signed.Signer, signed.Nonce-1))
	}
	return b.result("TaggedTransactionQueue", "validate_transaction", metadata.Variant{Name: "Ok", Value: map[string]any{
		"priority": 0, "requires": requires, "provides": []any{turn(signed.Signer, signed.Nonce)}, "longevity": 64, "propagate": true,
	}})
}

// turn is how the pool names an account's nonce.
func turn(account [32]byte, nonce uint64) []byte {
	return binary.LittleEndian.AppendUint32(account[:], uint32(nonce))
}

// callQueryInfo tells what an extrinsic would cost: nothing, as those that it plays do.
func (n *Node) callQueryInfo(b *block, d *scale.Decoder) ([]byte, error) {
	framed := d.Raw(d.Remaining() - 4)
	d.U32()
	if err := d.End(); err != nil {
		return nil, err
	}
	signed, err := extrinsic.Decode(b.runtime.metadata, framed)
	if err == nil {
		err = bounds(signed)
	}
	if err != nil {
		return nil, err
	}
	info := dispatchInfo(1)
	return b.result("TransactionPaymentApi", "query_info", map[string]any{"weight": info["weight"], "class": info["class"], "partial_fee": 0})
}
