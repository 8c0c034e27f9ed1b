package chain

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, "3600": time.Hour, "4000000000": 24 * time.Hour,
		"Sun, 22 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 22 Nov 2026 11:00:00 GMT": 0,
		"Mon, 22 Nov 2100 12:00:00 GMT": 24 * time.Hour,
	} {
		if got, told := retryAfter(text, now); got != want || !told {
			t.Errorf("%q: %s, %v; want %s", text, got, told, want)
		}
	}
	for _, text := range []string{"", "-1", "soon", "1.5", "99999999999999999999", "22 Nov 2026"} {
		if got, told := retryAfter(text, now); told || got != 0 {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func TestRefusedDial(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		after  string
		want   *PolicyError
	}{
		"unknown":             {401, "", &PolicyError{"e", 401, banned}},
		"forbidden":           {403, "1", &PolicyError{"e", 403, banned}},
		"forbidden for long":  {403, "3600", &PolicyError{"e", 403, time.Hour}},
		"too often":           {429, "", &PolicyError{"e", 429, busy}},
		"too often, told":     {429, "9", &PolicyError{"e", 429, 9 * time.Second}},
		"overloaded":          {503, "", nil},
		"overloaded, told":    {503, "9", &PolicyError{"e", 503, 9 * time.Second}},
		"broken":              {500, "9", nil},
		"no socket spoken":    {200, "", nil},
		"moved away for good": {410, "9", nil},
	} {
		resp := &http.Response{StatusCode: test.status, Status: http.StatusText(test.status), Header: http.Header{}}
		resp.Header.Set("Retry-After", test.after)
		err := refusedDial("e", resp, time.Now())
		got, policy := errors.AsType[*PolicyError](err)
		if policy != (test.want != nil) || (policy && *got != *test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestPublicNodesAreAskedSlowly(t *testing.T) {
	for _, test := range []struct {
		endpoint string
		set      float64
		want     rate.Limit
	}{
		{"wss://entrypoint-finney.opentensor.ai:443", 0, 1},
		{"wss://Lite.Sub.Latent.To", 0, 1},
		{"wss://archive.chain.opentensor.ai:443", 0, 1},
		{"wss://entrypoint-finney.opentensor.ai:443", 5, 5},
		{"wss://entrypoint-finney.opentensor.ai:443", -1, rate.Inf},
		{"ws://127.0.0.1:9944", 0, rate.Inf},
		{"ws://127.0.0.1:9944", 3, 3},
		{"wss://entrypoint-finney.opentensor.ai.example", 0, rate.Inf},
		{"://", 0, rate.Inf},
	} {
		if got := (Config{PerSecond: test.set}).perSecond(test.endpoint); got != test.want {
			t.Errorf("%s with %v: %v a second, want %v", test.endpoint, test.set, got, test.want)
		}
	}
}
