package chaintest

import "fmt"

// stateAt finds the block whose state parameter i asks for, and refuses in a node's
// words when the block is unknown or its state is gone.
func (n *Node) stateAt(p params, i int) (*block, error) {
	b, err := n.block(p, i)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, &rpcError{Code: 4003, Message: fmt.Sprintf("Client error: UnknownBlock: Header was not found in the database: %s", p[i])}
	}
	if b.number+uint64(n.cfg.KeepState) < n.chain.head || b.number < n.state.oldest {
		return nil, discarded(hashHex(b))
	}
	return b, nil
}

func discarded(hash string) *rpcError {
	return &rpcError{Code: 4003, Message: "Client error: UnknownBlock: State already discarded for " + hash}
}

func (n *Node) getStorage(p params) (any, error) {
	key, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	b, err := n.stateAt(p, 1)
	if err != nil {
		return nil, err
	}
	if value := n.state.get(b.number, key); value != nil {
		return toHex(value), nil
	}
	return nil, nil
}

// maxPage is how many keys a node gives at once.
const maxPage = 1000

func (n *Node) getKeysPaged(p params) (any, error) {
	prefix, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	var count int
	var startText string
	if err := p.into(1, &count); err != nil {
		return nil, err
	}
	if count < 0 || count > maxPage {
		return nil, &rpcError{Code: 4002, Message: fmt.Sprintf("count exceeds maximum value. value: %d, max: %d", count, maxPage)}
	}
	if err := p.into(2, &startText); err != nil {
		return nil, err
	}
	var start []byte
	if startText != "" {
		if start, err = p.bytes(2); err != nil {
			return nil, err
		}
	}
	b, err := n.stateAt(p, 3)
	if err != nil {
		return nil, err
	}
	found := n.state.keys(b.number, prefix, start, count)
	out := make([]string, len(found))
	for i, key := range found {
		out[i] = toHex([]byte(key))
	}
	return out, nil
}

// queryStorageAt leaves absent keys out of its answer, as a node does.
func (n *Node) queryStorageAt(p params) (any, error) {
	var names []string
	if err := p.into(0, &names); err != nil {
		return nil, err
	}
	b, err := n.stateAt(p, 1)
	if err != nil {
		return nil, err
	}
	changes, err := n.changes(b, names)
	if err != nil {
		return nil, err
	}
	return []any{map[string]any{"block": hashHex(b), "changes": changes}}, nil
}

func (n *Node) changes(b *block, names []string) ([][2]string, error) {
	changes := [][2]string{}
	for i, name := range names {
		key, err := fromHex(name)
		if err != nil {
			return nil, invalidParams("key %d: %v", i, err)
		}
		if value := n.state.get(b.number, key); value != nil {
			changes = append(changes, [2]string{name, toHex(value)})
		}
	}
	return changes, nil
}
