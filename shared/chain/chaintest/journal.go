package chaintest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/affine-go/affine/shared/chain/extrinsic"
)

// journal is the state file: JSON lines, only appended to until it is begun anew with a
// snapshot. Blocks follow from the genesis, their numbers and their inputs, so only those
// with extrinsics or pulses by hand are written. Heights are reserved ahead, so that a
// block that anybody has seen is never made again with other content.
type journal struct {
	file      *os.File
	path      string
	head      entry    // the first line
	switches  switches // as the last block had them
	reserved  uint64
	past      []entry // as read when opened
	compacted uint64  // block of the last snapshot
	recent    []entry // blocks that were written since
}

// entry is a line of the journal. The first names the format and the chain.
type entry struct {
	Format  int      `json:"format,omitempty"`
	Genesis string   `json:"genesis,omitempty"`
	Chain   string   `json:"chain,omitempty"`      // what the genesis says of it
	Block   uint64   `json:"block,omitempty"`      // number of a block with extrinsics
	Signed  []string `json:"extrinsics,omitempty"` // its signed ones, hex
	Pulses  []handed `json:"pulses,omitempty"`     // brought in by hand

	Switches *switches `json:"switches,omitempty"` // from this block on
	Reserve  uint64    `json:"reserve,omitempty"`  // blocks up to this number may exist

	Snapshot *snapshot `json:"snapshot,omitempty"`
}

// handed is a pulse as the journal has it.
type handed struct {
	Round     uint64 `json:"round"`
	Signature string `json:"signature"` // hex
}

// ErrOlderChain is wrapped by Start when the state file was begun by an older version of
// the program, which made blocks in another way.
var ErrOlderChain = errors.New("begun by an older version of this program")

// journalFormat is the version of the state file that this build reads and writes.
const journalFormat = 2

// reserveAhead is how many blocks are reserved at once: a restart skips at most as many.
const reserveAhead = 16

// openJournal opens the file or begins it. A last line that was cut off in writing is
// dropped: whatever it said has not been shown to anybody.
func openJournal(path, chain string, genesis [32]byte) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the state file: %w", err)
	}
	j := &journal{file: file, path: path}
	if err := j.load(chain, toHex(genesis[:])); err != nil {
		return nil, errors.Join(fmt.Errorf("state file %s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *journal) load(chain, genesis string) error {
	content, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	for number, line := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		if len(whole) == 0 {
			break
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d: %w", number+1, err)
		}
		j.past = append(j.past, e)
	}
	if err := j.file.Truncate(int64(len(whole))); err != nil {
		return err
	}
	if _, err := j.file.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	j.head = entry{Format: journalFormat, Genesis: genesis, Chain: chain}
	if len(j.past) == 0 {
		return j.write(j.head)
	}
	switch head := j.past[0]; {
	case head.Format > journalFormat:
		return fmt.Errorf("written by a newer version of this program: format %d, this build reads up to %d", head.Format, journalFormat)
	case head.Format != journalFormat:
		return fmt.Errorf("%w: format %d, this build reads %d", ErrOlderChain, head.Format, journalFormat)
	case head.Genesis != genesis:
		return fmt.Errorf("%w (%s, genesis %.10s…) than is configured (%s, genesis %.10s…)", ErrOtherChain, head.Chain, head.Genesis, chain, genesis)
	}
	return nil
}

// before puts on disk what has to be there before a block is made.
func (j *journal) before(number uint64, in inputs) error {
	if j == nil {
		return nil
	}
	if number > j.reserved {
		j.reserved = number + reserveAhead
		if err := j.write(entry{Reserve: j.reserved}); err != nil {
			return err
		}
	}
	if e := entryOf(number, in, j.switches); e.Block > 0 {
		j.switches = in.switches
		j.recent = append(j.recent, e)
		return j.write(e)
	}
	return nil
}

// entryOf is a block's line, without a number when nothing has to be told of it.
func entryOf(number uint64, in inputs, before switches) (e entry) {
	for _, p := range in.ready {
		e.Signed = append(e.Signed, toHex(p.raw))
	}
	for _, p := range in.pulses {
		e.Pulses = append(e.Pulses, handed{p.round, toHex(p.signature)})
	}
	if in.switches != before {
		e.Switches = &in.switches
	}
	if len(e.Signed) > 0 || len(e.Pulses) > 0 || e.Switches != nil {
		e.Block = number
	}
	return e
}

func (j *journal) write(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a line of the state file: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the state file: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync the state file: %w", err)
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }

// replay makes the blocks of the state file again, up to the height that was reserved.
func (n *Node) replay() error {
	for _, e := range n.journal.past {
		if err := n.replayLine(e); err != nil {
			return err
		}
		n.journal.reserved = max(n.journal.reserved, e.Reserve)
	}
	n.journal.past = nil
	if n.journal.reserved == 0 {
		return nil
	}
	return n.buildTo(n.journal.reserved + 1)
}

func (n *Node) replayLine(e entry) error {
	j := n.journal
	switch {
	case e.Snapshot != nil:
		if err := n.restore(e.Snapshot); err != nil {
			return err
		}
		j.compacted, j.switches, j.recent = e.Snapshot.Block, n.switches, nil
	case e.Block > 0:
		j.recent = append(j.recent, e)
		return n.replayBlock(e)
	}
	return nil
}

// replayBlock makes a block that held extrinsics.
func (n *Node) replayBlock(e entry) error {
	if err := n.buildTo(e.Block); err != nil {
		return err
	}
	if n.next() != e.Block {
		return fmt.Errorf("block %d after block %d", e.Block, n.chain.head)
	}
	if e.Switches != nil {
		n.switches, n.journal.switches = *e.Switches, *e.Switches
	}
	in, err := n.inputsOf(e)
	if err != nil {
		return fmt.Errorf("block %d: %w", e.Block, err)
	}
	return n.build(e.Block, in)
}

// inputsOf is what a line says that a block was made from.
func (n *Node) inputsOf(e entry) (inputs, error) {
	in := inputs{switches: n.switches}
	for _, text := range e.Signed {
		raw, err := fromHex(text)
		if err != nil {
			return in, err
		}
		signed, err := n.decode(raw)
		if err != nil {
			return in, err
		}
		in.ready = append(in.ready, &pooled{raw, extrinsic.Hash(raw), signed})
	}
	for _, p := range e.Pulses {
		signature, err := fromHex(p.Signature)
		if err != nil {
			return in, err
		}
		in.pulses = append(in.pulses, pulse{p.Round, signature})
	}
	return in, nil
}

// buildTo makes empty blocks until the one to come is number.
func (n *Node) buildTo(number uint64) error {
	for n.next() < number {
		if err := n.build(n.next(), inputs{switches: n.switches}); err != nil {
			return err
		}
	}
	return nil
}
