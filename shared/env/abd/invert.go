package abd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/affine-go/affine/shared/sandbox"
)

// maxSearch is the largest space that Invert searches, in inputs.
const maxSearch = 1 << 16

// invertLimits bound one search.
var invertLimits = sandbox.Limits{CPU: 10 * time.Second, Wall: time.Minute}

// Invert finds a stdin for which a generated program prints the output, by trying
// the inputs that the program's head states, within one interpreter. ok is false
// when the program states none, as recorded ones do not, or none fits. It serves
// those who answer challenges; grading never searches.
func Invert(ctx context.Context, r Runner, p Problem) (stdin string, ok bool, err error) {
	s := readSpace(p.Program)
	if n := s.size(maxSearch); n == 0 || n > maxSearch {
		return "", false, nil
	}
	fields := []string{"search", p.Program, p.Output}
	for _, f := range s {
		fields = append(fields, strings.Join(f.values(), "\n"))
	}
	found, err := inHarness(ctx, r, invertLimits, fields...)
	if err != nil {
		return "", false, fmt.Errorf("abd: search for an input: %w", err)
	}
	if len(found) != 1 {
		return "", false, nil
	}
	return strings.TrimPrefix(found[0], "+"), true, nil
}
