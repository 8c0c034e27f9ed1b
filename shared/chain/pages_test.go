package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// canned is a client of a node that answers what the function says.
func canned(t *testing.T, answer func(method string, params []json.RawMessage) any) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.CloseNow() }()
		for {
			var req struct {
				ID     uint64            `json:"id"`
				Method string            `json:"method"`
				Params []json.RawMessage `json:"params"`
			}
			if wsjson.Read(r.Context(), ws, &req) != nil {
				return
			}
			result := any("0x" + strings.Repeat("00", 32))
			if req.Method != "chain_getBlockHash" {
				result = answer(req.Method, req.Params)
			}
			if wsjson.Write(r.Context(), ws, map[string]any{"jsonrpc": "2.0", "id": req.ID, "result": result}) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	client, err := Dial(t.Context(), Config{Endpoints: []string{strings.Replace(server.URL, "http", "ws", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // never fails
	return client
}

// holding answers state_getKeysPaged from a state with this many keys below 0xaa, and
// counts the pages.
func holding(count int, pages *int) func(string, []json.RawMessage) any {
	return func(_ string, params []json.RawMessage) any {
		*pages++
		var size, next int
		var start string
		_ = json.Unmarshal(params[1], &size)
		if _ = json.Unmarshal(params[2], &start); len(start) > len("0xaa") {
			_, _ = fmt.Sscanf(start, "0xaa%08x", &next)
			next++
		}
		page := []string{}
		for ; next < count && len(page) < size; next++ {
			page = append(page, fmt.Sprintf("0xaa%08x", next))
		}
		return page
	}
}

func TestKeysArePaged(t *testing.T) {
	for _, test := range []struct{ keys, limit, pages int }{
		{0, 10, 1}, {1, 10, 1}, {999, 5000, 1}, {1000, 5000, 2}, {1001, 5000, 2}, {2500, 2500, 3}, {3000, 3000, 4},
	} {
		pages := 0
		s := &snapshot{client: canned(t, holding(test.keys, &pages)), head: Head{Hash: "0x01"}}
		names, err := s.keysUnder(t.Context(), "0xaa", test.limit)
		if err != nil || len(names) != test.keys || pages != test.pages {
			t.Errorf("%+v: %d keys in %d pages, %v", test, len(names), pages, err)
		}
	}
}

// A flood of entries, or a node that never comes to an end, costs as many pages as the
// limit has, and one.
func TestKeysWithoutEndAreNotFollowed(t *testing.T) {
	for _, limit := range []int{0, 10, 1000, 2999} {
		pages := 0
		s := &snapshot{client: canned(t, holding(1<<30, &pages)), head: Head{Hash: "0x01"}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		names, err := s.keysUnder(ctx, "0xaa", limit)
		cancel()
		if !errors.Is(err, ErrAnswer) || names != nil || pages > limit/maxKeys+1 {
			t.Errorf("limit %d: %d keys, %d pages, %v; want ErrAnswer", limit, len(names), pages, err)
		}
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for name, page := range map[string]any{
		"of elsewhere":   []string{"0xab00"},
		"the prefix":     []string{"0xaa"},
		"twice":          []string{"0xaa01", "0xaa01"},
		"out of order":   []string{"0xaa02", "0xaa01"},
		"without 0x":     []string{"aa01"},
		"null":           []any{nil},
		"no list":        7,
		"twice, by case": []string{"0xaaAB", "0xaaab"},
	} {
		s := &snapshot{client: canned(t, func(string, []json.RawMessage) any { return page }), head: Head{Hash: "0x01"}}
		if names, err := s.keysUnder(t.Context(), "0xaa", 100); !errors.Is(err, ErrAnswer) || names != nil {
			t.Errorf("%s: %q, %v; want ErrAnswer", name, names, err)
		}
	}
}

// Another block than the one asked for is not read.
func TestOlderBlockIsTheOneAskedFor(t *testing.T) {
	h := header{ParentHash: "0x00", Number: "0x5", StateRoot: "0x00", ExtrinsicsRoot: "0x00"}
	hash, err := h.read()
	if err != nil {
		t.Fatal(err)
	}
	client := canned(t, func(string, []json.RawMessage) any { return h })
	if err := client.own(t.Context(), Head{Number: 5, Hash: hash}); err != nil {
		t.Errorf("the block itself: %v", err)
	}
	for name, at := range map[string]Head{"of another number": {6, hash}, "of another hash": {5, "0x" + strings.Repeat("11", 32)}} {
		if err := client.own(t.Context(), at); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v, want ErrAnswer", name, err)
		}
	}
}
