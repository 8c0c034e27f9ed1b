package part_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// synthetic makes n samples as envrunners would: 256 miners, 8 environments, the
// same plan for all miners, in the order of grading, some 250 ms apart.
type synthetic struct {
	rng    *rand.Rand
	miners []subnet.Task
	skill  []float64
	next   [256][8]uint32
	at     time.Time
	pack   subnet.PackRef
	n      int
}

var synthEnvs = []struct {
	env    subnet.EnvID
	tokens float64
	tasks  int64
}{
	{"affine:sat", 1200, 1 << 20}, {"affine:abd", 600, 23000}, {"affine:ded", 900, 23000}, {"agentgym:alfworld", 2400, 2500},
	{"agentgym:webshop", 1800, 500}, {"agentgym:babyai", 300, 4000}, {"agentgym:sciworld", 2000, 4639}, {"agentgym:textcraft", 700, 550},
}

func newSynthetic() *synthetic {
	s := &synthetic{rng: rand.New(rand.NewPCG(1, 2)), at: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	for uid := range 256 {
		s.skill = append(s.skill, s.rng.Float64())
		s.miners = append(s.miners, subnet.Task{
			Schema: subnet.TaskSchema, Netuid: 120, UID: subnet.UID(uid),
			Hotkey:   subnet.Hotkey("5" + s.text("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 47)),
			Model:    fmt.Sprintf("miner%d/Affine-%s", uid, s.text("0123456789abcdef", 6)),
			Revision: subnet.Revision(s.text("0123456789abcdef", 40)),
			Slug:     fmt.Sprintf("miner%d-affine-%s", uid, s.text("abcdefghijklmnop", 5)),
			Commit:   subnet.Block(6_000_000 + s.rng.IntN(900_000)),
		})
	}
	return s
}

func (s *synthetic) text(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[s.rng.IntN(len(alphabet))])
	}
	return b.String()
}

func (s *synthetic) sample() subnet.Sample {
	m, e := s.rng.IntN(256), s.rng.IntN(8)
	kind := synthEnvs[e]
	s.at = s.at.Add(time.Duration(s.rng.ExpFloat64()*250) * time.Millisecond)
	out := subnet.Sample{Task: s.miners[m], At: s.at, Outcome: subnet.OK}
	out.Env, out.Window, out.Index = kind.env, 700+uint64(s.n/400_000), s.next[m][e]
	s.next[m][e]++
	out.TaskID = subnet.TaskID(uint64(out.Index+uint32(e)*7919) * 0x9e3779b97f4a7c15 % uint64(kind.tasks))
	out.Block = subnet.Block(7_000_000 + s.at.Unix()%10_000_000/12)
	out.Complete = int(kind.tokens * math.Exp(s.rng.NormFloat64()*0.5))
	out.Prompt = int(kind.tokens/2) + s.rng.IntN(200)
	out.Latency = int64(800 + float64(out.Complete)*(8+4*s.rng.Float64()))
	s.judge(&out, s.skill[m])
	s.refer(&out)
	s.n++
	return out
}

func (s *synthetic) judge(out *subnet.Sample, skill float64) {
	switch p := s.rng.Float64(); {
	case p < 0.02:
		out.Outcome, out.Reason, out.Complete, out.Prompt = subnet.Capacity, "429: every instance is at maximum capacity", 0, 0
	case p < 0.03:
		out.Outcome, out.Reason = subnet.TaskTimeout, "no reply within 600 s"
	case s.rng.Float64() < skill:
		out.Score, out.Reason = subnet.ScoreScale, "solved"
	default:
		out.Reason = fmt.Sprintf("clause %d is not satisfied", 1+s.rng.IntN(120))
	}
}

func (s *synthetic) refer(out *subnet.Sample) {
	if s.n%1000 == 0 {
		s.pack = subnet.PackRef{Pack: fmt.Sprintf("conv/v1/dt=%s/er-7f3a9c-%08d.pack", s.at.Format(time.DateOnly), s.n/1000)}
	}
	s.pack.Offset += s.pack.Length
	s.pack.Length = int64(400+out.Complete*2) + int64(s.rng.IntN(200))
	out.Ref = s.pack
}
