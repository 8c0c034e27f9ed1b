package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrNoSubnet is wrapped when the chain has no subnet of that number, or nobody is
// registered on it.
var ErrNoSubnet = errors.New("no such subnet")

// ErrNoMechanism is wrapped when a subnet has no mechanism of that number.
var ErrNoMechanism = errors.New("no such mechanism")

// Status is what a chain says of itself and of one of its subnets, the latter at one
// finalized block.
type Status struct {
	Chain, Node string // the chain's name; the node's software and version
	Genesis     string
	SpecName    string
	SpecVersion uint32

	Finalized, Best Head
	Time            time.Time // of the finalized block, by the chain's clock

	Neurons   uint16 // registered on the subnet
	Rules     subnet.WeightRules
	Epoch     uint64       // to which the block after the finalized one belongs
	NextEpoch subnet.Block // when the next one runs; 0 when the subnet runs none
}

// Status reads how a subnet stands. The error wraps ErrNoSubnet when there is no such
// subnet.
func (c *Client) Status(ctx context.Context, netuid subnet.Netuid) (Status, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return Status{}, err
	}
	out := Status{Genesis: c.Genesis(), SpecVersion: s.SpecVersion, Finalized: s.head}
	if err := s.subnet(ctx, netuid, &out); err != nil {
		return Status{}, err
	}
	if out.Best, err = c.Head(ctx); err != nil {
		return Status{}, err
	}
	return out, c.introduce(ctx, &out)
}

// subnet reads what storage says of the subnet.
func (s *snapshot) subnet(ctx context.Context, netuid subnet.Netuid, out *Status) error {
	p := s.planOf(netuid)
	known := true
	var now uint64
	items := append(rulesItems(netuid, &out.Rules), p.items()...)
	items = append(items,
		item{pallet: "SubtensorModule", entry: "SubnetworkN", keys: []any{uint16(netuid)}, into: number(&out.Neurons)},
		item{pallet: "SubtensorModule", entry: "NetworksAdded", keys: []any{uint16(netuid)}, into: truth(&known)},
		item{pallet: "Timestamp", entry: "Now", into: number(&now)})
	err := s.read(ctx, items)
	switch {
	case err != nil:
		return err
	case !known:
		return fmt.Errorf("chain: subnet %d at block %d: %w", netuid, s.head.Number, ErrNoSubnet)
	}
	out.Time = time.UnixMilli(int64(now)).UTC()
	if out.Rules.Tempo > 0 {
		calendar := p.calendar()
		out.Epoch = calendar.CommitEpoch()
		if out.NextEpoch, err = calendar.NextEpoch(); err != nil {
			return fmt.Errorf("chain: subnet %d's epochs: %w: %w", netuid, ErrAnswer, err)
		}
	}
	out.Rules.BlockTime, err = s.blockTime()
	return err
}

// introduce asks who answers.
func (c *Client) introduce(ctx context.Context, out *Status) error {
	var name, version string
	for _, ask := range []struct {
		method string
		into   *string
	}{{"system_chain", &out.Chain}, {"system_name", &name}, {"system_version", &version}} {
		if err := c.call(ctx, ask.into, ask.method); err != nil {
			return err
		}
	}
	out.Node = name + " " + version
	var runtime struct {
		Name string `json:"specName"`
	}
	err := c.call(ctx, &runtime, "state_getRuntimeVersion", out.Finalized.Hash)
	out.SpecName = runtime.Name
	return err
}

// Latency is how long the endpoint in use takes for a small answer, what the client
// itself waits left out.
func (c *Client) Latency(ctx context.Context) (endpoint string, took time.Duration, err error) {
	l, err := c.connect(ctx)
	if err == nil {
		err = c.paced(ctx, l.endpoint)
	}
	if err != nil {
		return "", 0, fmt.Errorf("chain: latency: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	start := time.Now()
	if err := l.ask(ctx, nil, "chain_getHeader"); err != nil {
		return "", 0, fmt.Errorf("chain: latency: %w", err)
	}
	return l.endpoint, time.Since(start), nil
}

// accountOf is the account behind an address.
func accountOf(hotkey subnet.Hotkey) ([32]byte, error) {
	account, _, err := keys.ParseAddress(string(hotkey))
	if err != nil {
		return account, fmt.Errorf("chain: hotkey %.60q: %w", hotkey, err)
	}
	return account, nil
}

// account32 is a decoded account.
func account32(v any) (out [32]byte, err error) {
	b, ok := v.([]byte)
	if !ok || len(b) != len(out) {
		return out, fmt.Errorf("an account that is a %T of %d bytes", v, len(b))
	}
	return [32]byte(b), nil
}

// slots is a decoded list.
func slots(v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("a %T instead of a list", v)
	}
	return list, nil
}
