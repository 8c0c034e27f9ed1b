package wasmchain

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/wasmhost"
)

// entry is a block with what it left behind.
type entry struct {
	*rpcserver.Block
	state     wasmhost.State
	kept      bool // the state is still there
	runtime   *wasmhost.Runtime
	described *metadata.Metadata // of that runtime
}

// ledger is the chain of blocks.
type ledger struct {
	entries   []*entry // by number
	byHash    map[[32]byte]*entry
	holders   map[[32]byte]*entry // by hash of a signed extrinsic
	finalized uint64
	runtimes  []*wasmhost.Runtime // every one that was ever in force, to be closed
}

func (l *ledger) head() *entry { return l.entries[len(l.entries)-1] }

func (l *ledger) at(number uint64) *entry {
	if number >= uint64(len(l.entries)) {
		return nil
	}
	return l.entries[number]
}

// add makes a block the newest one, and lets go of a state that is too old to be kept.
func (l *ledger) add(e *entry, keep int) {
	if l.byHash == nil {
		l.byHash, l.holders = make(map[[32]byte]*entry), make(map[[32]byte]*entry)
	}
	e.kept = true
	l.entries = append(l.entries, e)
	l.byHash[e.Hash] = e
	for _, raw := range e.Extrinsics {
		l.holders[extrinsic.Hash(raw)] = e
	}
	if old := len(l.entries) - 1 - keep; old >= 0 {
		l.entries[old].state, l.entries[old].kept = wasmhost.State{}, false
	}
}

// header is a block's header in SCALE.
func header(b *rpcserver.Block) []byte {
	var e scale.Encoder
	e.Raw(b.Parent[:])
	e.Compact(b.Number)
	e.Raw(b.StateRoot[:])
	e.Raw(b.ExtrinsicsRoot[:])
	e.Compact(uint64(len(b.Digest)))
	for _, item := range b.Digest {
		e.Raw(item)
	}
	return e.Data()
}

// parseHeader reads a header and computes its hash.
func parseHeader(raw []byte) (*rpcserver.Block, error) {
	d := scale.NewDecoder(raw)
	b := &rpcserver.Block{}
	copy(b.Parent[:], d.Raw(32))
	b.Number = d.Compact()
	copy(b.StateRoot[:], d.Raw(32))
	copy(b.ExtrinsicsRoot[:], d.Raw(32))
	for range d.Len(1) {
		from := d.Offset()
		if err := skipDigest(d); err != nil {
			return nil, err
		}
		b.Digest = append(b.Digest, raw[from:d.Offset()])
	}
	b.Hash = blake2b.Sum256(raw)
	return b, d.End()
}

// Kinds of digest items.
const (
	digestOther      = 0
	digestConsensus  = 4
	digestSeal       = 5
	digestPreRuntime = 6
	digestUpdated    = 8 // the runtime has changed
)

func skipDigest(d *scale.Decoder) error {
	switch kind := d.U8(); kind {
	case digestConsensus, digestSeal, digestPreRuntime:
		d.Raw(4)
		d.Bytes()
	case digestOther:
		d.Bytes()
	case digestUpdated:
	default:
		return fmt.Errorf("digest item of kind %d", kind)
	}
	return d.Err()
}

// genesisTime is the time of block 0 by the chain's clock.
var genesisTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// timeOf is the time of a block by the chain's clock.
func (n *Node) timeOf(number uint64) time.Time {
	return genesisTime.Add(time.Duration(number) * n.slot)
}

// slotOf is the number of the slot that a block fills: slots are counted from 1970 on.
func (n *Node) slotOf(number uint64) uint64 {
	return uint64(n.timeOf(number).UnixMilli() / n.slot.Milliseconds())
}

// slotDigest is the item in which Aura's author says which slot the block is for.
func slotDigest(slot uint64) []byte {
	var e scale.Encoder
	e.U8(digestPreRuntime)
	e.Raw([]byte("aura"))
	e.Bytes(binary.LittleEndian.AppendUint64(nil, slot))
	return e.Data()
}
