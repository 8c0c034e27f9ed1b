package abd

import (
	"container/list"
	"context"
	"strconv"
	"sync"

	"github.com/affine-go/affine/shared/subnet"
	"golang.org/x/sync/singleflight"
)

// cache keeps the most recently used problems, and makes each but once however many
// ask for it at the same time.
type cache struct {
	capacity int
	flight   singleflight.Group

	mu    sync.Mutex
	byID  map[subnet.TaskID]*list.Element
	order *list.List // of entry, most recently used first
}

type entry struct {
	task    subnet.TaskID
	problem Problem
}

func newCache(capacity int) *cache {
	return &cache{capacity: capacity, byID: map[subnet.TaskID]*list.Element{}, order: list.New()}
}

// get returns the problem of a task, made by build if need be. A failure is not
// kept. The making is shared, so that it outlives the caller who happened to start
// it; each caller waits no longer than its own context allows.
func (c *cache) get(ctx context.Context, task subnet.TaskID, build func(context.Context, subnet.TaskID) (Problem, error)) (Problem, error) {
	if p, ok := c.lookup(task); ok {
		return p, nil
	}
	shared := c.flight.DoChan(strconv.FormatUint(uint64(task), 10), func() (any, error) {
		if p, ok := c.lookup(task); ok {
			return p, nil
		}
		p, err := build(context.WithoutCancel(ctx), task)
		if err == nil {
			c.keep(task, p)
		}
		return p, err
	})
	select {
	case made := <-shared:
		p, _ := made.Val.(Problem)
		return p, made.Err
	case <-ctx.Done():
		return Problem{}, ctx.Err()
	}
}

func (c *cache) lookup(task subnet.TaskID) (Problem, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.byID[task]
	if !ok {
		return Problem{}, false
	}
	c.order.MoveToFront(element)
	return element.Value.(entry).problem, true
}

func (c *cache) keep(task subnet.TaskID, p Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[task] = c.order.PushFront(entry{task, p})
	if c.order.Len() > c.capacity {
		oldest := c.order.Remove(c.order.Back()).(entry)
		delete(c.byID, oldest.task)
	}
}
