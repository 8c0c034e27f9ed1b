package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/subnet"
)

func newMetagraphCmd() *cobra.Command {
	var o online
	cmd := &cobra.Command{
		Use:   "metagraph",
		Short: "List who is registered on the subnet, and what each has committed",
		Long: `List the subnet's neurons at the newest finalized block: uid, hotkey, stake, whether it
may set weights, how many blocks ago it last did, and the model that it committed.

With --json: netuid, block, block_hash and neurons, each with uid, hotkey, stake_rao
(text: it may exceed what JSON readers hold), permit, last_update (a block),
commitment (valid, invalid or none) and, as far as there are any, model, revision,
chute_id, commit_block and reason.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.ask("chain metagraph", o.metagraph)
	o.tableFlags(cmd)
	return cmd
}

// neuronDocument is a neuron as --json shows it.
type neuronDocument struct {
	UID         subnet.UID      `json:"uid"`
	Hotkey      subnet.Hotkey   `json:"hotkey"`
	Stake       string          `json:"stake_rao"`
	Permit      bool            `json:"permit"`
	LastUpdate  subnet.Block    `json:"last_update"`
	Commitment  string          `json:"commitment"`
	Model       string          `json:"model,omitempty"`
	Revision    subnet.Revision `json:"revision,omitempty"`
	ChuteID     string          `json:"chute_id,omitempty"`
	CommitBlock subnet.Block    `json:"commit_block,omitempty"`
	Reason      string          `json:"reason,omitempty"`
}

// metagraphDocument is the whole answer.
type metagraphDocument struct {
	Netuid    subnet.Netuid    `json:"netuid"`
	Block     subnet.Block     `json:"block"`
	BlockHash string           `json:"block_hash"`
	Neurons   []neuronDocument `json:"neurons"`
}

func (o *online) metagraph(ctx context.Context, client *chain.Client, out io.Writer) error {
	mg, err := client.Metagraph(ctx, o.subnet())
	if err == nil && len(mg.Neurons) == 0 {
		err = fmt.Errorf("subnet %d at block %d: %w", o.netuid, mg.Block, chain.ErrNoSubnet)
	}
	if err != nil {
		return err
	}
	doc := metagraphDocument{Netuid: mg.Netuid, Block: mg.Block, BlockHash: mg.BlockHash}
	for _, n := range mg.Neurons {
		doc.Neurons = append(doc.Neurons, describeNeuron(n, mg.Commitments))
	}
	if o.asJSON {
		return printDocument(out, doc)
	}
	return o.metagraphTable(out, doc, mg)
}

func describeNeuron(n subnet.Neuron, commitments map[subnet.Hotkey]subnet.RawCommitment) neuronDocument {
	d := neuronDocument{
		UID: n.UID, Hotkey: n.Hotkey, Stake: strconv.FormatUint(n.Stake, 10), Permit: n.Permit,
		LastUpdate: n.LastUpdate, Commitment: "none",
	}
	raw, committed := commitments[n.Hotkey]
	if !committed {
		return d
	}
	d.CommitBlock = raw.Block
	c, err := raw.Parse()
	if err != nil {
		d.Commitment, d.Reason = "invalid", err.Error()
		return d
	}
	d.Commitment, d.Model, d.Revision, d.ChuteID = "valid", c.Model, c.Revision, c.ChuteID
	return d
}

func (o *online) metagraphTable(out io.Writer, doc metagraphDocument, mg subnet.Metagraph) error {
	permits, committed := 0, 0
	rows := make([][]string, len(doc.Neurons))
	for i, n := range doc.Neurons {
		permit, model := "", n.Model
		if n.Permit {
			permit, permits = "yes", permits+1
		}
		switch n.Commitment {
		case "valid":
			committed++
		case "invalid":
			model = "(" + n.Reason + ")"
		default:
			model = "-"
		}
		rows[i] = []string{strconv.Itoa(int(n.UID)), o.shortHotkey(n.Hotkey), tao(mg.Neurons[i].Stake), permit,
			ago(mg.Block, n.LastUpdate), model, o.shortRevision(n.Revision)}
	}
	_, err := fmt.Fprintf(out, "Subnet %d at block %d: %s, %s to set weights, %s.\n\n",
		doc.Netuid, doc.Block, count(len(rows), "neuron"), count(permits, "permit"), count(committed, "valid commitment"))
	if err != nil {
		return err
	}
	return printTable(out, o.wide, []column{
		{name: "UID", right: true}, {name: "HOTKEY"}, {name: "STAKE TAO", right: true}, {name: "PERMIT"},
		{name: "BLOCKS AGO", right: true}, {name: "MODEL", most: 42}, {name: "REV"},
	}, rows)
}

// tao writes rao, a thousand-millionth of a TAO each.
func tao(rao uint64) string {
	const perTAO = 1_000_000_000
	return fmt.Sprintf("%d.%04d", rao/perTAO, rao%perTAO/100_000)
}

// ago is how many blocks lie between; "never" for block 0.
func ago(now, then subnet.Block) string {
	switch {
	case then == 0:
		return "never"
	case then > now:
		return "0"
	}
	return strconv.FormatUint(uint64(now-then), 10)
}

func (o *online) shortHotkey(h subnet.Hotkey) string {
	if o.wide {
		return string(h)
	}
	return h.Short()
}

func (o *online) shortRevision(r subnet.Revision) string {
	if o.wide {
		return string(r)
	}
	return r.Short()
}
