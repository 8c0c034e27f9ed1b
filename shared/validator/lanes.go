package validator

import "slices"

// lanes decides whose task is attempted next: one lane per miner, served in turn,
// at most perMiner of a miner's tasks at once and at most total in all. A slow or
// failing miner fills its own lane and nobody else's. It is not safe for
// concurrent use; the runner's dispatcher owns it.
type lanes struct {
	total, perMiner int
	running         int
	busy            map[string]int    // group → attempts under way
	waiting         map[string][]*job // group → jobs in order of arrival
	turn            []string          // groups with waiting jobs, next to be served first
}

func newLanes(total, perMiner int) *lanes {
	return &lanes{total: total, perMiner: perMiner, busy: make(map[string]int), waiting: make(map[string][]*job)}
}

// push puts a job at the end of its miner's lane.
func (l *lanes) push(j *job) {
	g := j.delivery.Group
	if len(l.waiting[g]) == 0 {
		l.turn = append(l.turn, g)
	}
	l.waiting[g] = append(l.waiting[g], j)
}

// next takes the job to start now, or nil when every slot or every waiting miner's
// share is in use. The caller must call done with it later.
func (l *lanes) next() *job {
	if l.running >= l.total {
		return nil
	}
	k := slices.IndexFunc(l.turn, func(g string) bool { return l.busy[g] < l.perMiner })
	if k < 0 {
		return nil
	}
	g := l.turn[k]
	l.turn = slices.Delete(l.turn, k, k+1)
	lane := l.waiting[g]
	j := lane[0]
	if lane = lane[1:]; len(lane) == 0 {
		delete(l.waiting, g)
	} else {
		l.waiting[g] = lane
		l.turn = append(l.turn, g)
	}
	l.busy[g]++
	l.running++
	return j
}

// done gives a job's slot back.
func (l *lanes) done(j *job) {
	g := j.delivery.Group
	l.running--
	if l.busy[g]--; l.busy[g] == 0 {
		delete(l.busy, g)
	}
}

// clear takes out all waiting jobs.
func (l *lanes) clear() []*job {
	var out []*job
	for _, g := range l.turn {
		out = append(out, l.waiting[g]...)
	}
	l.turn, l.waiting = nil, make(map[string][]*job)
	return out
}
