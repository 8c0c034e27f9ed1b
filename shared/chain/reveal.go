package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// Revealed says what became of weights that were committed under a timelock: still
// sealed, opened in a block, or gone without having been opened.
//
// The block is the one in which the chain let go of the sealed bytes. It is looked for
// where it was due and after, and by halving the blocks from the commit to the finalized
// head, so a reveal that came early or late is found in some ten steps too. The event
// TimelockedWeightsRevealed in that block tells a reveal from a loss: what is wrong with
// a commit the chain does not tell.
//
// Where the state that would tell has been discarded, and no archive endpoint keeps it,
// the answer is Unknown; the Row of the oldest block that is kept may tell more.
func (c *Client) Revealed(ctx context.Context, commit subnet.TimelockCommit) (subnet.Reveal, error) {
	account, _, err := keys.ParseAddress(string(commit.Hotkey))
	if err != nil {
		return subnet.Reveal{}, fmt.Errorf("chain: reveal of %q: %w", commit.Hotkey, err)
	}
	head, err := c.snapshot(ctx)
	if err != nil {
		return subnet.Reveal{}, err
	}
	r := reveals{TimelockCommit: commit, account: account, index: commit.Mechanism.Index(commit.Netuid)}
	sealed, err := r.sealed(ctx, head)
	if err != nil || sealed {
		return subnet.Reveal{Waiting: sealed}, err
	}
	at, exact, err := r.search(ctx, head)
	if err != nil {
		return subnet.Reveal{}, err
	}
	out := subnet.Reveal{Unknown: !exact}
	if exact {
		opened, err := r.opened(ctx, at)
		switch {
		case errors.Is(err, ErrDiscarded):
			out.Unknown = true
		case err != nil:
			return subnet.Reveal{}, err
		case opened:
			out.Block = at.head.Number
		default:
			at = head
		}
	}
	out.Row, err = at.weights(ctx, r.index, commit.UID)
	return out, err
}

// reveals follows one commit.
type reveals struct {
	subnet.TimelockCommit
	account [32]byte
	index   uint16
}

// queues are the storage items that hold sealed weights, the newest first; the older ones
// have been emptied into it where it is there. Each maps mechanism and epoch to commits.
var queues = []string{"TimelockedWeightCommits", "CRV3WeightCommitsV2", "CRV3WeightCommits"}

// openings are the events of weights that have been opened, as runtimes call them.
var openings = []string{"TimelockedWeightsRevealed", "CRV3WeightsRevealed"}

// maxEpochs bounds the epochs whose commits are looked through: the chain keeps those of
// the longest reveal period and the running one.
const maxEpochs = 128

// sealed says whether the chain held the commit, unopened, after the snapshot's block.
func (r *reveals) sealed(ctx context.Context, s *snapshot) (bool, error) {
	for _, queue := range queues {
		prefix, err := s.Metadata.StoragePrefix("SubtensorModule", queue, r.index)
		if errors.Is(err, metadata.ErrUnknown) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("chain: key of %s: %w", queue, err)
		}
		names, err := s.keysUnder(ctx, toHex(prefix), maxEpochs)
		if err != nil {
			return false, err
		}
		return r.among(ctx, s, queue, names)
	}
	return false, fmt.Errorf("chain: the runtime keeps no timelocked weights: %w", metadata.ErrUnknown)
}

// among looks for the commit in the epochs' queues, one at a time: 256 hotkeys with ten
// commits each, the most that the chain keeps, fill an answer of 26 MB as hex, and two
// such would be longer than Config.MaxMessage.
func (r *reveals) among(ctx context.Context, s *snapshot, queue string, names []string) (bool, error) {
	for _, name := range names {
		values, err := s.query(ctx, []string{name})
		if err != nil {
			return false, err
		}
		for key, raw := range values {
			found, err := r.within(s, queue, raw)
			if err != nil {
				return false, fmt.Errorf("chain: %s at block %d, key %s: %w: %w", queue, s.head.Number, key, ErrAnswer, err)
			}
			if found {
				return true, nil
			}
		}
	}
	return false, nil
}

// within looks for the commit in the queue of one epoch: (account, block, bytes, round),
// without the block in the oldest form.
func (r *reveals) within(s *snapshot, queue string, raw []byte) (bool, error) {
	value, err := s.Metadata.DecodeStorage("SubtensorModule", queue, raw)
	if err != nil {
		return false, err
	}
	list, ok := value.([]any)
	if !ok {
		return false, fmt.Errorf("a %T instead of a list", value)
	}
	for _, entry := range list {
		found, err := r.is(entry)
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (r *reveals) is(entry any) (bool, error) {
	fields, ok := entry.([]any)
	if !ok || len(fields) < 3 || len(fields) > 4 {
		return false, fmt.Errorf("a commit of another shape: %T", entry)
	}
	who, okWho := fields[0].([]byte)
	round, okRound := fields[len(fields)-1].(uint64)
	at, okAt := fields[1].(uint64)
	if !okWho || !okRound || (len(fields) == 4 && !okAt) {
		return false, fmt.Errorf("a commit of %T, %T and %T", fields[0], fields[1], fields[len(fields)-1])
	}
	same := bytes.Equal(who, r.account[:]) && round == r.Round
	return same && (len(fields) == 3 || subnet.Block(at) == r.At), nil
}

// search finds the first block that no longer held the commit. It is sealed after block
// At and no longer after the head. Where states are discarded, that is the first of the
// blocks that are kept, and not exact.
func (r *reveals) search(ctx context.Context, head *snapshot) (at *snapshot, exact bool, err error) {
	low, high := r.At, head
	if low >= high.head.Number {
		return nil, false, fmt.Errorf("chain: reveal: %w: a commit of block %d is not held at block %d", ErrAnswer, low, high.head.Number)
	}
	exact = true // of block At it is known
	for high.head.Number-low > 1 {
		number := r.probe(low, high.head.Number)
		s, sealed, err := r.held(ctx, head, number)
		switch {
		case errors.Is(err, ErrDiscarded):
			low, exact = number, false
		case err != nil:
			return nil, false, err
		case sealed:
			low, exact = number, true
		default:
			high = s
		}
	}
	return high, exact, nil
}

// held says whether a block older than the head left the commit sealed.
func (r *reveals) held(ctx context.Context, head *snapshot, number subnet.Block) (*snapshot, bool, error) {
	s, err := head.at(ctx, number)
	if err != nil {
		return nil, false, err
	}
	sealed, err := r.sealed(ctx, s)
	return s, sealed, err
}

// probe is the block between low and high to look at next. A reveal comes when it is due
// or, because it waits for its pulse, a few blocks later: from there the steps double.
// Otherwise it is the middle.
func (r *reveals) probe(low, high subnet.Block) subnet.Block {
	guess := r.Due
	switch {
	case low >= r.Due:
		guess = low + max(1, low-r.Due)
	case high == r.Due:
		guess = r.Due - 1
	}
	if low < guess && guess < high {
		return guess
	}
	return low + (high-low)/2
}

// opened says whether the block tells that it opened weights of the hotkey. It tells that
// in the words of the runtime that the block before it left.
func (r *reveals) opened(ctx context.Context, s *snapshot) (bool, error) {
	before, err := s.at(ctx, s.head.Number-1)
	if err != nil {
		return false, err
	}
	key, err := before.Metadata.StorageKey("System", "Events")
	if err != nil {
		return false, fmt.Errorf("chain: key of System.Events: %w", err)
	}
	name := hex.EncodeToString(key)
	values, err := s.query(ctx, []string{"0x" + name})
	if err != nil {
		return false, err
	}
	events, err := before.Metadata.DecodeEvents(values[name])
	if err != nil {
		return false, fmt.Errorf("chain: events of block %d: %w: %w", s.head.Number, ErrAnswer, err)
	}
	for _, e := range events {
		if r.tells(e) {
			return true, nil
		}
	}
	return false, nil
}

// tells says whether the event is of the commit's weights: (index, account).
func (r *reveals) tells(e metadata.Event) bool {
	fields, ok := e.Fields.([]any)
	if e.Pallet != "SubtensorModule" || !ok || len(fields) != 2 {
		return false
	}
	who, _ := fields[1].([]byte)
	return (e.Name == openings[0] || e.Name == openings[1]) && fields[0] == uint64(r.index) && bytes.Equal(who, r.account[:])
}
