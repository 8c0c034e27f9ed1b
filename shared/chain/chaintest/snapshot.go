package chaintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// snapshotEvery is after how many blocks the state file is begun anew, with all that the
// chain is in one line, so that a start never makes more blocks again than these.
const snapshotEvery = 512

// snapshot is the chain as it stood after a block.
type snapshot struct {
	Block  uint64        `json:"block"`
	Blocks []storedBlock `json:"blocks"`           // those that can be asked for, this one last
	State  [][2]string   `json:"state"`            // keys and values, hex
	Rounds []uint64      `json:"rounds,omitempty"` // of the beacon, whose pulses are in the state too
}

// storedBlock is a block, all but its hash, which follows from the rest.
type storedBlock struct {
	Number     uint64   `json:"number"`
	Roots      []string `json:"roots"` // parent, state, extrinsics
	Digest     []string `json:"digest,omitempty"`
	Extrinsics []string `json:"extrinsics,omitempty"`
}

// compact begins the state file anew when enough blocks have been made since the last
// time. The new file takes the old one's place in one step, so that a kill at any moment
// leaves one of the two, and both tell the same chain.
func (n *Node) compact() error {
	if n.journal == nil || n.chain.head < max(n.journal.compacted, uint64(n.cfg.First))+snapshotEvery {
		return nil
	}
	// As of a block that clients may be reading at; what came after is told as before.
	oldest := n.chain.head - min(n.chain.head, uint64(n.cfg.KeepState))
	return n.journal.rewrite(n.snapshot(max(n.chain.finalized, oldest)))
}

// snapshot takes the chain down as it stood after a block whose state is still kept.
func (n *Node) snapshot(at uint64) *snapshot {
	s := &snapshot{Block: at}
	for _, number := range slices.Sorted(maps.Keys(n.chain.byNumber)) {
		if b := n.chain.byNumber[number]; number <= at {
			roots := [][]byte{b.parent[:], b.stateRoot[:], b.extrinsicsRoot[:]}
			s.Blocks = append(s.Blocks, storedBlock{number, hexList(roots), hexList(b.digest), hexList(b.extrinsics)})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(n.state.entries)) {
		past := n.state.entries[key]
		i := indexAt(past, at)
		switch {
		case i < 0 || !past[i].there():
		case past[i].round > 0:
			s.Rounds = append(s.Rounds, past[i].round)
		default:
			s.State = append(s.State, [2]string{toHex([]byte(key)), toHex(past[i].value)})
		}
	}
	slices.Sort(s.Rounds)
	return s
}

// restore makes the chain what a snapshot says.
func (n *Node) restore(s *snapshot) error {
	restored := newState(n.sign)
	restored.oldest = s.Block
	for _, round := range s.Rounds {
		key, err := n.runtime.Metadata.StorageKey("Drand", "Pulses", round)
		if err != nil {
			return err
		}
		restored.promise(s.Block, key, round)
	}
	for _, item := range s.State {
		pair, err := unhexList(item[:])
		if err != nil {
			return err
		}
		restored.put(s.Block, pair[0], pair[1])
	}
	var c chain
	for _, stored := range s.Blocks {
		b, err := stored.block()
		if err != nil {
			return fmt.Errorf("block %d: %w", stored.Number, err)
		}
		if before := c.at(b.number - 1); before != nil && before.hash != b.parent {
			return fmt.Errorf("block %d does not follow block %d", b.number, before.number)
		}
		b.runtime = n.current
		c.add(b)
	}
	if c.at(s.Block) == nil || c.head != s.Block || c.at(0) == nil || c.at(0).hash != n.runtime.Genesis {
		return fmt.Errorf("the snapshot of block %d ends with block %d, or lacks the genesis", s.Block, c.head)
	}
	c.finalized = s.Block
	n.state, n.chain, n.switches = restored, c, switchesOf(restored.get(s.Block, switchesKey))
	return nil
}

func (s *storedBlock) block() (*block, error) {
	roots, err := unhexList(s.Roots)
	if err != nil || len(roots) != 3 {
		return nil, fmt.Errorf("%d roots: %w", len(roots), err)
	}
	b := &block{number: s.Number}
	for i, to := range []*[32]byte{&b.parent, &b.stateRoot, &b.extrinsicsRoot} {
		if copy(to[:], roots[i]) != len(to) {
			return nil, fmt.Errorf("a root of %d bytes", len(roots[i]))
		}
	}
	if b.digest, err = unhexList(s.Digest); err == nil {
		b.extrinsics, err = unhexList(s.Extrinsics)
	}
	b.seal()
	return b, err
}

func unhexList(texts []string) ([][]byte, error) {
	list := make([][]byte, len(texts))
	for i, text := range texts {
		var err error
		if list[i], err = fromHex(text); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// rewrite puts a file in the journal's place that begins with a snapshot and goes on with
// the blocks since.
func (j *journal) rewrite(s *snapshot) error {
	fresh, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("begin the state file anew: %w", err)
	}
	recent := slices.DeleteFunc(slices.Clone(j.recent), func(e entry) bool { return e.Block <= s.Block })
	lines := append([]entry{j.head, {Snapshot: s}}, recent...)
	if err := writeLines(fresh, append(lines, entry{Reserve: j.reserved})); err != nil {
		return errors.Join(fmt.Errorf("begin the state file anew: %w", err), fresh.Close())
	}
	if err := replaceFile(j.path); err != nil {
		return errors.Join(fmt.Errorf("put the state file in its place: %w", err), fresh.Close())
	}
	old := j.file
	j.file, j.recent, j.compacted = fresh, recent, s.Block
	return old.Close()
}

func writeLines(file *os.File, lines []entry) error {
	encoder := json.NewEncoder(file)
	for _, line := range lines {
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return file.Sync()
}

// replaceFile renames path.new to path, for good once it returns.
func replaceFile(path string) error {
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
