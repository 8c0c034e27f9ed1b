package chain

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// PolicyError says that an endpoint turns this client away: it has to be known there
// (401, 403), asks too often (429, or JSON-RPC's words for it), or comes while the endpoint
// is overloaded (503 with a time to wait). The endpoint is left alone for Wait.
type PolicyError struct {
	Endpoint string
	Status   int           // of HTTP
	Wait     time.Duration // as asked for by Retry-After, or what the client takes without
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("the server answered %d %s and is left alone for %s", e.Status, http.StatusText(e.Status), e.Wait)
}

// How long an endpoint is left alone that does not say how long it wants to be.
const (
	banned = 5 * time.Minute // 401 and 403
	busy   = time.Second     // 429
)

// refusedDial reads an answer to the handshake that is no socket. now is what a date in
// Retry-After is compared with.
func refusedDial(endpoint string, resp *http.Response, now time.Time) error {
	wait, told := retryAfter(resp.Header.Get("Retry-After"), now)
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &PolicyError{Endpoint: endpoint, Status: code, Wait: max(wait, banned)}
	case code == http.StatusTooManyRequests:
		if !told {
			wait = busy
		}
		return &PolicyError{Endpoint: endpoint, Status: code, Wait: wait}
	case code == http.StatusServiceUnavailable && told:
		return &PolicyError{Endpoint: endpoint, Status: code, Wait: wait}
	}
	return fmt.Errorf("the server answered %s", resp.Status)
}

// retryAfter reads the header Retry-After: seconds or a date.
func retryAfter(text string, now time.Time) (time.Duration, bool) {
	const longest = 24 * time.Hour // beyond it nobody waits anyhow
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longest), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longest), true
	}
	return 0, false
}

// public are the nodes that anybody may ask, and that all share.
var public = []string{
	"entrypoint-finney.opentensor.ai", "lite.chain.opentensor.ai", "lite.sub.latent.to", "test.finney.opentensor.ai",
	"archive.chain.opentensor.ai", "archive.sub.latent.to",
}

// perSecond is how often an endpoint may be asked.
func (c Config) perSecond(endpoint string) rate.Limit {
	switch {
	case c.PerSecond > 0:
		return rate.Limit(c.PerSecond)
	case c.PerSecond == 0 && isPublic(endpoint):
		return 1
	}
	return rate.Inf
}

func isPublic(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && slices.Contains(public, strings.ToLower(u.Hostname()))
}
