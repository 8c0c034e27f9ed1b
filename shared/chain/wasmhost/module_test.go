package wasmhost

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/affine-go/affine/shared/chain/scale"
)

// module is a small runtime, put together by hand: what it imports, text in its memory,
// and methods, each a list of instructions that leaves a span on the stack.
type module struct {
	imports []string // host functions, called by place
	text    string   // at address textAt
	methods map[string][]byte

	memory   []byte // the memory's limits; 1 page, no maximum
	own      bool   // define the memory instead of importing it
	noBase   bool   // leave out __heap_base
	noTongue bool   // leave out the version
	extra    []byte // entries of the import section, after the memory
	count    int    // of extra
}

const (
	textAt   = 1024
	heapBase = 4096
)

// Instructions.
const (
	opUnreachable = 0x00
	opLoop        = 0x03
	opEnd         = 0x0b
	opBranch      = 0x0c
	opCall        = 0x10
	opDrop        = 0x1a
	opLocal       = 0x20
	opI32         = 0x41
	opI64         = 0x42
	opI64Or       = 0x84
	opI64Shl      = 0x86
	opExtend      = 0xad // u32 to 64 bits
)

func i64(n uint64) []byte { return append([]byte{opI64}, leb(int64(n))...) }
func i32(n int32) []byte  { return append([]byte{opI32}, leb(int64(n))...) }

// leb is a signed LEB128 number.
func leb(n int64) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func call(place int) []byte { return []byte{opCall, byte(place)} }

// text pushes the span of a piece of the module's text.
func text(from, size int) []byte { return i64(uint64(size)<<32 | uint64(textAt+from)) }

// arguments pushes the span of what the method was called with.
func arguments() []byte {
	return []byte{opLocal, 1, opExtend, opI64, 32, opI64Shl, opLocal, 0, opExtend, opI64Or}
}

// answer turns the pointer on the stack into the span of that many bytes.
func answer(size uint64) []byte {
	return slices.Concat([]byte{opExtend}, i64(size<<32), []byte{opI64Or})
}

func vector(items ...[]byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(items))), slices.Concat(items...)...)
}

func name(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }

func sized(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }

// build assembles the module. Type 0 is that of methods, type i+1 that of import i.
func (m module) build() []byte {
	types := [][]byte{{0x60, 2, 0x7f, 0x7f, 1, 0x7e}}
	var imports, functions, exports, bodies [][]byte
	for i, f := range m.imports {
		form := hostFunctions[f]
		types = append(types, slices.Concat([]byte{0x60}, sized(form.paramTypes()), sized(form.resultTypes())))
		imports = append(imports, slices.Concat(name("env"), name(f), []byte{importFunction, byte(i + 1)}))
	}
	limits := m.memory
	if limits == nil {
		limits = []byte{0, 1}
	}
	if !m.own {
		imports = append(imports, slices.Concat(name("env"), name("memory"), []byte{importMemory}, limits))
	}
	for _, method := range sortedKeys(m.methods) {
		exports = append(exports, slices.Concat(name(method), []byte{0, byte(len(m.imports) + len(functions))}))
		functions = append(functions, []byte{0})
		bodies = append(bodies, sized(slices.Concat([]byte{0}, m.methods[method], []byte{opEnd})))
	}
	if !m.noBase {
		exports = append(exports, slices.Concat(name("__heap_base"), []byte{3, 0}))
	}
	out := slices.Clone(wasmMagic)
	out = appendSection(out, section{1, vector(types...)})
	entries := slices.Concat(slices.Concat(imports...), m.extra)
	out = appendSection(out, section{importSection, append(binary.AppendUvarint(nil, uint64(len(imports)+m.count)), entries...)})
	out = appendSection(out, section{3, vector(functions...)})
	if m.own {
		out = appendSection(out, section{memorySection, vector(limits)})
	}
	out = appendSection(out, section{6, vector(slices.Concat([]byte{0x7f, 0}, i32(heapBase), []byte{opEnd}))})
	out = appendSection(out, section{7, vector(exports...)})
	out = appendSection(out, section{10, vector(bodies...)})
	if m.text != "" {
		out = appendSection(out, section{11, vector(slices.Concat([]byte{0}, i32(textAt), []byte{opEnd}, name(m.text)))})
	}
	if !m.noTongue {
		out = appendSection(out, section{customSection, append(name("runtime_version"), versionText()...)})
		out = appendSection(out, section{customSection, append(name("runtime_apis"), "12345678\x02\x00\x00\x00"...)})
	}
	return out
}

func sortedKeys(m map[string][]byte) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// versionText is what the section runtime_version holds.
func versionText() []byte {
	var e scale.Encoder
	e.Str("test-spec")
	e.Str("test-impl")
	e.U32(1)
	e.U32(77)
	e.U32(3)
	e.Compact(0)
	e.U32(4)
	e.U8(1)
	return e.Data()
}

func load(t testing.TB, m module, cfg Config) *Runtime {
	t.Helper()
	r, err := Load(t.Context(), m.build(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// ask calls a method that has to succeed.
func ask(t testing.TB, r *Runtime, state State, method string, args []byte) ([]byte, State) {
	t.Helper()
	answer, state, err := r.Call(context.Background(), state, method, args)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return answer, state
}
