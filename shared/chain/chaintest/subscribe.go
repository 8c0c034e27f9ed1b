package chaintest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// feed makes the messages of one subscription from the newest state of the node, which
// is locked meanwhile; nothing when there is no news. over ends the subscription.
type feed func(n *Node) (messages []any, over bool)

// subscriptions are the methods that open one, with the name under which its messages
// come.
var subscriptions = map[string]struct {
	message string
	open    func(n *Node, p params) (feed, error)
}{
	"chain_subscribeNewHeads":        {"chain_newHead", newHeads},
	"chain_subscribeNewHead":         {"chain_newHead", newHeads}, // as polkadot.js calls it
	"chain_subscribeAllHeads":        {"chain_allHead", newHeads},
	"chain_subscribeFinalizedHeads":  {"chain_finalizedHead", finalizedHeads},
	"state_subscribeRuntimeVersion":  {"state_runtimeVersion", runtimeVersions},
	"state_subscribeStorage":         {"state_storage", storageChanges},
	"author_submitAndWatchExtrinsic": {"author_extrinsicUpdate", watched},
}

// subscriptionEnds are the methods that close one.
var subscriptionEnds = []string{
	"chain_unsubscribeNewHeads", "chain_unsubscribeNewHead", "chain_unsubscribeAllHeads", "chain_unsubscribeFinalizedHeads",
	"state_unsubscribeRuntimeVersion", "state_unsubscribeStorage", "author_unwatchExtrinsic",
}

// subscription opens or closes one; known is false for other methods. Messages begin
// once the answer is out.
func (s *session) subscription(name string, p params) (result any, known bool, err error) {
	if slices.Contains(subscriptionEnds, name) {
		var id string
		if err := p.into(0, &id); err != nil {
			return nil, true, err
		}
		stop, open := s.subscriptions[id]
		if open {
			stop()
			delete(s.subscriptions, id)
		}
		return open, true, nil
	}
	kind, known := subscriptions[name]
	if !known {
		return nil, false, nil
	}
	messages, err := kind.open(s.node, p)
	if err != nil {
		return nil, true, err
	}
	s.opened++
	id := fmt.Sprintf("affine%d", s.opened)
	ctx, stop := context.WithCancel(s.node.alive)
	s.subscriptions[id] = stop
	s.starting = append(s.starting, func() { s.follow(ctx, kind.message, id, messages) })
	return id, true, nil
}

// start lets the subscriptions that were just answered begin.
func (s *session) start() {
	for _, run := range s.starting {
		s.node.running.Go(run)
	}
	s.starting = nil
}

// follow sends a subscription's messages until it is closed.
func (s *session) follow(ctx context.Context, message, id string, messages feed) {
	for {
		s.node.mu.Lock()
		news := s.node.news
		batch, over := messages(s.node)
		s.node.mu.Unlock()
		for _, m := range batch {
			note := map[string]any{"jsonrpc": "2.0", "method": message, "params": map[string]any{"subscription": id, "result": m}}
			// A write under a context that ends would take the socket with it.
			if ctx.Err() != nil || s.send(s.node.alive, note) != nil {
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

func newHeads(*Node, params) (feed, error) {
	return headsFrom(func(n *Node) *block { return n.chain.at(n.chain.head) }), nil
}

func finalizedHeads(*Node, params) (feed, error) {
	return headsFrom(func(n *Node) *block { return n.chain.at(n.chain.finalized) }), nil
}

// headsFrom tells the newest block at first, and later every one since the last told.
func headsFrom(newest func(*Node) *block) feed {
	var told *block
	return func(n *Node) ([]any, bool) {
		var fresh []any
		b := newest(n)
		for at := b; at != nil && at != told && (told == nil || at.number > told.number); at = n.chain.byHash[at.parent] {
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

func runtimeVersions(*Node, params) (feed, error) {
	var told uint32
	return func(n *Node) ([]any, bool) {
		spec := n.chain.at(n.chain.head).runtime.spec
		if spec == told {
			return nil, false
		}
		told = spec
		return []any{versionJSON(spec)}, false
	}, nil
}

// storageChanges tells the values of the keys at first, and later all of them whenever
// one has changed.
func storageChanges(n *Node, p params) (feed, error) {
	var names []string
	if err := p.into(0, &names); err != nil {
		return nil, err
	}
	if _, err := n.changes(n.chain.at(n.chain.head), names); err != nil {
		return nil, err
	}
	var told string
	return func(n *Node) ([]any, bool) {
		b := n.chain.at(n.chain.head)
		values := make([][2]any, len(names))
		for i, name := range names {
			values[i][0] = name
			key, _ := fromHex(name) // checked when it was opened
			if v := n.state.get(b.number, key); v != nil {
				values[i][1] = toHex(v)
			}
		}
		text, _ := json.Marshal(values) // strings only
		if string(text) == told {
			return nil, false
		}
		told = string(text)
		return []any{map[string]any{"block": hashHex(b), "changes": values}}, false
	}, nil
}

// watched submits an extrinsic and tells what becomes of it.
func watched(n *Node, p params) (feed, error) {
	raw, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	hash, err := n.submit(raw)
	if err != nil {
		return nil, err
	}
	stage := 0
	return func(n *Node) (messages []any, over bool) {
		if stage == 0 {
			messages, stage = append(messages, "ready"), 1
		}
		b := n.holder(hash)
		if b == nil {
			return messages, stage > 0 && !n.waits(hash)
		}
		if stage == 1 {
			messages, stage = append(messages, map[string]any{"inBlock": hashHex(b)}), 2
		}
		if b.number > n.chain.finalized {
			return messages, false
		}
		return append(messages, map[string]any{"finalized": hashHex(b)}), true
	}, nil
}

// holder is the block that holds an extrinsic, nil when none that is still kept does.
func (n *Node) holder(hash [32]byte) *block { return n.chain.holders[hash] }

func (n *Node) waits(hash [32]byte) bool {
	return slices.ContainsFunc(n.pool, func(p *pooled) bool { return p.hash == hash })
}
