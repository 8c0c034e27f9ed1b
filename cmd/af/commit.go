package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain/keys/wallet"
	"github.com/affine-go/affine/shared/subnet"
)

// commitOptions are the flags of af commit.
type commitOptions struct {
	online
	model   subnet.Commitment
	keys    hotkeyOptions
	replace bool
	dryRun  bool
	timeout time.Duration
}

func newCommitCmd() *cobra.Command {
	var o commitOptions
	var revision string
	cmd := &cobra.Command{
		Use:   "commit --repo OWNER/NAME --revision SHA [--chute-id ID]",
		Short: "Commit a miner's model on chain, and see it through until it can be read there",
		Long: `Commit a model: sign it with the miner's hotkey, seal it under a timelock of one block as
upstream's tools do, submit it, wait until the chain has opened it and compare what it
reads with what was meant.

Before anything is signed it is checked that the key opens, that the hotkey is
registered, that the names have the form that validators accept, that the commitment
fits the chain and the space which the hotkey has left in this epoch, and that it has
not committed before: a hotkey may commit once, and upstream's validators disqualify
one that does so again. --replace commits all the same.

Running the command again is safe: what this hotkey has under way is waited for, and
what is on chain already is not committed twice.

The key is --keyfile, or the wallet's hotkey --wallet-path/COLDKEY/hotkeys/HOTKEY. The
password of an encrypted one is taken from its BT_PW_ variable, as btcli does, or
asked for at the terminal.

Prints {"success": true, "repo", "revision", "chute_id"} or {"success": false, "error"};
what goes on is told on standard error. --json adds netuid, uid, hotkey,
extrinsic_hash, block (that included it), round (that it was sealed to),
revealed_block and note. The exit code is 0 only when the commitment can be read.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.model.Revision = subnet.Revision(revision)
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.subnetFlags(cmd)
	o.keys.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.model.Model, "repo", "", "the model's repository on Hugging Face")
	f.StringVar(&revision, "revision", "", "the repository's commit, 40 hex digits")
	f.StringVar(&o.model.ChuteID, "chute-id", "", "the chute that serves it; validators of today may do without")
	f.BoolVar(&o.replace, "replace", false, "commit although this hotkey has committed before: upstream disqualifies it for that")
	f.BoolVar(&o.dryRun, "dry-run", false, "check everything and sign, but send nothing")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "give up waiting after this long")
	return cmd
}

// The forms that validators and Hugging Face accept.
var (
	repoForm     = regexp.MustCompile(`^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$`)
	affineName   = regexp.MustCompile(`(?i)^[^/]+/affine`)
	revisionForm = regexp.MustCompile(`^[0-9a-f]{40}$`)
	chuteForm    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// check refuses what no validator would accept.
func (o *commitOptions) check() error {
	switch m := o.model; {
	case !repoForm.MatchString(m.Model):
		return fmt.Errorf("--repo %.120q: want OWNER/NAME", m.Model)
	case !revisionForm.MatchString(string(m.Revision)):
		return fmt.Errorf("--revision %.80q: want a commit's 40 hex digits, in lower case", m.Revision)
	case m.ChuteID != "" && !chuteForm.MatchString(m.ChuteID):
		return fmt.Errorf("--chute-id %.80q: want a UUID in lower case", m.ChuteID)
	case o.timeout <= 0:
		return fmt.Errorf("--timeout %v: want more than 0", o.timeout)
	}
	return o.keys.check()
}

// committedDocument is what af commit prints: the first fields by default, all of them
// with --json.
type committedDocument struct {
	Success  bool            `json:"success"`
	Repo     string          `json:"repo,omitempty"`
	Revision subnet.Revision `json:"revision,omitempty"`
	ChuteID  *string         `json:"chute_id,omitempty"`
	Error    string          `json:"error,omitempty"`
	*commitDetails
}

// commitDetails is what became of the commitment.
type commitDetails struct {
	Netuid   subnet.Netuid `json:"netuid"`
	UID      *subnet.UID   `json:"uid,omitempty"`
	Hotkey   subnet.Hotkey `json:"hotkey,omitempty"`
	Hash     string        `json:"extrinsic_hash,omitempty"`
	Block    subnet.Block  `json:"block,omitempty"`
	Round    uint64        `json:"round,omitempty"`
	Revealed subnet.Block  `json:"revealed_block,omitempty"`
	Note     string        `json:"note,omitempty"`
}

// run commits, and prints what became of it in any case.
func (o *commitOptions) run(ctx context.Context, out, progress io.Writer) error {
	details := &commitDetails{Netuid: o.subnet()}
	err := o.check()
	if err != nil {
		err = fmt.Errorf("%w: %w", err, errUsage)
	} else {
		err = o.commit(ctx, progress, details)
	}
	doc := committedDocument{Success: err == nil}
	if err == nil {
		doc.Repo, doc.Revision, doc.ChuteID = o.model.Model, o.model.Revision, &o.model.ChuteID
	} else {
		doc.Error = oneLine(err)
	}
	if o.asJSON {
		doc.commitDetails = details
	}
	if perr := printLine(out, doc); err == nil && perr != nil {
		return fmt.Errorf("commit: it is on chain, but could not be told: %w", perr)
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// commit opens the key, connects and sees the commitment through.
func (o *commitOptions) commit(ctx context.Context, progress io.Writer, details *commitDetails) error {
	pair, err := o.keys.open(ctx, progress)
	if err != nil {
		return err
	}
	defer pair.Zero()
	details.Hotkey = subnet.Hotkey(pair.Address())
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("gave up after --timeout %v", o.timeout))
	defer cancel()
	client, err := o.dial(ctx)
	if err != nil {
		return hinted(ctx, err)
	}
	defer client.Close()
	c := committer{client: client, model: o.model, netuid: o.subnet(), replace: o.replace, dryRun: o.dryRun, progress: progress, details: details}
	if err := c.prepare(ctx, pair); err != nil {
		return hinted(ctx, err)
	}
	return c.run(ctx)
}

// hotkeyOptions say which key signs.
type hotkeyOptions struct {
	file, wallets, cold, hot string
	named                    func(flag string) bool // given on the command line
}

func (o *hotkeyOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.cold, "coldkey", "", "name of the wallet (default: BT_WALLET_COLD, else default)")
	f.StringVar(&o.hot, "hotkey", "", "name of the wallet's hotkey (default: BT_WALLET_HOT, else default)")
	f.StringVar(&o.wallets, "wallet-path", "", "folder of the wallets (default: ~/.bittensor/wallets)")
	f.StringVar(&o.file, "keyfile", "", "the hotkey's file itself, in place of a wallet's")
	o.named = f.Changed
}

func (o *hotkeyOptions) check() error {
	if o.file != "" && (o.named("coldkey") || o.named("hotkey") || o.named("wallet-path")) {
		return errors.New("--keyfile and a wallet's --coldkey, --hotkey and --wallet-path exclude one another")
	}
	return nil
}

// path is where the key lies.
func (o *hotkeyOptions) path() (string, error) {
	if o.file != "" {
		return o.file, nil
	}
	dir := o.wallets
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("--wallet-path is needed: %w", err)
		}
		dir = filepath.Join(home, ".bittensor", "wallets")
	}
	return wallet.Path(dir, orSetting(o.cold, "BT_WALLET_COLD"), orSetting(o.hot, "BT_WALLET_HOT"))
}

// orSetting is the flag's text, else the setting's, else the name that btcli takes.
func orSetting(given, setting string) string {
	if given != "" {
		return given
	}
	if text := os.Getenv(setting); text != "" {
		return text
	}
	return "default"
}
