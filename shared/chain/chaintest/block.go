package chaintest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/scale"
)

// block is one block of the chain.
type block struct {
	number         uint64
	hash           [32]byte
	parent         [32]byte
	stateRoot      [32]byte
	extrinsicsRoot [32]byte
	digest         [][]byte // encoded items
	extrinsics     [][]byte // with length prefix; the first sets the time
	runtime        *runtime // that made it
}

// seal computes the block's hash: BLAKE2b-256 of its header in SCALE.
func (b *block) seal() {
	var e scale.Encoder
	e.Raw(b.parent[:])
	e.Compact(b.number)
	e.Raw(b.stateRoot[:])
	e.Raw(b.extrinsicsRoot[:])
	e.Compact(uint64(len(b.digest)))
	for _, item := range b.digest {
		e.Raw(item)
	}
	b.hash = blake2b.Sum256(e.Data())
}

// chain is the one chain of blocks, with those that can still be asked for.
type chain struct {
	byNumber        map[uint64]*block
	byHash          map[[32]byte]*block
	holders         map[[32]byte]*block // by the hash of a signed extrinsic
	head, finalized uint64
	forks           byte // how often blocks were undone: makes the new ones differ
}

// For how many blocks one can be asked for, and an era's birth looked up: an empty one,
// and one with signed extrinsics, which others may still be looking for.
const (
	keepBlocks = 4096
	keepFilled = 16 * keepBlocks
)

func (c *chain) add(b *block) {
	if c.byNumber == nil {
		c.byNumber, c.byHash, c.holders = make(map[uint64]*block), make(map[[32]byte]*block), make(map[[32]byte]*block)
	}
	c.byNumber[b.number], c.byHash[b.hash] = b, b
	for _, raw := range b.signed() {
		c.holders[extrinsic.Hash(raw)] = b
	}
	c.head = b.number
	if old := c.byNumber[b.number-keepBlocks]; old != nil && old.number > 0 && len(old.signed()) == 0 {
		c.remove(old)
	}
	if old := c.byNumber[b.number-keepFilled]; old != nil && old.number > 0 {
		c.remove(old)
	}
}

func (c *chain) remove(b *block) {
	delete(c.byNumber, b.number)
	delete(c.byHash, b.hash)
	for _, raw := range b.signed() {
		delete(c.holders, extrinsic.Hash(raw))
	}
}

// signed are the block's extrinsics but for the one that sets the time.
func (b *block) signed() [][]byte { return b.extrinsics[min(1, len(b.extrinsics)):] }

func (c *chain) at(number uint64) *block { return c.byNumber[number] }

// slot is the digest item in which Aura's author says which slot the block is for.
func slot(number uint64) []byte {
	const preRuntime = 6
	var e scale.Encoder
	e.U8(preRuntime)
	e.Raw([]byte("aura"))
	e.Bytes(binary.LittleEndian.AppendUint64(nil, number))
	return e.Data()
}

// fork is a digest item that sets blocks made after an undoing apart from those undone.
func fork(count byte) []byte {
	const other = 0
	var e scale.Encoder
	e.U8(other)
	e.Bytes([]byte{'f', 'o', 'r', 'k', count})
	return e.Data()
}

// genesisTime is the time of block 0. Blocks tell their own time, BlockTime apart, so
// that a chain rebuilt from its extrinsics has the same hashes.
var genesisTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (n *Node) timeOf(number uint64) uint64 {
	return uint64(genesisTime.UnixMilli()) + number*uint64(n.cfg.Rules.BlockTime.Milliseconds())
}

// Mine adds count blocks. It fails when the state file cannot be written; the node then
// adds no further block.
func (n *Node) Mine(count int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mine(count)
}

func (n *Node) mine(count int) error {
	for range count {
		if n.failed != nil {
			return n.failed
		}
		number := n.next()
		in := inputs{ready: n.ready(), pulses: n.handed, switches: n.switches}
		n.handed = nil
		if n.failed = n.journal.before(number, in); n.failed != nil {
			return n.failed
		}
		if n.failed = n.build(number, in); n.failed != nil {
			return n.failed
		}
		if n.failed = n.compact(); n.failed != nil {
			return n.failed
		}
	}
	return nil
}

// next is the number of the block to come.
func (n *Node) next() uint64 {
	if n.chain.head == 0 {
		return uint64(n.cfg.First)
	}
	return n.chain.head + 1
}

// inputs is all that a block's content follows from, besides the blocks before it.
type inputs struct {
	ready    []*pooled // its extrinsics, which the pool has found valid
	pulses   []pulse   // handed to the node
	switches switches
}

// build executes a block and makes it the head.
func (n *Node) build(number uint64, in inputs) error {
	b := &block{number: number, parent: n.chain.at(n.chain.head).hash, runtime: n.current, digest: [][]byte{slot(number)}}
	if n.chain.forks > 0 {
		b.digest = append(b.digest, fork(n.chain.forks))
	}
	if err := n.write(b, in); err != nil {
		return fmt.Errorf("block %d: %w", number, err)
	}
	n.append(b)
	return nil
}

// write puts into the state what follows from a block.
func (n *Node) write(b *block, in inputs) error {
	x := &execution{node: n, number: b.number}
	x.keepSwitches(in.switches)
	if err := x.initialize(); err != nil {
		return err
	}
	inherent, err := x.setTime()
	if err != nil {
		return err
	}
	b.extrinsics = append(b.extrinsics, inherent)
	x.succeeded(0)
	for _, p := range in.ready {
		b.extrinsics = append(b.extrinsics, p.raw)
		if err := x.apply(len(b.extrinsics)-1, p.signed); err != nil {
			return err
		}
	}
	if err := x.storePulses(in); err != nil {
		return err
	}
	return x.finish()
}

// append seals a block whose state has been written and makes it the head.
func (n *Node) append(b *block) {
	b.stateRoot, b.extrinsicsRoot = digestOf(n.state.changed()), digestOf(nil)
	for _, raw := range b.extrinsics {
		b.extrinsicsRoot = blake2b.Sum256(append(b.extrinsicsRoot[:], raw...))
	}
	b.seal()
	n.chain.add(b)
	if keep := uint64(n.cfg.KeepState); b.number > keep && b.number%64 == 0 {
		n.state.forget(b.number - keep)
	}
	n.prune(b)
	n.finalize()
}

// digestOf stands in for a trie root: it binds the header to what the block wrote.
func digestOf(changes [][2][]byte) [32]byte {
	var e scale.Encoder
	for _, c := range changes {
		e.Bytes(c[0])
		e.Bytes(c[1])
	}
	return blake2b.Sum256(e.Data())
}

// finalize moves the finalized head after the head and tells whoever listens.
func (n *Node) finalize() {
	lag := uint64(n.cfg.FinalityLag)
	b := n.chain.at(n.chain.head)
	for b.number+lag > n.chain.head && b.number > n.chain.finalized {
		b = n.chain.byHash[b.parent]
	}
	if !n.held && b.number > n.chain.finalized {
		n.chain.finalized = b.number
	}
	close(n.news)
	n.news = make(chan struct{})
}

// Retract undoes the newest count blocks, none of them finalized. Their extrinsics are
// lost, as they are when a fork is given up whose blocks the pool never saw. A node with
// a state file does not retract.
func (n *Node) Retract(count int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.journal != nil {
		return fmt.Errorf("chaintest: a node with a state file does not retract")
	}
	for range count {
		b := n.chain.at(n.chain.head)
		if b.number <= n.chain.finalized {
			return fmt.Errorf("chaintest: block %d is finalized", b.number)
		}
		parent := n.chain.byHash[b.parent]
		n.chain.remove(b)
		n.chain.head = parent.number
		n.state.undo(parent.number)
	}
	n.chain.forks++
	return nil
}

// setTime is the inherent that every block begins with, a bare extrinsic.
func (x *execution) setTime() ([]byte, error) {
	const bare = 4
	now := x.node.timeOf(x.number)
	if err := x.put("Timestamp", "Now", now); err != nil {
		return nil, err
	}
	call, err := x.node.runtime.Metadata.EncodeCall("Timestamp", "set", map[string]any{"now": now})
	if err != nil {
		return nil, err
	}
	var e scale.Encoder
	e.Bytes(append([]byte{bare}, call...))
	return e.Data(), nil
}

func toHex(b []byte) string { return "0x" + hex.EncodeToString(b) }

func hexList(list [][]byte) []string {
	out := make([]string, len(list))
	for i, raw := range list {
		out[i] = toHex(raw)
	}
	return out
}

func fromHex(text string) ([]byte, error) {
	digits, found := strings.CutPrefix(text, "0x")
	if !found {
		return nil, fmt.Errorf("hex without 0x: %q", text)
	}
	return hex.DecodeString(digits)
}
