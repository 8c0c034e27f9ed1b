// Package awstest leads tests to the emulators of AWS that the settings name, and
// to nothing else: never to a real account.
package awstest

import (
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The settings that name the emulators' URLs.
const (
	First  = "AWS_ENDPOINT_URL"
	Second = "AFFINE_AWS_SECOND_ENDPOINT"
)

// Kind is an emulator's product: suites ask it what the emulator is known not to do.
type Kind string

const (
	MiniStack Kind = "ministack"
	Moto      Kind = "moto"
	Other     Kind = "other" // taken to do all that AWS does
)

// Endpoint is an emulator that answers.
type Endpoint struct {
	URL  string
	Kind Kind
}

// Each runs test once for every emulator that is set. Without the first the test is
// skipped with a message that says so; on CI (CI=true) it fails instead. The second
// is a second opinion and may be absent. Short runs (the race detector's among them,
// which stretch time beyond a queue's visibility) leave the emulators out.
func Each(t *testing.T, test func(t *testing.T, e Endpoint)) {
	t.Helper()
	if testing.Short() {
		t.Skip("speaks to an emulator, in whose time its deadlines are; not in short runs")
	}
	if os.Getenv(First) == "" {
		missing(t, "NOT CHECKED: set %s to an emulator of AWS to run %s", First, t.Name())
	}
	for _, setting := range []string{First, Second} {
		if raw := os.Getenv(setting); raw != "" {
			e := connect(t, setting, raw)
			t.Run(string(e.Kind), func(t *testing.T) { test(t, e) })
		}
	}
}

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// connect refuses an endpoint that is not on this machine, and asks it what it is.
func connect(t testing.TB, setting, raw string) Endpoint {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil || !loopback(u.Hostname()) {
		t.Fatalf("%s=%q: tests speak to loopback only", setting, raw)
	}
	e := Endpoint{URL: strings.TrimSuffix(raw, "/"), Kind: Other}
	for _, probe := range []struct {
		kind Kind
		path string
	}{{MiniStack, "/_ministack/health"}, {Moto, "/moto-api/"}} {
		if status(t, setting, e.URL+probe.path) == http.StatusOK {
			e.Kind = probe.kind
			break
		}
	}
	return e
}

// loopback reports whether a host can only be this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func status(t testing.TB, setting, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil) //nolint:gosec // G704: connect has found the address to be loopback
	if err != nil {
		t.Fatalf("%s: %v", setting, err)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(req) //nolint:gosec // G704: as above
	if err != nil {
		t.Fatalf("%s: the emulator does not answer: %v", setting, err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Config is what clients of the emulator are made from: its address, a region, and
// credentials that open nothing.
func (e Endpoint) Config() aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: aws.String(e.URL),
	}
}

// Name is prefix with a random end, so that tests which share an emulator do not
// share what they make there.
func Name(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:10]) }
