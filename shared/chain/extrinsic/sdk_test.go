package extrinsic_test

import (
	"encoding/json"
	"testing"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
)

// sdkFile is what the Bittensor SDK recorded at spec 438. Its metadata is not there;
// the extensions and the calls it uses are the same at spec 393.
type sdkFile struct {
	SpecVersion uint32      `json:"specVersion"`
	TxVersion   uint32      `json:"transactionVersion"`
	Genesis     string      `json:"genesisHash"`
	Payloads    []sdkSigned `json:"signaturePayloads"`
	Extrinsics  []sdkSigned `json:"extrinsics"`
	OnChain     struct {
		Extrinsic string `json:"extrinsicHex"`
		Hash      string `json:"extrinsicHash"`
	} `json:"onChainSignedExtrinsic"`
}

type sdkSigned struct {
	Call      string          `json:"callHex"`
	Era       json.RawMessage `json:"era"`
	BirthHash string          `json:"eraBirthBlockHash"`
	PublicKey string          `json:"publicKey"`
	Signature string          `json:"signature"`
	Nonce     uint64          `json:"nonce"`
	Tip       uint64          `json:"tip"`
	Payload   string          `json:"payloadHex"`
	Extrinsic string          `json:"extrinsicHex"`
}

func (s sdkSigned) options(t *testing.T) extrinsic.Options {
	t.Helper()
	opts := extrinsic.Options{Nonce: s.Nonce, Tip: s.Tip}
	if string(s.Era) == `"immortal"` {
		return opts
	}
	var era struct{ Period, Current uint64 }
	if err := json.Unmarshal(s.Era, &era); err != nil {
		t.Fatal(err)
	}
	opts.Era = extrinsic.Mortal(era.Period, era.Current)
	if s.BirthHash != "" {
		opts.EraBlockHash = hash32(t, s.BirthHash)
	}
	return opts
}

func sdk(t *testing.T) (sdkFile, extrinsic.Context) {
	t.Helper()
	var file sdkFile
	readVectors(t, "upstream-sdk-438.json", &file)
	return file, extrinsic.Context{
		Metadata: runtime(t, "metadata-393.v16.scale"), SpecVersion: file.SpecVersion, TxVersion: file.TxVersion, Genesis: hash32(t, file.Genesis),
	}
}

func TestPayloadsAgreeWithSDK(t *testing.T) {
	file, ctx := sdk(t)
	for _, s := range file.Payloads {
		payload, signed, err := extrinsic.Payload(ctx, unhex(t, s.Call), s.options(t))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "payload", payload, s.Payload)
		same(t, "signed bytes", signed, s.Payload)
	}
}

func TestExtrinsicsAgreeWithSDK(t *testing.T) {
	file, ctx := sdk(t)
	for _, s := range file.Extrinsics {
		whole, err := extrinsic.Assemble(ctx, unhex(t, s.Call), hash32(t, s.PublicKey), keys.Sr25519, [64]byte(unhex(t, s.Signature)), s.options(t))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "extrinsic", whole, s.Extrinsic)
	}
}

// TestIncludedExtrinsicVerifies takes apart an extrinsic that a real chain included.
func TestIncludedExtrinsicVerifies(t *testing.T) {
	file, ctx := sdk(t)
	raw := unhex(t, file.OnChain.Extrinsic)
	hash := extrinsic.Hash(raw)
	same(t, "hash", hash[:], file.OnChain.Hash)
	s, err := extrinsic.Decode(ctx.Metadata, raw)
	if err != nil {
		t.Fatal(err)
	}
	if s.Pallet != "Balances" || s.Name != "transfer_keep_alive" || s.Args["value"] != uint64(1000000000) || !s.Era.Immortal() || s.Nonce != 0 {
		t.Errorf("taken apart: %+v", s)
	}
	if err := s.Verify(ctx, [32]byte{}); err != nil {
		t.Error(err)
	}
}
