package extrinsic_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/scale"
)

// own is a runtime of our making with that list of extensions.
func own(t testing.TB, version uint8, extensions []build.Extension) *metadata.Metadata {
	t.Helper()
	raw, err := build.Build(build.Spec{
		Version: version, Extensions: extensions,
		Types: map[string]build.Type{"Marker": {Path: "x::Marker", Fields: []build.Field{{Type: "[u64; 0]"}}}},
		Pallets: []build.Pallet{{Name: "P", Index: 7, Calls: []build.Variant{
			{Name: "note", Index: 3, Fields: []build.Field{{Name: "text", Type: "Vec<u8>"}}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func context(t testing.TB, m *metadata.Metadata) extrinsic.Context {
	t.Helper()
	return extrinsic.Context{Metadata: m, SpecVersion: 393, TxVersion: 1, Genesis: [32]byte{1, 2, 3}}
}

// note is a call of n bytes of text.
func note(t testing.TB, m *metadata.Metadata, n int) []byte {
	t.Helper()
	call, err := m.EncodeCall("P", "note", map[string]any{"text": make([]byte, n)})
	if err != nil {
		t.Fatal(err)
	}
	return call
}

// alice is //Alice of each kind, derived once.
var alice = sync.OnceValues(func() (map[keys.Kind]*keys.Pair, error) {
	pairs := map[keys.Kind]*keys.Pair{}
	for _, kind := range []keys.Kind{keys.Ed25519, keys.Sr25519} {
		p, err := keys.FromURI(kind, "//Alice")
		if err != nil {
			return nil, err
		}
		pairs[kind] = p
	}
	return pairs, nil
})

func pair(t testing.TB, kind keys.Kind) *keys.Pair {
	t.Helper()
	pairs, err := alice()
	if err != nil {
		t.Fatal(err)
	}
	return pairs[kind]
}

func signed(t testing.TB, ctx extrinsic.Context, call []byte, p *keys.Pair, opts extrinsic.Options) []byte {
	t.Helper()
	_, toSign, err := extrinsic.Payload(ctx, call, opts)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := p.Sign(t.Context(), toSign)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := extrinsic.Assemble(ctx, call, p.Public(), p.Kind(), sig, opts)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func TestOwnSignaturesVerify(t *testing.T) {
	for _, version := range []uint8{14, 15, 16} {
		ctx := context(t, own(t, version, nil))
		opts := extrinsic.Options{Nonce: 70000, Tip: 1 << 40, Era: extrinsic.Mortal(128, 4711), EraBlockHash: [32]byte{9}}
		for _, kind := range []keys.Kind{keys.Ed25519, keys.Sr25519} {
			for _, size := range []int{0, 200, 3000} {
				p := pair(t, kind)
				s, err := extrinsic.Decode(ctx.Metadata, signed(t, ctx, note(t, ctx.Metadata, size), p, opts))
				if err != nil {
					t.Fatal(err)
				}
				if s.Signer != p.Public() || s.Kind != kind || s.Nonce != opts.Nonce || s.Tip != opts.Tip || s.Era != opts.Era ||
					s.Pallet != "P" || s.Name != "note" || len(s.Args["text"].([]byte)) != size {
					t.Errorf("taken apart: %+v", s)
				}
				if err := s.Verify(ctx, opts.EraBlockHash); err != nil {
					t.Errorf("metadata %d, %s, %d bytes: %v", version, kind, size, err)
				}
			}
		}
	}
}

// TestLongPayloadsAreHashed finds the border: 256 bytes are signed as they are.
func TestLongPayloadsAreHashed(t *testing.T) {
	ctx := context(t, own(t, 15, nil))
	for size := 80; size < 300; size++ {
		payload, toSign, err := extrinsic.Payload(ctx, note(t, ctx.Metadata, size), extrinsic.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if whole := bytes.Equal(payload, toSign); whole != (len(payload) <= 256) || !whole && len(toSign) != 32 {
			t.Errorf("of a payload of %d bytes %d are signed", len(payload), len(toSign))
		}
	}
}

// TestSignatureIsBoundToEverything changes one thing at a time: the signature no longer
// holds.
func TestSignatureIsBoundToEverything(t *testing.T) {
	ctx := context(t, own(t, 15, nil))
	birth := [32]byte{9}
	opts := extrinsic.Options{Nonce: 7, Tip: 5, Era: extrinsic.Mortal(64, 100), EraBlockHash: birth}
	raw := signed(t, ctx, note(t, ctx.Metadata, 10), pair(t, keys.Sr25519), opts)
	for name, change := range map[string]func(*extrinsic.Signed, *extrinsic.Context, *[32]byte){
		"signature": func(s *extrinsic.Signed, _ *extrinsic.Context, _ *[32]byte) { s.Signature[3] ^= 1 },
		"signer":    func(s *extrinsic.Signed, _ *extrinsic.Context, _ *[32]byte) { s.Signer[3] ^= 1 },
		"kind":      func(s *extrinsic.Signed, _ *extrinsic.Context, _ *[32]byte) { s.Kind = keys.Ed25519 },
		"nonce":     func(s *extrinsic.Signed, _ *extrinsic.Context, _ *[32]byte) { s.Nonce++ },
		"tip":       func(s *extrinsic.Signed, _ *extrinsic.Context, _ *[32]byte) { s.Tip++ },
		"era":       func(s *extrinsic.Signed, _ *extrinsic.Context, _ *[32]byte) { s.Era.Phase++ },
		"call":      func(s *extrinsic.Signed, _ *extrinsic.Context, _ *[32]byte) { s.Call[5] ^= 1 },
		"spec":      func(_ *extrinsic.Signed, c *extrinsic.Context, _ *[32]byte) { c.SpecVersion++ },
		"tx":        func(_ *extrinsic.Signed, c *extrinsic.Context, _ *[32]byte) { c.TxVersion++ },
		"genesis":   func(_ *extrinsic.Signed, c *extrinsic.Context, _ *[32]byte) { c.Genesis[0]++ },
		"birth":     func(_ *extrinsic.Signed, _ *extrinsic.Context, b *[32]byte) { b[0]++ },
	} {
		s, err := extrinsic.Decode(ctx.Metadata, raw)
		if err != nil {
			t.Fatal(err)
		}
		other, hash := ctx, birth
		change(s, &other, &hash)
		if err := s.Verify(other, hash); !errors.Is(err, extrinsic.ErrSignature) {
			t.Errorf("with another %s: %v, ErrSignature wanted", name, err)
		}
	}
}

// extended is Subtensor's list with one more extension.
func extended(x build.Extension) []build.Extension {
	return append(build.SubtensorExtensions(), x)
}

func without(name string) []build.Extension {
	return slices.DeleteFunc(build.SubtensorExtensions(), func(x build.Extension) bool { return x.Name == name })
}

// replaced is Subtensor's list with another form of one extension.
func replaced(x build.Extension) []build.Extension {
	list := build.SubtensorExtensions()
	for i := range list {
		if list[i].Name == x.Name {
			list[i] = x
		}
	}
	return list
}

func TestUnknownExtensions(t *testing.T) {
	for name, c := range map[string]struct {
		extensions []build.Extension
		refused    string // what the refusal names; empty when there is none
	}{
		"unit":                  {extended(build.Extension{Name: "NewOne"}), ""},
		"marker of no size":     {extended(build.Extension{Name: "NewOne", Extra: "Marker", Implicit: "[Marker; 9]"}), ""},
		"with extra":            {extended(build.Extension{Name: "NewOne", Extra: "u8"}), "NewOne"},
		"with implicit":         {extended(build.Extension{Name: "NewOne", Implicit: "Option<u8>"}), "NewOne"},
		"no nonce":              {without("CheckNonce"), "CheckNonce"},
		"no genesis":            {without("CheckGenesis"), "CheckGenesis"},
		"no era":                {without("CheckMortality"), "CheckMortality"},
		"no spec version":       {without("CheckSpecVersion"), "CheckSpecVersion"},
		"no metadata hash":      {without("CheckMetadataHash"), ""},
		"empty list":            {[]build.Extension{}, "CheckSpecVersion"},
		"nonce of another form": {replaced(build.Extension{Name: "CheckNonce", Extra: "u32"}), "CheckNonce"},
		"spec of another form":  {replaced(build.Extension{Name: "CheckSpecVersion", Implicit: "u64"}), "CheckSpecVersion"},
		"tip with an asset":     {replaced(build.Extension{Name: "ChargeTransactionPayment", Extra: "(Compact<u64>, Option<u32>)"}), "ChargeTransactionPayment"},
		"era without its hash":  {replaced(build.Extension{Name: "CheckMortality", Extra: "CheckMortality"}), "CheckMortality"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context(t, own(t, 15, c.extensions))
			_, _, err := extrinsic.Payload(ctx, note(t, ctx.Metadata, 1), extrinsic.Options{})
			if c.refused == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, extrinsic.ErrExtension) || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%v; a refusal that names %s wanted", err, c.refused)
			}
			if _, err := extrinsic.Assemble(ctx, note(t, ctx.Metadata, 1), [32]byte{}, keys.Sr25519, [64]byte{}, extrinsic.Options{}); !errors.Is(err, extrinsic.ErrExtension) {
				t.Errorf("assembled nevertheless: %v", err)
			}
		})
	}
}

// TestOrderOfExtensionsIsTheRuntimes: another order, other bytes.
func TestOrderOfExtensionsIsTheRuntimes(t *testing.T) {
	list := build.SubtensorExtensions()
	slices.Reverse(list)
	opts := extrinsic.Options{Nonce: 1, Tip: 2, Era: extrinsic.Era{Period: 64, Phase: 24}, EraBlockHash: [32]byte{0xee}}
	ctx := context(t, own(t, 15, list))
	call := note(t, ctx.Metadata, 0)
	payload, _, err := extrinsic.Payload(ctx, call, opts)
	if err != nil {
		t.Fatal(err)
	}
	var want scale.Encoder
	want.Raw(call)
	want.Raw([]byte{0, 8, 4, 0x85, 1}) // mode, tip, nonce, era
	want.Raw([]byte{0})                // metadata hash
	want.Raw(opts.EraBlockHash[:])
	want.Raw(ctx.Genesis[:])
	want.U32(ctx.TxVersion)
	want.U32(ctx.SpecVersion)
	if !bytes.Equal(payload, want.Data()) {
		t.Errorf("payload\n got %x\nwant %x", payload, want.Data())
	}
}

func TestPayloadRefuses(t *testing.T) {
	ctx := context(t, own(t, 15, nil))
	call := note(t, ctx.Metadata, 3)
	for name, b := range map[string][]byte{"nothing": nil, "unknown call": {7, 99}, "cut": call[:4], "longer": append(slices.Clone(call), 0)} {
		if _, _, err := extrinsic.Payload(ctx, b, extrinsic.Options{}); err == nil {
			t.Errorf("%s: there is a payload for %x", name, b)
		}
	}
	if _, _, err := extrinsic.Payload(ctx, call, extrinsic.Options{Era: extrinsic.Era{Period: 5}}); !errors.Is(err, extrinsic.ErrEra) {
		t.Errorf("era of 5 blocks: %v", err)
	}
	if _, _, err := extrinsic.Payload(ctx, call, extrinsic.Options{Nonce: 1 << 32}); !errors.Is(err, extrinsic.ErrExtension) {
		t.Errorf("nonce beyond the runtime's type: %v", err)
	}
	if _, err := extrinsic.Assemble(ctx, call, [32]byte{}, keys.Kind(2), [64]byte{}, extrinsic.Options{}); err == nil {
		t.Error("a signature of an unknown kind is put in place")
	}
	future := own(t, 16, nil)
	future.ExtrinsicVersions = []uint8{5}
	if _, _, err := extrinsic.Payload(context(t, future), call, extrinsic.Options{}); !errors.Is(err, extrinsic.ErrVersion) {
		t.Errorf("runtime without version 4: %v", err)
	}
}

// framed puts the length before an extrinsic's body.
func framed(body []byte) []byte {
	var e scale.Encoder
	e.Bytes(body)
	return e.Data()
}

func TestDecodeRefuses(t *testing.T) {
	ctx := context(t, own(t, 15, nil))
	raw := signed(t, ctx, note(t, ctx.Metadata, 3), pair(t, keys.Sr25519), extrinsic.Options{Era: extrinsic.Era{Period: 64, Phase: 24}})
	body := raw[2:]
	// 0 version, 1 address variant, 2-33 account, 34 signature variant, 35-98 signature, 99-100 era, 101 nonce, 102 tip, 103 mode, then the call
	spoiled := func(at int, b ...byte) []byte {
		out := slices.Clone(body)
		copy(out[at:], b)
		return framed(out)
	}
	for name, c := range map[string]struct {
		input []byte
		want  error
	}{
		"nothing":             {nil, extrinsic.ErrFormat},
		"empty":               {[]byte{0}, extrinsic.ErrFormat},
		"no length":           {body, extrinsic.ErrFormat},
		"bytes left over":     {append(slices.Clone(raw), 0), extrinsic.ErrFormat},
		"bare 4":              {framed([]byte{4, 7, 3, 0}), extrinsic.ErrUnsigned},
		"bare 5":              {framed([]byte{5, 7, 3, 0}), extrinsic.ErrUnsigned},
		"signed 5":            {spoiled(0, 0x85), extrinsic.ErrVersion},
		"general 5":           {spoiled(0, 0x45), extrinsic.ErrVersion},
		"address by index":    {spoiled(1, 1), extrinsic.ErrFormat},
		"address of 32 bytes": {spoiled(1, 3), extrinsic.ErrFormat},
		"unknown address":     {spoiled(1, 9), extrinsic.ErrFormat},
		"ecdsa":               {framed(slices.Concat(body[:34], []byte{2, 0}, body[35:])), extrinsic.ErrFormat},
		"unknown signature":   {spoiled(34, 7), extrinsic.ErrFormat},
		"era":                 {spoiled(99, 0x41, 0), extrinsic.ErrEra},
		"nonce's form":        {spoiled(101, 1), scale.ErrCanonical},
		"nonce too great":     {framed(slices.Concat(body[:101], []byte{7, 0, 0, 0, 0, 1}, body[102:])), extrinsic.ErrFormat},
		"metadata hash":       {spoiled(103, 1), extrinsic.ErrExtension},
		"unknown call":        {spoiled(104, 7, 99), extrinsic.ErrFormat},
		"call too long":       {framed(append(slices.Clone(body), 0)), extrinsic.ErrFormat},
	} {
		if s, err := extrinsic.Decode(ctx.Metadata, c.input); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, s, err, c.want)
		}
	}
	for n := range body {
		if _, err := extrinsic.Decode(ctx.Metadata, framed(body[:n])); err == nil {
			t.Errorf("the first %d of %d bytes are an extrinsic", n, len(body))
		}
	}
	if _, err := extrinsic.Decode(own(t, 15, extended(build.Extension{Name: "NewOne", Extra: "u8"})), raw); !errors.Is(err, extrinsic.ErrExtension) {
		t.Errorf("unknown extension with data: %v", err)
	}
}

// FuzzDecode: what can be taken apart is assembled again to the same bytes.
func FuzzDecode(f *testing.F) {
	ctx := context(f, own(f, 15, nil))
	for _, kind := range []keys.Kind{keys.Ed25519, keys.Sr25519} {
		f.Add(signed(f, ctx, note(f, ctx.Metadata, 3), pair(f, kind), extrinsic.Options{Nonce: 5, Era: extrinsic.Era{Period: 64, Phase: 24}}))
		f.Add(signed(f, ctx, note(f, ctx.Metadata, 90), pair(f, kind), extrinsic.Options{Tip: 1 << 50}))
	}
	f.Add([]byte{3, 0, 0, 0, 64, 0x84})
	f.Fuzz(func(t *testing.T, input []byte) {
		s, err := extrinsic.Decode(ctx.Metadata, input)
		if err != nil {
			return
		}
		_ = s.Verify(ctx, [32]byte{})
		opts := extrinsic.Options{Nonce: s.Nonce, Tip: s.Tip, Era: s.Era}
		if again, err := extrinsic.Assemble(ctx, s.Call, s.Signer, s.Kind, s.Signature, opts); err != nil || !bytes.Equal(again, input) {
			t.Errorf("%x became %x, %v", input, again, err)
		}
	})
}

// BenchmarkSetWeights builds and signs set_weights for 256 miners, and tells how many
// bare signatures that is worth.
func BenchmarkSetWeights(b *testing.B) {
	ctx := context(b, runtime(b, "metadata-393.v16.scale"))
	uids, values := make([]uint16, 256), make([]uint16, 256)
	for i := range uids {
		uids[i], values[i] = uint16(i), uint16(i*255)
	}
	p := pair(b, keys.Sr25519)
	const signatures = 100
	begun := time.Now()
	for range signatures {
		if _, err := p.Sign(b.Context(), make([]byte, 32)); err != nil {
			b.Fatal(err)
		}
	}
	one := time.Since(begun) / signatures
	for b.Loop() {
		call, err := ctx.Metadata.EncodeCall("SubtensorModule", "set_weights", map[string]any{"netuid": 120, "dests": uids, "weights": values, "version_key": 0})
		if err != nil {
			b.Fatal(err)
		}
		signed(b, ctx, call, p, extrinsic.Options{Nonce: 1, Era: extrinsic.Mortal(128, 1000)})
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(one), "signatures/op")
}
