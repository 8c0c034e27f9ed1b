package chaintest

// maxTempo is for how long an epoch can be overdue before it runs whatever the schedule
// says (MAX_TEMPO of SubtensorModule).
const maxTempo = 50_400

// schedule is where a subnet stands in its epochs.
type schedule struct {
	kept    bool // in storage, as Subtensor's runtimes do since spec 425; before, the block's number alone says
	netuid  uint64
	tempo   uint64
	last    uint64 // block of the last epoch
	pending uint64 // block for which an epoch was set; 0 for none
	since   uint64 // blocks since the last epoch ran
	index   uint64 // epochs so far
}

// schedule reads a subnet's as it stands now.
func (x *execution) schedule(netuid uint16) (schedule, error) {
	r := &reader{node: x.node, at: x.number}
	s := schedule{
		kept: x.node.keeps(x.number, "SubnetEpochIndex"), netuid: uint64(netuid),
		tempo: value[uint64](r, "Tempo", netuid), since: value[uint64](r, "BlocksSinceLastStep", netuid),
	}
	if s.kept {
		s.last = value[uint64](r, "LastEpochBlock", netuid)
		s.pending = value[uint64](r, "PendingEpochAt", netuid)
		s.index = value[uint64](r, "SubnetEpochIndex", netuid)
	}
	return s, r.err
}

// due says whether an epoch runs in a block.
func (s schedule) due(block uint64) bool {
	switch {
	case s.tempo == 0:
		return false
	case !s.kept:
		return (block+s.netuid+1)%(s.tempo+1) == s.tempo
	case s.pending > 0 && block >= s.pending:
		return true
	}
	return s.since > maxTempo || block >= s.last+s.tempo
}

// reveals is the epoch to which the chain counts a block when it opens what was sealed.
func (s schedule) reveals(block uint64) uint64 {
	switch {
	case !s.kept:
		return (block + s.netuid + 1) / (s.tempo + 1)
	case s.due(block):
		return s.index + 1
	}
	return s.index
}

// commits is the epoch to which belongs what is sealed in a block. Where the block's
// number alone says, that is the next one already in the block in which an epoch runs,
// the last of its number.
func (s schedule) commits(block uint64) uint64 {
	if !s.kept && s.due(block) {
		return s.reveals(block) + 1
	}
	return s.reveals(block)
}

// turnEpoch is what the chain's coinbase does to the schedule.
func (x *execution) turnEpoch() error {
	netuid := uint16(x.node.cfg.Netuid)
	s, err := x.schedule(netuid)
	if err != nil {
		return err
	}
	s.since++
	due := s.due(x.number)
	if due {
		s.since = 0
	}
	if err := x.put("SubtensorModule", "BlocksSinceLastStep", s.since, netuid); err != nil || !due {
		return err
	}
	items := map[string]uint64{"LastMechansimStepBlock": x.number}
	if s.kept {
		items["SubnetEpochIndex"], items["LastEpochBlock"], items["PendingEpochAt"] = s.index+1, x.number, 0
	}
	for entry, value := range items {
		if err := x.put("SubtensorModule", entry, value, netuid); err != nil {
			return err
		}
	}
	return nil
}
