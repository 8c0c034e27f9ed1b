package wasmhost

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/secp256k1/ecdsa"
	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/trie"
)

// one is a runtime whose method "run" calls one host function with these instructions
// before the call and those after it.
func one(function, text string, before, after []byte) module {
	return module{imports: []string{function}, text: text, methods: map[string][]byte{"run": slices.Concat(before, call(0), after)}}
}

func TestStorageThroughTheHost(t *testing.T) {
	long := strings.Repeat("v", 100)
	start := State{}.With([]byte("key"), []byte("value")).With([]byte("key2"), []byte(long)).With([]byte("list"), []byte{4, 9}).Begin()
	const all = "keyvalue\x00key2\x01\x01\x00\x00\x00list"
	key, absent, second := text(0, 3), text(3, 1), text(9, 4)
	none, limit := text(8, 1), text(13, 5) // Option<u32>
	const nothing = ""
	for _, test := range []struct {
		function      string
		before, after []byte
		want          string // answer, in hex
		left          map[string]string
	}{
		{"ext_storage_get_version_1", key, nil, "01" + "14" + hex.EncodeToString([]byte("value")), nil},
		{"ext_storage_get_version_1", absent, nil, "00", nil},
		{"ext_storage_set_version_1", slices.Concat(absent, key), i64(0), nothing, map[string]string{"v": "key"}},
		{"ext_storage_clear_version_1", key, i64(0), nothing, map[string]string{"key": "", "key2": long}},
		{"ext_storage_clear_prefix_version_1", key, i64(0), nothing, map[string]string{"key": "", "key2": ""}},
		{"ext_storage_clear_prefix_version_2", slices.Concat(key, none), nil, "0002000000", map[string]string{"key": "", "key2": ""}},
		{"ext_storage_clear_prefix_version_2", slices.Concat(key, limit), nil, "0101000000", map[string]string{"key": "", "key2": long}},
		{"ext_storage_append_version_1", slices.Concat(text(18, 4), absent), i64(0), nothing, map[string]string{"list": "\x08\x09v"}},
		{"ext_storage_next_key_version_1", key, nil, "0110" + hex.EncodeToString([]byte("key2")), nil},
		{"ext_storage_next_key_version_1", text(18, 4), nil, "00", nil},
		{"ext_storage_read_version_1", slices.Concat(second, text(0, 4), i32(98)), nil, "0102000000", nil},
		{"ext_storage_read_version_1", slices.Concat(second, text(0, 4), i32(-1)), nil, "0100000000", nil},
		{"ext_storage_read_version_1", slices.Concat(absent, text(0, 4), i32(0)), nil, "00", nil},
		{"ext_storage_exists_version_1", key, verdict(), "00", nil}, // a span of one byte
		{"ext_storage_exists_version_1", absent, verdict(), "", nil},
		{"ext_storage_changes_root_version_1", key, nil, "00", nil},
	} {
		r := load(t, one(test.function, all, test.before, test.after), Config{})
		got, state := ask(t, r, start, "run", nil)
		if hex.EncodeToString(got) != test.want {
			t.Errorf("%s: %x, want %s", test.function, got, test.want)
		}
		for key, value := range test.left {
			if string(state.Get([]byte(key))) != value {
				t.Errorf("%s leaves %q under %q, want %q", test.function, state.Get([]byte(key)), key, value)
			}
		}
	}
}

func TestRootsThroughTheHost(t *testing.T) {
	state := State{}.With([]byte("k"), bytes.Repeat([]byte("v"), 50))
	for version, function := range []string{"ext_storage_root_version_1", "ext_storage_root_version_2"} {
		var before []byte
		if version == 1 {
			before = i32(1)
		}
		got, _ := ask(t, load(t, one(function, "", before, nil), Config{}), state, "run", nil)
		if want := state.Root(trie.Version(version)); !bytes.Equal(got, want[:]) {
			t.Errorf("%s: %x, want %x", function, got, want)
		}
	}
	list := load(t, one("ext_trie_blake2_256_ordered_root_version_2", "", slices.Concat(arguments(), i32(1)), answer(32)), Config{})
	got, _ := ask(t, list, State{}, "run", []byte("\x08\x04a\x08bc"))
	if want := trie.OrderedRoot([][]byte{[]byte("a"), []byte("bc")}, trie.V1); !bytes.Equal(got, want[:]) {
		t.Errorf("root of a list: %x, want %x", got, want)
	}
	if _, _, err := list.Call(t.Context(), State{}, "run", []byte("\x08\x04a")); err == nil {
		t.Error("the root of half a list")
	}
	pairs := load(t, one("ext_trie_blake2_256_root_version_1", "", arguments(), answer(32)), Config{})
	got, _ = ask(t, pairs, State{}, "run", []byte("\x04\x04k\x04v"))
	if want := (trie.Trie{}).Put([]byte("k"), []byte("v")).Root(trie.V0); !bytes.Equal(got, want[:]) {
		t.Errorf("root of pairs: %x, want %x", got, want)
	}
}

// verdict turns the flag on the stack into a span of that length: 1 byte or none.
func verdict() []byte { return slices.Concat([]byte{opExtend}, i64(32), []byte{opI64Shl}) }

func TestSignaturesThroughTheHost(t *testing.T) {
	const message = "some message"
	for kind, function := range map[keys.Kind]string{
		keys.Sr25519: "ext_crypto_sr25519_verify_version_2", keys.Ed25519: "ext_crypto_ed25519_verify_version_1",
	} {
		who, err := keys.FromURI(kind, "//Test")
		if err != nil {
			t.Fatal(err)
		}
		signature, err := who.Sign(t.Context(), []byte(message))
		if err != nil {
			t.Fatal(err)
		}
		public := who.Public()
		for want := 1; want >= 0; want-- {
			if want == 0 {
				signature[3] ^= 1
			}
			data := string(signature[:]) + string(public[:]) + message
			before := slices.Concat(i32(textAt), text(96, len(message)), i32(textAt+64))
			got, _ := ask(t, load(t, one(function, data, before, verdict()), Config{}), State{}, "run", nil)
			if len(got) != want {
				t.Errorf("%s: %d, want %d", function, len(got), want)
			}
		}
	}
}

// ethereum signs a digest with a fresh key of secp256k1, as r, s and a recovery id.
func ethereum(t *testing.T, digest []byte) (signature, public []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v, r, s, err := secret.SignForRecover(digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	signature = make([]byte, 65)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:64])
	signature[64] = byte(v)
	raw := secret.PublicKey.A.RawBytes()
	return signature, raw[:]
}

func TestKeysAreRecovered(t *testing.T) {
	message := []byte("some message")
	digest := blake2b.Sum256(message)
	signature, public := ethereum(t, digest[:])
	key, fault := recoverKey(signature, digest[:])
	if fault != 0 || !bytes.Equal(key, public) {
		t.Fatalf("recovered %x, fault %d; want %x", key, fault, public)
	}
	late := slices.Clone(signature)
	late[64] += 27 // as Ethereum counts
	if key, fault := recoverKey(late, digest[:]); fault != 0 || !bytes.Equal(key, public) {
		t.Errorf("counted from 27: %x, fault %d", key, fault)
	}
	short := compressed(public)
	if !signedBy(signature, digest[:], short) || signedBy(signature, digest[:], compressed(make([]byte, 64))) {
		t.Error("who has signed is not told apart")
	}
	for want, spoil := range map[ecdsaFault]func([]byte){
		badV:         func(s []byte) { s[64] = 5 },
		badRS:        func(s []byte) { copy(s, bytes.Repeat([]byte{0xff}, 32)) },
		badSignature: func(s []byte) { copy(s[32:64], make([]byte, 32)) },
	} {
		spoiled := slices.Clone(signature)
		spoil(spoiled)
		if key, fault := recoverKey(spoiled, digest[:]); fault != want || key != nil {
			t.Errorf("fault %d, want %d", fault, want)
		}
	}
	data := string(signature) + string(digest[:])
	for function, want := range map[string][]byte{
		"ext_crypto_secp256k1_ecdsa_recover_version_2":            append([]byte{0}, public...),
		"ext_crypto_secp256k1_ecdsa_recover_compressed_version_2": append([]byte{0}, short...),
	} {
		got, _ := ask(t, load(t, one(function, data, slices.Concat(i32(textAt), i32(textAt+65)), nil), Config{}), State{}, "run", nil)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", function, got, want)
		}
	}
	verify := one("ext_crypto_ecdsa_verify_version_2", string(signature)+string(short)+string(message),
		slices.Concat(i32(textAt), text(98, len(message)), i32(textAt+65)), verdict())
	if got, _ := ask(t, load(t, verify, Config{}), State{}, "run", nil); len(got) != 1 {
		t.Error("a sound signature of secp256k1 is refused")
	}
}

// What a runtime is told of another's version, before it puts that in force.
func TestVersionOfOtherCode(t *testing.T) {
	r := load(t, one("ext_misc_runtime_version_version_1", "", arguments(), nil), Config{})
	want := load(t, echo(), Config{}).Version().encoded
	for code, known := range map[string]bool{string(echo().build()): true, string(compress(t, echo().build())): true, "junk": false} {
		got, _ := ask(t, r, State{}, "run", []byte(code))
		if known && !bytes.Equal(got, option(want)) || !known && !bytes.Equal(got, []byte{0}) {
			t.Errorf("%.8q: %x", code, got)
		}
	}
}

// Every function that is offered can be bound to a module.
func TestAllFunctionsAreOffered(t *testing.T) {
	for function, form := range hostFunctions {
		if strings.Trim(form.params+form.results, "ps") != "" || len(form.results) > 1 || form.run == nil {
			t.Errorf("%s has the form (%s) -> %s", function, form.params, form.results)
		}
		if !strings.HasPrefix(function, "ext_") || !strings.Contains(function, "_version_") {
			t.Errorf("%s is no name of a host function", function)
		}
	}
	if len(hostFunctions) < 90 {
		t.Errorf("%d functions: one table hides another", len(hostFunctions))
	}
}
