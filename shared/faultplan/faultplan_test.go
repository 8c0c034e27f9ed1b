package faultplan_test

import (
	"errors"
	"testing"

	"github.com/affine-go/affine/shared/faultplan"
)

func TestDoRefusesBeforeAndLosesAfterTheCall(t *testing.T) {
	own := errors.New("the call's own error")
	for _, c := range []struct {
		fault faultplan.Fault
		done  bool
		want  error
	}{
		{faultplan.None, true, own},
		{faultplan.Refuse, false, faultplan.ErrInjected},
		{faultplan.LoseReply, true, faultplan.ErrInjected},
	} {
		counter := faultplan.Counter{Plan: faultplan.Calls(map[string][]faultplan.Fault{"Put": {c.fault}})}
		done := false
		err := counter.Do("Put", func() error { done = true; return own })
		if done != c.done || !errors.Is(err, c.want) {
			t.Errorf("fault %d: done %v, err %v; want %v, %v", c.fault, done, err, c.done, c.want)
		}
		if err := counter.Do("Put", func() error { return nil }); err != nil {
			t.Errorf("fault %d: the call after the list failed: %v", c.fault, err)
		}
	}
}

func TestSeededIsDeterministicAndKeepsItsRates(t *testing.T) {
	a, b := faultplan.Seeded(7, 0.2, 0.1), faultplan.Seeded(7, 0.2, 0.1)
	other := faultplan.Seeded(8, 0.2, 0.1)
	count := map[faultplan.Fault]int{}
	same := true
	for n := range 10_000 {
		if a("Put", n) != b("Put", n) {
			t.Fatalf("call %d: the same seed decides differently", n)
		}
		same = same && a("Put", n) == other("Put", n)
		count[a("Put", n)]++
	}
	if same {
		t.Error("two seeds make the same plan")
	}
	if r, l := count[faultplan.Refuse], count[faultplan.LoseReply]; r < 1800 || r > 2200 || l < 800 || l > 1200 {
		t.Errorf("of 10000 calls %d refused and %d lost, want about 2000 and 1000", r, l)
	}
}
