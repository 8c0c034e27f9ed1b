package chaintest

import (
	"fmt"
	"maps"

	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// Genesis is the hash of block 0, 0x-prefixed hex.
func (n *Node) Genesis() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return toHex(n.runtime.Genesis[:])
}

// Head is the number of the newest block.
func (n *Node) Head() subnet.Block {
	n.mu.Lock()
	defer n.mu.Unlock()
	return subnet.Block(n.chain.head)
}

// Finalized is the number of the newest finalized block.
func (n *Node) Finalized() subnet.Block {
	n.mu.Lock()
	defer n.mu.Unlock()
	return subnet.Block(n.chain.finalized)
}

// Served counts the requests that were executed, by method.
func (n *Node) Served() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.served)
}

// HoldFinality stops (or resumes) the finalized head while blocks go on.
func (n *Node) HoldFinality(hold bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = hold
	n.finalize()
}

// LieAboutRateLimit enforces another rate limit than storage says.
func (n *Node) LieAboutRateLimit(enforced uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.switches.Lies, n.switches.Limit = true, enforced
}

// Upgrade gives the runtime another spec version from the next block on, and what came
// to Subtensor with it.
func (n *Node) Upgrade(spec uint32) error { return n.UpgradeTo(spec, n.cfg.Metadata) }

// UpgradeTo is Upgrade with other metadata too; nil is the node's own description.
func (n *Node) UpgradeTo(spec uint32, raw []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.journal != nil {
		return fmt.Errorf("chaintest: a node with a state file is not upgraded")
	}
	return n.upgrade(spec, raw)
}

// switches are those on which the content of blocks depends. They are kept in the
// chain's state, so that one that is taken up again goes on under them.
type switches struct {
	Withheld bool   `json:"withheld,omitempty"` // HoldPulses
	Lies     bool   `json:"lies,omitempty"`     // LieAboutRateLimit
	Limit    uint64 `json:"limit,omitempty"`    // which is enforced then
}

var switchesKey = []byte(":switches")

// keepSwitches writes them when they have changed.
func (x *execution) keepSwitches(now switches) {
	if switchesOf(x.node.state.get(x.number, switchesKey)) == now {
		return
	}
	var e scale.Encoder
	e.Bool(now.Withheld)
	e.Bool(now.Lies)
	e.U64(now.Limit)
	x.node.state.put(x.number, switchesKey, e.Data())
}

// switchesOf reads what keepSwitches wrote; nothing is all of them off.
func switchesOf(value []byte) switches {
	d := scale.NewDecoder(value)
	s := switches{Withheld: d.Bool(), Lies: d.Bool(), Limit: d.U64()}
	if d.End() != nil {
		return switches{}
	}
	return s
}
