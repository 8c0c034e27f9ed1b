package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// rowFormat is the first byte of every row. A later format gets another number, and
// readers keep both.
const rowFormat = 1

// appendRow encodes what the key of a sample's row does not say: the sample id's 16
// bytes, then integers as varints and texts with their length before them, in the
// order of row's visit.
func appendRow(b []byte, s *subnet.Sample) []byte {
	b = append(b, rowFormat)
	b = append(b, s.ID[:]...)
	for _, n := range [...]uint64{
		uint64(s.Schema), uint64(s.Netuid), uint64(s.UID), uint64(s.Commit), uint64(s.TaskID), uint64(s.Block),
		uint64(s.Score), uint64(s.Latency), uint64(s.Prompt), uint64(s.Complete), uint64(s.Ref.Offset), uint64(s.Ref.Length),
	} {
		b = binary.AppendUvarint(b, n)
	}
	b = binary.AppendVarint(b, s.At.UnixMilli())
	for _, text := range [...]string{s.Model, s.Slug, string(s.Outcome), s.Reason, s.Ref.Pack} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

var errRow = errors.New("row malformed")

// decodeRow fills s with what appendRow wrote. Hotkey, revision, env, window, index
// and attempt are the key's to give.
func decodeRow(b []byte, s *subnet.Sample) error {
	if len(b) == 0 || b[0] != rowFormat {
		return fmt.Errorf("%w: unknown format", errRow)
	}
	r := reader{rest: b[1:]}
	copy(s.ID[:], r.bytes(len(s.ID)))
	s.Schema = int(r.uint(math.MaxInt32))
	s.Netuid = subnet.Netuid(r.uint(math.MaxUint16))
	s.UID = subnet.UID(r.uint(math.MaxUint16))
	s.Commit = subnet.Block(r.uint(math.MaxUint64))
	s.TaskID = subnet.TaskID(r.uint(math.MaxUint64))
	s.Block = subnet.Block(r.uint(math.MaxUint64))
	s.Score = int(r.uint(subnet.ScoreScale))
	s.Latency = int64(r.uint(math.MaxInt64))
	s.Prompt = int(r.uint(math.MaxInt64))
	s.Complete = int(r.uint(math.MaxInt64))
	s.Ref.Offset = int64(r.uint(math.MaxInt64))
	s.Ref.Length = int64(r.uint(math.MaxInt64))
	s.At = time.UnixMilli(r.int()).UTC()
	s.Model = r.text()
	s.Slug = r.text()
	s.Outcome = subnet.Outcome(r.text())
	s.Reason = r.text()
	s.Ref.Pack = r.text()
	if r.bad || len(r.rest) != 0 {
		return fmt.Errorf("%w: %d bytes", errRow, len(b))
	}
	return nil
}

// reader takes a row apart. After the first fault it gives zeros and stays bad.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) bytes(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) uint(limit uint64) uint64 {
	n, size := binary.Uvarint(r.rest)
	if r.bad || size <= 0 || n > limit {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) int() int64 {
	n, size := binary.Varint(r.rest)
	if r.bad || size <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) text() string {
	n := r.uint(uint64(len(r.rest)))
	return string(r.bytes(int(n)))
}
