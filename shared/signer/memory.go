package signer

import (
	"context"
	"sync"
)

// place is where entries are counted together.
type place struct {
	netuid uint16
	series Series
	window uint64
}

// Count counts the slots that are taken, by place. The zero value is empty. It is what
// ledgers without a table of their own count with; it is not safe for concurrent use.
type Count struct{ taken map[place]int }

func placeOf(e Entry) place { return place{uint16(e.Netuid), e.Series, uint64(e.Window)} }

// Next is the lowest slot of the entry's place that is free.
func (c *Count) Next(e Entry) int { return c.taken[placeOf(e)] }

// Take counts the entry's slot, and with it all below, as taken.
func (c *Count) Take(e Entry) {
	if c.taken == nil {
		c.taken = make(map[place]int)
	}
	at := placeOf(e)
	c.taken[at] = max(c.taken[at], e.Slot+1)
}

// Memory is a ledger that lasts as long as its process: for tests, and for programs that
// sign once and are watched by whoever started them.
type Memory struct {
	mu      sync.Mutex
	count   Count
	entries []Entry
}

// Claim implements Ledger.
func (m *Memory) Claim(ctx context.Context, e Entry, most int) (int, error) {
	if err := e.Check(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Slot = m.count.Next(e); e.Slot >= most {
		return 0, e.Full(most)
	}
	m.count.Take(e)
	m.entries = append(m.entries, e)
	return e.Slot, nil
}

// Entries are what was entered, in order.
func (m *Memory) Entries() []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Entry(nil), m.entries...)
}
