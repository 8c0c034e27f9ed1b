package chaintest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/sharedtest"
)

// The node describes storage, calls, events and errors as the real runtime does: what it
// leaves out aside, types have the same shape and calls the same numbers.
func TestDescriptionAgreesWithTheRealRuntime(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "data", "chain"), "metadata-393.v16.scale"))
	if err != nil {
		t.Fatal(err)
	}
	real, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	cfg := trio(t)
	cfg.SpecVersion = 393
	ours := run(t, cfg).runtime.Metadata
	for _, p := range ours.Pallets() {
		theirs, err := real.Pallet(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Index != theirs.Index {
			t.Errorf("%s has index %d, on the chain %d", p.Name, p.Index, theirs.Index)
		}
		for _, item := range p.Storage {
			if item.Name != "Events" {
				compareItems(t, ours, real, p.Name, item)
			}
		}
		compareEnums(t, ours, real, p.Name+" calls", p.CallType, theirs.CallType, true)
		compareEnums(t, ours, real, p.Name+" events", p.EventType, theirs.EventType, false)
		compareEnums(t, ours, real, p.Name+" errors", p.ErrorType, theirs.ErrorType, false)
		compareConstants(t, ours, real, p)
	}
	compareAPIs(t, ours, real)
}

// The runtimes after that have what they brought, and nothing of it is there before.
func TestDescriptionOfLaterRuntimes(t *testing.T) {
	for spec, want := range map[uint32][2]bool{424: {false, false}, 425: {true, false}, 445: {true, false}, 446: {true, true}} {
		cfg := trio(t)
		cfg.SpecVersion = spec
		n := run(t, cfg)
		for _, item := range []string{"LastEpochBlock", "PendingEpochAt", "SubnetEpochIndex"} {
			if _, err := n.runtime.Metadata.StorageEntry("SubtensorModule", item); (err == nil) != want[0] {
				t.Errorf("spec %d: %s: %v", spec, item, err)
			}
		}
		if got := n.hasError("Commitments", "TimelockRevealFailedNotAllowed"); got != want[1] {
			t.Errorf("spec %d keeps what fails: %v", spec, got)
		}
		if got, tx, err := n.runtime.Metadata.RuntimeVersion(); got != spec || tx != 1 || err != nil {
			t.Errorf("spec %d calls itself %d, %d, %v", spec, got, tx, err)
		}
	}
}

func compareConstants(t *testing.T, ours, real *metadata.Metadata, p *metadata.Pallet) {
	t.Helper()
	other := []string{"Version", "BlockHashCount"} // what they say is the chain's own
	for _, c := range p.Constants {
		mine, err := ours.Constant(p.Name, c.Name)
		if err != nil {
			t.Error(err)
		}
		theirs, err := real.Constant(p.Name, c.Name)
		if err != nil {
			t.Errorf("%s.%s: %v", p.Name, c.Name, err)
		}
		if !slices.Contains(other, c.Name) && !cmp.Equal(mine, theirs) {
			t.Errorf("%s.%s is %v, on the chain %v", p.Name, c.Name, mine, theirs)
		}
	}
}

// compareAPIs looks at what methods take and give. An extrinsic and metadata are opaque
// bytes here.
func compareAPIs(t *testing.T, ours, real *metadata.Metadata) {
	t.Helper()
	for _, api := range ours.APIs() {
		for _, method := range api.Methods {
			theirs, err := real.RuntimeAPI(api.Name, method.Name)
			if err != nil {
				t.Error(err)
				continue
			}
			if diff := cmp.Diff(fieldsShape(t, real, theirs.Inputs), fieldsShape(t, ours, method.Inputs)); diff != "" {
				t.Errorf("%s.%s takes: %s", api.Name, method.Name, diff)
			}
			if diff := cmp.Diff(shape(t, real, theirs.Output), shape(t, ours, method.Output)); diff != "" {
				t.Errorf("%s.%s gives: %s", api.Name, method.Name, diff)
			}
		}
	}
}

func compareItems(t *testing.T, ours, real *metadata.Metadata, pallet string, item *metadata.StorageEntry) {
	t.Helper()
	theirs, err := real.StorageEntry(pallet, item.Name)
	if err != nil {
		t.Errorf("%s.%s: %v", pallet, item.Name, err)
		return
	}
	if item.Optional != theirs.Optional || !slices.Equal(item.Hashers, theirs.Hashers) || string(item.Default) != string(theirs.Default) {
		t.Errorf("%s.%s: optional %v, hashers %v, default %x; on the chain %v, %v, %x", pallet, item.Name,
			item.Optional, item.Hashers, item.Default, theirs.Optional, theirs.Hashers, theirs.Default)
	}
	if diff := cmp.Diff(shape(t, real, theirs.Value), shape(t, ours, item.Value)); diff != "" {
		t.Errorf("%s.%s: %s", pallet, item.Name, diff)
	}
}

// compareEnums looks for each of our variants among theirs, by name and fields; calls
// must have the same number too.
func compareEnums(t *testing.T, ours, real *metadata.Metadata, what string, a, b *uint32, numbers bool) {
	t.Helper()
	if a == nil {
		return
	}
	mine, err := ours.Type(*a)
	if err != nil || b == nil {
		t.Errorf("%s: %v, on the chain %v", what, err, b)
		return
	}
	theirs, err := real.Type(*b)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range mine.Variants {
		i := slices.IndexFunc(theirs.Variants, func(w metadata.VariantDef) bool { return w.Name == v.Name })
		if i < 0 {
			t.Errorf("%s: the chain has no %s", what, v.Name)
			continue
		}
		if numbers && theirs.Variants[i].Index != v.Index {
			t.Errorf("%s: %s has index %d, on the chain %d", what, v.Name, v.Index, theirs.Variants[i].Index)
		}
		got, want := fieldsShape(t, ours, v.Fields), fieldsShape(t, real, theirs.Variants[i].Fields)
		if v.Name != "ExtrinsicFailed" && got != want { // its DispatchError grows with the chain
			t.Errorf("%s: %s is (%s), on the chain (%s)", what, v.Name, got, want)
		}
	}
}

// shape spells a type out to its primitives. Newtypes are passed through, as their bytes
// are those of what they hold.
func shape(t *testing.T, m *metadata.Metadata, id uint32) string {
	t.Helper()
	typ, err := m.Type(id)
	if err != nil {
		t.Fatal(err)
	}
	switch typ.Kind {
	case metadata.Composite:
		if len(typ.Fields) == 1 && typ.Fields[0].Name == "" {
			return shape(t, m, typ.Fields[0].Type)
		}
		return "{" + fieldsShape(t, m, typ.Fields) + "}"
	case metadata.Tuple:
		return "(" + fieldsShape(t, m, typ.Fields) + ")"
	case metadata.Sequence:
		return "[" + shape(t, m, typ.Elem) + "]"
	case metadata.Array:
		return fmt.Sprintf("[%s;%d]", shape(t, m, typ.Elem), typ.Len)
	case metadata.Compact:
		return "compact " + shape(t, m, typ.Elem)
	case metadata.Enum:
		var variants []string
		for _, v := range typ.Variants {
			variants = append(variants, fmt.Sprintf("%d %s(%s)", v.Index, v.Name, fieldsShape(t, m, v.Fields)))
		}
		return strings.Join(variants, "|")
	}
	return fmt.Sprint(typ.Primitive)
}

func fieldsShape(t *testing.T, m *metadata.Metadata, fields []metadata.Field) string {
	t.Helper()
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Name + ":" + shape(t, m, f.Type)
	}
	return strings.Join(parts, ",")
}
