package simchutes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// start serves cfg for the length of the test.
func start(t testing.TB, cfg simchutes.Config) *simchutes.Server {
	t.Helper()
	s, err := simchutes.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// dial is a client of s.
func dial(t testing.TB, s *simchutes.Server, cfg chutes.Config) *chutes.Client {
	t.Helper()
	cfg.API, cfg.Inference, cfg.Key = s.API(), s.Inference(), s.Key()
	c := chutes.New(cfg)
	t.Cleanup(c.CloseIdle)
	return c
}

func alice() simchutes.Miner {
	return simchutes.Miner{
		Slug: "alice-affine-one", ChuteID: "chute-alice", Name: "alice/affine-one", Revision: "abc123", Hot: true,
		Seed: 1, Skill: map[subnet.EnvID]float64{sat.LegacyID: 1, sat.HardID: 1},
	}
}

func task(m simchutes.Miner) subnet.Task { return subnet.Task{Slug: m.Slug, Model: m.Name} }

// challenge is the task's prompt.
func challenge(t testing.TB, e env.Env, id subnet.TaskID) env.Challenge {
	t.Helper()
	c, err := e.Challenge(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func outcomeOf(t testing.TB, err error) subnet.Outcome {
	t.Helper()
	var e *chutes.Error
	switch {
	case err == nil:
		return subnet.OK
	case errors.As(err, &e):
		return e.Outcome()
	}
	t.Fatalf("untyped error: %v", err)
	return ""
}

// States of a miner that its configuration expresses.
func TestStatesOfAMiner(t *testing.T) {
	cold, unfunded, private := alice(), alice(), alice()
	cold.Slug, cold.ChuteID, cold.Hot = "cold", "chute-cold", false
	unfunded.Slug, unfunded.ChuteID, unfunded.Unfunded = "unfunded", "chute-unfunded", true
	private.Slug, private.ChuteID, private.Private = "private", "chute-private", true
	s := start(t, simchutes.Config{Miners: []simchutes.Miner{alice(), cold, unfunded, private}})
	c := dial(t, s, chutes.Config{})
	for _, tc := range []struct {
		slug string
		want subnet.Outcome
	}{
		{alice().Slug, subnet.OK}, {"cold", subnet.Cold}, {"unfunded", subnet.MinerUnfunded},
		{"private", subnet.OperatorAuth}, {"nobody", subnet.NotFound},
	} {
		_, err := c.Complete(t.Context(), subnet.Task{Slug: tc.slug}, "hi", 1)
		if got := outcomeOf(t, err); got != tc.want {
			t.Errorf("%s: outcome %s, want %s: %v", tc.slug, got, tc.want, err)
		}
	}
	s.SetHot("cold", true)
	if _, err := c.Complete(t.Context(), subnet.Task{Slug: "cold"}, "hi", 1); err != nil {
		t.Error("after it was started:", err)
	}
	s.SetHot("nobody", true) // is nobody's concern
	if got := s.Stats("nobody"); got.Requests != 0 {
		t.Errorf("stats of nobody: %+v", got)
	}
}

func TestControlPlane(t *testing.T) {
	cold := alice()
	cold.Slug, cold.ChuteID, cold.Hot, cold.Revision = "cold", "chute-cold", false, ""
	s := start(t, simchutes.Config{Miners: []simchutes.Miner{alice(), cold}})
	c := dial(t, s, chutes.Config{})
	for _, m := range []simchutes.Miner{alice(), cold} {
		got, err := c.Chute(t.Context(), m.ChuteID)
		want := subnet.Chute{ID: m.ChuteID, Name: m.Name, Slug: m.Slug, Revision: m.Revision, Hot: m.Hot}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("error %v, %s", err, diff)
		}
	}
	if _, err := c.Chute(t.Context(), "chute-nobody"); !errors.Is(err, subnet.ErrNoChute) {
		t.Errorf("unknown chute: %v", err)
	}
}

// call asks s and gives status and body.
func call(t *testing.T, method, url, host, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	if key != "" {
		req.Header.Set("Authorization", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

const hi = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`

func TestWhoMayAskWhat(t *testing.T) {
	other := alice()
	other.Slug, other.ChuteID, other.Name = "plain", "chute-plain", "bob/llama"
	s := start(t, simchutes.Config{Seed: 1, Miners: []simchutes.Miner{alice(), other}})
	stranger := simchutes.NewKey(2)
	const chat = "/v1/chat/completions"
	for _, c := range []struct {
		name, method, path, host, key, body string
		status                              int
		text                                string
	}{
		{"our key", "POST", "/plain" + chat, "", s.Key(), hi, 200, "chat.completion"},
		{"as a bearer", "POST", "/plain" + chat, "", "Bearer " + s.Key(), hi, 200, "chat.completion"},
		{"by host", "POST", chat, "plain.chutes.ai", s.Key(), hi, 200, "chat.completion"},
		{"no key", "POST", "/plain" + chat, "", "", hi, 401, "Missing or invalid authorization header(s)"},
		{"a word", "POST", "/plain" + chat, "", "sk-123", hi, 401, "Missing or invalid authorization header(s)"},
		{"too short a key", "POST", "/plain" + chat, "", s.Key()[:101], hi, 401, "Missing or invalid"},
		{"a stranger's key", "POST", "/plain" + chat, "", stranger, hi, 401, "Invalid token or user not found"},
		{"no such slug", "POST", "/nobody" + chat, "", s.Key(), hi, 404, "No matching chute found!"},
		{"no such host", "POST", chat, "nobody.chutes.ai", s.Key(), hi, 404, "No matching chute found!"},
		{"no such path", "POST", "/plain/v1/nothing", "", s.Key(), hi, 404, "No matching cord found!"},
		{"look, our key", "GET", "/chutes/chute-plain", "", s.Key(), "", 200, "bob/llama"},
		{"look at one of ours, anonymously", "GET", "/chutes/chute-alice", "", "", "", 200, "alice/affine-one"},
		{"look at another, anonymously", "GET", "/chutes/chute-plain", "", "", "", 404, "Chute not found, or does not belong to you"},
		{"look, a stranger's key", "GET", "/chutes/chute-alice", "", stranger, "", 401, "Invalid token"},
		{"list, anonymously", "GET", "/chutes/?slug=plain", "", "", "", 200, `"items":[]`},
		{"list", "GET", "/chutes/?slug=plain", "", s.Key(), "", 200, "bob/llama"},
		{"list, a stranger's key", "GET", "/chutes/", "", stranger, "", 401, "Invalid token"},
		{"available", "GET", "/chutes/affine_available", "", "", "", 200, `"has_active_instance":true`},
		{"models", "GET", "/v1/models", "", "", "", 200, "bob/llama"},
		{"models of a slug", "GET", "/plain/v1/models", "", s.Key(), "", 200, "bob/llama"},
		{"models of a slug, no key", "GET", "/plain/v1/models", "", "", "", 401, "Missing"},
		{"models of nobody", "GET", "/nobody/v1/models", "", s.Key(), "", 404, "No matching chute"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := call(t, c.method, s.API()+c.path, c.host, c.key, c.body)
			if status != c.status || !strings.Contains(body, c.text) {
				t.Errorf("status %d, body %s; want %d with %q", status, body, c.status, c.text)
			}
		})
	}
	_, body := call(t, "GET", s.API()+"/chutes/affine_available", "", "", "")
	if strings.Contains(body, "bob/llama") {
		t.Errorf("available lists a chute that is not the subnet's: %s", body)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	s := start(t, simchutes.Config{Miners: []simchutes.Miner{alice()}})
	url := s.API() + "/" + alice().Slug + "/v1/chat/completions"
	bad := []string{
		"", "hi", "{", "[]", `"x"`, `{}`, `{"messages":[]}`, `{"messages":{}}`, `{"messages":["hi"]}`,
		`{"messages":[{"role":"user"}]}`, `{"messages":[{"role":"poet","content":"hi"}]}`, `{"messages":[{"role":"user","content":7}]}`,
		`{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`,
	}
	for _, field := range []string{`"stream":"yes"`, `"stream":1`, `"temperature":"0"`, `"temperature":-1`, `"temperature":3`, `"top_p":0`, `"seed":1.5`, `"max_tokens":0`, `"model":7`} {
		bad = append(bad, strings.Replace(hi, `"model":"m"`, field, 1))
	}
	for _, body := range bad {
		status, text := call(t, "POST", url, "", s.Key(), body)
		var detail struct{ Detail string }
		if err := json.Unmarshal([]byte(text), &detail); err != nil || status != 400 || !strings.HasPrefix(strings.ToLower(detail.Detail), "invalid request") {
			t.Errorf("request %q: status %d, %s", body, status, text)
		}
	}
	if got := s.Stats(alice().Slug); got.Refused != len(bad) || got.Answered != 0 {
		t.Errorf("stats %+v, want %d refused", got, len(bad))
	}
	parts := `{"messages":[{"role":"system","content":"x"},{"role":"user","content":[{"type":"text","text":"hi"}]}],"temperature":0.7,"seed":1,"unknown":{}}`
	if status, text := call(t, "POST", url, "", s.Key(), parts); status != 200 {
		t.Errorf("a good request: status %d, %s", status, text)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(*simchutes.Config){
		"key":         func(c *simchutes.Config) { c.Key = "cpk_short" },
		"slug":        func(c *simchutes.Config) { c.Miners[0].Slug = "Not A Label" },
		"no chute id": func(c *simchutes.Config) { c.Miners[0].ChuteID = "" },
		"twice":       func(c *simchutes.Config) { c.Miners = append(c.Miners, c.Miners[0]) },
		"rates over one": func(c *simchutes.Config) {
			c.Miners[0].Faults = map[simchutes.Fault]float64{simchutes.Busy: 0.6, simchutes.Cut: 0.6}
		},
		"negative rate": func(c *simchutes.Config) { c.Miners[0].Faults = map[simchutes.Fault]float64{simchutes.Busy: -0.1} },
		"unknown fault": func(c *simchutes.Config) { c.Miners[0].Faults = map[simchutes.Fault]float64{"flood": 0.1} },
	} {
		cfg := simchutes.Config{Miners: []simchutes.Miner{alice()}}
		change(&cfg)
		if s, err := simchutes.Start(cfg); err == nil {
			_ = s.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

// A stream as it stands on the wire.
func TestStreamOnTheWire(t *testing.T) {
	m := alice()
	m.Brain = echo{}
	s := start(t, simchutes.Config{Miners: []simchutes.Miner{m}})
	words := strings.Repeat("grüße ", 40)
	body, err := json.Marshal(map[string]any{"stream": true, "messages": []map[string]string{{"role": "user", "content": words}}})
	if err != nil {
		t.Fatal(err)
	}
	_, text := call(t, "POST", s.API()+"/"+m.Slug+"/v1/chat/completions", "", s.Key(), string(body))
	events := strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n")
	if len(events) != 23 || events[22] != "data: [DONE]" || !strings.Contains(events[20], `"finish_reason":"stop"`) || !strings.Contains(events[21], `"completion_tokens"`) {
		t.Fatalf("%d events: %s", len(events), text)
	}
	var got bytes.Buffer
	for _, event := range events[:20] {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &chunk); err != nil {
			t.Fatal(err)
		}
		got.WriteString(chunk.Choices[0].Delta.Content)
	}
	if got.String() != words {
		t.Errorf("streamed %q, want %q", got.String(), words)
	}
}

func Example() {
	s, err := simchutes.Start(simchutes.Config{Miners: []simchutes.Miner{alice()}})
	if err != nil {
		panic(err)
	}
	defer func() { _ = s.Close() }()
	c := chutes.New(chutes.Config{API: s.API(), Inference: s.Inference(), Key: s.Key()})
	got, err := c.Complete(context.Background(), task(alice()), "(x1 ∨ ¬x2) ∧ (¬x1 ∨ ¬x2) ∧ (x2 ∨ x1)", 1)
	fmt.Println(got.Text, err)
	// Output: One assignment is: x1=True, x2=False. <nil>
}
