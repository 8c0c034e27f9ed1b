package abd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/affine-go/affine/shared/sandbox"
)

// Runner runs untrusted programs; *sandbox.Sandbox is the one in use. An error
// means that the program could not be run, and says nothing about the program.
type Runner interface {
	Run(ctx context.Context, p sandbox.Program) (sandbox.Result, error)
}

// harness runs one program on many inputs within one interpreter, which costs
// microseconds an input where a process costs milliseconds. It reads fields that
// end in NUL from stdin: a task, the program and what the task needs. It writes
// fields that end in NUL: "+" and an output, or "-" where the program raised
// anything.
//
// Task "outputs" is followed by inputs; it writes the outputs of all, and lastly of
// the first output taken as an input. Task "search" is followed by an output and
// by one field for each input line, its possible values one a line; it writes the
// first input, in the order of the product, that gives the output but for space
// around it, or nothing.
//
// Nothing is imported that takes time to load.
const harness = `import io, itertools, sys
task, program, *fields = sys.stdin.read().split('\0')[:-1]
code = compile(program, 'program', 'exec')
stdout = sys.stdout
def run(text):
    sys.stdin, sys.stdout = io.StringIO(text), io.StringIO()
    try:
        exec(code, {'__name__': '__main__'})
        return '+' + sys.stdout.getvalue()
    except BaseException:
        return '-'
    finally:
        sys.stdout = stdout
def search(want, *lines):
    for parts in itertools.product(*(choices.split('\n') for choices in lines)):
        text = '\n'.join(parts) + '\n'
        got = run(text)
        if got[0] == '+' and got[1:].strip() == want.strip():
            return ['+' + text]
    return []
if task == 'search':
    results = search(*fields)
else:
    results = [run(text) for text in fields]
    results.append(run(results[0][1:]))
stdout.write(''.join(r + '\0' for r in results))
`

// inHarness hands the harness its fields and returns the fields that it wrote.
func inHarness(ctx context.Context, r Runner, limits sandbox.Limits, fields ...string) ([]string, error) {
	stdin := strings.Join(fields, "\x00") + "\x00"
	result, err := r.Run(ctx, sandbox.Program{Source: harness, Stdin: []byte(stdin), Limits: limits})
	if err != nil {
		return nil, err
	}
	if !result.Clean() {
		return nil, fmt.Errorf("the harness ended with status %d, limit %q: %s", result.ExitCode, result.Limit, lastLine(string(result.Stderr)))
	}
	written := strings.Split(string(result.Stdout), "\x00")
	return written[:len(written)-1], nil
}

// screenLimits are ample for a drafted program on all its probes.
var screenLimits = sandbox.Limits{CPU: 5 * time.Second, Wall: 20 * time.Second, Output: 4 << 20}

// screen runs a draft on its planted input and its probes. It returns the expected
// output, or why the draft makes no task.
func screen(ctx context.Context, r Runner, d draft) (output, reject string, err error) {
	outputs, err := inHarness(ctx, r, screenLimits, slices.Concat([]string{"outputs", d.program, d.planted}, d.probes)...)
	if err != nil {
		return "", "", err
	}
	if len(outputs) != len(d.probes)+2 {
		return "", "", fmt.Errorf("the harness wrote %d outputs for %d inputs", len(outputs), len(d.probes)+1)
	}
	output, ok := strings.CutPrefix(outputs[0], "+")
	if !ok {
		return "", "the planted input makes the program fail", nil
	}
	return output, trivial(d, output, outputs[1:]), nil
}
