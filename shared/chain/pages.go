package chain

import (
	"context"
	"fmt"
	"strings"
)

// maxPages bounds how many pages of keys are asked for: a node that never comes to an
// end is not followed.
const maxPages = 1000

// keysUnder lists the storage keys that begin with a prefix, 0x-prefixed hex both, page
// by page in the node's order.
func (s *snapshot) keysUnder(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	start := prefix
	for range maxPages {
		var page []string
		if err := s.client.call(ctx, &page, "state_getKeysPaged", prefix, maxKeys, start, s.head.Hash); err != nil {
			return nil, err
		}
		for _, name := range page {
			if name = strings.ToLower(name); !strings.HasPrefix(name, prefix) || name <= start {
				return nil, fmt.Errorf("chain: state_getKeysPaged: %w: key %.80q after %.80q, under %.80q", ErrAnswer, name, start, prefix)
			}
			names, start = append(names, name), name
		}
		if len(page) < maxKeys {
			return names, nil
		}
	}
	return nil, fmt.Errorf("chain: state_getKeysPaged: %w: more than %d keys under %.80q", ErrAnswer, maxPages*maxKeys, prefix)
}
