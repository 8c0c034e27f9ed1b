package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// rowsOptions are the flags of af chain weights.
type rowsOptions struct {
	online
	hotkey    string
	uid       int
	mechanism uint8
}

func newChainWeightsCmd() *cobra.Command {
	var o rowsOptions
	cmd := &cobra.Command{
		Use:   "weights",
		Short: "Show the weights that validators have set, and those sealed until later",
		Long: `Show the weights on chain at the newest finalized block: for every neuron that has set
any, how many blocks ago it did and to whom they go, as shares of 1 in percent; then the
commits under a timelock that the chain has yet to open. --uid or --hotkey shows one
neuron's row in full.

With --json: netuid, mechanism, block, block_hash; rows, each with uid, hotkey,
last_update (a block) and weights (uid, hotkey, value 0 to 65535, share of 1, the largest
first); sealed, each with uid (-1 when it has left the subnet), hotkey, epoch, block,
round, bytes and opens (a time).`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd.Flags().Changed); err != nil {
				return fmt.Errorf("chain weights: %w: %w", err, errUsage)
			}
			return nil
		},
	}
	cmd.RunE = o.ask("chain weights", o.weights)
	o.tableFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.hotkey, "hotkey", "", "only this neuron's, by its address")
	f.IntVar(&o.uid, "uid", -1, "only this neuron's, by its number")
	f.Uint8Var(&o.mechanism, "mechanism", 0, "mechanism of the subnet, counted from 0")
	return cmd
}

func (o *rowsOptions) check(given func(string) bool) error {
	if given("uid") && given("hotkey") {
		return errors.New("--uid and --hotkey exclude one another")
	}
	if given("uid") && (o.uid < 0 || o.uid > 65535) {
		return fmt.Errorf("--uid %d: want 0 to 65535", o.uid)
	}
	if given("hotkey") {
		if _, _, err := keys.ParseAddress(o.hotkey); err != nil {
			return fmt.Errorf("--hotkey %.60q: %w", o.hotkey, err)
		}
	}
	return nil
}

// shareDocument is what one neuron gets of a row.
type shareDocument struct {
	UID    subnet.UID    `json:"uid"`
	Hotkey subnet.Hotkey `json:"hotkey,omitempty"`
	Value  uint16        `json:"value"`
	Share  float64       `json:"share"`
}

// rowDocument is one neuron's row as --json shows it.
type rowDocument struct {
	UID        subnet.UID      `json:"uid"`
	Hotkey     subnet.Hotkey   `json:"hotkey"`
	LastUpdate subnet.Block    `json:"last_update"`
	Weights    []shareDocument `json:"weights"`
}

// sealedDocument is a commit that waits.
type sealedDocument struct {
	UID    int           `json:"uid"`
	Hotkey subnet.Hotkey `json:"hotkey"`
	Epoch  uint64        `json:"epoch"`
	Block  subnet.Block  `json:"block"`
	Round  uint64        `json:"round"`
	Bytes  int           `json:"bytes"`
	Opens  *time.Time    `json:"opens,omitempty"`
}

// rowsDocument is the whole answer.
type rowsDocument struct {
	Netuid    subnet.Netuid    `json:"netuid"`
	Mechanism subnet.Mechanism `json:"mechanism"`
	Block     subnet.Block     `json:"block"`
	BlockHash string           `json:"block_hash"`
	Rows      []rowDocument    `json:"rows"`
	Sealed    []sealedDocument `json:"sealed"`
}

func (o *rowsOptions) weights(ctx context.Context, client *chain.Client, out io.Writer) error {
	rows, err := client.Rows(ctx, o.subnet(), subnet.Mechanism(o.mechanism))
	if err != nil {
		return err
	}
	only, err := o.chosen(rows)
	if err != nil {
		return err
	}
	doc := o.describe(rows, only)
	switch {
	case o.asJSON:
		return printDocument(out, doc)
	case only != nil:
		return o.rowTable(out, doc)
	}
	return o.rowsTable(out, doc)
}

// chosen is the uid that the flags ask for; nil for all.
func (o *rowsOptions) chosen(rows chain.Rows) (*subnet.UID, error) {
	if o.uid < 0 && o.hotkey == "" {
		return nil, nil
	}
	for i, n := range rows.Neurons {
		if i == o.uid || o.hotkey != "" && string(n.Hotkey) == o.hotkey {
			uid := subnet.UID(i)
			return &uid, nil
		}
	}
	if o.hotkey != "" {
		return nil, fmt.Errorf("hotkey %s is not registered on subnet %d", o.hotkey, o.netuid)
	}
	return nil, fmt.Errorf("uid %d: subnet %d has %d neurons", o.uid, o.netuid, len(rows.Neurons))
}

func (o *rowsOptions) describe(rows chain.Rows, only *subnet.UID) rowsDocument {
	doc := rowsDocument{
		Netuid: o.subnet(), Mechanism: subnet.Mechanism(o.mechanism), Block: rows.Head.Number, BlockHash: rows.Head.Hash,
		Rows: []rowDocument{}, Sealed: []sealedDocument{},
	}
	uids := make(map[subnet.Hotkey]int)
	for i, n := range rows.Neurons {
		uids[n.Hotkey] = i
		if only != nil && *only == subnet.UID(i) || only == nil && len(n.Values) > 0 {
			doc.Rows = append(doc.Rows, rowDocument{UID: subnet.UID(i), Hotkey: n.Hotkey, LastUpdate: n.LastUpdate, Weights: shares(rows, n.Values)})
		}
	}
	for _, s := range rows.Sealed {
		uid, here := uids[s.Hotkey]
		if !here {
			uid = -1
		}
		if only == nil || uid == int(*only) {
			doc.Sealed = append(doc.Sealed, sealedDocument{UID: uid, Hotkey: s.Hotkey, Epoch: s.Epoch, Block: s.Block, Round: s.Round, Bytes: s.Bytes, Opens: opens(rows.Beacon, s.Round)})
		}
	}
	return doc
}

// shares lists who gets how much, the largest share first.
func shares(rows chain.Rows, values map[subnet.UID]uint16) []shareDocument {
	out := make([]shareDocument, 0, len(values))
	total := 0.0
	for uid, value := range values {
		d := shareDocument{UID: uid, Value: value}
		if int(uid) < len(rows.Neurons) {
			d.Hotkey = rows.Neurons[uid].Hotkey
		}
		total += float64(value)
		out = append(out, d)
	}
	for i := range out {
		if total > 0 {
			out[i].Share = float64(out[i].Value) / total
		}
	}
	slices.SortFunc(out, func(a, b shareDocument) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.UID, b.UID))
	})
	return out
}

// rowsTable shows the largest shares of every row.
func (o *rowsOptions) rowsTable(out io.Writer, doc rowsDocument) error {
	lines := make([][]string, len(doc.Rows))
	for i, r := range doc.Rows {
		text := ""
		for _, w := range r.Weights {
			text += fmt.Sprintf("%d: %s  ", w.UID, percent(w.Share))
		}
		lines[i] = []string{strconv.Itoa(int(r.UID)), o.shortHotkey(r.Hotkey), ago(doc.Block, r.LastUpdate), strconv.Itoa(len(r.Weights)), text}
	}
	_, err := fmt.Fprintf(out, "%s: weights of %s, and %s.\n\n", doc.where(), count(len(lines), "neuron"), count(len(doc.Sealed), "sealed commit"))
	if err != nil {
		return err
	}
	err = printTable(out, o.wide, []column{
		{name: "UID", right: true}, {name: "HOTKEY"}, {name: "BLOCKS AGO", right: true}, {name: "TO", right: true}, {name: "UID: SHARE", most: 64},
	}, lines)
	if err != nil {
		return err
	}
	return o.sealedTable(out, doc)
}

// rowTable shows one neuron's row.
func (o *rowsOptions) rowTable(out io.Writer, doc rowsDocument) error {
	row := doc.Rows[0]
	lines := make([][]string, len(row.Weights))
	for i, w := range row.Weights {
		lines[i] = []string{strconv.Itoa(int(w.UID)), string(w.Hotkey), strconv.Itoa(int(w.Value)), percent(w.Share)}
	}
	updated := "never updated"
	if row.LastUpdate > 0 {
		updated = fmt.Sprintf("updated %s blocks ago, at block %d", ago(doc.Block, row.LastUpdate), row.LastUpdate)
	}
	_, err := fmt.Fprintf(out, "%s, uid %d (%s):\nweights on %s, %s.\n\n", doc.where(), row.UID, row.Hotkey, count(len(lines), "neuron"), updated)
	if err != nil {
		return err
	}
	err = printTable(out, o.wide, []column{{name: "UID", right: true}, {name: "HOTKEY"}, {name: "VALUE", right: true}, {name: "SHARE", right: true}}, lines)
	if err != nil {
		return err
	}
	return o.sealedTable(out, doc)
}

func (o *rowsOptions) sealedTable(out io.Writer, doc rowsDocument) error {
	if len(doc.Sealed) == 0 {
		return nil
	}
	lines := make([][]string, len(doc.Sealed))
	for i, s := range doc.Sealed {
		uid := "-"
		if s.UID >= 0 {
			uid = strconv.Itoa(s.UID)
		}
		lines[i] = []string{uid, o.shortHotkey(s.Hotkey), strconv.FormatUint(uint64(s.Block), 10), strconv.FormatUint(s.Epoch, 10), opening(s.Round, s.Opens)}
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return err
	}
	return printTable(out, o.wide, []column{{name: "UID", right: true}, {name: "HOTKEY"}, {name: "COMMITTED AT", right: true}, {name: "EPOCH", right: true}, {name: "SEALED TO"}}, lines)
}

func (d rowsDocument) where() string {
	text := fmt.Sprintf("Subnet %d at block %d", d.Netuid, d.Block)
	if d.Mechanism > 0 {
		text += fmt.Sprintf(", mechanism %d", d.Mechanism)
	}
	return text
}

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }
