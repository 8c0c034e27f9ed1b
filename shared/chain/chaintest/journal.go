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

// journal is the state file: JSON lines, only ever appended to. Blocks follow from the
// genesis, their numbers and their extrinsics, so only those with extrinsics are
// written. Heights are reserved ahead, so that a block that anybody has seen is never
// made again with other content.
type journal struct {
	file     *os.File
	reserved uint64
	past     []entry // as read when opened
}

// entry is a line of the journal. The first names the format and the chain.
type entry struct {
	Format  int      `json:"format,omitempty"`
	Genesis string   `json:"genesis,omitempty"`
	Chain   string   `json:"chain,omitempty"`      // what the genesis says of it
	Block   uint64   `json:"block,omitempty"`      // number of a block with extrinsics
	Signed  []string `json:"extrinsics,omitempty"` // its signed ones, hex
	Reserve uint64   `json:"reserve,omitempty"`    // blocks up to this number may exist
}

// journalFormat is the version of the state file that this build reads and writes.
const journalFormat = 1

// reserveAhead is how many blocks are reserved at once: a restart skips at most as many.
const reserveAhead = 16

// openJournal opens the file or begins it. A last line that was cut off in writing is
// dropped: whatever it said has not been shown to anybody.
func openJournal(path, chain string, genesis [32]byte) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the state file: %w", err)
	}
	j := &journal{file: file}
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
	if len(j.past) == 0 {
		return j.write(entry{Format: journalFormat, Genesis: genesis, Chain: chain})
	}
	switch head := j.past[0]; {
	case head.Format > journalFormat:
		return fmt.Errorf("written by a newer version of this program: format %d, this build reads up to %d", head.Format, journalFormat)
	case head.Format != journalFormat:
		return fmt.Errorf("format %d, this build reads %d", head.Format, journalFormat)
	case head.Genesis != genesis:
		return fmt.Errorf("%w (%s, genesis %.10s…) than is configured (%s, genesis %.10s…)", ErrOtherChain, head.Chain, head.Genesis, chain, genesis)
	}
	return nil
}

// before puts on disk what has to be there before a block is made.
func (j *journal) before(number uint64, ready []*pooled) error {
	if j == nil {
		return nil
	}
	if number > j.reserved {
		j.reserved = number + reserveAhead
		if err := j.write(entry{Reserve: j.reserved}); err != nil {
			return err
		}
	}
	if len(ready) == 0 {
		return nil
	}
	e := entry{Block: number}
	for _, p := range ready {
		e.Signed = append(e.Signed, toHex(p.raw))
	}
	return j.write(e)
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
		if e.Block > 0 {
			if err := n.replayBlock(e); err != nil {
				return err
			}
		}
		n.journal.reserved = max(n.journal.reserved, e.Reserve)
	}
	n.journal.past = nil
	if n.journal.reserved == 0 {
		return nil
	}
	return n.buildTo(n.journal.reserved + 1)
}

// replayBlock makes a block that held extrinsics.
func (n *Node) replayBlock(e entry) error {
	if err := n.buildTo(e.Block); err != nil {
		return err
	}
	if n.next() != e.Block {
		return fmt.Errorf("block %d after block %d", e.Block, n.chain.head)
	}
	ready := make([]*pooled, len(e.Signed))
	for i, text := range e.Signed {
		raw, err := fromHex(text)
		if err != nil {
			return fmt.Errorf("block %d: %w", e.Block, err)
		}
		signed, err := extrinsic.Decode(n.runtime.Metadata, raw)
		if err != nil {
			return fmt.Errorf("block %d: %w", e.Block, err)
		}
		ready[i] = &pooled{raw, extrinsic.Hash(raw), signed}
	}
	return n.build(e.Block, ready)
}

// buildTo makes empty blocks until the one to come is number.
func (n *Node) buildTo(number uint64) error {
	for n.next() < number {
		if err := n.build(n.next(), nil); err != nil {
			return err
		}
	}
	return nil
}
