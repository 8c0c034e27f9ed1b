package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// persuade connects, and waits for endpoints that ask to be left alone for a while.
func (c *Client) persuade(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		_, err := c.connect(ctx)
		if err == nil || attempt >= c.cfg.Attempts {
			return err
		}
		wait, asked := c.wait()
		if !asked || wait > c.cfg.MaxWait || pause(ctx, wait) != nil {
			return err
		}
	}
}

// connect returns the live link, or dials the endpoints in order, once each, starting
// with the one that comes after the last that failed.
func (c *Client) connect(ctx context.Context) (*link, error) {
	select {
	case c.dials <- struct{}{}:
		defer func() { <-c.dials }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l, err := c.live(); l != nil || err != nil {
		return l, err
	}
	var failures []error
	for range c.cfg.Endpoints {
		l, err := c.dial(ctx, c.cfg.Endpoints[c.endpoint])
		if err == nil {
			return l, c.adopt(l)
		}
		failures = append(failures, err)
		c.endpoint = (c.endpoint + 1) % len(c.cfg.Endpoints)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, inOneLine(failures)
}

// live returns the link when it is usable, and moves on to the next endpoint when it
// has died.
func (c *Client) live() (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if c.link == nil {
		return nil, nil
	}
	if c.link.cause() == nil {
		return c.link, nil
	}
	c.link = nil
	c.endpoint = (c.endpoint + 1) % len(c.cfg.Endpoints)
	return nil, nil
}

func (c *Client) adopt(l *link) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		l.end(errClosed)
		return errClosed
	}
	c.link = l
	delete(c.away, l.endpoint)
	delete(c.back, l.endpoint)
	return nil
}

// dial opens a link and makes sure that the chain behind it is the right one.
func (c *Client) dial(ctx context.Context, endpoint string) (*link, error) {
	if err := c.turnedAway(endpoint); err != nil {
		return nil, &CallError{Endpoint: endpoint, Method: "dial", Err: unreachable(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	l, err := openLink(ctx, endpoint, c.cfg.MaxMessage)
	if err != nil {
		c.note(err)
		return nil, err
	}
	if err := c.listen(l); err != nil {
		l.end(err)
		return nil, err
	}
	if err := c.identify(ctx, l); err != nil {
		l.end(errClosed)
		return nil, err
	}
	return l, nil
}

// listen reads from the link, unless Close has begun to wait for those who read.
func (c *Client) listen(l *link) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	c.readers.Go(l.read)
	return nil
}

// identify asks which chain is behind the link: the one that is pinned or, for the first
// link of a client without a pin, the one that all later links must have.
func (c *Client) identify(ctx context.Context, l *link) error {
	var genesis string
	if err := c.paced(ctx, l.endpoint); err != nil {
		return &CallError{Endpoint: l.endpoint, Method: "dial", Err: unreachable(err)}
	}
	if err := l.ask(ctx, &genesis, "chain_getBlockHash", 0); err != nil {
		return err
	}
	if _, err := hash32(genesis); err != nil {
		return &CallError{Endpoint: l.endpoint, Method: "chain_getBlockHash", Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.genesis == "" {
		c.genesis = strings.ToLower(genesis)
	}
	if !strings.EqualFold(genesis, c.genesis) {
		return &CallError{Endpoint: l.endpoint, Method: "chain_getBlockHash",
			Err: fmt.Errorf("%w: genesis %s, want %s", ErrWrongChain, genesis, c.genesis)}
	}
	return nil
}

// note remembers an endpoint that turned the client away.
func (c *Client) note(err error) {
	refused, found := errors.AsType[*PolicyError](err)
	if !found {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away[refused.Endpoint], c.back[refused.Endpoint] = refused, time.Now().Add(refused.Wait)
}

// turnedAway is the refusal of an endpoint that is to be left alone still.
func (c *Client) turnedAway(endpoint string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if refused := c.away[endpoint]; refused != nil && time.Now().Before(c.back[endpoint]) {
		return refused
	}
	return nil
}

// wait is how long it takes until an endpoint may be dialled, and whether there is
// anything to wait for: that every endpoint has turned the client away.
func (c *Client) wait() (least time.Duration, asked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, endpoint := range c.cfg.Endpoints {
		wait := time.Until(c.back[endpoint])
		if wait <= 0 {
			return 0, false
		}
		if i == 0 || wait < least {
			least = wait
		}
	}
	return least, true
}

// paced waits until the endpoint may be asked.
func (c *Client) paced(ctx context.Context, endpoint string) error {
	c.mu.Lock()
	pace := c.paces[endpoint]
	if pace == nil {
		pace = rate.NewLimiter(c.cfg.perSecond(endpoint), 1)
		c.paces[endpoint] = pace
	}
	c.mu.Unlock()
	err := pace.Wait(ctx)
	if err != nil && ctx.Err() == nil { // the wait would be longer than the context lasts
		err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return err
}
