package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/leaderboard"
	"github.com/affine-go/affine/shared/subnet"
)

func newStatusCmd() *cobra.Command {
	var o online
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which chain answers, where it stands, and the subnet's rules for weights",
		Long: `Show which chain the endpoint serves, its runtime, its newest blocks and how long an
answer takes, and at the newest finalized block the subnet's epoch and its rules for
setting weights.

With --json: endpoint (the one that answered), latency_ms, chain, node, genesis,
spec_name, spec_version; finalized and best, each with number and hash; time (the
finalized block's); netuid, neurons, block_time_ms, tempo; epoch with index,
next_block, blocks_left and seconds_left (null for a subnet that runs none); rules with
rate_limit, commit_reveal, reveal_period, commit_version, version_key, min_allowed,
max_weight, mechanisms and stake_threshold_rao (text).`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.ask("chain status", o.status)
	o.subnetFlags(cmd)
	return cmd
}

// headDocument is a block as --json shows it.
type headDocument struct {
	Number subnet.Block `json:"number"`
	Hash   string       `json:"hash"`
}

// epochDocument is where the subnet is in its epoch.
type epochDocument struct {
	Index       uint64       `json:"index"`
	Next        subnet.Block `json:"next_block"`
	BlocksLeft  subnet.Block `json:"blocks_left"`
	SecondsLeft float64      `json:"seconds_left"`
}

// rulesDocument is what binds whoever sets weights.
type rulesDocument struct {
	RateLimit      uint64 `json:"rate_limit"`
	CommitReveal   bool   `json:"commit_reveal"`
	RevealPeriod   uint64 `json:"reveal_period"`
	CommitVersion  uint16 `json:"commit_version"`
	VersionKey     uint64 `json:"version_key"`
	MinAllowed     uint16 `json:"min_allowed"`
	MaxWeight      uint16 `json:"max_weight"`
	Mechanisms     uint8  `json:"mechanisms"`
	StakeThreshold string `json:"stake_threshold_rao"`
}

// statusDocument is the whole answer.
type statusDocument struct {
	Chain       string         `json:"chain"`
	Node        string         `json:"node"`
	Genesis     string         `json:"genesis"`
	SpecName    string         `json:"spec_name"`
	SpecVersion uint32         `json:"spec_version"`
	Endpoint    string         `json:"endpoint"`
	Latency     float64        `json:"latency_ms"`
	Finalized   headDocument   `json:"finalized"`
	Best        headDocument   `json:"best"`
	Time        time.Time      `json:"time"`
	Netuid      subnet.Netuid  `json:"netuid"`
	Neurons     uint16         `json:"neurons"`
	BlockTime   int64          `json:"block_time_ms"`
	Tempo       uint16         `json:"tempo"`
	Epoch       *epochDocument `json:"epoch"`
	Rules       rulesDocument  `json:"rules"`
}

func (o *online) status(ctx context.Context, client *chain.Client, out io.Writer) error {
	s, err := client.Status(ctx, o.subnet())
	if err != nil {
		return err
	}
	endpoint, latency, err := client.Latency(ctx)
	if err != nil {
		return err
	}
	doc := describeStatus(o.subnet(), s)
	doc.Endpoint, doc.Latency = endpoint, float64(latency.Microseconds())/1000
	if o.asJSON {
		return printDocument(out, doc)
	}
	return doc.print(out, s.Rules.BlockTime)
}

func describeStatus(netuid subnet.Netuid, s chain.Status) statusDocument {
	r := s.Rules
	doc := statusDocument{
		Chain: s.Chain, Node: s.Node, Genesis: s.Genesis, SpecName: s.SpecName, SpecVersion: s.SpecVersion,
		Finalized: headDocument(s.Finalized), Best: headDocument(s.Best), Time: s.Time,
		Netuid: netuid, Neurons: s.Neurons, BlockTime: r.BlockTime.Milliseconds(), Tempo: r.Tempo,
		Rules: rulesDocument{
			RateLimit: r.RateLimit, CommitReveal: r.CommitReveal, RevealPeriod: r.RevealPeriod, CommitVersion: r.CommitVersion,
			VersionKey: r.VersionKey, MinAllowed: r.MinAllowed, MaxWeight: r.MaxWeight, Mechanisms: r.Mechanisms,
			StakeThreshold: fmt.Sprint(r.StakeThreshold),
		},
	}
	if s.NextEpoch > s.Finalized.Number {
		left := s.NextEpoch - s.Finalized.Number
		doc.Epoch = &epochDocument{Index: s.Epoch, Next: s.NextEpoch, BlocksLeft: left, SecondsLeft: (time.Duration(left) * r.BlockTime).Seconds()}
	}
	return doc
}

// print writes a line for each thing worth knowing.
func (d statusDocument) print(out io.Writer, blockTime time.Duration) error {
	r := d.Rules
	weights := "in the open (set_weights)"
	if r.CommitReveal {
		weights = fmt.Sprintf("under a timelock (commit-reveal), opened %s later, version %d", count(r.RevealPeriod, "epoch"), r.CommitVersion)
	}
	ceiling := "none"
	if r.MaxWeight < 65535 {
		ceiling = fmt.Sprintf("%d of 65535", r.MaxWeight)
	}
	for _, line := range [][2]string{
		{"endpoint", fmt.Sprintf("%s, answers in %.1f ms", d.Endpoint, d.Latency)},
		{"node", d.Node},
		{"chain", d.Chain},
		{"genesis", d.Genesis},
		{"runtime", fmt.Sprintf("%s, spec version %d", d.SpecName, d.SpecVersion)},
		{"finalized", fmt.Sprintf("%d %s", d.Finalized.Number, d.Finalized.Hash)},
		{"", fmt.Sprintf("of %s UTC", d.Time.Format(time.DateTime))},
		{"best", fmt.Sprintf("%d %s", d.Best.Number, d.Best.Hash)},
		{"block time", blockTime.String()},
		{"subnet", fmt.Sprintf("%d with %s and %s", d.Netuid, count(d.Neurons, "neuron"), count(r.Mechanisms, "mechanism"))},
		{"tempo", fmt.Sprintf("%d blocks", d.Tempo)},
		{"epoch", d.Epoch.String()},
		{"weights", weights},
		{"rate limit", fmt.Sprintf("%d blocks between two submissions (%s)", r.RateLimit, minutes(time.Duration(r.RateLimit)*blockTime))},
		{"version key", fmt.Sprintf("%d at least", r.VersionKey)},
		{"entries", fmt.Sprintf("%d at least; ceiling of one: %s", r.MinAllowed, ceiling)},
		{"stake", fmt.Sprintf("%s rao at least", r.StakeThreshold)},
	} {
		if _, err := fmt.Fprintf(out, "%-11s  %s\n", line[0], leaderboard.Printable(line[1])); err != nil {
			return err
		}
	}
	return nil
}

// String tells the index and when it ends.
func (e *epochDocument) String() string {
	if e == nil {
		return "none: the subnet runs no epochs"
	}
	return fmt.Sprintf("%d; the next begins at block %d, in %d blocks (%s)", e.Index, e.Next, e.BlocksLeft,
		minutes(time.Duration(e.SecondsLeft*float64(time.Second))))
}

// minutes writes a duration as a person would, to a tenth of a minute.
func minutes(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f min", d.Minutes())
}

// count writes how many there are, with the word in the plural but for one.
func count[T ~int | ~uint8 | ~uint16 | ~uint64](n T, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
