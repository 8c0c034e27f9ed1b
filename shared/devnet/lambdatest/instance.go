package lambdatest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// errEnded is wrapped when the function's process has ended before it replied.
var errEnded = errors.New("the process ended")

// errIdle is returned when the process ended while it waited for an event.
var errIdle = errors.New("the process ended between two events")

// instance is one process of a function with a Runtime API of its own, so that
// nothing a dead process asked for can reach the next one.
type instance struct {
	arn    string
	api    *httptest.Server
	cmd    *exec.Cmd
	begun  time.Time
	ended  chan struct{} // closed when the process is gone
	events chan *event   // from handle to the process's next request

	mu        sync.Mutex
	current   *event // handed over and not yet answered
	count     int
	cold      time.Duration
	initError []byte
	exit      error
}

// event is one invocation on its way through the process.
type event struct {
	id       string
	payload  []byte
	deadline time.Time
	done     chan outcome // room for one
}

type outcome struct {
	payload       []byte
	functionError string
}

// start runs a bootstrap. The log outlives it.
func start(name, bootstrap string, env []string, log io.Writer) (*instance, error) {
	in := &instance{
		arn:    "arn:aws:lambda:" + Region + ":000000000000:function:" + name,
		ended:  make(chan struct{}),
		events: make(chan *event),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", in.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", in.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", in.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", in.serveInitError)
	in.api = httptest.NewServer(mux)
	in.cmd = exec.Command(bootstrap) //nolint:noctx // it outlives the event it was started for; stop ends it
	in.cmd.Dir = filepath.Dir(bootstrap)
	in.cmd.Env = append(runtimeEnv(name, in.cmd.Dir, strings.TrimPrefix(in.api.URL, "http://")), env...)
	in.cmd.Stdout, in.cmd.Stderr = log, log
	in.cmd.WaitDelay = time.Second // a grandchild must not keep the log open for ever
	in.begun = time.Now()
	if err := in.cmd.Start(); err != nil {
		in.api.Close()
		return nil, err
	}
	go in.wait()
	return in, nil
}

// runtimeEnv is what the service sets for every function on provided.al2023.
func runtimeEnv(name, root, api string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + name,
		"AWS_LAMBDA_LOG_STREAM_NAME=test",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"LAMBDA_TASK_ROOT=" + root,
		"_HANDLER=bootstrap",
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"TZ=:UTC",
	}
}

func (in *instance) wait() {
	err := in.cmd.Wait()
	in.mu.Lock()
	in.exit = err
	in.mu.Unlock()
	close(in.ended)
}

func (in *instance) over() bool {
	select {
	case <-in.ended:
		return true
	default:
		return false
	}
}

// stop kills the process, waits for its end and closes its Runtime API.
func (in *instance) stop() {
	_ = in.cmd.Process.Kill() // it may have ended by itself
	<-in.ended
	in.api.CloseClientConnections()
	in.api.Close()
}

// handle gives an event to the process and waits for its answer.
func (in *instance) handle(ctx context.Context, payload []byte) (outcome, error) {
	deadline, _ := ctx.Deadline()
	in.mu.Lock()
	in.count++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", in.count)
	in.mu.Unlock()
	if len(payload) == 0 {
		payload = []byte("{}") // what a function gets when its caller sends nothing
	}
	e := &event{id: id, payload: payload, deadline: deadline, done: make(chan outcome, 1)}
	select {
	case in.events <- e:
	case <-in.ended:
		if in.coldStart() > 0 {
			return outcome{}, errIdle
		}
		return outcome{}, in.why()
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
	select {
	case out := <-e.done:
		return out, nil
	case <-in.ended:
		return outcome{}, in.why()
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

func (in *instance) why() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.exit == nil {
		return fmt.Errorf("%w: exit status 0", errEnded)
	}
	return fmt.Errorf("%w: %w", errEnded, in.exit)
}

func (in *instance) initFailure() []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.initError
}

func (in *instance) coldStart() time.Duration {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.cold
}

// serveNext is where the process waits for its next event.
func (in *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	in.mu.Lock()
	in.cold = cmp.Or(in.cold, time.Since(in.begun))
	busy := in.current != nil
	in.mu.Unlock()
	if busy {
		http.Error(w, "the previous event has not been answered", http.StatusForbidden)
		return
	}
	select {
	case e := <-in.events:
		in.mu.Lock()
		in.current = e
		in.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", e.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(e.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", in.arn)
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
		_, _ = w.Write(e.payload) // a process that has gone is noticed by its end
	case <-r.Context().Done():
	}
}

func (in *instance) serveResponse(w http.ResponseWriter, r *http.Request) { in.answer(w, r, "") }

func (in *instance) serveError(w http.ResponseWriter, r *http.Request) { in.answer(w, r, Unhandled) }

// answer takes the process's answer to the event it was given last, and no other.
func (in *instance) answer(w http.ResponseWriter, r *http.Request, functionError string) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		payload, functionError = describe("Function.ResponseSizeTooLarge", "the reply is over 6 MB"), Unhandled
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.current == nil || in.current.id != r.PathValue("id") {
		http.Error(w, "no such request: "+r.PathValue("id"), http.StatusBadRequest)
		return
	}
	in.current.done <- outcome{payload, functionError}
	in.current = nil
	if err != nil {
		http.Error(w, "the reply is too large", http.StatusRequestEntityTooLarge)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (in *instance) serveInitError(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	in.mu.Lock()
	in.initError = payload
	in.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}
