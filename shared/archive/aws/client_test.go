package aws_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/aws"
)

// bucket is a service on loopback that keeps objects with their sums and honours
// If-None-Match. fault is asked at each request, from 0, and may answer in its place
// before or after the request took effect.
type bucket struct {
	t     *testing.T
	fault func(n int, w http.ResponseWriter, r *http.Request, do func())

	mu      sync.Mutex
	n       int
	objects map[string]string
	sums    map[string]string
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name := range r.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum") || strings.EqualFold(name, "X-Amz-Trailer") {
			b.t.Errorf("%s %s came with %s, which R2 may refuse", r.Method, r.URL, name)
		}
	}
	n := b.n
	b.n++
	b.fault(n, w, r, func() { b.serve(w, r) })
}

func (b *bucket) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	_, stands := b.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPut && stands && r.Header.Get("If-None-Match") == "*":
		w.WriteHeader(http.StatusPreconditionFailed)
	case r.Method == http.MethodPut:
		b.objects[r.URL.Path], b.sums[r.URL.Path] = string(body), r.Header.Get("X-Amz-Meta-Sha256")
	case !stands:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("X-Amz-Meta-Sha256", b.sums[r.URL.Path])
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(b.objects[r.URL.Path]))
	}
}

func serve(t *testing.T, fault func(n int, w http.ResponseWriter, r *http.Request, do func())) (*aws.Archive, *bucket) {
	t.Helper()
	b := &bucket{t: t, fault: fault, objects: map[string]string{}, sums: map[string]string{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	cfg := sdk.Config{Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
	return aws.New(aws.NewClient(cfg, aws.Options{Endpoint: server.URL, PathStyle: true}), "bucket", ""), b
}

// The SDK repeats what was throttled, whichever code says so.
func TestThrottlingIsWaitedOut(t *testing.T) {
	for status, code := range map[int]string{429: "SomeCodeOfR2", 503: "SlowDown"} {
		a, b := serve(t, func(n int, w http.ResponseWriter, _ *http.Request, do func()) {
			if n > 0 {
				do()
				return
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code></Error>")
		})
		if err := a.Replace(t.Context(), "latest.json", []byte("x")); err != nil || b.n != 2 {
			t.Errorf("%d %s: %d requests, %v", status, code, b.n, err)
		}
	}
}

// The connection breaks after the object was stored. The SDK sends it again, is told
// that the key is taken, and the archive finds that it was taken by itself.
func TestLostReplyIsFoundOut(t *testing.T) {
	a, b := serve(t, func(n int, _ http.ResponseWriter, _ *http.Request, do func()) {
		do()
		if n == 0 {
			panic(http.ErrAbortHandler)
		}
	})
	if err := a.Put(t.Context(), "k", []byte("body")); err != nil {
		t.Errorf("after a lost reply: %v", err)
	}
	if b.n != 3 {
		t.Errorf("%d requests, want put, put again and a look", b.n)
	}
	if err := a.Put(t.Context(), "k", []byte("other")); !errors.Is(err, archive.ErrExists) {
		t.Errorf("other bytes: %v, want ErrExists", err)
	}
	if got, err := a.Get(t.Context(), "k", 1, 2); err != nil || string(got) != "od" {
		t.Errorf("get: %q, %v", got, err)
	}
}

// Nobody answers: the error names the key and is neither ErrExists nor ErrNotFound.
func TestServiceGone(t *testing.T) {
	a, _ := serve(t, func(_ int, _ http.ResponseWriter, _ *http.Request, _ func()) { panic(http.ErrAbortHandler) })
	err := a.Put(t.Context(), "some/key", []byte("body"))
	if err == nil || errors.Is(err, archive.ErrExists) || errors.Is(err, archive.ErrNotFound) || !strings.Contains(err.Error(), "some/key") {
		t.Errorf("%v, want an undecided error that names the key", err)
	}
}
