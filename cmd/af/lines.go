package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// lineByLine says how lines of JSON are answered: for each line that is not blank,
// one line of JSON comes out, in the same order. The first line that cannot be
// answered ends the work with an error that names it, so that what was printed by
// then are the answers to the lines before it.
type lineByLine struct {
	limit    int // bytes of the longest line
	parallel int // lines under way at once, at least 1
}

// answered is what became of a line.
type answered struct {
	line  int // counted from 1, blank lines included
	value any
	err   error
}

// run answers the lines of in on out. It returns as soon as ctx ends, even while in
// has nothing to read: a person who interrupts is not kept waiting.
func (l lineByLine) run(ctx context.Context, in io.Reader, out io.Writer, answer func(context.Context, []byte) (any, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan chan answered, l.parallel-1)
	go l.read(ctx, in, queue, answer)
	for {
		a, more := next(ctx, queue)
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case !more:
			return nil
		case a.err != nil:
			return fmt.Errorf("line %d: %w", a.line, a.err)
		}
		if err := printLine(out, a.value); err != nil {
			return err
		}
	}
}

// next waits for the answer to the oldest line; false when there is none, or ctx ended.
func next(ctx context.Context, queue <-chan chan answered) (answered, bool) {
	select {
	case <-ctx.Done():
	case pending, ok := <-queue:
		if !ok {
			break
		}
		select {
		case <-ctx.Done():
		case a := <-pending:
			return a, true
		}
	}
	return answered{}, false
}

// read starts the lines' answers, as many at once as the queue has room for.
func (l lineByLine) read(ctx context.Context, in io.Reader, queue chan<- chan answered, answer func(context.Context, []byte) (any, error)) {
	defer close(queue)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, l.limit+1) // with its line feed
	n := 1
	for ; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		pending := make(chan answered, 1)
		select {
		case <-ctx.Done():
			return
		case queue <- pending:
		}
		go func(n int, line []byte) {
			value, err := answer(ctx, line)
			pending <- answered{n, value, err}
		}(n, bytes.Clone(line))
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("longer than %d bytes", l.limit)
		}
		failed := make(chan answered, 1)
		failed <- answered{line: n, err: err}
		select {
		case <-ctx.Done():
		case queue <- failed:
		}
	}
}

// printLine prints a value as one line of JSON.
func printLine(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// parseLine reads one JSON value into v, numbers of any size unharmed, and says in
// the words of JSON what is wrong with it.
func parseLine(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	err := d.Decode(v)
	if err == nil && len(bytes.TrimSpace(line[d.InputOffset():])) > 0 {
		return fmt.Errorf("more than one JSON value: the second begins after byte %d", d.InputOffset())
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON at byte %d: %w", syntax.Offset, err)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return fmt.Errorf("JSON %s where an object belongs", kind.Value)
		}
		field := kind.Field[strings.LastIndexByte(kind.Field, '.')+1:] // before it stands the Go struct's name
		return fmt.Errorf("%s: JSON %s where %s belongs", field, kind.Value, jsonWord(kind.Type))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("not JSON: it breaks off after byte %d", len(line))
	}
	return err
}

// jsonWord names what a field takes in the words of JSON.
func jsonWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.String:
		return "text"
	case reflect.Pointer:
		return jsonWord(t.Elem())
	}
	return "a " + t.String() // numbers, whose type says how large they may be
}
