package wasmhost

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
)

// compiles says whether wazero takes a module.
func compiles(t testing.TB, wasm []byte) (exported bool, err error) {
	t.Helper()
	ctx := context.Background()
	engine := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer engine.Close(ctx)
	m, err := engine.CompileModule(ctx, wasm)
	if err != nil {
		return false, err
	}
	return len(m.ImportedMemories()) == 0, nil
}

func TestMemoryIsMovedIntoTheModule(t *testing.T) {
	bounded, early, mixed, own := echo(), echo(), echo(), echo()
	bounded.memory = []byte{1, 1, 0x80, 0x80, 0x04} // up to 65536 pages
	early.imports = []string{"ext_hashing_twox_64_version_1"}
	mixed.extra = slices.Concat( // after the memory
		name("env"), name("table"), []byte{importTable, 0x70, 0, 1},
		name("env"), name("global"), []byte{importGlobal, 0x7f, 0},
		name("env"), name("ext_allocator_free_version_1"), []byte{importFunction, 0})
	mixed.count = 3
	own.own = true
	for title, m := range map[string]module{"bounded": bounded, "after a function": early, "among others": mixed, "its own": own} {
		wasm := m.build()
		moved, err := ownMemory(wasm)
		if err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		free, err := compiles(t, moved)
		if title != "among others" && (err != nil || !free) { // its method is out of place with a global in front
			t.Errorf("%s: %v, imports a memory: %v", title, err, !free)
		}
		if again, err := ownMemory(moved); err != nil || !bytes.Equal(again, moved) {
			t.Errorf("%s: moving again changes it: %v", title, err)
		}
	}
}

func TestAModuleOfImportsOnly(t *testing.T) {
	wasm := appendSection(slices.Clone(wasmMagic), section{importSection, vector(slices.Concat(name("env"), name("memory"), []byte{importMemory, 0, 1}))})
	moved, err := ownMemory(wasm)
	if err != nil {
		t.Fatal(err)
	}
	if free, err := compiles(t, moved); err != nil || !free {
		t.Errorf("%v, imports a memory: %v", err, !free)
	}
}

func TestDamagedModulesAreRefused(t *testing.T) {
	both := echo()
	wasm := both.build()
	with := appendSection(slices.Clone(wasm), section{memorySection, vector([]byte{0, 1})})
	for title, wasm := range map[string][]byte{
		"a memory and an import":   with,
		"a section too long":       append(slices.Clone(wasmMagic), importSection, 5, 0),
		"a number without end":     append(slices.Clone(wasmMagic), importSection, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"a number above 32 bits":   append(slices.Clone(wasmMagic), importSection, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"an unknown import":        appendSection(slices.Clone(wasmMagic), section{importSection, vector(slices.Concat(name("env"), name("x"), []byte{9}))}),
		"bytes behind the imports": appendSection(slices.Clone(wasmMagic), section{importSection, []byte{0, 7}}),
		"more types than bytes":    appendSection(slices.Clone(wasmMagic), section{1, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}}),
		"fewer imports than said":  appendSection(slices.Clone(wasmMagic), section{importSection, []byte{3}}),
	} {
		if _, err := ownMemory(wasm); !errors.Is(err, errModule) {
			t.Errorf("%s: %v", title, err)
		}
	}
}

// Whatever the bytes: what wazero takes before the rewriting it takes afterwards, and no
// memory is imported then.
func FuzzOwnMemory(f *testing.F) {
	m := echo()
	f.Add(m.build())
	m.own = true
	f.Add(m.build())
	f.Add(appendSection(slices.Clone(wasmMagic), section{importSection, vector(slices.Concat(name("env"), name("memory"), []byte{importMemory, 0, 1}))}))
	f.Add(wasmMagic)
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if !bytes.HasPrefix(wasm, wasmMagic) || len(wasm) > 1<<16 {
			return
		}
		_, _ = versionOf(wasm)
		moved, err := ownMemory(wasm)
		if err != nil {
			return // a damaged count is not tried on the engine, which makes room for it
		}
		_, before := compiles(t, wasm)
		if free, after := compiles(t, moved); before == nil && (after != nil || !free) {
			t.Fatalf("a sound module is spoiled: %v, imports a memory: %v", after, !free)
		}
	})
}

func FuzzVersion(f *testing.F) {
	f.Add(versionText(), []byte("12345678\x02\x00\x00\x00"))
	f.Add(append(versionText(), 1), []byte(nil))
	f.Fuzz(func(t *testing.T, body, apis []byte) {
		v, err := decodeVersion(body, apis)
		if err != nil {
			return
		}
		again, err := decodeVersion(v.encoded, nil)
		if err != nil || !bytes.Equal(again.encoded, v.encoded) {
			t.Fatalf("%+v is told as %x, which is read as %+v, %v", v, v.encoded, again, err)
		}
	})
}
