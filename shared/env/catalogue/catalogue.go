// Package catalogue lists the environments that this build can run. Adding one is
// its package and a line here.
package catalogue

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrUnknown is wrapped for the name of an environment that is not in the catalogue.
var ErrUnknown = errors.New("no such environment")

// entry makes an environment. Those that run programs take a runner, those with
// recorded tasks take the records; others ignore them.
type entry struct {
	id   subnet.EnvID
	open func(r abd.Runner, records []abd.Record) env.Env
}

var entries = []entry{
	{sat.LegacyID, func(abd.Runner, []abd.Record) env.Env { return sat.Legacy() }},
	{sat.HardID, func(abd.Runner, []abd.Record) env.Env { return sat.Hard() }},
	{abd.ID, func(r abd.Runner, _ []abd.Record) env.Env { return abd.New(r) }},
	{abd.RecordedID, func(r abd.Runner, records []abd.Record) env.Env { return abd.NewRecorded(r, records) }},
}

// IDs names all environments, in the catalogue's order.
func IDs() []subnet.EnvID {
	ids := make([]subnet.EnvID, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	return ids
}

// runsRemembered is how many runs of task programs are remembered: those of some
// thousand tasks and the answers to them.
const runsRemembered = 1 << 14

// Open makes the named environments, in that order. r may be nil where only their
// names and ranges matter.
func Open(ids []subnet.EnvID, r abd.Runner, records []abd.Record) ([]env.Env, error) {
	if r != nil {
		r = abd.NewMemory(r, runsRemembered)
	}
	var out []env.Env
	for _, id := range ids {
		k := slices.IndexFunc(entries, func(e entry) bool { return e.id == id })
		if k < 0 {
			return nil, fmt.Errorf("%w: %q; there are %s", ErrUnknown, id, names())
		}
		if id == abd.RecordedID && len(records) == 0 {
			return nil, fmt.Errorf("environment %s has no recorded tasks: set AFFINE_CRUXEVAL to their folder", id)
		}
		out = append(out, entries[k].open(r, records))
	}
	return out, nil
}

func names() string {
	var out []string
	for _, e := range entries {
		out = append(out, string(e.id))
	}
	return strings.Join(out, ", ")
}
