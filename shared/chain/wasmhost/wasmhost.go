// Package wasmhost runs a Substrate runtime, the WebAssembly that a chain stores under
// ":code", in this process and without cgo: it offers the host functions that a runtime
// imports (storage, hashing, signatures, allocator, trie roots, logging) over an
// immutable State, and calls the runtime's methods.
//
// A runtime is untrusted. Its memory is limited, a call that does not end is ended, and
// what it does wrong comes back as an error of one line.
//
// Every call begins with fresh memory, as on a real node, so it depends on nothing but
// the state and the arguments. Host functions and their results are those of Substrate's
// sp-io. What only offchain workers and keystores of a node use is named but refused when
// called.
package wasmhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

// ErrCode is wrapped when a file is no runtime that can be run here.
var ErrCode = errors.New("not a runtime that can be run")

// ErrMethod is wrapped when the runtime has no method of the name called.
var ErrMethod = errors.New("exported method is not found")

// TrapError is a call that the runtime broke off, or that was broken off because it would
// not end or misused a host function.
type TrapError struct {
	Method string
	Reason string // the runtime's own last words where it had any
}

func (e *TrapError) Error() string { return fmt.Sprintf("%s: %s", e.Method, e.Reason) }

// Config limits a runtime. Zero fields take the defaults named with them.
type Config struct {
	Memory  int           // bytes that a call may use; 256 MiB
	Timeout time.Duration // for one call; 30 s
	Cache   string        // folder that keeps compiled code for the next start; empty for none
}

// Runtime is a compiled runtime. It is safe for concurrent use.
type Runtime struct {
	timeout  time.Duration
	engine   wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule
	version  Version
}

const pageSize = 65536

// Load compiles a runtime: plain WebAssembly, or compressed as chains store it. Errors
// wrap ErrCode when the fault lies with the code.
func Load(ctx context.Context, code []byte, cfg Config) (*Runtime, error) {
	if cfg.Memory == 0 {
		cfg.Memory = 256 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	wasm, err := unpack(code)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	}
	r := &Runtime{timeout: cfg.Timeout}
	if r.version, err = versionOf(wasm); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	}
	if wasm, err = ownMemory(wasm); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	}
	if err := r.open(ctx, cfg); err != nil {
		return nil, err
	}
	if err := r.compile(ctx, wasm); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrCode, err), r.Close())
	}
	return r, nil
}

// open starts the engine. Code compiled for it can be broken off anywhere.
func (r *Runtime) open(ctx context.Context, cfg Config) (err error) {
	if r.cache = wazero.NewCompilationCache(); cfg.Cache != "" {
		if err := os.MkdirAll(cfg.Cache, 0o755); err != nil {
			return fmt.Errorf("folder for compiled code: %w", err)
		}
		if r.cache, err = wazero.NewCompilationCacheWithDir(cfg.Cache); err != nil {
			return fmt.Errorf("folder for compiled code: %w", err)
		}
	}
	limits := wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithCompilationCache(r.cache).
		WithMemoryLimitPages(uint32(cfg.Memory / pageSize))
	r.engine = wazero.NewRuntimeWithConfig(ctx, limits)
	return nil
}

func (r *Runtime) compile(ctx context.Context, wasm []byte) (err error) {
	if r.compiled, err = r.engine.CompileModule(ctx, wasm); err != nil {
		return firstLine(err)
	}
	if err := checkImports(r.compiled.ImportedFunctions()); err != nil {
		return err
	}
	host := r.engine.NewHostModuleBuilder(hostModule)
	for name, f := range hostFunctions {
		host.NewFunctionBuilder().WithGoModuleFunction(f.bind(), f.paramTypes(), f.resultTypes()).Export(name)
	}
	if _, err := host.Instantiate(ctx); err != nil {
		return fmt.Errorf("host functions: %w", err)
	}
	return nil
}

// Close frees the compiled code. Calls under way fail.
func (r *Runtime) Close() error {
	ctx := context.Background()
	return errors.Join(r.engine.Close(ctx), r.cache.Close(ctx))
}

// Version is what the runtime says of itself.
func (r *Runtime) Version() Version { return r.version }

// Call runs a method of the runtime over a state, and returns its answer and the state
// that it leaves behind. On an error the state is the one before the call.
func (r *Runtime) Call(ctx context.Context, state State, method string, args []byte) ([]byte, State, error) {
	if _, known := r.compiled.ExportedFunctions()[method]; !known {
		return nil, state, fmt.Errorf("%w: %s", ErrMethod, method)
	}
	x := &execution{state: state}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, executionKey{}, x), r.timeout)
	defer cancel()
	answer, err := r.run(ctx, x, method, args)
	if err != nil {
		return nil, state, &TrapError{Method: method, Reason: r.reason(ctx, x, err)}
	}
	if len(x.saved) > 0 {
		return nil, state, &TrapError{Method: method, Reason: fmt.Sprintf("it left %d storage transactions open", len(x.saved))}
	}
	return answer, x.state, nil
}

func (r *Runtime) run(ctx context.Context, x *execution, method string, args []byte) ([]byte, error) {
	m, err := r.engine.InstantiateModule(ctx, r.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	defer m.Close(context.WithoutCancel(ctx))
	if err := x.enter(m); err != nil {
		return nil, err
	}
	at, err := x.heap.alloc(uint32(len(args)))
	if err != nil {
		return nil, err
	}
	if !m.Memory().Write(at, args) {
		return nil, errors.New("its memory does not hold the arguments")
	}
	result, err := m.ExportedFunction(method).Call(ctx, uint64(at), uint64(len(args)))
	if err != nil {
		return nil, err
	}
	if len(result) != 1 {
		return nil, fmt.Errorf("it returned %d values", len(result))
	}
	view, ok := m.Memory().Read(uint32(result[0]), uint32(result[0]>>32))
	if !ok {
		return nil, errors.New("its answer lies outside its memory")
	}
	return append([]byte(nil), view...), nil
}

// reason says in one line why a call ended early.
func (r *Runtime) reason(ctx context.Context, x *execution, err error) string {
	var ended *sys.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.As(err, &ended):
		return fmt.Sprintf("it did not come to an end within %v", r.timeout)
	case ctx.Err() != nil:
		return ctx.Err().Error()
	case x.lastWords != "":
		return x.lastWords
	}
	return firstLine(err).Error()
}

// firstLine leaves out the stack of WebAssembly functions, which have no names, and what
// wazero says of itself.
func firstLine(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(strings.TrimSuffix(line, " (recovered by wazero)"))
}

// execution is one call under way.
type execution struct {
	memory api.Memory
	heap   *heap

	state State
	saved []State // before each open transaction, the outermost first

	lastWords string // of the runtime, told as an error: why it panics
}

type executionKey struct{}

// enter takes hold of a module's memory.
func (x *execution) enter(m api.Module) error {
	base := m.ExportedGlobal("__heap_base")
	if base == nil || m.Memory() == nil {
		return errors.New("it exports no __heap_base, or has no memory")
	}
	x.memory = m.Memory()
	x.heap = newHeap(x.memory, uint32(base.Get()))
	return nil
}
