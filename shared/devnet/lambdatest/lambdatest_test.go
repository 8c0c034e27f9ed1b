package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

type echoed struct {
	Pid       int      `json:"pid"`
	Env       []string `json:"env"`
	RequestID string   `json:"request_id"`
	ARN       string   `json:"arn"`
	Left      int64    `json:"left_ms"`
	Text      string   `json:"text"`
	Error     string   `json:"error"`
}

func invoke(t *testing.T, ctx context.Context, f *Function, event string) (echoed, string, string) {
	t.Helper()
	reply, functionError, err := f.Invoke(ctx, []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var e echoed
	if functionError == "" {
		if err := json.Unmarshal(reply, &e); err != nil {
			t.Fatalf("reply %s: %v", reply, err)
		}
	}
	return e, string(reply), functionError
}

func TestFunctions(t *testing.T) {
	bootstrap := Build(t, "testdata/echo")
	for name, test := range map[string]func(*testing.T, string){
		"event and environment":    testEvent,
		"errors of the function":   testErrors,
		"deadline":                 testDeadline,
		"kill between two events":  testKill,
		"failing start":            testInitError,
		"one function by another":  testCall,
		"refusals of the service":  testRefusals,
		"no process is left alone": testCleanup,
	} {
		t.Run(name, func(t *testing.T) { test(t, bootstrap) })
	}
}

func testEvent(t *testing.T, bootstrap string) {
	t.Setenv("LEAKED", "from the test")
	f := Start(t, bootstrap, []string{"TOLD=yes"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	first, _, _ := invoke(t, ctx, f, `{"do":"log"}`)
	second, _, _ := invoke(t, t.Context(), f, "")
	if first.Pid != second.Pid || first.RequestID == second.RequestID {
		t.Errorf("pid %d then %d, request %s then %s; want one process and two requests", first.Pid, second.Pid, first.RequestID, second.RequestID)
	}
	if !slices.Contains(first.Env, "TOLD=yes") || slices.ContainsFunc(first.Env, func(v string) bool { return strings.HasPrefix(v, "LEAKED=") }) {
		t.Errorf("environment %q", first.Env)
	}
	if first.ARN != "arn:aws:lambda:us-east-1:000000000000:function:function" {
		t.Errorf("ARN %s", first.ARN)
	}
	if first.Left <= 0 || first.Left > 20_000 || second.Left > Timeout.Milliseconds() {
		t.Errorf("time left %d ms and %d ms", first.Left, second.Left)
	}
	f.Kill() // which also waits for the rest of its log
	if f.ColdStart() <= 0 || !strings.Contains(f.Log(), "line from the function") {
		t.Errorf("cold start %s, log %q", f.ColdStart(), f.Log())
	}
	t.Logf("start to first poll: %s", f.ColdStart())
}

func testErrors(t *testing.T, bootstrap string) {
	f := Start(t, bootstrap, nil)
	tests := []struct{ event, says string }{
		{`{"do":"fail"}`, "could not"},
		{`{"do":"exit"}`, "exit status 3"},
		{`{"do":"die"}`, "signal: killed"},
		{`{"do":"big"}`, "6 MB"},
		{`{"do":7}`, "cannot unmarshal"},
	}
	for _, test := range tests {
		_, payload, functionError := invoke(t, t.Context(), f, test.event)
		if functionError != Unhandled || !strings.Contains(payload, test.says) {
			t.Errorf("%s: function error %q, payload %.200s; want %q", test.event, functionError, payload, test.says)
		}
		if _, _, functionError := invoke(t, t.Context(), f, `{}`); functionError != "" {
			t.Errorf("after %s: function error %q", test.event, functionError)
		}
	}
}

func testDeadline(t *testing.T, bootstrap string) {
	f := Start(t, bootstrap, nil)
	before, _, _ := invoke(t, t.Context(), f, `{}`)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, payload, functionError := invoke(t, ctx, f, `{"do":"hang"}`)
	if functionError != Unhandled || !strings.Contains(payload, "Task timed out after 0.2") {
		t.Errorf("function error %q, payload %s", functionError, payload)
	}
	if after, _, _ := invoke(t, t.Context(), f, `{}`); after.Pid == before.Pid {
		t.Error("the process outlived its deadline")
	}
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := f.Invoke(cancelled, []byte(`{}`)); err == nil {
		t.Error("a cancelled caller got an answer")
	}
}

func testKill(t *testing.T, bootstrap string) {
	f := Start(t, bootstrap, nil)
	before, _, _ := invoke(t, t.Context(), f, `{}`)
	f.Kill()
	f.Kill()
	after, _, _ := invoke(t, t.Context(), f, `{}`)
	if after.Pid == before.Pid {
		t.Error("the process outlived Kill")
	}
	if err := syscall.Kill(after.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-f.running.ended
	if last, _, functionError := invoke(t, t.Context(), f, `{}`); functionError != "" || last.Pid == after.Pid {
		t.Errorf("after a crash between two events: function error %q, pid %d", functionError, last.Pid)
	}
}

func testInitError(t *testing.T, bootstrap string) {
	f := Start(t, bootstrap, []string{"INIT_ERROR=1"})
	if _, payload, functionError := invoke(t, t.Context(), f, `{}`); functionError != Unhandled || payload != `{"errorType":"Settings"}` {
		t.Errorf("function error %q, payload %s", functionError, payload)
	}
	missing := Start(t, filepath.Join(t.TempDir(), "bootstrap"), nil)
	if _, _, err := missing.Invoke(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing bootstrap: %v", err)
	}
}

func testCall(t *testing.T, bootstrap string) {
	s := New(t)
	s.Add("signer", bootstrap, nil)
	caller := s.Add("weights", bootstrap, []string{
		"AWS_ENDPOINT_URL_LAMBDA=" + s.URL, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_MAX_ATTEMPTS=1",
	})
	for _, name := range []string{"signer", "arn:aws:lambda:us-east-1:000000000000:function:signer"} {
		got, payload, functionError := invoke(t, t.Context(), caller, `{"do":"call","function":"`+name+`","payload":{"do":"echo"}}`)
		if functionError != "" || !strings.Contains(got.Text, "function:signer") || got.Error != "" {
			t.Errorf("%s: %s %s", name, functionError, payload)
		}
	}
	if got, payload, _ := invoke(t, t.Context(), caller, `{"do":"call","function":"signer","payload":{"do":"fail"}}`); got.Error != Unhandled {
		t.Errorf("a failing callee: %s", payload)
	}
	if _, payload, functionError := invoke(t, t.Context(), caller, `{"do":"call","function":"nobody"}`); functionError != Unhandled || !strings.Contains(payload, "ResourceNotFoundException") {
		t.Errorf("an unknown callee: %s", payload)
	}
}

func testRefusals(t *testing.T, bootstrap string) {
	s := New(t)
	s.Add("signer", bootstrap, nil)
	signed := map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=test"}
	tests := []struct {
		name, function string
		header         map[string]string
		body           []byte
		status         int
	}{
		{"unsigned", "signer", nil, nil, http.StatusForbidden},
		{"unknown", "nobody", signed, nil, http.StatusNotFound},
		{"not JSON", "signer", signed, []byte("{"), http.StatusBadRequest},
		{"huge", "signer", signed, bytes.Repeat([]byte("1"), maxPayload+1), http.StatusRequestEntityTooLarge},
		{"asynchronous", "signer", map[string]string{"Authorization": signed["Authorization"], "X-Amz-Invocation-Type": "Event"}, nil, http.StatusBadRequest},
		{"accepted", "signer", signed, nil, http.StatusOK},
	}
	for _, test := range tests {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/2015-03-31/functions/"+test.function+"/invocations", bytes.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range test.header {
			r.Header.Set(key, value)
		}
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if reply.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d; %s", test.name, reply.StatusCode, test.status, body)
		}
	}
}

func testCleanup(t *testing.T, bootstrap string) {
	var pid int
	t.Run("inner", func(t *testing.T) {
		e, _, _ := invoke(t, t.Context(), Start(t, bootstrap, nil), `{}`)
		pid = e.Pid
	})
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d after the test: %v, want none", pid, err)
	}
}

// The Runtime API must refuse what the service refuses.
func TestRuntimeRefusesForeignAnswers(t *testing.T) {
	sleep, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	in, err := start("f", sleep, []string{"LAMBDATEST_IDLE=1"}, &log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.stop)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.api.URL+"/2018-06-01/runtime/invocation/other/response", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	if reply.StatusCode != http.StatusBadRequest {
		t.Errorf("an answer to no event: status %d, want 400", reply.StatusCode)
	}
}

// TestMain lets the test binary stand in for a function that never asks for events.
func TestMain(m *testing.M) {
	if os.Getenv("LAMBDATEST_IDLE") != "" {
		select {}
	}
	os.Exit(m.Run())
}
