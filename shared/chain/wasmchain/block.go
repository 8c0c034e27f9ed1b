package wasmchain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/wasmhost"
)

func (n *Node) head() *entry {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.chain.head()
}

// Mine adds count blocks of what is ready in the pool.
func (n *Node) Mine(ctx context.Context, count int) error {
	n.building.Lock()
	defer n.building.Unlock()
	return n.mine(ctx, count)
}

func (n *Node) mine(ctx context.Context, count int) error {
	for range count {
		if n.failed != nil {
			return n.failed
		}
		b, err := n.build(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n.failed = err; err != nil {
			return err
		}
		n.extend(ctx, b)
	}
	return nil
}

// build executes a block on the newest one.
func (n *Node) build(ctx context.Context) (*entry, error) {
	parent := n.head()
	number := parent.Number + 1
	state, err := n.withPulses(parent, number)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", number, err)
	}
	c := &construction{ctx: ctx, node: n, runtime: parent.runtime, state: state.Begin(), number: number}
	if err := c.begin(parent); err != nil {
		return nil, fmt.Errorf("block %d: %w", number, err)
	}
	n.mu.RLock()
	ready := n.pool.ready()
	n.mu.RUnlock()
	for _, raw := range ready {
		// One that has become invalid is left out here, and found out by the pool.
		if _, err := c.apply(raw); err != nil {
			return nil, fmt.Errorf("block %d: %w", number, err)
		}
	}
	e, err := c.finish(parent)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", number, err)
	}
	return e, nil
}

// construction is a block under way. It follows the order in which a node's block
// builder calls the runtime.
type construction struct {
	ctx        context.Context
	node       *Node
	runtime    *wasmhost.Runtime
	state      wasmhost.State
	number     uint64
	extrinsics [][]byte
}

func (c *construction) call(method string, args []byte) (answer []byte, err error) {
	answer, c.state, err = c.runtime.Call(c.ctx, c.state, method, args)
	return answer, err
}

// begin opens the block and applies what every block holds: the time, and whatever else
// the runtime makes of what it is told.
func (c *construction) begin(parent *entry) error {
	slot := c.node.slotOf(c.number)
	first := &rpcserver.Block{Number: c.number, Parent: parent.Hash, Digest: [][]byte{slotDigest(slot)}}
	if _, err := c.call("Core_initialize_block", header(first)); err != nil {
		return err
	}
	// What this call leaves behind is of no account.
	answer, _, err := c.runtime.Call(c.ctx, c.state, "BlockBuilder_inherent_extrinsics", c.inherentData(slot))
	if err != nil {
		return err
	}
	d := scale.NewDecoder(answer)
	for range d.Len(1) {
		from := d.Offset()
		d.Bytes()
		if d.Err() != nil {
			break
		}
		valid, err := c.apply(answer[from:d.Offset()])
		if err != nil {
			return err
		}
		if !valid {
			return errors.New("the runtime refuses its own inherent extrinsic")
		}
	}
	return d.End()
}

// inherentData is what a node tells the runtime: the time in milliseconds and the slot.
func (c *construction) inherentData(slot uint64) []byte {
	var e scale.Encoder
	e.Compact(2)
	e.Raw([]byte("auraslot"))
	e.Bytes(binary.LittleEndian.AppendUint64(nil, slot))
	e.Raw([]byte("timstap0"))
	e.Bytes(binary.LittleEndian.AppendUint64(nil, uint64(c.node.timeOf(c.number).UnixMilli())))
	return e.Data()
}

// apply executes an extrinsic; one that is not valid leaves nothing behind. Whether its
// dispatch succeeded is for the block's events to say.
func (c *construction) apply(raw []byte) (valid bool, err error) {
	before := c.state
	answer, err := c.call("BlockBuilder_apply_extrinsic", raw)
	if trapped := (*wasmhost.TrapError)(nil); errors.As(err, &trapped) && c.ctx.Err() == nil {
		return false, nil // a node's builder drops what makes the runtime panic
	}
	if err != nil {
		return false, err
	}
	if len(answer) == 0 || answer[0] != 0 {
		c.state = before
		return false, nil
	}
	c.extrinsics = append(c.extrinsics, raw)
	return true, nil
}

// finish closes the block. The runtime writes its header.
func (c *construction) finish(parent *entry) (*entry, error) {
	answer, err := c.call("BlockBuilder_finalize_block", nil)
	if err != nil {
		return nil, err
	}
	b, err := parseHeader(answer)
	if err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	if b.Number != c.number || b.Parent != parent.Hash {
		return nil, fmt.Errorf("the runtime made a header of block %d on %x", b.Number, b.Parent)
	}
	b.Extrinsics = c.extrinsics
	e := &entry{Block: b, state: c.state, runtime: parent.runtime, described: parent.described}
	return e, c.upgrade(e, parent)
}

// upgrade puts another runtime in force when the block has changed the code.
func (c *construction) upgrade(e, parent *entry) error {
	code := e.state.Get([]byte(":code"))
	old := parent.state.Get([]byte(":code"))
	if len(code) == len(old) && (len(code) == 0 || &code[0] == &old[0]) {
		return nil
	}
	rt, err := wasmhost.Load(c.ctx, code, c.node.cfg.Host)
	if err != nil {
		return fmt.Errorf("new runtime: %w", err)
	}
	c.node.chain.runtimes = append(c.node.chain.runtimes, rt)
	e.runtime = rt
	e.described, err = describe(c.ctx, rt, e.state)
	return err
}

// extend makes a block the newest one and tells whoever listens.
func (n *Node) extend(ctx context.Context, e *entry) {
	n.mu.Lock()
	n.chain.add(e, n.cfg.KeepState)
	if lag := uint64(n.cfg.FinalityLag); e.Number > lag {
		n.chain.finalized = e.Number - lag
	}
	waiting := n.pool.list()
	n.mu.Unlock()
	left := n.judgeAll(ctx, e, waiting)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pool.replace(left)
	close(n.news)
	n.news = make(chan struct{})
}
