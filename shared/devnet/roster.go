package devnet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// Member is one hotkey of the development subnet: what it committed and how its
// model behaves.
type Member struct {
	Name     string // names its key, //Affine//<Name>, and its slug
	Model    string
	Commit   subnet.Block
	Skill    [3]float64 // share of affine:sat, affine:sat-v2 and affine:abd tasks it solves
	Seed     uint64     // which tasks it solves; a copy has the same seed and skill
	Faults   map[simchutes.Fault]float64
	Cold     bool            // no instance is up
	Unfunded bool            // its chute's owner has no balance
	Serves   subnet.Revision // the chute serves another revision than was committed
	Text     string          // what it committed, where that is not a sound commitment
	Brain    simchutes.Brain // answers instead of the solver
	URL      string          // served by this OpenAI-compatible server instead of the simulation
	ServedAs string          // the model's name at URL
}

// Base block of the development chain: the first block of a window, so that a run
// of half an hour stays within it.
const firstBlock = 500 * subnet.WindowBlocks

// replayMember answers with what CodeLlama-7B really answered to CRUXEval's tasks.
func replayMember(brain simchutes.Brain) Member {
	return Member{Name: "codellama", Model: "recorded/Affine-CodeLlama-7B", Commit: firstBlock - 7_000, Brain: brain}
}

// roster is the development subnet, uid by position: an owner's base model, a clear
// winner that came late, a copy of it, specialists, and miners with every fault that
// a validator meets.
func roster() []Member {
	return []Member{
		{Name: "owner", Model: "affine-owner/Base-4B", Commit: firstBlock - 9_000, Skill: [3]float64{0.90, 0.45, 0.40}, Seed: 1},
		{Name: "otter", Model: "otter/Affine-otter-4B", Commit: firstBlock - 8_500, Skill: [3]float64{0.94, 0.62, 0.55}, Seed: 2},
		{Name: "lion", Model: "lion/Affine-lion-8B", Commit: firstBlock - 4_000, Skill: [3]float64{0.995, 0.95, 0.93}, Seed: 3},
		{Name: "copycat", Model: "copycat/Affine-king-8B", Commit: firstBlock - 900, Skill: [3]float64{0.995, 0.95, 0.93}, Seed: 3},
		{Name: "falcon", Model: "falcon/Affine-sat-expert", Commit: firstBlock - 6_000, Skill: [3]float64{0.93, 0.80, 0.15}, Seed: 4},
		{Name: "shaky", Model: "shaky/Affine-shaky-7B", Commit: firstBlock - 5_000, Skill: [3]float64{0.92, 0.55, 0.50}, Seed: 5, Faults: map[simchutes.Fault]float64{
			simchutes.Busy: 0.06, simchutes.Exhausted: 0.04, simchutes.Flap: 0.03, simchutes.BadGateway: 0.02,
			simchutes.Cut: 0.03, simchutes.ErrorLine: 0.03, simchutes.Reset: 0.01, simchutes.Empty: 0.01, simchutes.BadUTF8: 0.01,
		}},
		{Name: "sleeper", Model: "sleeper/Affine-sleeper", Commit: firstBlock - 3_000, Cold: true},
		{Name: "broke", Model: "broke/Affine-broke", Commit: firstBlock - 3_100, Skill: [3]float64{1, 1, 1}, Seed: 6, Unfunded: true},
		{Name: "swapped", Model: "swapped/Affine-swapped", Commit: firstBlock - 2_000, Serves: "bad0000000000000000000000000000000000000"},
		{Name: "echo", Model: "otter/Affine-otter-4B", Commit: firstBlock - 1_000, Skill: [3]float64{0.94, 0.62, 0.55}, Seed: 2},
		{Name: "garbler", Commit: firstBlock - 2_500, Text: "\xff\xfe{\"model\": \x00"},
	}
}

// envs of Member.Skill, by position.
var skillEnvs = [3]subnet.EnvID{sat.LegacyID, sat.HardID, abd.ID}

func (m Member) revision() subnet.Revision {
	sum := sha256.Sum256([]byte(m.Model))
	return subnet.Revision(hex.EncodeToString(sum[:20]))
}

func (m Member) chuteID() string {
	return fmt.Sprintf("c0ffee00-0000-4000-8000-%012x", uint64(m.Commit)<<8|uint64(len(m.Name)))
}

// text is what stands on chain for the member.
func (m Member) text() []byte {
	if m.Text != "" {
		return []byte(m.Text)
	}
	return fmt.Appendf(nil, `{"model":%q,"revision":%q,"chute_id":%q}`, m.Model, m.revision(), m.chuteID())
}

// key is the member's hotkey. Everybody can derive it.
func (m Member) key() (*keys.Pair, error) {
	pair, err := keys.FromURI(keys.Sr25519, "//Affine//"+m.Name)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", m.Name, err)
	}
	return pair, nil
}

func (m Member) neuron() (chaintest.Neuron, error) {
	pair, err := m.key()
	if err != nil {
		return chaintest.Neuron{}, err
	}
	return chaintest.Neuron{
		Hotkey:   subnet.Hotkey(pair.Address()),
		Revealed: []chaintest.Commitment{{Text: m.text(), Block: m.Commit}},
	}, nil
}

// miner is the member's chute; ok is false for one that has none.
func (m Member) miner() (miner simchutes.Miner, ok bool) {
	if m.Model == "" {
		return miner, false
	}
	miner = simchutes.Miner{
		Slug: m.Name, ChuteID: m.chuteID(), Name: m.Model, Revision: m.revision(), Hot: !m.Cold, Unfunded: m.Unfunded,
		Brain: m.Brain, Seed: m.Seed, Skill: make(map[subnet.EnvID]float64), Faults: m.Faults,
		Latency: simchutes.Latency{Median: 2 * time.Second, Sigma: 0.6},
	}
	if m.Serves != "" {
		miner.Revision = m.Serves
	}
	for i, id := range skillEnvs {
		miner.Skill[id] = m.Skill[i]
	}
	return miner, true
}

// ExternalMember is a miner served by an OpenAI-compatible server at url, the
// i-th of its kind. The server is asked for model by its own name; on chain it has
// one that passes the naming rule.
func ExternalMember(i int, model, url string) Member {
	return Member{
		Name: fmt.Sprintf("external-%d", i), Model: fmt.Sprintf("external/Affine-%d", i),
		Commit: firstBlock - 500 + subnet.Block(i), URL: url, ServedAs: model,
	}
}
