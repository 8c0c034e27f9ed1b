package part

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/affine-go/affine/shared/subnet"
)

// digest sums up rows in their order: the samples' ids, which stand for the columns
// that they are derived from, and all other columns. Pages have checksums of their
// own, but their headers have none; and it is the digest that shows when a build
// derives other ids than the one that wrote the part.
type digest uint64

func (d *digest) add(r *row, id *subnet.SampleID) {
	sum := uint64(*d)
	for _, n := range [...]uint64{
		binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:]),
		uint64(r.Schema), uint64(r.UID), r.Commit, uint64(r.Index), r.Block, uint64(r.Score),
		uint64(r.Latency), uint64(r.Prompt), uint64(r.Completion), uint64(r.At), uint64(r.Offset), uint64(r.Length),
		xxhash.Sum64String(r.Model), xxhash.Sum64String(r.Slug), xxhash.Sum64String(r.Outcome),
		xxhash.Sum64String(r.Reason), xxhash.Sum64String(r.Pack),
	} {
		// One to one in n and in sum: two rows that differ in one column never agree.
		sum = bits.RotateLeft64(sum^n, 29) * 0x9e3779b97f4a7c15
	}
	*d = digest(sum)
}

// String is the digest in 16 hex digits.
func (d digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }
