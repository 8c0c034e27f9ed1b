package chain

import (
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/epoch"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// calendar foretells when weights that are committed in the next block will be opened.
type calendar interface {
	// CommitEpoch is the epoch to which a commit in the next block will belong.
	CommitEpoch() uint64

	// FirstReveal is the first block that can open it, given the reveal period in epochs.
	FirstReveal(period uint64) (subnet.Block, error)

	// NextEpoch is the block in which the next epoch runs.
	NextEpoch() (subnet.Block, error)
}

// numbered is the calendar of runtimes whose epochs follow from the block's number.
type numbered struct {
	rule epoch.Fixed
	head subnet.Block
}

func (n numbered) CommitEpoch() uint64 { return n.rule.CommitEpoch(n.head) }

func (n numbered) FirstReveal(period uint64) (subnet.Block, error) {
	return n.rule.FirstReveal(n.head, period)
}

func (n numbered) NextEpoch() (subnet.Block, error) { return n.rule.NextEpoch(n.head) }

// stateful says whether the runtime keeps its epochs in storage, as those since about
// spec 425 do. The item that counts them decides, not the version.
func (s *snapshot) stateful() bool {
	_, err := s.Metadata.StorageEntry("SubtensorModule", "SubnetEpochIndex")
	return !errors.Is(err, metadata.ErrUnknown)
}

// once says whether the runtime opens commits in one block only, as it did before the
// calls that name the version of their payload.
func (s *snapshot) once() bool {
	_, _, err := s.Metadata.Call("SubtensorModule", "commit_timelocked_weights")
	return errors.Is(err, metadata.ErrUnknown)
}

// plan gathers what a calendar is made of.
//
// Its StallLimit stays at the longest tempo, the limit of specs 425 to 438; the metadata
// does not tell it. Where a runtime takes the tempo itself, and only for the epoch in
// which the tempo was set anew, an epoch may come up to a tempo earlier than foretold.
// Weights sealed for the later block are still opened, because the chain tries again in
// every block of the reveal's epoch; sealed for the earlier one they would lie open
// before they count.
type plan struct {
	epoch.Schedule
	netuid   subnet.Netuid
	stateful bool
	once     bool
}

// planOf is the plan of a subnet at the snapshot's block, before its items are read.
func (s *snapshot) planOf(netuid subnet.Netuid) plan {
	return plan{Schedule: epoch.Schedule{Head: s.head.Number}, netuid: netuid, stateful: s.stateful(), once: s.once()}
}

// items are the storage items to be read for the plan.
func (p *plan) items() []item {
	of := func(entry string, optional bool, into func(any) error) item {
		return item{pallet: "SubtensorModule", entry: entry, keys: []any{uint16(p.netuid)}, optional: optional, into: into}
	}
	items := []item{of("Tempo", false, number(&p.Tempo))}
	if !p.stateful {
		return items
	}
	return append(items,
		of("SubnetEpochIndex", false, number(&p.SubnetEpochIndex)),
		of("LastEpochBlock", false, number(&p.LastEpochBlock)),
		of("PendingEpochAt", true, number(&p.PendingEpochAt)),
		of("BlocksSinceLastStep", true, number(&p.BlocksSinceLastStep)))
}

// until is the plan as it will be after a later block, if nobody changes it.
func (p plan) until(block subnet.Block) plan {
	for p.Head < block {
		p.Schedule = p.Schedule.Next()
	}
	return p
}

func (p plan) calendar() calendar {
	if p.stateful {
		return p.Schedule
	}
	return numbered{rule: epoch.Fixed{Netuid: p.netuid, Tempo: p.Tempo, Once: p.once}, head: p.Head}
}

// rulesItems are the storage items that hold a subnet's rules for weights. What a
// runtime lacks keeps the pallet's default.
func rulesItems(netuid subnet.Netuid, r *subnet.WeightRules) []item {
	*r = subnet.WeightRules{MaxWeight: 65535, RevealPeriod: 1, CommitVersion: 4, Mechanisms: 1}
	of := func(entry string, into func(any) error) item {
		return item{pallet: "SubtensorModule", entry: entry, keys: []any{uint16(netuid)}, into: into}
	}
	newer := func(it item) item {
		it.optional = true
		return it
	}
	global := func(entry string, into func(any) error) item {
		return item{pallet: "SubtensorModule", entry: entry, optional: true, into: into}
	}
	return []item{
		of("Tempo", number(&r.Tempo)),
		of("WeightsSetRateLimit", number(&r.RateLimit)),
		of("CommitRevealWeightsEnabled", truth(&r.CommitReveal)),
		of("WeightsVersionKey", number(&r.VersionKey)),
		of("MinAllowedWeights", number(&r.MinAllowed)),
		newer(of("MaxWeightsLimit", number(&r.MaxWeight))), // gone from runtimes that fix it
		newer(of("LastEpochBlock", number(&r.LastEpochHint))),
		newer(of("RevealPeriodEpochs", within(number(&r.RevealPeriod), &r.RevealPeriod))),
		newer(of("MechanismCountCurrent", within(number(&r.Mechanisms), &r.Mechanisms))),
		global("CommitRevealWeightsVersion", number(&r.CommitVersion)),
		global("StakeThreshold", number(&r.StakeThreshold)),
	}
}

// within refuses a 0 where the chain has at least 1.
func within[T ~uint8 | ~uint64](into func(any) error, to *T) func(any) error {
	return func(value any) error {
		if err := into(value); err != nil || *to > 0 {
			return err
		}
		return fmt.Errorf("%v, at least 1 is", value)
	}
}
