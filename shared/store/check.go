package store

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/affine-go/affine/shared/subnet"
)

// ErrUnstorable is wrapped for a row that no implementation takes. Repeating the
// write is of no use.
var ErrUnstorable = errors.New("store: row cannot be stored")

// ErrFull is wrapped when the disk is full. Nothing of the write was stored.
var ErrFull = errors.New("store: the disk is full")

const (
	// MaxSampleText bounds each text of a sample's row, in bytes, besides its Reason.
	// It is far above what a commitment may carry (256 for the model).
	MaxSampleText = 512

	// MaxName bounds the texts of a key, in bytes: DynamoDB's partition keys end at
	// 2,048, a shelf has three of them, and escaping may treble each.
	MaxName = 200

	// MaxDoc bounds a miner, a plan or a weights record, in bytes of its JSON: a
	// DynamoDB item ends at 400 KiB.
	MaxDoc = 380 << 10
)

// text is one text of a row with the bound on its length.
type text struct {
	name, value string
	limit       int
}

// checkTexts refuses texts that are too long or not UTF-8: a table that stores text
// would change their bytes, and two keys might become one.
func checkTexts(texts ...text) error {
	for _, t := range texts {
		if len(t.value) > t.limit {
			return fmt.Errorf("%w: %s has %d bytes, at most %d", ErrUnstorable, t.name, len(t.value), t.limit)
		}
		if !utf8.ValidString(t.value) {
			return fmt.Errorf("%w: %s is not UTF-8: %q", ErrUnstorable, t.name, t.value)
		}
	}
	return nil
}

func checkOrdinal(name string, n uint64) error {
	if n > MaxOrdinal {
		return fmt.Errorf("%w: %s %d, at most %d", ErrUnstorable, name, n, MaxOrdinal)
	}
	return nil
}

// CheckSample refuses what no table takes: a sample that fails its own Check, or
// one whose texts or numbers have no place in a row.
func CheckSample(s subnet.Sample) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnstorable, err)
	}
	if s.Latency < 0 || s.Prompt < 0 || s.Complete < 0 || s.Ref.Offset < 0 || s.Ref.Length < 0 {
		return fmt.Errorf("%w: sample %s: a latency, token count or pack reference is negative", ErrUnstorable, s.ID)
	}
	if err := checkOrdinal("window", s.Window); err != nil {
		return err
	}
	return checkTexts(
		text{"hotkey", string(s.Hotkey), MaxName},
		text{"revision", string(s.Revision), MaxName},
		text{"env", string(s.Env), MaxName},
		text{"model", s.Model, MaxSampleText},
		text{"slug", s.Slug, MaxSampleText},
		text{"outcome", string(s.Outcome), MaxName},
		text{"reason", s.Reason, subnet.MaxReason},
		text{"pack", s.Ref.Pack, MaxSampleText},
	)
}

// CheckMiner refuses a miner without a hotkey, or one whose texts JSON would change.
// It also levels CommitBlock and Commitment.Block, which are one fact: whichever is
// zero takes the other's value.
func CheckMiner(m subnet.Miner) (subnet.Miner, error) {
	if m.Hotkey == "" {
		return m, fmt.Errorf("%w: miner has no hotkey", ErrUnstorable)
	}
	if m.CommitBlock == 0 {
		m.CommitBlock = m.Commitment.Block
	}
	if m.Commitment.Block == 0 {
		m.Commitment.Block = m.CommitBlock
	}
	if m.Commitment.Block != m.CommitBlock {
		return m, fmt.Errorf("%w: miner %s: commit block %d, but its commitment says %d",
			ErrUnstorable, m.Hotkey, m.CommitBlock, m.Commitment.Block)
	}
	texts := []text{
		{"hotkey", string(m.Hotkey), MaxName},
		{"model", m.Model, MaxDoc},
		{"revision", string(m.Revision), MaxDoc},
		{"chute id", m.ChuteID, MaxDoc},
		{"slug", m.Slug, MaxDoc},
		{"state", string(m.State), MaxDoc},
		{"reason", m.Reason, MaxDoc},
	}
	for e, p := range m.Progress {
		texts = append(texts, text{"env", string(e), MaxName}, text{"progress revision", string(p.Revision), MaxDoc})
	}
	return m, checkTexts(texts...)
}

// CheckPlan refuses a plan whose window or environments have no place in a row.
func CheckPlan(p subnet.WindowPlan) error {
	for e := range p.Cursor {
		if err := checkTexts(text{"env", string(e), MaxName}); err != nil {
			return err
		}
	}
	return checkOrdinal("window", p.Window)
}

// CheckWeights refuses a weights record whose epoch or texts have no place in a row.
func CheckWeights(r subnet.WeightsRecord) error {
	if err := checkOrdinal("epoch", uint64(r.Epoch)); err != nil {
		return err
	}
	texts := []text{
		{"block hash", r.BlockHash, MaxDoc},
		{"mode", r.Mode, MaxDoc},
		{"why", r.Why, MaxDoc},
		{"state", string(r.State), MaxDoc},
		{"reason", r.Reason, MaxDoc},
		{"extrinsic", r.Extrinsic, MaxDoc},
		{"extrinsic hash", r.Hash, MaxDoc},
	}
	for _, w := range r.Weights {
		texts = append(texts, text{"hotkey", string(w.Hotkey), MaxName})
	}
	return checkTexts(texts...)
}

// CheckLease refuses names that have no place in a key, and a lease without an
// owner.
func CheckLease(name, owner string) error {
	if name == "" || owner == "" {
		return fmt.Errorf("%w: a lease needs a name and an owner", ErrUnstorable)
	}
	return checkTexts(text{"lease name", name, MaxName}, text{"lease owner", owner, MaxName})
}

// CheckDoc refuses the JSON of a row that is larger than a table takes.
func CheckDoc(doc []byte) error {
	if len(doc) > MaxDoc {
		return fmt.Errorf("%w: %d bytes of JSON, at most %d", ErrUnstorable, len(doc), MaxDoc)
	}
	return nil
}
