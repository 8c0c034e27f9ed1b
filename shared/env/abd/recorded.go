package abd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/affine-go/affine/shared/sandbox"
	"github.com/affine-go/affine/shared/subnet"
)

// RecordedID names the environment of recorded programs.
const RecordedID subnet.EnvID = "affine:abd-crux"

// Record is a recorded problem of input prediction, in the shape of CRUXEval
// (facebookresearch/cruxeval): a function, an argument list and what the function
// returns for it, with a model's answers and the verdicts that were published.
type Record struct {
	ID          string   `json:"id"`
	Code        string   `json:"code"`        // Python source that defines f
	Input       string   `json:"input"`       // argument list, Python source
	Output      string   `json:"output"`      // what f returns, Python literal
	Generations []string `json:"generations"` // answers, such as f("K KBz")
	Verdicts    []bool   `json:"verdicts"`    // of the answers, when as many
}

// readsArguments makes a program of a function f: it reads an argument list, calls
// f and prints what it returns. Arguments are literals, operators on them, their
// methods and lambdas; no other name can be used, because an answer that could call
// print would need no f.
const readsArguments = `

import ast, sys
call = ast.parse('f(' + sys.stdin.read().strip() + ')', mode='eval')
own = {a.arg for n in ast.walk(call) if isinstance(n, ast.Lambda) for a in n.args.args}
for n in ast.walk(call):
    if isinstance(n, (ast.comprehension, ast.NamedExpr, ast.JoinedStr, ast.Await, ast.Yield, ast.YieldFrom)):
        raise ValueError('not a literal')
    if isinstance(n, ast.Name) and n is not call.body.func and n.id not in own:
        raise NameError(n.id)
    if isinstance(n, ast.Attribute) and (n is call.body.func or n.attr.startswith('_')):
        raise AttributeError(n.attr)
if not (isinstance(call.body, ast.Call) and isinstance(call.body.func, ast.Name)):
    raise ValueError('not an argument list')
print(repr(eval(compile(call, 'input', 'eval'), {'f': f, '__builtins__': {}})))
`

// Program is the record as a program that reads the argument list from stdin.
func (r Record) Program() string { return strings.TrimRight(r.Code, "\n") + "\n" + readsArguments }

func (r Record) check() error {
	switch {
	case r.ID == "":
		return errors.New("id is missing")
	case !strings.Contains(r.Code, "def f("):
		return fmt.Errorf("%s: code does not define f", r.ID)
	case r.Output == "":
		return fmt.Errorf("%s: output is missing", r.ID)
	}
	return nil
}

// ReplyFromGeneration turns a recorded answer, such as f("K KBz"), into a reply
// with its argument list between the tags. An answer that is not a call of f goes
// between the tags as it is, and fails there.
func ReplyFromGeneration(gen string) string {
	arguments := strings.TrimSpace(gen)
	if inner, ok := strings.CutPrefix(arguments, "f("); ok {
		arguments = strings.TrimSuffix(inner, ")")
	}
	return "<INPUT>\n" + arguments + "\n</INPUT>"
}

// NewRecorded is "affine:abd-crux": recorded programs, run by r. Ids are the rows of
// the records, [0, len(records)).
func NewRecorded(r Runner, records []Record) *Env {
	e := &Env{id: RecordedID, tasks: subnet.TaskID(len(records)), runner: r, cache: newCache(cachedTasks)}
	e.problem = func(ctx context.Context, task subnet.TaskID) (Problem, error) {
		return records[task].problem(ctx, r)
	}
	return e
}

// problem runs the record's program on its own input. What the program prints is
// what is expected, not the recorded output, which may be written otherwise; only
// where the recorded input is more than the program reads does, as upstream, the
// recorded output stand in.
func (r Record) problem(ctx context.Context, runner Runner) (Problem, error) {
	p := Problem{Program: r.Program(), Output: r.Output + "\n"}
	result, err := runner.Run(ctx, sandbox.Program{Source: p.Program, Stdin: []byte(r.Input + "\n"), Limits: gradeLimits})
	if err != nil {
		return Problem{}, fmt.Errorf("record %s: run its program: %w", r.ID, err)
	}
	if result.Limit == sandbox.LimitWall {
		return Problem{}, fmt.Errorf("record %s: run its program: still running after %v", r.ID, result.Wall)
	}
	if result.Clean() {
		p.Output = string(result.Stdout)
	}
	return p, nil
}

// recordFile is the file that LoadCruxEval reads, one Record as JSON a line.
const recordFile = "codellama-7b-input.jsonl"

// maxRecord bounds one line of recordFile, in bytes.
const maxRecord = 1 << 20

// LoadCruxEval reads the recorded problems of a folder. It fails, with the line,
// when one is malformed, and with fs.ErrNotExist when the folder has none.
func LoadCruxEval(dir string) ([]Record, error) {
	file, err := os.Open(filepath.Join(dir, recordFile))
	if err != nil {
		return nil, fmt.Errorf("abd: recorded problems: %w", err)
	}
	defer file.Close()
	records, err := readRecords(file)
	if err != nil {
		return nil, fmt.Errorf("abd: recorded problems: %s: %w", file.Name(), err)
	}
	return records, nil
}

func readRecords(r io.Reader) ([]Record, error) {
	var records []Record
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxRecord)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var record Record
		err := json.Unmarshal(lines.Bytes(), &record)
		if err == nil {
			err = record.check()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		records = append(records, record)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("after line %d: %w", len(records), err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("no records: %w", fs.ErrNotExist)
	}
	return records, nil
}
