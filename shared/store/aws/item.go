package aws

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// keep is how long after its grading a sample's row is kept.
const keep = 90 * 24 * time.Hour

// rowFormat is the format of the rows that this build writes. Attribute "format"
// holds it where it is not 1.
const rowFormat = 1

// encodeSample is a sample's row. What the key says is not said again, and an empty
// text has no attribute; so a row stays below the 1 KB that one write unit pays for.
func encodeSample(s *subnet.Sample) item {
	row := place(store.SampleKey(s.Task))
	for name, n := range map[string]uint64{
		"schema": uint64(s.Schema), "netuid": uint64(s.Netuid), "uid": uint64(s.UID),
		"commit": uint64(s.Commit), "task": uint64(s.TaskID), "block": uint64(s.Block),
		"score": uint64(s.Score), "ms": uint64(s.Latency), "in": uint64(s.Prompt), "out": uint64(s.Complete),
		"offset": uint64(s.Ref.Offset), "length": uint64(s.Ref.Length),
	} {
		row[name] = number(n)
	}
	row["at"] = number(s.At.UnixMilli())
	row[ttl] = number(s.At.Add(keep).Unix())
	row["id"] = &types.AttributeValueMemberB{Value: s.ID[:]}
	for name, value := range map[string]string{
		"model": s.Model, "slug": s.Slug, "outcome": string(s.Outcome), "reason": s.Reason, "pack": s.Ref.Pack,
	} {
		if value != "" {
			row[name] = text(value)
		}
	}
	return row
}

var errRow = errors.New("row malformed")

// decodeSample reads what encodeSample wrote on the given shelf.
func decodeSample(shelf store.Shelf, row item) (subnet.Sample, error) {
	r := reader{row: row}
	r.checkFormat()
	s := subnet.Sample{Task: subnet.Task{Hotkey: shelf.Hotkey, Revision: shelf.Revision, Env: shelf.Env}}
	r.sampleSort(&s.Task)
	s.Schema = int(r.uint("schema", math.MaxInt32))
	s.Netuid = subnet.Netuid(r.uint("netuid", math.MaxUint16))
	s.UID = subnet.UID(r.uint("uid", math.MaxUint16))
	s.Commit = subnet.Block(r.uint("commit", math.MaxUint64))
	s.TaskID = subnet.TaskID(r.uint("task", math.MaxUint64))
	s.Block = subnet.Block(r.uint("block", math.MaxUint64))
	s.Score = int(r.uint("score", subnet.ScoreScale))
	s.Latency = int64(r.uint("ms", math.MaxInt64))
	s.Prompt = int(r.uint("in", math.MaxInt64))
	s.Complete = int(r.uint("out", math.MaxInt64))
	s.Ref.Offset = int64(r.uint("offset", math.MaxInt64))
	s.Ref.Length = int64(r.uint("length", math.MaxInt64))
	s.At = time.UnixMilli(r.int("at")).UTC()
	s.Model, s.Slug, s.Reason = r.text("model"), r.text("slug"), r.text("reason")
	s.Outcome, s.Ref.Pack = subnet.Outcome(r.text("outcome")), r.text("pack")
	if id := r.bytes("id"); len(id) == len(s.ID) {
		copy(s.ID[:], id)
	} else {
		r.fail("id", fmt.Errorf("%d bytes", len(id)))
	}
	if r.err != nil {
		return subnet.Sample{}, r.err
	}
	return s, nil
}

// reader reads a row's attributes and keeps the first fault.
type reader struct {
	row item
	err error
}

func (r *reader) fail(name string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s %s: attribute %s: %w", errRow, textOf(r.row[pk]), textOf(r.row[sk]), name, err)
	}
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok && s != nil {
		return s.Value
	}
	return ""
}

// checkFormat refuses rows of a newer build.
func (r *reader) checkFormat() {
	if _, ok := r.row["format"]; ok {
		if n := r.uint("format", math.MaxInt32); r.err == nil && n > rowFormat {
			r.err = fmt.Errorf("%w: row of format %d", store.ErrNewer, n)
		}
	}
}

func (r *reader) numeral(name string) string {
	n, ok := r.row[name].(*types.AttributeValueMemberN)
	if !ok || n == nil {
		r.fail(name, errors.New("no number"))
		return "0"
	}
	return n.Value
}

func (r *reader) uint(name string, limit uint64) uint64 {
	n, err := strconv.ParseUint(r.numeral(name), 10, 64)
	if err == nil && n > limit {
		err = fmt.Errorf("%d is above %d", n, limit)
	}
	if err != nil {
		r.fail(name, err)
		return 0
	}
	return n
}

func (r *reader) int(name string) int64 {
	n, err := strconv.ParseInt(r.numeral(name), 10, 64)
	if err != nil {
		r.fail(name, err)
	}
	return n
}

// text is the empty text when the row lacks the attribute.
func (r *reader) text(name string) string {
	v, ok := r.row[name]
	if !ok {
		return ""
	}
	s, ok := v.(*types.AttributeValueMemberS)
	if !ok || s == nil {
		r.fail(name, errors.New("no text"))
		return ""
	}
	return s.Value
}

func (r *reader) bytes(name string) []byte {
	b, ok := r.row[name].(*types.AttributeValueMemberB)
	if !ok || b == nil {
		r.fail(name, errors.New("no bytes"))
		return nil
	}
	return b.Value
}

// sampleSort reads T#<window>#<index>#<attempt>.
func (r *reader) sampleSort(t *subnet.Task) {
	parts := strings.Split(r.text(sk), "#")
	if len(parts) != 4 || parts[0] != "T" {
		r.fail(sk, errors.New("not T#window#index#attempt"))
		return
	}
	window, err1 := strconv.ParseUint(parts[1], 10, 64)
	index, err2 := strconv.ParseUint(parts[2], 10, 32)
	attempt, err3 := strconv.ParseUint(parts[3], 10, 8)
	if err := errors.Join(err1, err2, err3); err != nil {
		r.fail(sk, err)
		return
	}
	t.Window, t.Index, t.Attempt = window, uint32(index), uint8(attempt)
}
