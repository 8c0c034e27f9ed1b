package chain

import (
	"context"
	"fmt"
	"strings"
)

// keysUnder lists the storage keys that begin with a prefix, 0x-prefixed hex both, page
// by page in the chain's order. More than limit of them are an error that wraps
// ErrAnswer: neither a node that never comes to an end nor a flood of entries is followed.
func (s *snapshot) keysUnder(ctx context.Context, prefix string, limit int) ([]string, error) {
	var names []string
	last := prefix
	for len(names) <= limit {
		var page []string
		if err := s.client.call(ctx, &page, "state_getKeysPaged", prefix, maxKeys, last, s.head.Hash); err != nil {
			return nil, err
		}
		found, err := below(prefix, last, page)
		if err != nil {
			return nil, err
		}
		if names = append(names, found...); len(found) < maxKeys && len(names) <= limit {
			return names, nil
		}
		last = names[len(names)-1]
	}
	return nil, fmt.Errorf("chain: state_getKeysPaged: %w: more than %d keys under %.80q", ErrAnswer, limit, prefix)
}

// below checks that a page's keys are under the prefix and come after the last one, in
// order, and puts them in lower case.
func below(prefix, last string, page []string) ([]string, error) {
	names := make([]string, len(page))
	for i, name := range page {
		if name = strings.ToLower(name); !strings.HasPrefix(name, prefix) || name <= last {
			return nil, fmt.Errorf("chain: state_getKeysPaged: %w: key %.80q after %.80q, under %.80q", ErrAnswer, name, last, prefix)
		}
		names[i], last = name, name
	}
	return names, nil
}
