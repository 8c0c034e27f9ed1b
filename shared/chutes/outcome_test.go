package chutes_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/subnet"
)

const (
	asJSON = "application/json"
	asHTML = "text/html; charset=UTF-8"
)

// Every answer that Chutes' gateway, its engines or the CDN before it are known to
// give, with whom it blames.
func TestOutcomeOfEveryAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		kind   string
		body   string
		want   subnet.Outcome
	}{
		{"payload", 400, asJSON, `{"detail":"invalid request JSON payload: Expecting value"}`, subnet.EnvFault},
		{"engine refuses", 400, asJSON, `{"detail":"Invalid request: temperature must be non-negative"}`, subnet.EnvFault},
		{"context, SGLang", 400, asJSON, `{"detail":"Invalid request: The input (70000 tokens) is longer than the model's context length (32768 tokens)."}`, subnet.ModelFault},
		{"context, vLLM", 400, asJSON, `{"error":{"message":"This model's maximum context length is 4096 tokens.","code":400}}`, subnet.ModelFault},
		{"no header", 401, asJSON, `{"detail":"Missing or invalid authorization header(s)"}`, subnet.OperatorAuth},
		{"unknown token", 401, asJSON, `{"detail":"Invalid token or user not found"}`, subnet.OperatorAuth},
		{"authentication", 401, asJSON, `{"detail":"Authentication required."}`, subnet.OperatorAuth},
		{"nonce", 401, asJSON, `{"detail":"Invalid nonce!"}`, subnet.OperatorAuth},
		{"creator unfunded", 402, asJSON, `{"detail":"Chute unavailable because the creator of this chute {chute.user_id=} has zero balance."}`, subnet.MinerUnfunded},
		{"quota", 402, asJSON, `{"detail":{"message":"Quota exceeded and account balance is $0.0","quota_reset_timestamp":"2026-01-01T00:00:00"}}`, subnet.OperatorFunds},
		{"quota whose words pose as the miner's", 402, asJSON, `{"detail":{"message":"Quota exceeded: zero balance"}}`, subnet.OperatorFunds},
		{"tier", 402, asJSON, `{"detail":"This model requires a higher subscription tier"}`, subnet.OperatorFunds},
		{"tee", 402, asJSON, `{"detail":"TEE models require a paid plan"}`, subnet.OperatorFunds},
		{"forbidden", 403, asJSON, `{"detail":"Forbidden"}`, subnet.OperatorAuth},
		{"no chute", 404, asJSON, `{"detail":"No matching chute found!"}`, subnet.NotFound},
		{"no model", 404, asJSON, `{"detail":"model not found: x"}`, subnet.NotFound},
		{"no cord", 404, asJSON, `{"detail":"No matching cord found!"}`, subnet.NotFound},
		{"method", 405, asJSON, `{"detail":"Method Not Allowed"}`, subnet.EnvFault},
		{"too large", 413, asHTML, `<html>413</html>`, subnet.EnvFault},
		{"validation", 422, asJSON, `{"detail":[{"loc":["body"],"msg":"field required"}]}`, subnet.EnvFault},
		{"tee only", 426, asJSON, `{"detail":"X-TEE-Only"}`, subnet.OperatorAuth},
		{"capacity", 429, asJSON, `{"detail":"Infrastructure is at maximum capacity, try again later"}`, subnet.Capacity},
		{"maintenance", 429, asJSON, `{"detail":"model is under maintenance"}`, subnet.Capacity},
		{"spam", 429, asJSON, `{"detail":"Stop spamming this prompt, please..."}`, subnet.Capacity},
		{"exhausted", 500, asJSON, `{"detail":"exhausted all available targets to no avail"}`, subnet.Upstream5xx},
		{"no result", 500, asJSON, `{"detail":"No result returned from upstream"}`, subnet.Upstream5xx},
		{"plain 500", 500, "text/plain", `Internal Server Error`, subnet.Upstream5xx},
		{"cold", 503, asJSON, `{"detail":"No instances available (yet) for chute_id='c-1'"}`, subnet.Cold},
		{"disabled", 503, asJSON, `{"detail":"This chute is currently disabled."}`, subnet.Cold},
		{"503 without body", 503, "", ``, subnet.Cold},
		{"503 of the edge", 503, asHTML, `<html>Service Unavailable</html>`, subnet.Upstream5xx},
		{"bad gateway", 502, asHTML, `<html>Bad gateway</html>`, subnet.Upstream5xx},
		{"gateway timeout", 504, asHTML, `<html>Gateway time-out</html>`, subnet.Upstream5xx},
		{"edge's own", 522, asHTML, `error code: 522`, subnet.Upstream5xx},
		{"no content", 204, "", ``, subnet.Upstream5xx},
		{"echo of a capacity error in a 500", 500, asJSON, `{"detail":"the model said: Infrastructure is at maximum capacity, 402 zero balance"}`, subnet.Upstream5xx},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := complete(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet { // the look that follows a 404
					answer(200, asJSON, `{"items":[]}`)(w, r)
					return
				}
				answer(c.status, c.kind, c.body)(w, r)
			}))
			e := fault(t, err, c.want)
			if e.Status != c.status || e.InvocationID != "inv-2" {
				t.Errorf("status %d, invocation %q; want %d, inv-2", e.Status, e.InvocationID, c.status)
			}
			if len(e.Detail) > 400 || strings.ContainsAny(e.Detail, "\n\r\t") {
				t.Errorf("detail is not one short line: %q", e.Detail)
			}
		})
	}
}

func TestDetailSaysWhatTheProviderSaid(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"detail", `{"detail":"try again later"}`, "try again later"},
		{"object", `{"detail":{"message":"Quota exceeded","x":1}}`, "Quota exceeded"},
		{"list", `{"detail":[{"msg":"field required"}]}`, `[{"msg":"field required"}]`},
		{"openai", `{"error":{"message":"bad"}}`, "bad"},
		{"lines", "a\r\n\tb\x00c", "a b c"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"our key", `{"detail":"got ` + testKey + ` from you"}`, "got [key] from you"},
		{"long", strings.Repeat("é", 40_000), strings.Repeat("é", 150) + "…"},
		{"our key where it would be cut", `{"detail":"` + strings.Repeat("x", 295) + testKey + `"}`, strings.Repeat("x", 295) + "[key]"},
		{"somebody's key", `{"detail":"cpk_ffffffffffffffff.eeee"}`, "[key]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := complete(t, serve(t, answer(500, asJSON, c.body)))
			if e := fault(t, err, subnet.Upstream5xx); e.Detail != c.want {
				t.Errorf("detail %q, want %q", e.Detail, c.want)
			}
		})
	}
}

// A 404 of a chute that its control plane calls hot means that our key may not call
// it. Anything less than that certainty leaves it as not found.
func TestNotFoundOnAHotChuteIsOurRight(t *testing.T) {
	hot := `{"items":[{"chute_id":"c","slug":"` + testSlug + `","hot":true}]}`
	for _, c := range []struct {
		name   string
		status int
		list   string
		want   subnet.Outcome
	}{
		{"hot", 200, hot, subnet.OperatorAuth},
		{"hot by its instances", 200, strings.Replace(hot, `"hot":true`, `"instances":[{"active":true,"verified":true}]`, 1), subnet.OperatorAuth},
		{"cold", 200, strings.Replace(hot, "true", "false", 1), subnet.NotFound},
		{"another's", 200, strings.Replace(hot, testSlug, "other", 1), subnet.NotFound},
		{"not listed", 200, `{"items":[]}`, subnet.NotFound},
		{"no answer", 500, `{"detail":"x"}`, subnet.NotFound},
		{"not JSON", 200, `<html>`, subnet.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := complete(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/chutes/":
					if got := r.URL.Query().Get("slug"); got != testSlug {
						t.Errorf("listed slug %q", got)
					}
					answer(c.status, asJSON, c.list)(w, r)
				default:
					answer(404, asJSON, `{"detail":"No matching chute found!"}`)(w, r)
				}
			}))
			fault(t, err, c.want)
		})
	}
}

func TestASlugThatIsNoHostLabelIsNotCalled(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("called:", r.URL) })
	for _, slug := range []string{"", "a.evil.example", "evil.example/", "a@b", "a/../b", "A", "-a", "a-", strings.Repeat("a", 64), "ä", "a\n"} {
		task := testTask
		task.Slug = slug
		_, err := client.Complete(t.Context(), task, "p", 1)
		fault(t, err, subnet.NotFound)
	}
}

func TestAnAddressThatIsNone(t *testing.T) {
	client := chutes.New(chutes.Config{API: "http://[", Inference: "http://[", Key: testKey})
	_, err := complete(t, client)
	fault(t, err, subnet.EnvFault)
	_, err = client.Chute(t.Context(), "c-1")
	fault(t, err, subnet.EnvFault)
}
