package abd

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/affine-go/affine/shared/sandbox"
)

// Memory is a Runner that remembers what its programs did. All miners get the same
// tasks and many propose the same input, so most runs have been made before; since a
// program in the sandbox has neither clock nor chance, its second run would end as
// its first. Runs that ended at the wall limit are the machine's doing and are not
// remembered.
type Memory struct {
	runner   Runner
	capacity int
	flight   singleflight.Group

	mu    sync.Mutex
	runs  map[runKey]*list.Element
	order *list.List // of remembered, most recently used first
}

var _ Runner = (*Memory)(nil)

type runKey [sha256.Size]byte

type remembered struct {
	key    runKey
	result sandbox.Result
}

// memorableOutput is the longest output that is remembered, in bytes: a few
// programs that print without end must not fill the memory.
const memorableOutput = 16 << 10

// NewMemory remembers the latest runs of r, at most capacity of them.
func NewMemory(r Runner, capacity int) *Memory {
	return &Memory{runner: r, capacity: capacity, runs: make(map[runKey]*list.Element), order: list.New()}
}

// Run returns what the same program did before, or runs it. A run is shared by all
// who ask for it meanwhile and outlives the caller who happened to start it.
func (m *Memory) Run(ctx context.Context, p sandbox.Program) (sandbox.Result, error) {
	key := keyOf(p)
	if r, ok := m.recall(key); ok {
		return r, nil
	}
	shared := m.flight.DoChan(string(key[:]), func() (any, error) {
		r, err := m.runner.Run(context.WithoutCancel(ctx), p)
		if err == nil && r.Limit != sandbox.LimitWall && len(r.Stdout)+len(r.Stderr) <= memorableOutput {
			m.keep(key, r)
		}
		return r, err
	})
	select {
	case done := <-shared:
		r, _ := done.Val.(sandbox.Result)
		return r, done.Err
	case <-ctx.Done():
		return sandbox.Result{}, fmt.Errorf("wait for a run of the same program: %w", context.Cause(ctx))
	}
}

// keyOf is a digest of everything that a run depends on.
func keyOf(p sandbox.Program) runKey {
	h := sha256.New()
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(p.Source)))
	h.Write(length[:])
	h.Write([]byte(p.Source))
	binary.BigEndian.PutUint64(length[:], uint64(len(p.Stdin)))
	h.Write(length[:])
	h.Write(p.Stdin)
	fmt.Fprintf(h, "%+v", p.Limits)
	return runKey(h.Sum(nil))
}

func (m *Memory) recall(key runKey) (sandbox.Result, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.runs[key]
	if !ok {
		return sandbox.Result{}, false
	}
	m.order.MoveToFront(e)
	return e.Value.(remembered).result, true
}

func (m *Memory) keep(key runKey, r sandbox.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs[key] != nil {
		return
	}
	m.runs[key] = m.order.PushFront(remembered{key, r})
	for m.order.Len() > m.capacity {
		oldest := m.order.Back()
		delete(m.runs, oldest.Value.(remembered).key)
		m.order.Remove(oldest)
	}
}
