package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

func newCommitmentsCmd() *cobra.Command {
	var o online
	cmd := &cobra.Command{
		Use:   "commitments",
		Short: "List what the subnet's miners have committed, and what became of it",
		Long: `List the commitments of the subnet's registered hotkeys at the newest finalized block.
Where a hotkey has several, the newest that was opened counts, then one in the open.

STATE is
  valid    it can be read; whether its model is served is not looked at
  invalid  it cannot; the reason is given
  sealed   under a timelock that is yet to open: the round and the time are given
  failed   the chain tried to open it and could not: it will never be read

With --json: netuid, block, block_hash and commitments, each with uid, hotkey, state,
block (that opened it, or included it), earlier (how many were opened before) and, as
far as there are any, model, revision, chute_id, reason, text or hex (when it is not
UTF-8), round and opens (a time). A hotkey whose newest commitment is sealed or failed
while an earlier one counts has two entries.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.ask("chain commitments", o.commitments)
	o.tableFlags(cmd)
	return cmd
}

// commitmentDocument is a commitment as --json shows it.
type commitmentDocument struct {
	UID      subnet.UID      `json:"uid"`
	Hotkey   subnet.Hotkey   `json:"hotkey"`
	State    string          `json:"state"`
	Block    subnet.Block    `json:"block"`
	Earlier  int             `json:"earlier"`
	Model    string          `json:"model,omitempty"`
	Revision subnet.Revision `json:"revision,omitempty"`
	ChuteID  string          `json:"chute_id,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Text     string          `json:"text,omitempty"`
	Hex      string          `json:"hex,omitempty"`
	Round    uint64          `json:"round,omitempty"`
	Opens    *time.Time      `json:"opens,omitempty"`
}

// commitmentsDocument is the whole answer.
type commitmentsDocument struct {
	Netuid      subnet.Netuid        `json:"netuid"`
	Block       subnet.Block         `json:"block"`
	BlockHash   string               `json:"block_hash"`
	Commitments []commitmentDocument `json:"commitments"`
}

func (o *online) commitments(ctx context.Context, client *chain.Client, out io.Writer) error {
	all, err := client.Commitments(ctx, o.subnet())
	if err != nil {
		return err
	}
	doc := commitmentsDocument{Netuid: o.subnet(), Block: all.Head.Number, BlockHash: all.Head.Hash, Commitments: []commitmentDocument{}}
	for _, c := range all.Miners {
		doc.Commitments = append(doc.Commitments, describeCommitted(c, all.Beacon)...)
	}
	if o.asJSON {
		return printDocument(out, doc)
	}
	return o.commitmentsTable(out, doc)
}

// describeCommitted lists what counts and what is on its way.
func describeCommitted(c chain.Committed, beacon timelock.Beacon) []commitmentDocument {
	var out []commitmentDocument
	blank := commitmentDocument{UID: c.UID, Hotkey: c.Hotkey}
	if n := len(c.Revealed); n > 0 {
		d := blank
		d.Earlier = n - 1
		out = append(out, d.parsed(c.Revealed[n-1]))
	}
	if c.Problem != "" {
		d := blank
		d.State, d.Reason = "invalid", c.Problem
		out = append(out, d)
	}
	r := c.Record
	if r == nil {
		return out
	}
	blank.Block, blank.Earlier = r.Block, len(c.Revealed)
	if len(c.Revealed) == 0 && r.Plain != nil {
		out = append(out, blank.parsed(subnet.RawCommitment{Text: r.Plain, Block: r.Block}))
	}
	if r.Sealed != nil {
		d := blank
		d.State, d.Round, d.Opens = "sealed", r.Round, opens(beacon, r.Round)
		out = append(out, d)
	}
	if r.Failed {
		d := blank
		d.State, d.Reason = "failed", "the chain could not open the timelock"
		out = append(out, d)
	}
	return out
}

// lastRound bounds the rounds whose time is shown: some thousand years of them. A miner
// may seal to any.
const lastRound = 1 << 34

// opens is when the beacon publishes a round; nil when not in a time that matters.
func opens(beacon timelock.Beacon, round uint64) *time.Time {
	at := beacon.RoundTime(round)
	if round > lastRound || at.Year() > 9999 {
		return nil
	}
	return &at
}

// opening tells a person when a round opens.
func opening(round uint64, at *time.Time) string {
	if at == nil {
		return fmt.Sprintf("round %d, in a far future", round)
	}
	return fmt.Sprintf("round %d, opens %s UTC", round, at.Format(time.DateTime))
}

// parsed reads the text as the validator does.
func (d commitmentDocument) parsed(raw subnet.RawCommitment) commitmentDocument {
	d.Block, d.State = raw.Block, "valid"
	if d.Text = string(raw.Text); !utf8.Valid(raw.Text) {
		d.Text, d.Hex = "", "0x"+hex.EncodeToString(raw.Text)
	}
	c, err := subnet.ParseCommitment(raw.Text, raw.Block)
	if err != nil {
		d.State, d.Reason = "invalid", err.Error()
		return d
	}
	d.Model, d.Revision, d.ChuteID = c.Model, c.Revision, c.ChuteID
	return d
}

func (o *online) commitmentsTable(out io.Writer, doc commitmentsDocument) error {
	counts := make(map[string]int)
	rows := make([][]string, len(doc.Commitments))
	for i, c := range doc.Commitments {
		counts[c.State]++
		what := c.Model
		switch c.State {
		case "sealed":
			what = opening(c.Round, c.Opens)
		case "invalid", "failed":
			what = c.Reason
		}
		rows[i] = []string{strconv.Itoa(int(c.UID)), o.shortHotkey(c.Hotkey), strconv.FormatUint(uint64(c.Block), 10), c.State,
			what, o.shortRevision(c.Revision), c.ChuteID}
	}
	_, err := fmt.Fprintf(out, "Subnet %d at block %d: %d valid, %d invalid, %d sealed, %d failed.\n\n",
		doc.Netuid, doc.Block, counts["valid"], counts["invalid"], counts["sealed"], counts["failed"])
	if err != nil {
		return err
	}
	return printTable(out, o.wide, []column{
		{name: "UID", right: true}, {name: "HOTKEY"}, {name: "BLOCK", right: true}, {name: "STATE"},
		{name: "MODEL OR REASON", most: 44}, {name: "REV"}, {name: "CHUTE", most: 10},
	}, rows)
}
