package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSparingSaysTheSameOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(newSparing(slog.NewTextHandler(&out, nil), 5*time.Second))
		told := func() int { n := strings.Count(out.String(), "\n"); out.Reset(); return n }
		for i := range 100 {
			log.Warn("disk full", "n", i)
			log.With("env", i).WithGroup("g").Warn("disk full", "n", i)
			log.Error("another matter")
		}
		if n := told(); n != 2 {
			t.Errorf("%d lines at once, want one for each message", n)
		}
		time.Sleep(4 * time.Second)
		log.Warn("disk full")
		if n := told(); n != 0 {
			t.Errorf("%d lines after 4 s, want none", n)
		}
		time.Sleep(time.Second)
		log.With("a", 1).Warn("disk full")
		log.Warn("disk full")
		if n := told(); n != 1 {
			t.Errorf("%d lines after 5 s, want one", n)
		}
	})
}
