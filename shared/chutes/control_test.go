package chutes_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/subnet"
)

func TestChute(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       subnet.Chute
	}{
		{"hot", `{"chute_id":"c-1","name":"a/affine-x","slug":"a-affine-x","revision":"abc","hot":true,"instances":[],"readme":"# hi","cords":[{}]}`,
			subnet.Chute{ID: "c-1", Name: "a/affine-x", Slug: "a-affine-x", Revision: "abc", Hot: true}},
		{"no revision", `{"chute_id":"c-1","name":"n","slug":"s","revision":null,"hot":false}`, subnet.Chute{ID: "c-1", Name: "n", Slug: "s"}},
		{"hot is said, instances notwithstanding", `{"chute_id":"c-1","name":"n","slug":"s","hot":false,"instances":[{"active":true,"verified":true}]}`,
			subnet.Chute{ID: "c-1", Name: "n", Slug: "s"}},
		{"hot by its instances", `{"chute_id":"c-1","name":"n","slug":"s","instances":[{"active":true,"verified":false},{"active":true,"verified":true}]}`,
			subnet.Chute{ID: "c-1", Name: "n", Slug: "s", Hot: true}},
		{"active alone is not hot", `{"chute_id":"c-1","name":"n","slug":"s","instances":[{"active":true},{"verified":true}]}`,
			subnet.Chute{ID: "c-1", Name: "n", Slug: "s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/chutes/c-1" || r.Header.Get("Authorization") != testKey {
					t.Errorf("asked %s %s with %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
				}
				answer(200, asJSON, c.body)(w, r)
			}).Chute(t.Context(), "c-1")
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("error %v, %s", err, diff)
			}
		})
	}
}

func TestChuteFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   subnet.Outcome
		none   bool // wraps ErrNoChute
	}{
		{"missing", 404, `{"detail":"Chute not found, or does not belong to you"}`, subnet.NotFound, true},
		{"unauthorized", 401, `{"detail":"Invalid token or user not found"}`, subnet.OperatorAuth, false},
		{"busy", 429, `{"detail":"slow down"}`, subnet.Capacity, false},
		{"down", 502, `<html>`, subnet.Upstream5xx, false},
		{"not JSON", 200, `<html>`, subnet.Upstream5xx, false},
		{"cut", 200, `{"chute_id":"c-`, subnet.Upstream5xx, false},
		{"another document", 200, `{}`, subnet.Upstream5xx, false},
		{"huge", 200, `{"chute_id":"` + strings.Repeat("x", 3<<20) + `"}`, subnet.Upstream5xx, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve(t, answer(c.status, asJSON, c.body)).Chute(t.Context(), "c-1")
			fault(t, err, c.want)
			if errors.Is(err, subnet.ErrNoChute) != c.none {
				t.Errorf("is ErrNoChute: %v, want %v", !c.none, c.none)
			}
		})
	}
}

// A commitment's chute id is a stranger's text.
func TestAMalformedChuteIDIsNotAsked(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("asked", r.URL) })
	for _, id := range []string{"", ".", "..", "a/b", "../users/me", "a?b", "a#b", "a%2fb", "a b", strings.Repeat("a", 129)} {
		_, err := client.Chute(t.Context(), id)
		if fault(t, err, subnet.NotFound); !errors.Is(err, subnet.ErrNoChute) {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

func TestNoKeyAsksAnonymously(t *testing.T) {
	var seen []string
	h := func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Values("Authorization")...)
		answer(200, asJSON, `{"chute_id":"c-1","slug":"s"}`)(w, r)
	}
	server := newServer(t, h)
	if _, err := chutes.New(chutes.Config{API: server}).Chute(t.Context(), "c-1"); err != nil || len(seen) != 0 {
		t.Errorf("error %v, header %q", err, seen)
	}
}
