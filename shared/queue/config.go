package queue

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Config is what a queue is made with.
type Config struct {
	// Visibility is how long a delivery stays invisible unless it is extended:
	// 1 s .. MaxVisibility. 0 means DefaultVisibility.
	Visibility time.Duration

	// MaxReceives is how often a message is delivered before it is put on the
	// dead-letter queue: 1 .. 1000. 0 means DefaultMaxReceives.
	MaxReceives int

	// Clock tells the time to a queue that keeps its own; nil means time.Now. SQS
	// goes by its own clock.
	Clock func() time.Time
}

const (
	// DefaultVisibility outlasts three heartbeats of half a minute.
	DefaultVisibility = 90 * time.Second

	// DefaultMaxReceives is how often a message is tried before it is set aside.
	DefaultMaxReceives = 5

	// MaxVisibility bounds Config.Visibility and Extend (SQS's twelve hours).
	MaxVisibility = 12 * time.Hour

	// MaxBatch is the most messages one Receive gives.
	MaxBatch = 10

	// MaxGroup bounds Message.Group, in bytes (SQS's MessageGroupId).
	MaxGroup = 128
)

var (
	// ErrUnsendable is wrapped for a message that no queue can carry. Repeating it is
	// of no use.
	ErrUnsendable = errors.New("queue: message cannot be sent")

	// ErrArgument is wrapped for a call that no queue can answer, such as a batch of
	// eleven. It is the caller's mistake.
	ErrArgument = errors.New("queue: bad argument")

	// ErrNewer is returned at opening when the data was written by a newer version of
	// this program; nothing has been touched.
	ErrNewer = errors.New("queue: the data was written by a newer version of this program")
)

// WithDefaults fills in what is zero and refuses what no queue can keep to.
func (c Config) WithDefaults() (Config, error) {
	if c.Visibility == 0 {
		c.Visibility = DefaultVisibility
	}
	if c.MaxReceives == 0 {
		c.MaxReceives = DefaultMaxReceives
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Visibility < time.Second || c.Visibility > MaxVisibility {
		return c, fmt.Errorf("%w: visibility %v outside 1s..%v", ErrArgument, c.Visibility, MaxVisibility)
	}
	if c.MaxReceives < 1 || c.MaxReceives > 1000 {
		return c, fmt.Errorf("%w: max receives %d outside 1..1000", ErrArgument, c.MaxReceives)
	}
	return c, nil
}

// Check refuses, with ErrUnsendable, what SQS would not carry: an empty body, one
// larger than MaxBody, bytes that are not UTF-8 or that XML 1.0 excludes; a group
// that is empty, too long or not of printable ASCII. Every implementation refuses
// the same messages, so that what works on the desk works in the cloud.
func (m Message) Check() error {
	switch {
	case len(m.Body) == 0:
		return fmt.Errorf("%w: empty body", ErrUnsendable)
	case len(m.Body) > MaxBody:
		return fmt.Errorf("%w: body of %d bytes, at most %d", ErrUnsendable, len(m.Body), MaxBody)
	case m.Group == "" || len(m.Group) > MaxGroup:
		return fmt.Errorf("%w: group of %d bytes, want 1..%d", ErrUnsendable, len(m.Group), MaxGroup)
	}
	for i := range len(m.Group) {
		if c := m.Group[i]; c <= ' ' || c > '~' {
			return fmt.Errorf("%w: group has byte %#x at %d", ErrUnsendable, c, i)
		}
	}
	return checkText(m.Body)
}

// checkText holds a body to the characters that SQS documents for SendMessage:
// #x9 | #xA | #xD | #x20..#xD7FF | #xE000..#xFFFD | #x10000..#x10FFFF.
func checkText(body []byte) error {
	for i := 0; i < len(body); {
		if c := body[i]; c >= ' ' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("%w: body is not UTF-8 at byte %d", ErrUnsendable, i)
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return fmt.Errorf("%w: body has character %#x at byte %d", ErrUnsendable, r, i)
		}
		i += size
	}
	return nil
}

// CheckReceive refuses the arguments that Receive does not take.
func CheckReceive(max int, wait time.Duration) error {
	if max < 1 || max > MaxBatch {
		return fmt.Errorf("%w: receive %d messages, want 1..%d", ErrArgument, max, MaxBatch)
	}
	if wait < 0 {
		return fmt.Errorf("%w: wait of %v", ErrArgument, wait)
	}
	return nil
}

// CheckExtend refuses the durations that Extend does not take.
func CheckExtend(d time.Duration) error {
	if d < 0 || d > MaxVisibility {
		return fmt.Errorf("%w: extend by %v, want 0..%v", ErrArgument, d, MaxVisibility)
	}
	return nil
}

// Partial is the error of a call with n items of which failed did not succeed: nil
// when there is none, a *PartialError otherwise.
func Partial(failed map[int]error, n int) error {
	if len(failed) == 0 {
		return nil
	}
	return &PartialError{Failed: failed, Total: n}
}
