package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/subnet"
)

// online are the flags of commands that ask a chain.
type online struct {
	at     config.Desk
	netuid uint16
	asJSON bool
	wide   bool
}

// connectFlags adds what says where the chain is.
func (o *online) connectFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.at.Endpoints, "endpoint", nil, "finney, test or a ws(s):// URL; repeat it to name what is asked when the first does not answer (default: SUBTENSOR_ENDPOINT and SUBTENSOR_FALLBACK, else finney)")
	f.StringArrayVar(&o.at.Archive, "archive", nil, "a node that keeps all states, asked for what the others have discarded (default: SUBTENSOR_ARCHIVE, else finney's public ones)")
	f.StringVar(&o.at.Genesis, "genesis", "", "hash of block 0 that the chain must have (default: AFFINE_GENESIS, else that of a network named by --endpoint)")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
}

// subnetFlags adds to connectFlags which subnet is meant.
func (o *online) subnetFlags(cmd *cobra.Command) {
	o.connectFlags(cmd)
	cmd.Flags().Uint16Var(&o.netuid, "netuid", 120, "the subnet")
}

// tableFlags adds to subnetFlags how wide a table may be.
func (o *online) tableFlags(cmd *cobra.Command) {
	o.subnetFlags(cmd)
	cmd.Flags().BoolVar(&o.wide, "wide", false, "cut nothing: hotkeys, names and texts in full length")
}

// dial connects to the chain that the flags and the settings name.
func (o *online) dial(ctx context.Context) (*chain.Client, error) {
	where, err := config.ForDesk(os.LookupEnv, o.at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errUsage)
	}
	return chain.Dial(ctx, chain.Config{
		Endpoints: where.Endpoints, Archive: where.Archive, Genesis: where.Genesis, Poll: time.Second,
		Metadata: chain.NewDescriptions(descriptionsOf(where.Genesis)),
	})
}

// descriptionsOf keeps a public chain's metadata in the user's cache folder. Chains for
// development change theirs without a new spec version.
func descriptionsOf(genesis string) chain.MetadataCache {
	folder, err := os.UserCacheDir()
	if err != nil || !config.Public(genesis) {
		return nil
	}
	return chain.MetadataFolder(filepath.Join(folder, "affine", "metadata"))
}

// ask runs what a command does with the chain; name stands before its errors.
func (o *online) ask(name string, do func(context.Context, *chain.Client, io.Writer) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		client, err := o.dial(cmd.Context())
		if err == nil {
			err = do(cmd.Context(), client, cmd.OutOrStdout())
			_ = client.Close() // nothing is under way any more
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, hinted(cmd.Context(), err))
		}
		return nil
	}
}

// hinted adds to an error what the person can do about it.
func hinted(ctx context.Context, err error) error {
	var hint string
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, chain.ErrUnreachable):
		hint = "is the endpoint right and up? --endpoint names another"
	case errors.Is(err, chain.ErrWrongChain):
		hint = "the endpoint serves another chain than --genesis, AFFINE_GENESIS or the network's name pins"
	case errors.Is(err, chain.ErrDiscarded):
		hint = "--archive names a node that keeps all states"
	case errors.Is(err, chain.ErrNoSubnet):
		hint = "--netuid names another"
	case errors.Is(err, chain.ErrNoMechanism):
		hint = "--mechanism counts from 0"
	default:
		return err
	}
	return fmt.Errorf("%w (%s)", err, hint)
}

func (o *online) subnet() subnet.Netuid { return subnet.Netuid(o.netuid) }

// printDocument prints a value as indented JSON in which nothing can steer a terminal:
// what is not printable is escaped, which JSON readers undo.
func printDocument(w io.Writer, v any) error {
	var text strings.Builder
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escaped(text.String()))
	return err
}

// escaped writes the unprintable characters of a JSON text as \uXXXX. They stand within
// strings only.
func escaped(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}
