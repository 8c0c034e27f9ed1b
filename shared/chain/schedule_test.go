package chain

import (
	"testing"

	"github.com/affine-go/affine/shared/chain/epoch"
	"github.com/affine-go/affine/shared/subnet"
)

// The calendars agree with the rules that they stand for.
func TestCalendars(t *testing.T) {
	schedule := epoch.Schedule{Head: 1000, LastEpochBlock: 900, SubnetEpochIndex: 7, Tempo: 360}
	for name, test := range map[string]struct {
		plan          plan
		commit        uint64
		reveal, epoch subnet.Block
	}{
		"kept in storage":        {plan{Schedule: schedule, netuid: 120, stateful: true}, 7, 1260, 1260},
		"by the block's number":  {plan{Schedule: schedule, netuid: 120}, (1001 + 121) / 361, 361*4 - 121, 361*4 - 122},
		"opened in one block":    {plan{Schedule: schedule, netuid: 120, once: true}, (1001 + 121) / 361, 361*4 - 122, 361*4 - 122},
		"number of other subnet": {plan{Schedule: schedule, netuid: 0}, 1002 / 361, 361*3 - 1, 361*3 - 2},
	} {
		c := test.plan.calendar()
		reveal, err := c.FirstReveal(1)
		if err != nil || reveal != test.reveal || c.CommitEpoch() != test.commit {
			t.Errorf("%s: commit epoch %d, first reveal %d, %v; want %d, %d", name, c.CommitEpoch(), reveal, err, test.commit, test.reveal)
		}
		if next, err := c.NextEpoch(); err != nil || next != test.epoch {
			t.Errorf("%s: next epoch %d, %v; want %d", name, next, err, test.epoch)
		}
	}
}

// A period of no epochs, or a subnet of no mechanisms, is no state of the chain.
func TestRulesOfNothing(t *testing.T) {
	var r subnet.WeightRules
	for _, it := range rulesItems(120, &r) {
		if it.entry != "RevealPeriodEpochs" && it.entry != "MechanismCountCurrent" {
			continue
		}
		if err := it.into(nil); err != nil || r.RevealPeriod != 1 || r.Mechanisms != 1 {
			t.Errorf("%s absent: %+v, %v; want the default", it.entry, r, err)
		}
		if err := it.into(uint64(0)); err == nil {
			t.Errorf("%s is taken to be 0", it.entry)
		}
		if err := it.into(uint64(1 << 9)); (err == nil) != (it.entry == "RevealPeriodEpochs") {
			t.Errorf("%s is 512: %v", it.entry, err)
		}
		r.RevealPeriod, r.Mechanisms = 1, 1
	}
}
