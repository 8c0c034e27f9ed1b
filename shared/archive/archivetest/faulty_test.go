package archivetest_test

import (
	"errors"
	"testing"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/archivetest"
	"github.com/affine-go/affine/shared/archive/local"
)

func TestFaulty(t *testing.T) {
	standing, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		fault         archivetest.Fault
		stored, fails bool
	}{
		{archivetest.None, true, false},
		{archivetest.Refuse, false, true},
		{archivetest.LostReply, true, true},
	} {
		asked := map[archivetest.Call]bool{}
		a := archivetest.NewFaulty(standing, func(c archivetest.Call) archivetest.Fault {
			asked[c] = true
			return tt.fault
		})
		put, replaced := tt.fault.String()+"/put", tt.fault.String()+"/replaced"
		_, getErr := a.Get(t.Context(), put, 0, -1) // before it stands
		if wantFault := tt.fault == archivetest.Refuse; errors.Is(getErr, archivetest.ErrFault) != wantFault || errors.Is(getErr, archive.ErrNotFound) == wantFault {
			t.Errorf("%s: get: %v", tt.fault, getErr)
		}
		for key, err := range map[string]error{
			put:      a.Put(t.Context(), put, []byte("x")),
			replaced: a.Replace(t.Context(), replaced, []byte("x")),
		} {
			if errors.Is(err, archivetest.ErrFault) != tt.fails {
				t.Errorf("%s: %s: %v", tt.fault, key, err)
			}
			if _, err := standing.Get(t.Context(), key, 0, -1); (err == nil) != tt.stored {
				t.Errorf("%s: %s: stored is %v", tt.fault, key, err == nil)
			}
		}
		if keys, err := a.List(t.Context(), ""); errors.Is(err, archivetest.ErrFault) != tt.fails || (tt.fails && keys != nil) {
			t.Errorf("%s: list: %q, %v", tt.fault, keys, err)
		}
		if !asked[archivetest.Call{Method: "put", Key: put}] || !asked[archivetest.Call{Method: "list"}] || len(asked) != 4 {
			t.Errorf("%s: the plan was asked for %v", tt.fault, asked)
		}
	}
}

func TestPutPlan(t *testing.T) {
	plan := archivetest.PutPlan(archivetest.None, archivetest.Refuse)
	for call, want := range map[archivetest.Call]archivetest.Fault{
		{Method: "put", N: 0}: archivetest.None, {Method: "put", N: 1}: archivetest.Refuse,
		{Method: "put", N: 2}: archivetest.None, {Method: "get", N: 1}: archivetest.None,
	} {
		if got := plan(call); got != want {
			t.Errorf("%+v: %s, want %s", call, got, want)
		}
	}
}
