package validator_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/subnet"
)

// check holds the records against the chain at the end of a history.
func (w *simWorld) check() {
	w.checkInclusions()
	newest := subnet.WeightsRecord{}
	for _, rec := range w.table.latest(len(w.table.records)) {
		w.checkRecord(rec)
		if rec.State == subnet.Confirmed && rec.Block > newest.Block {
			newest = rec
		}
	}
	if newest.State == "" {
		if len(w.final().sealed) == 0 {
			w.fail("nothing was ever confirmed, and nothing will be")
		}
		return
	}
	var latest struct{ Record subnet.WeightsRecord }
	if err := json.Unmarshal(w.archive.objects[archive.LatestWeightsKey], &latest); err != nil || latest.Record.Epoch != newest.Epoch {
		w.fail("published are the weights of epoch %d (%v), the newest confirmed are those of epoch %d", latest.Record.Epoch, err, newest.Epoch)
	}
	if string(w.archive.objects[archive.SeedLatestKey]) != string(w.archive.objects[archive.SeedSummaryKey(newest.Block)]) {
		w.fail("the seed's latest document is not that of block %d", newest.Block)
	}
}

// windowOf is the first block of the window of a block, as the setter knows it.
func (w *simWorld) windowOf(b subnet.Block) subnet.Block {
	if !w.plan.hint {
		return b - b%simTempo
	}
	i, begins := slices.BinarySearch(w.epochs, b)
	if !begins {
		i--
	}
	return w.epochs[i]
}

// ours are the inclusions of the setters that the chain took, by block.
func (w *simWorld) ours() []simInclusion {
	var out []simInclusion
	for hash, inc := range w.included {
		if inc.failure == "" && !w.known[hash].foreign {
			out = append(out, inc)
		}
	}
	slices.SortFunc(out, func(a, b simInclusion) int { return int(a.block) - int(b.block) })
	return out
}

func (w *simWorld) checkInclusions() {
	windows, epochs := make(map[subnet.Block]int), make(map[subnet.Block]int)
	var last subnet.Block
	for _, inc := range w.ours() {
		x := w.known[inc.hash]
		rec := w.table.records[x.intent.Epoch]
		windows[w.windowOf(inc.block)]++
		epochs[x.intent.Epoch]++
		if rec.Hash != inc.hash || rec.At != inc.block {
			w.fail("%s was included in block %d, and the record of epoch %d says %+v", inc.hash, inc.block, x.intent.Epoch, rec)
		}
		if rec.Block <= last {
			w.fail("weights scored at block %d are included in block %d, after those of block %d", rec.Block, inc.block, last)
		}
		if inc.block > rec.Block+simTempo+simEra {
			w.fail("weights scored at block %d are included in block %d", rec.Block, inc.block)
		}
		last = rec.Block
	}
	for _, per := range []map[subnet.Block]int{windows, epochs} {
		for first, n := range per {
			if n > 1 {
				w.fail("%d submissions in the window or for the epoch of block %d: %+v", n, first, w.ours())
			}
		}
	}
}

// checkGoesOn: once nothing fails any more weights are set again, whatever has happened.
func (w *simWorld) checkGoesOn() {
	healed := w.final().number - calmEpochs*simTempo
	if !slices.ContainsFunc(w.ours(), func(inc simInclusion) bool { return inc.block > healed }) {
		w.fail("no weights were set after block %d, and nothing failed then", healed)
	}
}

func (w *simWorld) checkRecord(rec subnet.WeightsRecord) {
	running := rec.Epoch == w.windowOf(w.final().number)
	inc, included := w.included[rec.Hash]
	included = included && inc.failure == ""
	switch rec.State {
	case subnet.Confirmed:
		w.checkConfirmed(rec, inc)
	case subnet.Failed:
		w.counts.add("record failed: " + strings.TrimRight(rec.Reason[:strings.IndexAny(rec.Reason+"0", "0123456789:")], " "))
		w.checkFailed(rec, included)
	case subnet.Included:
		waits := slices.ContainsFunc(w.final().sealed, func(c sealedCommit) bool { return c.hash == rec.Hash })
		if !waits && !running {
			w.fail("the record of epoch %d is still included, and nothing is sealed: %+v", rec.Epoch, rec)
		}
	default:
		if !running {
			w.fail("the record of epoch %d is still %s: %+v", rec.Epoch, rec.State, rec)
		}
	}
}

func (w *simWorld) checkConfirmed(rec subnet.WeightsRecord, inc simInclusion) {
	want := make(map[subnet.UID]uint16)
	for _, x := range rec.Weights {
		want[x.UID] = x.Value
	}
	if rec.Round == 0 {
		w.counts.add("record confirmed in the open")
		if strings.HasPrefix(rec.Reason, "they are still stored") {
			w.counts.add("record confirmed after a later update")
		}
		if inc.block != rec.At || !maps.Equal(w.rowAt(rec.Mechanism, rec.At), want) {
			w.fail("confirmed in block %d with %v, the chain has %+v and %v", rec.At, want, inc, w.rowAt(rec.Mechanism, rec.At))
		}
		return
	}
	if rec.RevealAt > 0 {
		w.counts.add("record confirmed after its reveal")
		if o := w.opened[rec.Hash]; o.block != rec.RevealAt || !maps.Equal(o.row, want) {
			w.fail("confirmed as opened in block %d with %v, the chain has %+v", rec.RevealAt, want, o)
		}
		return
	}
	w.counts.add("record confirmed without a known reveal")
	if !slices.ContainsFunc(w.rows, func(r simRow) bool { return r.mechanism == rec.Mechanism && maps.Equal(r.values, want) }) {
		w.fail("confirmed with %v, which the chain never had", want)
	}
}

// checkFailed: none of the bytes that were ever signed for the record may be on chain,
// but for those that others overwrote or that never opened.
func (w *simWorld) checkFailed(rec subnet.WeightsRecord, included bool) {
	if rec.Reason == "" {
		w.fail("the record of epoch %d failed without a reason", rec.Epoch)
	}
	if o, ok := w.opened[rec.Hash]; ok && !strings.HasPrefix(rec.Reason, "nobody can tell") {
		w.fail("the record of epoch %d failed (%s), and the chain opened it: %+v", rec.Epoch, rec.Reason, o)
	}
	overwritten := strings.HasPrefix(rec.Reason, "overwritten") && w.setAfter(rec) ||
		strings.HasPrefix(rec.Reason, "replaced") && w.setAfter(rec) ||
		strings.HasPrefix(rec.Reason, "the chain stores other") && w.openedAfter(rec)
	if included && rec.Round == 0 && !overwritten {
		w.fail("the record of epoch %d failed (%s), and the chain took it in block %d", rec.Epoch, rec.Reason, rec.At)
	}
}

// setAfter says whether weights of the same mechanism were set after the record's.
func (w *simWorld) setAfter(rec subnet.WeightsRecord) bool {
	for hash, inc := range w.included {
		if inc.failure == "" && inc.block > rec.At && w.known[hash].intent.Mechanism == rec.Mechanism {
			return true
		}
	}
	return false
}

// openedAfter says whether older weights, which were sealed, opened on top of the record's.
func (w *simWorld) openedAfter(rec subnet.WeightsRecord) bool {
	for hash, o := range w.opened {
		if o.block > rec.At && w.known[hash].intent.Mechanism == rec.Mechanism {
			return true
		}
	}
	return false
}
