package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

// lockedBuffer collects what a running process prints and wakes who waits for it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed at the next write
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// next is what has been printed, and a channel that tells of more.
func (b *lockedBuffer) next() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.more == nil {
		b.more = make(chan struct{})
	}
	return b.text.String(), b.more
}

// await waits until text has been printed; it fails when the process ends first.
func (b *lockedBuffer) await(t *testing.T, text string, ended <-chan struct{}) {
	t.Helper()
	for {
		printed, more := b.next()
		if strings.Contains(printed, text) {
			return
		}
		select {
		case <-more:
		case <-ended:
			t.Fatalf("ended without %q:\n%s", text, b.String())
		}
	}
}
