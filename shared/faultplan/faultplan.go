// Package faultplan says which calls of a test fail, and how. The wrappers of the
// contracts (queuetest.Faulty, storetest.Faulty) ask it before each call.
//
// A call can fail in two ways that the caller cannot tell apart: it is refused and
// nothing has happened, or it has happened and the reply is lost. Code that writes
// must come out right under both.
package faultplan

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

// Fault is what happens to one call.
type Fault int

const (
	None      Fault = iota
	Refuse          // nothing is done, the caller gets ErrInjected
	LoseReply       // it is done, the caller gets ErrInjected
)

// ErrInjected is wrapped by every error that a plan causes. Both faults give the
// same, as they would look the same to a caller.
var ErrInjected = errors.New("injected fault: no reply")

// Plan decides about call number n (from 0) of a method.
type Plan func(method string, n int) Fault

// Calls fails the calls listed for each method, in order; calls beyond a list
// succeed.
func Calls(list map[string][]Fault) Plan {
	return func(method string, n int) Fault {
		if n < len(list[method]) {
			return list[method][n]
		}
		return None
	}
}

// Seeded fails calls at the given rates (of 1). The same seed fails the same calls.
func Seeded(seed uint64, refuse, lose float64) Plan {
	return func(method string, n int) Fault {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s|%d", method, n)
		switch x := rand.New(rand.NewPCG(seed, h.Sum64())).Float64(); {
		case x < refuse:
			return Refuse
		case x < refuse+lose:
			return LoseReply
		default:
			return None
		}
	}
}

// Counter numbers the calls of each method and asks the plan. It may be used
// concurrently; then which caller gets which number is open, how many fail is not.
type Counter struct {
	Plan Plan

	mu    sync.Mutex
	calls map[string]int
}

// Next is the fault of the method's next call.
func (c *Counter) Next(method string) Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	n := c.calls[method]
	c.calls[method]++
	return c.Plan(method, n)
}

// Do runs call under the method's next fault.
func (c *Counter) Do(method string, call func() error) error {
	fault := c.Next(method)
	if fault == Refuse {
		return fmt.Errorf("%s: %w", method, ErrInjected)
	}
	err := call()
	if fault == LoseReply {
		return fmt.Errorf("%s: %w", method, ErrInjected)
	}
	return err
}
