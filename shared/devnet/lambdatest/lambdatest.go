// Package lambdatest runs the project's Lambda functions as Lambda would: each
// bootstrap is a process of its own that fetches its events from the Runtime API.
// Functions call one another through the service's Invoke API, which is served too.
//
// It is as strict as the service where that can break a function: a function sees
// no variable but its own and the runtime's, handles one event at a time, is killed
// at its deadline, and starts anew after it has ended. It is for tests only.
package lambdatest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Region is the region that functions find themselves in.
const Region = "us-east-1"

// Timeout is the longest time that an invocation may take when its caller sets no
// shorter one, as on a function without a setting of its own in our stacks.
const Timeout = 60 * time.Second

// Service is a stand-in for the Lambda service with the functions added to it. All
// methods may be called concurrently.
type Service struct {
	// URL is the endpoint of the Invoke API, for AWS_ENDPOINT_URL_LAMBDA.
	URL string

	t  testing.TB
	mu sync.Mutex
	by map[string]*Function
}

// New starts a service without functions. It ends, and with it every process that
// it started, when the test does.
func New(t testing.TB) *Service {
	t.Helper()
	s := &Service{t: t, by: make(map[string]*Function)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", s.serveInvoke)
	server := httptest.NewServer(mux)
	s.URL = server.URL
	t.Cleanup(func() {
		s.stop()
		server.Close()
	})
	return s
}

// Add makes a function known under a name. Its process starts with the first event.
// env holds NAME=value pairs; of the caller's own environment nothing is passed on.
func (s *Service) Add(name, bootstrap string, env []string) *Function {
	s.t.Helper()
	path, err := filepath.Abs(bootstrap)
	if err != nil {
		s.t.Fatalf("lambdatest: %v", err)
	}
	f := &Function{name: name, bootstrap: path, env: env}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[name] != nil {
		s.t.Fatalf("lambdatest: there are two functions named %q", name)
	}
	s.by[name] = f
	return f
}

// Start runs one function on a service of its own, for tests that need no other.
func Start(t testing.TB, bootstrap string, env []string) *Function {
	t.Helper()
	return New(t).Add("function", bootstrap, env)
}

// Build compiles the main package at dir the way it is deployed, for this machine,
// and returns the bootstrap's path.
func Build(t testing.TB, dir string) string {
	t.Helper()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", bootstrap, ".")
	build.Dir = dir
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("lambdatest: build %s: %v\n%s", dir, err, out)
	}
	return bootstrap
}

// function finds a function by its name or ARN, with or without a qualifier.
func (s *Service) function(name string) *Function {
	if _, rest, ok := strings.Cut(name, ":function:"); ok {
		name = rest
	}
	name, _, _ = strings.Cut(name, ":")
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[name]
}

func (s *Service) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, f := range s.by {
		f.Kill()
		if s.t.Failed() {
			s.t.Logf("log of function %s:\n%s", name, f.Log())
		}
	}
}
