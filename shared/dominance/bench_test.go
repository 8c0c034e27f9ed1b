package dominance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/affine-go/affine/shared/subnet"
)

// population is a metagraph of miners with distinct blocks and skills that differ
// by miner and environment, in tallies of 200 to 250 samples.
func population(miners, envs int) (Input, *ledger) {
	random := rand.New(rand.NewPCG(120, uint64(miners*envs)))
	in := Input{}
	l := &ledger{envs: envs}
	for e := range envs {
		in.Envs = append(in.Envs, subnet.EnvID(fmt.Sprintf("affine:%02d", e)))
	}
	for uid := range miners {
		hotkey := subnet.Hotkey(fmt.Sprintf("5Hotkey%03d", uid))
		in.Hotkeys = append(in.Hotkeys, hotkey)
		block := subnet.Block(1000 + random.IntN(100_000))
		l.heads = append(l.heads, head{model: "acme/Affine", revision: "rev1", active: true, first: block})
		skill := 0.3 + 0.5*random.Float64()
		for range envs {
			n := MinSamples + random.IntN(SampleCap-MinSamples+1)
			p := min(1, max(0, skill+0.3*(random.Float64()-0.5)))
			l.tallies = append(l.tallies, tally{count: n, sum: int64(p*float64(n)) * unit, first: block})
		}
	}
	in.Queryable = in.Hotkeys
	return in, l
}

// records spells a ledger out as samples, miner by miner.
func records(in Input, l *ledger) []Record {
	var list []Record
	for uid, hotkey := range in.Hotkeys {
		for e, env := range in.Envs {
			t := l.tallies[uid*l.envs+e]
			for i := range t.count {
				r := Record{Hotkey: hotkey, Model: "acme/Affine", Revision: "rev1", Env: env, Block: &l.heads[uid].first}
				if int64(i) < t.sum/unit {
					r.Score = 1
				}
				list = append(list, r)
			}
		}
	}
	return list
}

func benchmarkJudge(b *testing.B, envs int) {
	b.Helper()
	in, l := population(256, envs)
	b.ReportAllocs()
	start := processorTime(b)
	for b.Loop() {
		judge(in, l)
	}
	b.ReportMetric(float64((processorTime(b)-start).Microseconds())/1e3/float64(b.N), "cpu-ms/op")
}

// processorTime is what this process has used so far: on a busy machine the figure
// to keep.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// From per-miner, per-environment tallies to weights, intervals included.
func BenchmarkSeed256x4(b *testing.B)  { benchmarkJudge(b, 4) }
func BenchmarkSeed256x8(b *testing.B)  { benchmarkJudge(b, 8) }
func BenchmarkSeed256x12(b *testing.B) { benchmarkJudge(b, 12) }
func BenchmarkSeed256x16(b *testing.B) { benchmarkJudge(b, 16) }

// BenchmarkLedger256x8 reads the samples that BenchmarkSeed256x8 starts from.
func BenchmarkLedger256x8(b *testing.B) {
	in, l := population(256, 8)
	in.Samples = records(in, l)
	b.ReportAllocs()
	for b.Loop() {
		readLedger(in)
	}
	b.ReportMetric(float64(len(in.Samples))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
}

// BenchmarkTies256x8 is the worst case: nobody has enough samples, so that every
// duel is a tie and everybody is on every frontier.
func BenchmarkTies256x8(b *testing.B) {
	in, l := population(256, 8)
	for i := range l.tallies {
		l.tallies[i].count, l.tallies[i].sum = 150, l.tallies[i].sum/2
	}
	for b.Loop() {
		judge(in, l)
	}
}

// BenchmarkAgainstNaive compares points formed over the lattice with points formed
// pair by pair and set by set, on the same tallies.
func BenchmarkAgainstNaive(b *testing.B) {
	in, l := population(256, 8)
	v := judge(in, l)
	b.Run("lattice", func(b *testing.B) {
		for b.Loop() {
			for uid := range v.Miners {
				clear(v.Miners[uid].LayerPoints)
				v.Miners[uid].Points = 0
			}
			v.score()
		}
	})
	b.Run("naive", func(b *testing.B) {
		for b.Loop() {
			naivePoints(&v)
		}
	})
}
