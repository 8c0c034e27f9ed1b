package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Unhandled is the function error of every invocation that did not end with a
// reply, whatever the reason; the payload says which.
const Unhandled = "Unhandled"

// Function is one function and the process that runs it, if any.
type Function struct {
	name      string
	bootstrap string
	env       []string
	log       lockedBuffer

	turn sync.Mutex // held by the invocation under way: one at a time

	mu      sync.Mutex
	running *instance
	cold    time.Duration
}

// Invoke hands an event to the function and waits for what comes of it: a reply, or
// a function error together with its JSON description. The deadline told to the
// function is ctx's, at most Timeout from now; when it passes the process is killed.
// err is for what is no doing of the function's.
func (f *Function) Invoke(ctx context.Context, event []byte) (reply []byte, functionError string, err error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	begun := time.Now()
	in, out, err := f.handle(ctx, event)
	switch {
	case err == nil:
		return out.payload, out.functionError, nil
	case errors.Is(err, context.DeadlineExceeded):
		f.Kill()
		return describe("Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", time.Since(begun).Seconds())), Unhandled, nil
	case errors.Is(err, errEnded):
		f.Kill()
		if failure := in.initFailure(); failure != nil {
			return failure, Unhandled, nil
		}
		return describe("Runtime.ExitError", err.Error()), Unhandled, nil
	}
	f.Kill() // the event may have been handed over; its reply must not meet the next one
	return nil, "", fmt.Errorf("lambdatest: invoke %s: %w", f.name, err)
}

// handle gives the event to the running process or to a new one. A process that
// ended after its last event is no failure of this one's.
func (f *Function) handle(ctx context.Context, event []byte) (*instance, outcome, error) {
	for {
		in, err := f.instance()
		if err != nil {
			return nil, outcome{}, fmt.Errorf("start the process: %w", err)
		}
		out, err := in.handle(ctx, event)
		f.noteCold(in)
		if errors.Is(err, errIdle) {
			continue
		}
		return in, out, err
	}
}

// instance returns the running process, or a new one when there is none.
func (f *Function) instance() (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running != nil && !f.running.over() {
		return f.running, nil
	}
	if f.running != nil {
		f.running.stop()
		f.running = nil
	}
	in, err := start(f.name, f.bootstrap, f.env, &f.log)
	if err == nil {
		f.running = in
	}
	return in, err
}

// Kill ends the function's process, as the service may do at any time between two
// events and as a crash does at any time at all. The next event starts a new one.
func (f *Function) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running != nil {
		f.running.stop()
		f.running = nil
	}
}

// ColdStart is the time from the start of the latest process to its first request
// for an event; 0 when there was none yet.
func (f *Function) ColdStart() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cold
}

func (f *Function) noteCold(in *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cold = in.coldStart()
}

// Log is what the function's processes have written so far.
func (f *Function) Log() string { return f.log.String() }

func describe(kind, message string) []byte {
	text, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		panic(err) // strings always encode
	}
	return text
}

// lockedBuffer collects the output of processes while tests read it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
