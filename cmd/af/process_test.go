package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/affine-go/affine/shared/env/sat"
)

// afCommand is the test binary in the role of af.
func afCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = append([]string{"af"}, args...)
	cmd.Env = append(os.Environ(), "AFFINE_CRUXEVAL=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// runAF runs a command to its end and returns what it printed and its exit code.
func runAF(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := afCommand(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the exit code says how it ended
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// smallRun is a run of a few seconds over a folder.
func smallRun(data string, more ...string) []string {
	return append([]string{"dev", "--data", data, "--samples", "2", "--block-time", "50ms"}, more...)
}

// Whatever file of the folder a newer version has written, the run ends in one line
// and leaves the file as it is.
func TestFilesOfANewerVersionAreLeftAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("runs af several times")
	}
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if _, stderr, code := runAF(t, smallRun(data)...); code != 0 {
		t.Fatalf("the first run exits with %d:\n%s", code, stderr)
	}
	for _, name := range []string{"store.db", "queue-affine-sat.db", "chain.journal"} {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(copied, os.DirFS(data)); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(copied, name)
			makeNewer(t, file)
			before := read(t, file)
			_, stderr, code := runAF(t, smallRun(copied)...)
			if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "newer version") || !strings.Contains(stderr, name) {
				t.Errorf("exit code %d and\n%s\nwant 1 and one line that names %s and a newer version", code, stderr, name)
			}
			if !bytes.Equal(before, read(t, file)) {
				t.Errorf("%s was written to", name)
			}
		})
	}
}

// makeNewer marks a file as a newer version would.
func makeNewer(t *testing.T, file string) {
	t.Helper()
	if filepath.Ext(file) != ".db" {
		text := regexp.MustCompile(`"format":\d+`).ReplaceAll(read(t, file), []byte(`"format":99`))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A service ends when it is interrupted, with 0; a run that was to end by itself
// says that it was interrupted, with 130. While it works, no other run touches its
// folder; afterwards one goes on from it.
func TestInterruptsAndTheFoldersLock(t *testing.T) {
	if testing.Short() {
		t.Skip("runs af several times")
	}
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		args []string
		wait string // what it prints before it is interrupted
		sig  os.Signal
		code int
		last string // its last line
	}{
		{smallRun(data, "--samples", "5000"), "first sample graded", os.Interrupt, 130, "af: interrupted"},
		{smallRun(data, "--serve"), "serving: ", os.Interrupt, 0, ""},
		{smallRun(data, "--serve"), "serving: ", syscall.SIGTERM, 0, ""},
	} {
		var stderr lockedBuffer
		cmd := afCommand(t, c.args...)
		cmd.Stdout, cmd.Stderr = &lockedBuffer{}, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }() // the exit code says how it ended
		stderr.await(t, c.wait, ended)
		if _, second, code := runAF(t, smallRun(data)...); code != 1 || strings.Count(second, "\n") != 1 || !strings.Contains(second, "in use by another process") {
			t.Errorf("%v: a second run exits with %d and says\n%s", c.args, code, second)
		}
		if err := cmd.Process.Signal(c.sig); err != nil {
			t.Error(err)
		}
		<-ended
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if code := cmd.ProcessState.ExitCode(); code != c.code || c.last != "" && lines[len(lines)-1] != c.last {
			t.Errorf("%v ended by %v: exit code %d and\n%s\nwant %d and %q at the end", c.args, c.sig, code, stderr.String(), c.code, c.last)
		}
	}
	if stdout, stderr, code := runAF(t, smallRun(data)...); code != 0 || !strings.Contains(stdout, "confirmed in block") {
		t.Errorf("the run after them exits with %d:\n%s%s", code, stdout, stderr)
	}
}

// A miner behind any OpenAI-compatible server is sampled as all others are.
func TestMinerServedElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("runs af several times")
	}
	t.Parallel()
	var asked, wrong atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if err := answerSAT(w, r); err != nil {
			wrong.Add(1)
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	defer server.Close()
	data := filepath.Join(t.TempDir(), "data")
	stdout, stderr, code := runAF(t, smallRun(data, "--samples", "4", "--miner", "tiny-solver="+server.URL+"/v1")...)
	if code != 0 || asked.Load() == 0 || wrong.Load() > 0 {
		t.Fatalf("exit code %d, %d requests, %d of them wrong:\n%s", code, asked.Load(), wrong.Load(), stderr)
	}
	var row string
	for line := range strings.Lines(stdout) {
		if strings.Contains(line, "external/Affine-0") {
			row = line
		}
	}
	if !strings.Contains(row, "100.00/") || !strings.Contains(row, "/4") {
		t.Errorf("its row is %q in\n%s", row, stdout)
	}
}

// answerSAT answers as an OpenAI-compatible server with a model that solves SAT and
// knows nothing else.
func answerSAT(w http.ResponseWriter, r *http.Request) error {
	var ask struct {
		Model    string `json:"model"`
		Stream   bool   `json:"stream"`
		Messages []struct{ Role, Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return err
	}
	if r.URL.Path != "/v1/chat/completions" || ask.Model != "tiny-solver" || len(ask.Messages) == 0 {
		return fmt.Errorf("%s for %q with %d messages", r.URL.Path, ask.Model, len(ask.Messages))
	}
	reply := "I do not know."
	if f, err := sat.Parse(ask.Messages[len(ask.Messages)-1].Content); err == nil {
		if a, ok := sat.Solve(f); ok {
			reply = a.Text(f.Vars)
		}
	}
	text, err := json.Marshal(reply)
	if err != nil {
		return err
	}
	if !ask.Stream {
		_, err = fmt.Fprintf(w, `{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":%s}}]}`, text)
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, err = fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", text)
	return err
}
