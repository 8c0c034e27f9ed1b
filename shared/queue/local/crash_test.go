package local_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/queue/local"
)

// crashFile names the file on which this test binary, started by
// TestKilledAtAnyMoment, works until it is killed.
const crashFile = "QUEUE_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		if err := workUntilKilled(path); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// workUntilKilled sends batches, takes some of what is there and deletes part of
// it, and says on its output what the queue has answered for.
func workUntilKilled(path string) error {
	ctx := context.Background()
	q, err := local.Open(path, queue.Config{})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		var batch []queue.Message
		for i := range 5 {
			batch = append(batch, queue.Message{Group: fmt.Sprint("g", i), Body: fmt.Appendf(nil, "%d-%d-%d", os.Getpid(), n, i)})
		}
		if err := q.Send(ctx, batch); err != nil {
			return err
		}
		for _, m := range batch {
			fmt.Println("sent", string(m.Body))
		}
		got, err := q.Receive(ctx, 4, 0)
		if err != nil {
			return err
		}
		for _, d := range got[:len(got)/2] {
			fmt.Println("deleting", string(d.Body))
			if err := q.Delete(ctx, []string{d.Receipt}); err != nil {
				return err
			}
			fmt.Println("deleted", string(d.Body))
		}
	}
}

// TestKilledAtAnyMoment kills a process that works on the queue, again and again on
// the same file. What it was told was sent is there unless it was being deleted,
// what it was told was deleted is gone, and nothing is there twice.
func TestKilledAtAnyMoment(t *testing.T) {
	path := file(t)
	sent, deleting, deleted := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for round := range 6 {
		lines := killAfter(t, path, 40+round*17)
		for _, line := range lines {
			what, body, _ := strings.Cut(line, " ")
			switch what {
			case "sent":
				sent[body] = true
			case "deleting":
				deleting[body] = true
			case "deleted":
				deleted[body] = true
			default:
				t.Fatalf("the worker said %q", line)
			}
		}
	}
	q := open(t, path, queue.Config{MaxReceives: 2})
	inFlight, err := q.Depth(t.Context())
	if err != nil || inFlight.InFlight == 0 {
		t.Fatalf("depth %+v, %v; want some in flight when the worker died", inFlight, err)
	}
	if n, err := q.ReclaimAll(t.Context()); err != nil || n != inFlight.InFlight {
		t.Errorf("reclaimed %d, %v; want %d", n, err, inFlight.InFlight)
	}
	there := map[string]int{}
	for _, d := range drain(t, q) {
		there[string(d.Body)]++
		if d.Receives != 1 {
			t.Errorf("%s is received for the %d. time: deaths must not count", d.Body, d.Receives)
		}
	}
	for body := range sent {
		if there[body] == 0 && !deleting[body] {
			t.Errorf("%s is lost", body)
		}
	}
	for body, times := range there {
		if times > 1 || deleted[body] {
			t.Errorf("%s is there %d times, deleted: %v", body, times, deleted[body])
		}
	}
}

// killAfter starts a worker and kills it when it has said n lines; what it said
// after that until its death is read too.
func killAfter(t *testing.T, path string, n int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashFile+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if lines = append(lines, scanner.Text()); len(lines) == n {
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil || len(lines) < n {
		t.Fatalf("the worker ended by itself after %d lines: %v", len(lines), lines)
	}
	return lines
}

// drain receives everything that is visible.
func drain(t *testing.T, q *local.Queue) []queue.Delivery {
	t.Helper()
	var all []queue.Delivery
	for {
		got, err := q.Receive(t.Context(), queue.MaxBatch, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}
