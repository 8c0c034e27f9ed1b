package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/scale"
)

// smallRuntime is the metadata of a runtime with three calls and two items, whose
// version is spec 7 and transaction version 2.
func smallRuntime(t testing.TB, version uint8) []byte {
	t.Helper()
	versions := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 7), 2)
	raw, err := build.Build(build.Spec{
		Version: version,
		Types:   map[string]build.Type{"Version": {Fields: []build.Field{{Name: "spec_version", Type: "u32"}, {Name: "transaction_version", Type: "u32"}}}},
		Pallets: []build.Pallet{
			{
				Name: "System", Index: 0, Crate: "frame_system",
				Calls:     []build.Variant{{Name: "remark", Fields: []build.Field{{Name: "remark", Type: "Vec<u8>"}}}},
				Constants: []build.Constant{{Name: "Version", Type: "Version", Value: versions}},
			},
			{
				Name: "SubtensorModule", Index: 7,
				Calls: []build.Variant{{Name: "set_weights", Fields: []build.Field{
					{Name: "netuid", Type: "u16"}, {Name: "dests", Type: "Vec<u16>"}, {Name: "weights", Type: "Vec<u16>"}, {Name: "version_key", Type: "u64"},
				}}, {Name: "set_value", Index: 1, Fields: []build.Field{{Name: "value", Type: "Option<u128>"}}}},
				Storage: []build.Entry{
					{Name: "Uids", Keys: []string{"u16", "AccountId32"}, Hashers: []metadata.Hasher{metadata.Identity, metadata.Blake2_128Concat}, Value: "u16"},
					{Name: "Total", Value: "u64"},
				},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func smallRuntimeFile(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "metadata")
	if err := os.WriteFile(name, smallRuntime(t, 15), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The commands as a person uses them at the desk.
func TestChainScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script", "chain"),
		Setup: func(e *testscript.Env) error {
			return os.WriteFile(e.Getenv("WORK")+"/runtime", smallRuntime(t, 16), 0o600)
		},
	})
}

const (
	weightsCall = `"pallet":"SubtensorModule","call":"set_weights","args":{"netuid":120,"dests":[1],"weights":[65535],"version_key":0}`
	zeroHash    = "0x0000000000000000000000000000000000000000000000000000000000000000"
	oneHash     = "0x1111111111111111111111111111111111111111111111111111111111111111"
)

func TestEncodeWithOwnMetadata(t *testing.T) {
	t.Parallel()
	call := "0x070078000401000" + "4ffff0000000000000000"
	versions, zero, one := "0700000002000000", zeroHash[2:], oneHash[2:]
	mortal := "85010101" + "00" + "00" + versions + zero + one + "00" // period 64, phase 24
	for line, want := range map[string]string{
		`{` + weightsCall + `}`: "",
		`{` + weightsCall + `,"era":"0x00","nonce":0,"genesis":"` + zeroHash + `"}`:                                                                           "00000000" + versions + zero + zero + "00",
		`{` + weightsCall + `,"era":"0x00","nonce":0,"tip":0,"blockHash":"` + zeroHash + `","genesis":"` + zeroHash + `"}`:                                    "00000000" + versions + zero + zero + "00",
		`{` + weightsCall + `,"era":"0x8501","nonce":64,"tip":18446744073709551615,"blockHash":"` + oneHash + `","genesis":"` + zeroHash + `"}`:               "85010101" + "13ffffffffffffffff" + "00" + versions + zero + one + "00",
		`{` + weightsCall + `,"era":"0x00","nonce":0,"genesis":"` + zeroHash + `","specVersion":8,"transactionVersion":3,"other":[]}`:                         "00000000" + "0800000003000000" + zero + zero + "00",
		`{"transactionVersion":3,"genesis":"` + zeroHash + `","nonce":0,"era":"0x00",` + strings.Replace(weightsCall, `65535`, `"65535"`, 1) + `,"tip":null}`: "00000000" + "0700000003000000" + zero + zero + "00",
		`{` + weightsCall + `,"genesis":"` + zeroHash + `"}`:                                                                                                  "00000000" + versions + zero + zero + "00",
		`{` + weightsCall + `,"era":null,"nonce":"0x40","tip":"5","genesis":"` + zeroHash + `","specVersion":"8"}`:                                            "00010114" + "00" + "0800000002000000" + zero + zero + "00",
		`{` + weightsCall + `,"era":{"period":64,"phase":24},"nonce":"64","blockHash":"` + oneHash + `","genesis":"` + zeroHash + `"}`:                        mortal,
		`{` + weightsCall + `,"era":{"period":"64","current":1048},"nonce":64,"blockHash":"` + oneHash + `","genesis":"` + zeroHash + `"}`:                    mortal,
		`{` + weightsCall + `,"era":{"MortalEra":"0x8501"},"nonce":64,"blockHash":"` + oneHash + `","genesis":"` + zeroHash + `"}`:                            mortal,
		`{` + weightsCall + `,"era":{"mortalEra":{"period":64,"phase":24}},"nonce":64,"blockHash":"` + oneHash + `","genesis":"` + zeroHash + `"}`:            mortal,
		`{` + weightsCall + `,"era":"immortal","nonce":0,"genesis":"` + zeroHash + `"}`:                                                                       "00000000" + versions + zero + zero + "00",
		`{` + weightsCall + `,"era":{"immortalEra":"0x00"},"nonce":0,"genesis":"` + zeroHash + `"}`:                                                           "00000000" + versions + zero + zero + "00",
	} {
		out, err := inProcess(t, line, "chain", "encode", "--metadata", smallRuntimeFile(t))
		printed := fmt.Sprintf("{\"callHex\":%q}\n", call)
		if want != "" {
			printed = fmt.Sprintf("{\"callHex\":%q,\"payloadHex\":%q}\n", call, call+want)
		}
		if err != nil || out != printed {
			t.Errorf("%s: %v\n got %s\nwant %s", line, err, out, printed)
		}
	}
}

// Each bad line gives one line that says where and what.
func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	file := smallRuntimeFile(t)
	signed := `"era":"0x8501","nonce":1,"blockHash":"` + oneHash + `","genesis":"` + zeroHash + `"`
	with := func(old, replacement string) string {
		if !strings.Contains(weightsCall+signed, old) {
			t.Fatalf("no %s to replace", old)
		}
		return `{` + strings.Replace(weightsCall+`,`+signed, old, replacement, 1) + `}`
	}
	for line, want := range map[string]string{
		`nonsense`:                      "not JSON at byte 2",
		`{}`:                            "no such item",
		`null`:                          "no such item",
		with(`SubtensorModule`, `Nope`): "Nope",
		with(`set_weights`, `nope`):     "nope",
		with(`,"version_key":0`, ``):    "version_key is missing",
		with(`"version_key":0`, `"version_key":0,"extra":1`):             "5 fields, 4 wanted",
		with(`"netuid":120`, `"netuid":65536`):                           "netuid: metadata: value of another shape: 65536 is out of range",
		with(`"netuid":120`, `"netuid":-1`):                              "out of range",
		with(`"netuid":120`, `"netuid":1.5`):                             "not a whole number",
		with(`"netuid":120`, `"netuid":1e400`):                           "not a whole number",
		with(`"netuid":120`, `"netuid":null`):                            "netuid",
		with(`"netuid":120`, `"netuid":`+strings.Repeat("9", 100_000)):   "100000 characters",
		with(`[1]`, `{"a":1}`):                                           "dests: metadata: value of another shape: an object where a list belongs",
		with(`"version_key":0`, `"version_key":true`):                    "version_key: metadata: value of another shape: true or false where a whole number belongs",
		`{"pallet":"SubtensorModule","call":"set_weights","args":[1]}`:   "args: JSON array where an object belongs",
		`{"pallet":"SubtensorModule","call":7}`:                          "call: JSON number where text belongs",
		with(`[1]`, strings.Repeat("[", 9000)+strings.Repeat("]", 9000)): "dests",
		with(`0x8501`, `0x850100`):                                       "era: 3 bytes, want 2",
		with(`0x8501`, `0x`):                                             "era: ",
		with(`0x8501`, `0x8`):                                            "want pairs of hex digits",
		with(`0x8501`, `zz`):                                             "want pairs of hex digits",
		with(`"0x8501"`, `5`):                                            `era: "5": want "0x…", "immortal", {"period", "phase"} or {"period", "current"}`,
		with(`0x8501`, `0x0000`):                                         "era: 2 bytes, want 1",
		with(`"nonce":1`, `"nonce":-1`):                                  `nonce: "-1" is not a whole number from 0 to 18446744073709551615`,
		with(`"nonce":1`, `"nonce":1.5`):                                 `nonce: "1.5" is not a whole number`,
		with(`"nonce":1`, `"nonce":[1]`):                                 `nonce: "[1]" is not a whole number`,
		with(`"nonce":1`, `"nonce":"0x1ffffffffffffffff"`):               `nonce: "0x1ffffffffffffffff" is not a whole number`,
		with(`"nonce":1`, `"nonce":"+1"`):                                `nonce: "+1" is not a whole number`,
		with(`"0x8501"`, `{"period":64}`):                                "era: want ",
		with(`"0x8501"`, `{"period":0,"phase":0}`):                       "era: want ",
		with(`"0x8501"`, `{"period":64,"phase":64}`):                     "era: ",
		with(`"0x8501"`, `{"period":63,"phase":5}`):                      "era: ",
		with(`"0x8501"`, `{"period":64,"phase":5,"current":5}`):          "era: want ",
		with(`"0x8501"`, `{"period":"x","current":5}`):                   `era: period: "x" is not a whole number`,
		with(`"0x8501"`, `{"ImmortalEra":"0x8501"}`):                     "a mortal one under the name of an immortal one",
		with(`"era":"0x8501",`, ``):                                      "blockHash: an immortal era is signed with the genesis hash",
		with(`,"genesis":"`+zeroHash+`"`, ``):                            "genesis is missing: a payload is bound to its chain",
		with(`"blockHash":"`+oneHash+`",`, ``):                           "blockHash is missing",
		with(`0x8501`, `0x00`):                                           "blockHash: an immortal era is signed with the genesis hash",
		with(oneHash, oneHash[:64]):                                      "blockHash: 31 bytes, want 32",
		with(zeroHash, zeroHash+"00"):                                    "genesis: 33 bytes, want 32",
		with(`"nonce":1`, `"nonce":1,"specVersion":4294967296`):          `specVersion: "4294967296" is not a whole number from 0 to 4294967295`,
		with(`"nonce":1`, `"nonce":1,"tip":340282366920938463463374`):    `tip: "340282366920938463463374" is not a whole number`,
		`{` + weightsCall + `} {}`:                                       "more than one JSON value",
		`{"args":"` + strings.Repeat("x", 1<<20) + `"}`:                  "longer than 1048576 bytes",
	} {
		out, err := inProcess(t, "{"+weightsCall+"}\n"+line+"\n{"+weightsCall+"}\n", "chain", "encode", "--metadata", file)
		if err == nil || !strings.HasPrefix(err.Error(), "chain encode: line 2: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
			t.Errorf("%.200s: error %.500v, want one line with %q", line, err, want)
		}
		if strings.Count(out, "\n") != 1 {
			t.Errorf("%.200s: printed\n%s", line, out)
		}
	}
}

func TestStorageKeyRefuses(t *testing.T) {
	t.Parallel()
	file := smallRuntimeFile(t)
	good := `{"pallet":"SubtensorModule","entry":"Uids","keys":[120,"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"]}`
	for line, want := range map[string]string{
		`{`:                                      "breaks off",
		`{}`:                                     "no such item",
		`{"pallet":"SubtensorModule"}`:           "no such item",
		strings.Replace(good, "Uids", "Nope", 1): "Nope",
		strings.Replace(good, "120,", "", 1):     "takes 2 keys, not 1",
		strings.Replace(good, "[120", "[120,120", 1):     "takes 2 keys, not 3",
		strings.Replace(good, "120", "70000", 1):         "key 0",
		strings.Replace(good, "5Grwva", "6Grwva", 1):     "key 1",
		strings.Replace(good, `"keys":[`, `"k":[`, 1):    "takes 2 keys, not 0",
		strings.Replace(good, `[120,`, `{"0":120},[`, 1): "not JSON",
	} {
		out, err := inProcess(t, good+"\n"+`{"pallet":"SubtensorModule","entry":"Total"}`+"\n\n"+line, "chain", "storage-key", "--metadata", file)
		if err == nil || !strings.HasPrefix(err.Error(), "chain storage-key: line 4: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", line, err, want)
		}
		if strings.Count(out, "keyHex") != 2 {
			t.Errorf("%s: printed\n%s", line, out)
		}
	}
}

// bare is an extrinsic that nobody signed.
func bare(version byte, call string) string {
	var e scale.Encoder
	e.Bytes(append([]byte{version}, call...))
	return hexText(e.Data())
}

func TestDecodeShowsBareExtrinsics(t *testing.T) {
	t.Parallel()
	file := smallRuntimeFile(t)
	for _, version := range []byte{4, 5} {
		got := decodeOne(t, "--metadata", file, bare(version, "\x00\x00\x08hi"))
		if got.Signed || got.Pallet != "System" || got.Call != "remark" || string(got.Args) != `{"remark":"0x6869"}` || got.Signer != "" || len(got.Hash) != 66 {
			t.Errorf("version %d: %+v", version, got)
		}
	}
}

// A block is taken apart in any of the forms in which a node hands it out.
func TestDecodeShowsBlocks(t *testing.T) {
	t.Parallel()
	file := smallRuntimeFile(t)
	list := `["` + bare(5, "\x00\x00\x04\x01") + `","` + bare(4, "\x00\x00\x04\x02") + `"]`
	for _, line := range []string{
		list, `{"extrinsics":` + list + `}`, `{"header":{},"extrinsics":` + list + `}`, `{"block":{"extrinsics":` + list + `},"justifications":null}`,
		`{"jsonrpc":"2.0","id":1,"result":{"block":{"header":{},"extrinsics":` + list + `}}}`,
	} {
		out, err := inProcess(t, line, "chain", "decode", "--metadata", file)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		var got decodedBlock
		if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Extrinsics) != 2 || got.Extrinsics[1].Call != "remark" || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if out, err := inProcess(t, `[]`, "chain", "decode", "--metadata", file); err != nil || out != "{\"extrinsics\":[]}\n" {
		t.Errorf("no extrinsics: %v\n%s", err, out)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	file := smallRuntimeFile(t)
	good := bare(4, "\x00\x00\x08hi")
	for line, want := range map[string]string{
		"0x":                         "malformed",
		"0xzz":                       "want pairs of hex digits",
		good[:len(good)-1]:           "want pairs of hex digits",
		good[:len(good)-2]:           "malformed",
		good + "00":                  "malformed",
		"0x04" + "04":                "",
		bare(4, ""):                  "",
		bare(4, "\x09\x00"):          "",
		bare(4, "\x00\x00\x08hi!"):   "",
		bare(0x84, "\x00\x00\x08hi"): "malformed",
		bare(0x45, "\x00"):           "version not 4: general, version 5",
		bare(0x85, "\x00"):           "version not 4: signed, version 5",
		bare(0xc4, "\x00"):           "version not 4: first byte 0xc4",
		`{"hex":"0x00"}`:             "there is no list of extrinsics",
		`{"block":{}}`:               "there is no list of extrinsics",
		`{"block":{"extrinsics":5}}`: "JSON number where a list belongs",
		`["0x00"`:                    "breaks off",
		`[5]`:                        "JSON number",
		`["` + good + `","0x"]`:      "extrinsic 1: ",
		`["` + bare(0x45, "") + `"]`: "extrinsic 0: extrinsic: version not 4: general, version 5",
		strings.Repeat("0", 17<<20):  "longer than",
	} {
		out, err := inProcess(t, good+"\n"+line+"\n"+good, "chain", "decode", "--metadata", file)
		if err == nil || !strings.HasPrefix(err.Error(), "chain decode: line 2: ") || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.100s: error %.500v, want %q", line, err, want)
		}
		if strings.Count(out, "\n") != 1 {
			t.Errorf("%.100s: printed\n%s", line, out)
		}
	}
	for _, flags := range [][]string{{"--block-hash", oneHash}, {"--spec-version", "1"}, {"--genesis", "0x00"}, {"--genesis", zeroHash, "--block-hash", "x"}} {
		if _, err := inProcess(t, "", append([]string{"chain", "decode", "--metadata", file}, flags...)...); !errors.Is(err, errUsage) {
			t.Errorf("%v: error %v is not one of the command line", flags, err)
		}
	}
}

func TestMetadataFileIsRefused(t *testing.T) {
	t.Parallel()
	whole := smallRuntime(t, 14)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":         {nil, "not metadata"},
		"text":          {[]byte("hello"), "hex text"},
		"hex of else":   {[]byte("0x00112233"), "not metadata"},
		"odd hex":       {[]byte("0x6d65746"), "hex text"},
		"cut":           {whole[:len(whole)/2], "malformed"},
		"more":          {append(bytes.Clone(whole), 0), "malformed"},
		"version 13":    {append([]byte("meta\x0d"), whole[5:]...), "version not supported"},
		"too long":      {make([]byte, maxMetadataFile+1), "longer than"},
		"endless types": {[]byte("meta\x0e\xfe\xff\xff\xff"), "malformed"},
	} {
		file := filepath.Join(t.TempDir(), "metadata")
		if err := os.WriteFile(file, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"encode", "storage-key", "decode"} {
			out, err := inProcess(t, "{}", "chain", command, "--metadata", file)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "line") || out != "" {
				t.Errorf("%s, %s: error %v, want %q; printed %q", command, name, err, c.want, out)
			}
		}
	}
	if _, err := inProcess(t, "", "chain", "encode", "--metadata", t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: %v", err)
	}
}

// Metadata of a runtime that does not tell its version still encodes calls, and
// payloads when the line tells.
func TestEncodeWithoutVersionConstant(t *testing.T) {
	t.Parallel()
	raw, err := build.Build(build.Spec{Version: 16, Pallets: []build.Pallet{{Name: "P", Calls: build.Names("c")}}})
	file := filepath.Join(t.TempDir(), "metadata")
	if err := errors.Join(err, os.WriteFile(file, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	line := `{"pallet":"P","call":"c","era":"0x00","nonce":0,"genesis":"` + zeroHash + `"`
	if _, err := inProcess(t, line+"}", "chain", "encode", "--metadata", file); err == nil || !strings.Contains(err.Error(), "does not tell the runtime's version") {
		t.Errorf("error %v", err)
	}
	out, err := inProcess(t, line+`,"specVersion":1,"transactionVersion":1}`, "chain", "encode", "--metadata", file)
	if err != nil || !strings.Contains(out, `"callHex":"0x0000"`) {
		t.Errorf("%v: %s", err, out)
	}
}

// Whatever a line holds, it is encoded to what decodes again, or refused.
func FuzzEncodeLine(f *testing.F) {
	f.Add([]byte(`{` + weightsCall + `,"era":"0x8501","nonce":1,"tip":2,"blockHash":"` + oneHash + `","genesis":"` + zeroHash + `"}`))
	f.Add([]byte(`{"pallet":"System","call":"remark","args":{"remark":"0x00"},"era":"0x00","nonce":1,"genesis":"` + zeroHash + `"}`))
	f.Add([]byte(`{"pallet":"SubtensorModule","call":"set_value","args":{"value":{"Some":"340282366920938463463374607431768211455"}}}`))
	f.Add([]byte(`{"pallet":null,"args":[]}`))
	m, err := metadata.Parse(smallRuntime(f, 16))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		out, err := encodeLine(m, line)
		if err != nil {
			return
		}
		call, err := parseHex(out.CallHex)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := m.DecodeCall(call); err != nil || !json.Valid(line) {
			t.Errorf("%s became %s: %v", line, out.CallHex, err)
		}
		if out.PayloadHex != "" && !strings.HasPrefix(out.PayloadHex, out.CallHex) {
			t.Errorf("the payload %s does not begin with the call", out.PayloadHex)
		}
	})
}

func FuzzStorageKeyLine(f *testing.F) {
	f.Add([]byte(`{"pallet":"SubtensorModule","entry":"Uids","keys":[120,"` + oneHash + `"]}`))
	f.Add([]byte(`{"pallet":"SubtensorModule","entry":"Total"}`))
	f.Add([]byte(`{"keys":{}}`))
	m, err := metadata.Parse(smallRuntime(f, 14))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		out, err := storageKeyLine(m, line)
		if err != nil {
			return
		}
		var in keyLine
		if err := json.Unmarshal(line, &in); err != nil {
			t.Fatalf("%s was read: %v", line, err)
		}
		key, _ := parseHex(out.KeyHex)
		if values, err := m.DecodeStorageKey(in.Pallet, in.Entry, key); err != nil || len(values) != len(in.list()) {
			t.Errorf("%s became %s, which holds %v: %v", line, out.KeyHex, values, err)
		}
	})
}

func FuzzDecodeLine(f *testing.F) {
	f.Add(bare(4, "\x00\x00\x08hi"))
	f.Add(bare(5, ""))
	f.Add("0x00")
	f.Add("84")
	m, err := metadata.Parse(smallRuntime(f, 15))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := decodeLine(m, text, func(*extrinsic.Signed) *bool { return nil })
		if err != nil {
			return
		}
		if out.Signed != (out.signature != nil) || out.Pallet == "" {
			t.Errorf("%s became %+v", text, out)
		}
		if _, err := json.Marshal(out); err != nil {
			t.Errorf("%s cannot be printed: %v", text, err)
		}
	})
}
