package local_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/queue/local"
	"github.com/affine-go/affine/shared/sqlitefile"
)

func send(t *testing.T, q *local.Queue, group string, bodies ...string) {
	t.Helper()
	msgs := make([]queue.Message, len(bodies))
	for i, b := range bodies {
		msgs[i] = queue.Message{Group: group, Body: []byte(b)}
	}
	if err := q.Send(t.Context(), msgs); err != nil {
		t.Fatal(err)
	}
}

func receiveOne(t *testing.T, q *local.Queue) queue.Delivery {
	t.Helper()
	got, err := q.Receive(t.Context(), 1, 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("received %d messages, %v; want one", len(got), err)
	}
	return got[0]
}

func TestDeadLettersAreKeptAndRedriven(t *testing.T) {
	c := newClock()
	path := file(t)
	config := queue.Config{Visibility: time.Minute, MaxReceives: 2, Clock: c.Now}
	q := open(t, path, config)
	send(t, q, "g", "poison")
	sent := c.Now()
	for range 2 {
		receiveOne(t, q)
		c.Pass(time.Minute)
	}
	send(t, q, "h", "good")
	if got := drain(t, q); len(got) != 1 || string(got[0].Body) != "good" {
		t.Fatalf("received %v", got)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, config)
	dead, err := q.Dead(t.Context())
	if err != nil || len(dead) != 1 {
		t.Fatalf("%d dead letters, %v; want one, also after reopening", len(dead), err)
	}
	if d := dead[0]; string(d.Body) != "poison" || d.Group != "g" || d.Receives != 2 || !d.Sent.Equal(sent) || d.Receipt != "" {
		t.Errorf("dead letter %+v", d)
	}
	if n, err := q.Redrive(t.Context()); n != 1 || err != nil {
		t.Errorf("redrove %d, %v", n, err)
	}
	if d := receiveOne(t, q); string(d.Body) != "poison" || d.Receives != 1 || d.ID != dead[0].ID {
		t.Errorf("after the redrive received %+v", d)
	}
	if n, err := q.Redrive(t.Context()); n != 0 || err != nil {
		t.Errorf("a second redrive moved %d, %v", n, err)
	}
}

// TestAReceiptFromBeforeTheRedriveIsStale: the count begins anew, the receipt must
// not fit again.
func TestAReceiptFromBeforeTheRedriveIsStale(t *testing.T) {
	q := open(t, file(t), queue.Config{MaxReceives: 1})
	send(t, q, "g", "m")
	old := receiveOne(t, q)
	if err := q.Extend(t.Context(), []string{old.Receipt}, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := q.Receive(t.Context(), 1, 0); err != nil || len(got) != 0 {
		t.Fatalf("received %v, %v", got, err)
	}
	if _, err := q.Redrive(t.Context()); err != nil {
		t.Fatal(err)
	}
	receiveOne(t, q)
	if err := q.Delete(t.Context(), []string{old.Receipt}); !errors.Is(err, queue.ErrStale) {
		t.Errorf("delete gave %v, want ErrStale", err)
	}
}

func TestReclaimAllGivesBackAtOnceAndDoesNotCount(t *testing.T) {
	path := file(t)
	q := open(t, path, queue.Config{MaxReceives: 1})
	send(t, q, "g", "a", "b", "c")
	for range 2 {
		receiveOne(t, q)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, queue.Config{MaxReceives: 1})
	if n, err := q.ReclaimAll(t.Context()); n != 2 || err != nil {
		t.Fatalf("reclaimed %d, %v; want 2", n, err)
	}
	if n, err := q.ReclaimAll(t.Context()); n != 0 || err != nil {
		t.Fatalf("reclaimed %d more, %v", n, err)
	}
	got := drain(t, q)
	if len(got) != 3 {
		t.Errorf("received %d messages, want all three, none dead", len(got))
	}
	if d, err := q.Depth(t.Context()); err != nil || d.InFlight != 3 || d.Visible != 0 {
		t.Errorf("depth %+v, %v", d, err)
	}
}

func TestDepthTellsTheOldest(t *testing.T) {
	c := newClock()
	q := open(t, file(t), queue.Config{Visibility: time.Minute, Clock: c.Now})
	want := func(want queue.Depth) {
		t.Helper()
		if got, err := q.Depth(t.Context()); err != nil || got != want {
			t.Errorf("depth %+v, %v; want %+v", got, err, want)
		}
	}
	want(queue.Depth{})
	send(t, q, "g", "old")
	c.Pass(30 * time.Second)
	send(t, q, "g", "young")
	want(queue.Depth{Visible: 2, Oldest: 30 * time.Second})
	receiveOne(t, q)
	want(queue.Depth{Visible: 1, InFlight: 1})
	c.Pass(time.Minute)
	want(queue.Depth{Visible: 2, Oldest: 90 * time.Second}) // back, though nobody received since
}

// TestWaitEndsWhenADeliveryComesBack: a waiting receive needs no send to see a
// message whose visibility runs out.
func TestWaitEndsWhenADeliveryComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := local.Open(file(t), queue.Config{Visibility: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		send(t, q, "g", "m")
		first := receiveOne(t, q)
		start := time.Now()
		got, err := q.Receive(t.Context(), 1, time.Hour)
		if err != nil || len(got) != 1 || got[0].ID != first.ID {
			t.Fatalf("received %v, %v", got, err)
		}
		if waited := time.Since(start); waited != 30*time.Second {
			t.Errorf("it came back after %v, want 30s", waited)
		}
	})
}

// TestWaitEndsWhenAMessageIsGivenBack, or its time is cut short, or another is sent.
func TestWaitEndsWhenAMessageIsGivenBack(t *testing.T) {
	for name, c := range map[string]struct {
		giveBack func(q *local.Queue, receipt string) error
		waits    time.Duration
	}{
		"release": {func(q *local.Queue, r string) error { return q.Extend(t.Context(), []string{r}, 0) }, time.Second},
		"shorten": {func(q *local.Queue, r string) error { return q.Extend(t.Context(), []string{r}, 2*time.Second) }, 3 * time.Second},
		"reclaim": {func(q *local.Queue, _ string) error { _, err := q.ReclaimAll(t.Context()); return err }, time.Second},
		"send": {func(q *local.Queue, _ string) error {
			return q.Send(t.Context(), []queue.Message{{Group: "g", Body: []byte("new")}})
		}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, err := local.Open(file(t), queue.Config{Visibility: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				defer q.Close()
				send(t, q, "g", "m")
				d := receiveOne(t, q)
				start := time.Now()
				go func() {
					<-time.After(time.Second) // of the bubble's clock
					if err := c.giveBack(q, d.Receipt); err != nil {
						t.Error(err)
					}
				}()
				got, err := q.Receive(t.Context(), 1, time.Minute)
				if err != nil || len(got) != 1 {
					t.Fatalf("received %v, %v", got, err)
				}
				if waited := time.Since(start); waited != c.waits {
					t.Errorf("waited %v, want %v", waited, c.waits)
				}
			})
		})
	}
}

func TestCloseEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := local.Open(file(t), queue.Config{})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := q.Receive(t.Context(), 1, time.Hour)
			done <- err
		}()
		synctest.Wait()
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err == nil {
			t.Error("a receive on a closed queue ended without error")
		}
	})
}

func TestOpenRefusals(t *testing.T) {
	path := file(t)
	newer := sqlitefile.Schema{Kind: 0x61667175, Version: 99, Tables: "CREATE TABLE x (y)", Sync: sqlitefile.Process}
	f, err := sqlitefile.Open(path, newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Open(path, queue.Config{}); !errors.Is(err, queue.ErrNewer) || !oneLine(err) {
		t.Errorf("opening a newer file gave %v, want ErrNewer in one line", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Open(path, queue.Config{}); !errors.Is(err, sqlitefile.ErrDamaged) || !oneLine(err) {
		t.Errorf("opening a malformed file gave %v, want ErrDamaged in one line", err)
	}
	if _, err := local.Open(file(t), queue.Config{Visibility: time.Millisecond}); !errors.Is(err, queue.ErrArgument) {
		t.Errorf("a visibility of 1 ms gave %v, want ErrArgument", err)
	}
}

func oneLine(err error) bool { return !strings.Contains(err.Error(), "\n") }

// TestManyGroups: groups whose messages are gone are forgotten at the next opening,
// and those that have some are not.
func TestManyGroups(t *testing.T) {
	path := file(t)
	q := open(t, path, queue.Config{})
	for g := range 300 {
		send(t, q, fmt.Sprint("group-", g), "m")
	}
	for _, d := range drain(t, q) {
		if err := q.Delete(t.Context(), []string{d.Receipt}); err != nil {
			t.Fatal(err)
		}
	}
	send(t, q, "left", "m")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, queue.Config{})
	if got := drain(t, q); len(got) != 1 || got[0].Group != "left" {
		t.Errorf("after reopening received %v", got)
	}
}

// TestFullDisk: a send that does not fit is refused whole and says so in one line;
// what is there can still be received and deleted.
func TestFullDisk(t *testing.T) {
	q := open(t, file(t), queue.Config{})
	send(t, q, "g", "first")
	if err := q.LimitPages(20); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 60_000)
	err := q.Send(t.Context(), []queue.Message{{Group: "g", Body: []byte("second")}, {Group: "g", Body: []byte(big)}})
	if !errors.Is(err, sqlitefile.ErrFull) || !oneLine(err) {
		t.Errorf("send gave %v, want ErrFull in one line", err)
	}
	got := drain(t, q)
	if len(got) != 1 || string(got[0].Body) != "first" {
		t.Fatalf("received %v, want the first alone", got)
	}
	if err := q.Delete(t.Context(), []string{got[0].Receipt}); err != nil {
		t.Errorf("delete on a full disk: %v", err)
	}
	if d, err := q.Depth(t.Context()); err != nil || d != (queue.Depth{}) {
		t.Errorf("depth %+v, %v; want nothing", d, err)
	}
}
