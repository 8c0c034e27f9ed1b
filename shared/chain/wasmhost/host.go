package wasmhost

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

// hostModule is the name under which runtimes import everything.
const hostModule = "env"

// hostFunction is a function that runtimes import. A letter stands for each parameter and
// result: p for 32 bits (a pointer or a number), s for 64 bits (a span: a pointer in the
// lower half and a length in the upper one, or a number).
type hostFunction struct {
	params, results string
	run             func(x *execution, args []uint64) uint64
}

// hostFunctions are all that are offered, by name.
var hostFunctions = merged(storageFunctions, childFunctions, hashFunctions, cryptoFunctions, curveFunctions, otherFunctions, absentFunctions)

func merged(tables ...map[string]hostFunction) map[string]hostFunction {
	all := make(map[string]hostFunction)
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// bind makes the function callable from WebAssembly.
func (f hostFunction) bind() api.GoModuleFunction {
	return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		x, _ := ctx.Value(executionKey{}).(*execution)
		if x == nil || x.heap == nil {
			trap("a host function was called before the runtime was ready")
		}
		result := f.run(x, stack)
		if f.results != "" {
			stack[0] = result
		}
	})
}

// trap breaks off the call under way. Unwinding WebAssembly takes a panic, which wazero
// turns into the call's error.
func trap(format string, args ...any) {
	panic(fmt.Errorf(format, args...))
}

func (f hostFunction) paramTypes() []api.ValueType  { return valueTypes(f.params) }
func (f hostFunction) resultTypes() []api.ValueType { return valueTypes(f.results) }

func valueTypes(letters string) []api.ValueType {
	types := make([]api.ValueType, len(letters))
	for i, letter := range letters {
		types[i] = api.ValueTypeI32
		if letter == 's' {
			types[i] = api.ValueTypeI64
		}
	}
	return types
}

// checkImports names the imports that are not offered here.
func checkImports(imports []api.FunctionDefinition) error {
	var missing []string
	for _, def := range imports {
		module, name, _ := def.Import()
		f, known := hostFunctions[name]
		switch {
		case module != hostModule:
			missing = append(missing, module+"."+name)
		case !known:
			missing = append(missing, name)
		case !slices.Equal(def.ParamTypes(), f.paramTypes()) || !slices.Equal(def.ResultTypes(), f.resultTypes()):
			missing = append(missing, name+" of another form")
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("it imports what is not offered here: %s", strings.Join(missing, ", "))
	}
	return nil
}

// bytes copies what a span points to.
func (x *execution) bytes(span uint64) []byte { return x.read(uint32(span), uint32(span>>32)) }

func (x *execution) read(at, size uint32) []byte {
	view, ok := x.memory.Read(at, size)
	if !ok {
		trap("host function given %d bytes at %d, outside the memory", size, at)
	}
	return append([]byte(nil), view...)
}

// give puts an answer into the runtime's memory and returns its span.
func (x *execution) give(answer []byte) uint64 {
	return uint64(x.place(answer)) | uint64(len(answer))<<32
}

// place is give for answers whose length the runtime knows; it returns the pointer.
func (x *execution) place(answer []byte) uint32 {
	at, err := x.heap.alloc(uint32(len(answer)))
	if err != nil {
		trap("%w", err)
	}
	x.write(at, answer)
	return at
}

func (x *execution) write(at uint32, data []byte) {
	if !x.memory.Write(at, data) {
		trap("host function given %d bytes at %d, outside the memory", len(data), at)
	}
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
