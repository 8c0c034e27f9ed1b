package part

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/affine-go/affine/shared/subnet"
)

// digest sums up rows in their order, all columns and the samples' ids. Pages have
// checksums of their own, but their headers have none; and it is the digest that
// shows when a build derives other ids than the one that wrote the part.
type digest struct {
	sum uint64
	buf []byte
}

func (d *digest) add(r *row, id *subnet.SampleID) {
	b := binary.LittleEndian.AppendUint64(d.buf[:0], d.sum)
	b = append(b, id[:]...)
	for _, n := range [...]uint64{
		uint64(r.Schema), uint64(r.Netuid), uint64(r.UID), r.Commit, r.Window, uint64(r.Index), r.TaskID, uint64(r.Attempt), r.Block,
		uint64(r.Score), uint64(r.Latency), uint64(r.Prompt), uint64(r.Completion), uint64(r.At), uint64(r.Offset), uint64(r.Length),
	} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for _, s := range [...]string{r.Hotkey, r.Model, r.Revision, r.Slug, r.Env, r.Outcome, r.Reason, r.Pack} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	d.buf, d.sum = b, xxhash.Sum64(b)
}

func (d *digest) String() string { return fmt.Sprintf("%016x", d.sum) }
