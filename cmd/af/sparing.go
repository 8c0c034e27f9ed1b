package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// sparing passes on a message at most once in an interval, whatever its attributes:
// a fault that strikes every call, such as a full disk, must not bury the line that
// says how a run ended.
type sparing struct {
	slog.Handler
	every time.Duration
	said  *said
}

// said is when each message was last passed on; derived handlers share it.
type said struct {
	mu sync.Mutex
	at map[string]time.Time
}

func newSparing(h slog.Handler, every time.Duration) sparing {
	return sparing{Handler: h, every: every, said: &said{at: make(map[string]time.Time)}}
}

// Handle implements slog.Handler.
func (s sparing) Handle(ctx context.Context, r slog.Record) error {
	if !s.said.due(r, s.every) {
		return nil
	}
	return s.Handler.Handle(ctx, r)
}

// due reports whether the record's message was not said within the interval, and
// notes that it now is.
func (s *said) due(r slog.Record, every time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.at[r.Message]; known && r.Time.Sub(last) < every {
		return false
	}
	s.at[r.Message] = r.Time
	return true
}

// WithAttrs implements slog.Handler.
func (s sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	s.Handler = s.Handler.WithAttrs(attrs)
	return s
}

// WithGroup implements slog.Handler.
func (s sparing) WithGroup(name string) slog.Handler {
	s.Handler = s.Handler.WithGroup(name)
	return s
}
