package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/affine-go/affine/shared/queue"
)

func TestPartialError(t *testing.T) {
	if err := queue.Partial(map[int]error{}, 3); err != nil {
		t.Errorf("no failure gave %v", err)
	}
	other := errors.New("refused")
	err := queue.Partial(map[int]error{7: other, 2: queue.ErrStale}, 9)
	if want := "queue: 2 of 9 failed; number 2: queue: stale receipt"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if !errors.Is(err, queue.ErrStale) || !errors.Is(err, other) {
		t.Error("the failures are not wrapped")
	}
}

func TestConfigDefaultsAndRefusals(t *testing.T) {
	c, err := queue.Config{}.WithDefaults()
	if err != nil || c.Visibility != queue.DefaultVisibility || c.MaxReceives != queue.DefaultMaxReceives || c.Clock == nil {
		t.Errorf("defaults %+v, %v", c, err)
	}
	for _, c := range []queue.Config{
		{Visibility: time.Second - 1}, {Visibility: -time.Second}, {Visibility: queue.MaxVisibility + 1},
		{MaxReceives: -1}, {MaxReceives: 1001},
	} {
		if _, err := c.WithDefaults(); !errors.Is(err, queue.ErrArgument) {
			t.Errorf("%+v gave %v, want ErrArgument", c, err)
		}
	}
}

// FuzzCheck compares the check of a body, which is written for speed, with SQS's
// documented set of characters taken literally.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"", "{}", "\t\n\r", "\x00", "\x1f", "\x7f", "\u0080", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\uffff",
		"\U00010000", "\U0010ffff", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xc3", strings.Repeat("ä", 9)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		want := len(body) > 0 && len(body) <= queue.MaxBody && utf8.Valid(body)
		for _, r := range string(body) {
			want = want && (r == 0x9 || r == 0xA || r == 0xD || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000)
		}
		err := queue.Message{Group: "g", Body: body}.Check()
		if (err == nil) != want || err != nil && !errors.Is(err, queue.ErrUnsendable) {
			t.Errorf("Check(%q) = %v, want it taken: %v", body, err, want)
		}
	})
}
