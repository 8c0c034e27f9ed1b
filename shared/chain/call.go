package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// call asks the endpoints and, for state that they have discarded, the archive.
func (c *Client) call(ctx context.Context, result any, method string, params ...any) error {
	err := c.persist(ctx, result, method, params)
	if c.archive != nil && errors.Is(err, ErrDiscarded) {
		return c.archive.persist(ctx, result, method, params)
	}
	return err
}

// persist asks until an endpoint answers, at most cfg.Attempts times. A node's refusal
// is an answer and is not asked again.
func (c *Client) persist(ctx context.Context, result any, method string, params []any) error {
	var last error
	for attempt := range c.cfg.Attempts {
		wait, asked := c.wait()
		if asked && wait > c.cfg.MaxWait {
			if wait = 0; last != nil { // otherwise the endpoints' own words are wanted
				return gaveUp(method, attempt, nil, last)
			}
		}
		if err := pause(ctx, max(wait, c.backoff(attempt))); err != nil {
			return gaveUp(method, attempt, err, last)
		}
		err := c.once(ctx, result, method, params)
		if err == nil || !errors.Is(err, ErrUnreachable) {
			return err
		}
		if last = err; ctx.Err() != nil {
			return gaveUp(method, attempt+1, ctx.Err(), last)
		}
	}
	return gaveUp(method, c.cfg.Attempts, nil, last)
}

func (c *Client) once(ctx context.Context, result any, method string, params []any) error {
	l, err := c.connect(ctx)
	if err != nil {
		return err
	}
	if err := c.paced(ctx, l.endpoint); err != nil {
		return &CallError{Endpoint: l.endpoint, Method: method, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	err = l.ask(ctx, result, method, params...)
	c.note(err)
	return err
}

// backoff is the wait before an attempt: none before the first two, which go to
// different endpoints where there are several.
func (c *Client) backoff(attempt int) time.Duration {
	if attempt < 2 {
		return 0
	}
	return c.cfg.Backoff << min(attempt-2, 10)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func gaveUp(method string, attempts int, cause, last error) error {
	switch {
	case last == nil:
		return fmt.Errorf("chain: %s: %w", method, cause)
	case cause == nil:
		return fmt.Errorf("chain: %s: gave up after %d attempts: %w", method, attempts, last)
	}
	return fmt.Errorf("chain: %s: gave up after %d attempts (%w): %w", method, attempts, cause, last)
}

// failures are several errors on one line; errors.Is looks into each.
type failures []error

func inOneLine(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return failures(errs)
}

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (f failures) Unwrap() []error { return f }
