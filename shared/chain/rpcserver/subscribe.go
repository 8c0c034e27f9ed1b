package rpcserver

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// feed makes the messages of one subscription from the newest state of the chain;
// nothing when there is no news. over ends the subscription.
type feed func() (messages []any, over bool)

// subscriptions are the methods that open one, with the name under which its messages
// come.
var subscriptions = map[string]struct {
	message string
	open    func(s *Server, ctx context.Context, p params) (feed, error)
}{
	"chain_subscribeNewHeads":        {"chain_newHead", (*Server).newHeads},
	"chain_subscribeNewHead":         {"chain_newHead", (*Server).newHeads}, // as polkadot.js calls it
	"chain_subscribeAllHeads":        {"chain_allHead", (*Server).newHeads},
	"chain_subscribeFinalizedHeads":  {"chain_finalizedHead", (*Server).finalizedHeads},
	"state_subscribeRuntimeVersion":  {"state_runtimeVersion", (*Server).runtimeVersions},
	"state_subscribeStorage":         {"state_storage", (*Server).storageChanges},
	"author_submitAndWatchExtrinsic": {"author_extrinsicUpdate", (*Server).watched},
}

// subscriptionEnds are the methods that close one.
var subscriptionEnds = []string{
	"chain_unsubscribeNewHeads", "chain_unsubscribeNewHead", "chain_unsubscribeAllHeads", "chain_unsubscribeFinalizedHeads",
	"state_unsubscribeRuntimeVersion", "state_unsubscribeStorage", "author_unwatchExtrinsic",
}

// maxSubscriptions bounds what one client follows at once.
const maxSubscriptions = 1024

// subscription opens or closes one; known is false for other methods. Messages begin
// once the answer is out.
func (s *session) subscription(ctx context.Context, name string, p params) (result any, known bool, err error) {
	if slices.Contains(subscriptionEnds, name) {
		var id string
		if err := p.into(0, &id); err != nil {
			return nil, true, err
		}
		return s.unsubscribe(id), true, nil
	}
	kind, known := subscriptions[name]
	if !known {
		return nil, false, nil
	}
	if s.count() >= maxSubscriptions {
		return nil, true, &RefusalError{Code: -32006, Message: "Too many subscriptions on the connection"}
	}
	messages, err := kind.open(s.server, ctx, p)
	if err != nil {
		return nil, true, err
	}
	return s.subscribe(kind.message, messages), true, nil
}

func (s *session) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.subscriptions)
}

func (s *session) subscribe(message string, messages feed) (id string) {
	s.opened++
	id = fmt.Sprintf("affine%d", s.opened)
	ctx, stop := context.WithCancel(s.alive)
	s.mu.Lock()
	s.subscriptions[id] = stop
	s.mu.Unlock()
	s.starting = append(s.starting, func() {
		defer s.unsubscribe(id)
		s.follow(ctx, message, id, messages)
	})
	return id
}

// unsubscribe reports whether there was such a subscription.
func (s *session) unsubscribe(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stop, open := s.subscriptions[id]
	if open {
		stop()
		delete(s.subscriptions, id)
	}
	return open
}

// follow sends a subscription's messages until it is closed.
func (s *session) follow(ctx context.Context, message, id string, messages feed) {
	for {
		batch, over, news := s.server.look(messages)
		for _, m := range batch {
			note := map[string]any{"jsonrpc": "2.0", "method": message, "params": map[string]any{"subscription": id, "result": m}}
			msg, err := json.Marshal(note)
			// A write under a context that ends would take the socket with it.
			if err != nil || ctx.Err() != nil || s.write(s.alive, msg) != nil {
				return
			}
		}
		if over {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// look makes a feed's messages and tells when there may be others.
func (s *Server) look(messages feed) (batch []any, over bool, news <-chan struct{}) {
	defer s.lock()()
	_, _, news = s.chain.Heads()
	batch, over = messages()
	return batch, over, news
}

func (s *Server) newHeads(_ context.Context, _ params) (feed, error) {
	return s.headsFrom(func() *Block { newest, _, _ := s.chain.Heads(); return newest }), nil
}

func (s *Server) finalizedHeads(_ context.Context, _ params) (feed, error) {
	return s.headsFrom(func() *Block { _, finalized, _ := s.chain.Heads(); return finalized }), nil
}

// headsFrom tells the newest block at first, and later every one since the last told.
func (s *Server) headsFrom(newest func() *Block) feed {
	var told *Block
	return func() ([]any, bool) {
		var fresh []any
		b := newest()
		for at := b; at != nil && (told == nil || at.Number > told.Number); at = s.chain.ByHash(at.Parent) {
			fresh = append(fresh, headerJSON(at))
			if told == nil {
				break
			}
		}
		told = b
		slices.Reverse(fresh)
		return fresh, false
	}
}

func (s *Server) runtimeVersions(_ context.Context, _ params) (feed, error) {
	var told uint32
	return func() ([]any, bool) {
		newest, _, _ := s.chain.Heads()
		v, err := s.chain.Version(newest)
		if err != nil || v.Spec == told {
			return nil, false
		}
		told = v.Spec
		return []any{versionJSON(v)}, false
	}, nil
}

// storageChanges tells the values of the keys at first, and later all of them whenever
// one has changed.
func (s *Server) storageChanges(_ context.Context, p params) (feed, error) {
	var names []string
	if err := p.into(0, &names); err != nil {
		return nil, err
	}
	wanted, err := keysOf(names)
	if err != nil {
		return nil, err
	}
	var told string
	return func() ([]any, bool) {
		b, _, _ := s.chain.Heads()
		state, err := s.chain.State(b)
		if err != nil {
			return nil, false
		}
		values := make([][2]any, len(names))
		for i, name := range names {
			values[i][0] = name
			if v := state.Get(wanted[i]); v != nil {
				values[i][1] = toHex(v)
			}
		}
		text, _ := json.Marshal(values) // strings only
		if string(text) == told {
			return nil, false
		}
		told = string(text)
		return []any{map[string]any{"block": toHex(b.Hash[:]), "changes": values}}, false
	}, nil
}

// watched submits an extrinsic and tells what becomes of it.
func (s *Server) watched(ctx context.Context, p params) (feed, error) {
	hash, err := s.submit(ctx, p)
	if err != nil {
		return nil, err
	}
	var told, included bool
	return func() (messages []any, over bool) {
		if !told {
			messages, told = append(messages, "ready"), true
		}
		b, waiting := s.chain.Find(hash)
		if b == nil {
			return messages, !waiting
		}
		if !included {
			messages, included = append(messages, map[string]any{"inBlock": toHex(b.Hash[:])}), true
		}
		if _, finalized, _ := s.chain.Heads(); b.Number > finalized.Number {
			return messages, false
		}
		return append(messages, map[string]any{"finalized": toHex(b.Hash[:])}), true
	}, nil
}
