package chain_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
)

// module is text that begins like a WebAssembly module and is as long as a real runtime.
func module(size int) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), bytes.Repeat([]byte{0xab}, size-8)...)
}

const compressed = "\x52\xbc\x53\x76\x46\xdb\x8e\x05\x28\xb5\x2f\xfd"

func TestCodeIsReadAtAFinalizedBlock(t *testing.T) {
	for name, code := range map[string][]byte{
		"plain":      module(3 << 20),
		"compressed": append([]byte(compressed), make([]byte, 1<<10)...),
	} {
		cfg := config(t)
		cfg.Code, cfg.SpecVersion = code, 401
		node := start(t, cfg)
		client := dial(t, quick(node.Endpoint()))
		past, err := client.Finalized(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := node.Mine(3); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"", past.Hash} {
			got, err := client.Code(t.Context(), at)
			if err != nil {
				t.Fatalf("%s at %q: %v", name, at, err)
			}
			if !bytes.Equal(got.Wasm, code) || got.SpecVersion != 401 || got.SpecName != "node-subtensor" || got.Compressed != (name == "compressed") {
				t.Errorf("%s at %q: %d bytes, %+v", name, at, len(got.Wasm), got.Head)
			}
			if at == "" && got.Head.Number != node.Finalized() || at != "" && got.Head != past {
				t.Errorf("%s at %q: read at %+v", name, at, got.Head)
			}
		}
	}
}

func TestCodeThatIsNoneIsRefused(t *testing.T) {
	for want, code := range map[string][]byte{
		"the state has none":      nil,
		"7 bytes":                 []byte("\x00asm\x01\x00\x00"),
		"63 bytes":                module(63),
		"begins with 7f454c46":    append([]byte("\x7fELF"), make([]byte, 100)...),
		"begins with 0061736d020": append([]byte("\x00asm\x02"), make([]byte, 100)...),
		"no zstd frame":           append([]byte(compressed[:8]), make([]byte, 100)...),
	} {
		cfg := config(t)
		cfg.Code = code
		client := dial(t, quick(start(t, cfg).Endpoint()))
		_, err := client.Code(t.Context(), "")
		if !errors.Is(err, chain.ErrNoCode) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%.12x: %v, want %q", code, err, want)
		}
	}
}

func TestCodeOfABlockThatIsNotThere(t *testing.T) {
	cfg := config(t)
	cfg.Code = module(100)
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	_, err := client.Code(t.Context(), "0x"+strings.Repeat("12", 32))
	if !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("an unknown block: %v", err)
	}
	node.Inject(chaintest.Fault{Kind: chaintest.CutAnswer, Method: "state_getStorage", Times: -1, Bytes: 20})
	if _, err = client.Code(t.Context(), ""); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("an answer that breaks off: %v", err)
	}
}
