package wasmhost

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// echo is a runtime that answers with its arguments.
func echo() module { return module{methods: map[string][]byte{"echo": arguments()}} }

func compress(t testing.TB, wasm []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(zstdMagic), w.EncodeAll(wasm, nil)...)
}

func TestCallsBringArgumentsThereAndBack(t *testing.T) {
	own := echo()
	own.own = true
	for form, code := range map[string][]byte{
		"plain": echo().build(), "compressed": compress(t, echo().build()), "with a memory of its own": own.build(),
	} {
		r, err := Load(t.Context(), code, Config{})
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		for _, args := range []string{"", "a", strings.Repeat("long ", 50_000)} {
			if got, _ := ask(t, r, State{}, "echo", []byte(args)); string(got) != args {
				t.Errorf("%s: %d bytes came back of %d", form, len(got), len(args))
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestVersionIsReadWithoutRunningAnything(t *testing.T) {
	v := load(t, echo(), Config{}).Version()
	if v.SpecName != "test-spec" || v.ImplName != "test-impl" || v.Spec != 77 || v.Impl != 3 || v.Transaction != 4 || v.State != 1 {
		t.Errorf("%+v", v)
	}
	if len(v.APIs) != 1 || string(v.APIs[0].ID[:]) != "12345678" || v.APIs[0].Version != 2 {
		t.Errorf("APIs %+v", v.APIs)
	}
}

func TestFilesThatAreNoRuntimeAreRefusedInOneLine(t *testing.T) {
	good := echo().build()
	mute, other := echo(), echo()
	mute.noTongue = true
	other.extra, other.count = slices.Concat(name("env"), name("ext_future_thing_version_9"), []byte{importFunction, 0}), 1
	elsewhere := echo()
	elsewhere.extra, elsewhere.count = slices.Concat(name("wasi"), name("exit"), []byte{importFunction, 0}), 1
	bent := echo()
	bent.extra, bent.count = slices.Concat(name("env"), name("ext_allocator_free_version_1"), []byte{importFunction, 0}), 1
	twice := echo()
	twice.extra, twice.count = slices.Concat(name("env"), name("more"), []byte{importMemory, 0, 1}), 1
	for want, code := range map[string][]byte{
		"it begins with 7f454c46":                      []byte("\x7fELF\x01\x01\x01\x00"),
		"it begins with ":                              nil,
		"decompress":                                   slices.Concat(zstdMagic, []byte("not zstd")),
		"damaged WebAssembly module":                   good[:len(good)-3],
		"no section runtime_version":                   mute.build(),
		"not offered here: ext_future_thing_version_9": other.build(),
		"not offered here: wasi.exit":                  elsewhere.build(),
		"ext_allocator_free_version_1 of another form": bent.build(),
		"it imports two memories":                      twice.build(),
		"at most 52428800":                             make([]byte, maxCode+1),
	} {
		_, err := Load(t.Context(), code, Config{})
		if !errors.Is(err, ErrCode) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.20q: %v, want %q", code, err, want)
		}
	}
	// 60 MB of zeros compress well.
	bomb := compress(t, make([]byte, maxCode+10<<20))
	if _, err := Load(t.Context(), bomb, Config{}); !errors.Is(err, ErrCode) {
		t.Errorf("a bomb: %v", err)
	}
}

// spin never ends.
func spin() []byte { return slices.Concat([]byte{opLoop, 0x40, opBranch, 0, opEnd}, i64(0)) }

func TestCallsThatGoWrongAreOneLine(t *testing.T) {
	const said = "panicked at 'why'"
	m := module{
		imports: []string{"ext_logging_log_version_1", "ext_allocator_malloc_version_1", "ext_allocator_free_version_1", "ext_storage_commit_transaction_version_1",
			"ext_storage_start_transaction_version_1", "ext_storage_get_version_1", "ext_crypto_sr25519_generate_version_1", "ext_storage_root_version_2"},
		text: said,
		methods: map[string][]byte{
			"die":     {opUnreachable},
			"panic":   slices.Concat(i32(logError), text(0, 0), text(0, len(said)), call(0), []byte{opUnreachable}),
			"whisper": slices.Concat(i32(1), text(0, 0), text(0, len(said)), call(0), []byte{opUnreachable}),
			"hoard":   slices.Concat([]byte{opLoop, 0x40}, i32(1<<24), call(1), []byte{opDrop, opBranch, 0, opEnd}, i64(0)),
			"huge":    slices.Concat(i32(1<<25+1), call(1), []byte{opDrop}, i64(0)),
			"free":    slices.Concat(i32(heapBase), call(2), i32(12), call(2), i64(0)),
			"commit":  slices.Concat(call(3), i64(0)),
			"open":    slices.Concat(call(4), i64(0)),
			"wild":    slices.Concat(i64(1<<62), call(5)),
			"answer":  i64(1 << 62),
			"key":     slices.Concat(i32(0), i64(0), call(6), []byte{opDrop}, i64(0)),
			"version": slices.Concat(i32(2), call(7)),
		},
	}
	r := load(t, m, Config{Memory: 64 << 20})
	for method, want := range map[string]string{
		"die":     "unreachable",
		"panic":   said,
		"whisper": "unreachable",
		"hoard":   "out of memory",
		"huge":    "allocation of 33554433 bytes",
		"free":    errFree.Error(),
		"commit":  "transaction that was not started",
		"open":    "it left 1 storage transactions open",
		"wild":    "outside the memory",
		"answer":  "outside its memory",
		"key":     "no keystore here",
		"version": "state version 2",
	} {
		before := State{}.With([]byte("k"), []byte("v"))
		answer, after, err := r.Call(t.Context(), before, method, nil)
		var trapped *TrapError
		if !errors.As(err, &trapped) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", method, err, want)
		}
		if answer != nil || string(after.Get([]byte("k"))) != "v" {
			t.Errorf("%s leaves something behind", method)
		}
	}
	if _, _, err := r.Call(t.Context(), State{}, "absent", nil); !errors.Is(err, ErrMethod) {
		t.Errorf("no such method: %v", err)
	}
	// The host is as good as new after all that.
	if _, _, err := load(t, echo(), Config{}).Call(t.Context(), State{}, "echo", nil); err != nil {
		t.Error(err)
	}
}

func TestACallThatDoesNotEndIsEnded(t *testing.T) {
	r := load(t, module{methods: map[string][]byte{"spin": spin()}}, Config{Timeout: 50 * time.Millisecond})
	_, _, err := r.Call(t.Context(), State{}, "spin", nil)
	if err == nil || !strings.Contains(err.Error(), "spin: it did not come to an end within 50ms") {
		t.Errorf("ended with %v", err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	r := load(t, module{methods: map[string][]byte{"spin": spin()}}, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := r.Call(ctx, State{}, "spin", nil)
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("ended with %v", err)
	}
}

func TestARuntimeWithoutAHeap(t *testing.T) {
	m := echo()
	m.noBase = true
	r := load(t, m, Config{})
	if _, _, err := r.Call(t.Context(), State{}, "echo", nil); err == nil || !strings.Contains(err.Error(), "__heap_base") {
		t.Errorf("no heap: %v", err)
	}
}

func TestMemoryBeyondTheLimitIsRefusedAtTheStart(t *testing.T) {
	m := echo()
	m.memory = []byte{0, 0x80, 0x20} // 4096 pages
	if _, err := Load(t.Context(), m.build(), Config{Memory: 64 << 20}); !errors.Is(err, ErrCode) {
		t.Errorf("256 MiB from the start, allowed 64: %v", err)
	}
}

func TestCompiledCodeIsKept(t *testing.T) {
	dir := t.TempDir() + "/new"
	for range 2 {
		r, err := Load(t.Context(), echo().build(), Config{Cache: dir})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := ask(t, r, State{}, "echo", []byte("x")); string(got) != "x" {
			t.Errorf("got %q", got)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) == 0 {
		t.Errorf("%v, %v", files, err)
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), echo().build(), Config{Cache: file}); err == nil {
		t.Error("a file was taken for the folder of compiled code")
	}
}

// The digests are those that everybody publishes for "abc", and xxHash64's for seed 0.
func TestHashesThroughTheHost(t *testing.T) {
	for function, want := range map[string]string{
		"ext_hashing_blake2_128_version_1": "cf4ab791c62b8d2b2109c90275287816",
		"ext_hashing_blake2_256_version_1": "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
		"ext_hashing_keccak_256_version_1": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
		"ext_hashing_keccak_512_version_1": "18587dc2ea106b9a1563e32b3312421ca164c7f1f07bc922a9c83d77cea3a1e5d0c69910739025372dc14ac9642629379540c17e2a65b19d77aa511a9d00bb96",
		"ext_hashing_sha2_256_version_1":   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"ext_hashing_twox_64_version_1":    "990977adf52cbc44",
		"ext_hashing_twox_128_version_1":   "990977adf52cbc440889329981caa9be",
	} {
		size := uint64(len(want) / 2)
		r := load(t, module{imports: []string{function}, methods: map[string][]byte{"hash": slices.Concat(arguments(), call(0), answer(size))}}, Config{})
		if got, _ := ask(t, r, State{}, "hash", []byte("abc")); hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, want %s", function, got, want)
		}
	}
}
