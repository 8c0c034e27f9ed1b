package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/leaderboard"
)

// runtimeOptions are the flags of af chain fetch-runtime.
type runtimeOptions struct {
	online
	block, out string
	force      bool
}

func newFetchRuntimeCmd() *cobra.Command {
	var o runtimeOptions
	cmd := &cobra.Command{
		Use:   "fetch-runtime --out FILE",
		Short: "Save the runtime that a chain runs",
		Long: `Save the WebAssembly of a chain's runtime (its storage item ":code") as the newest
finalized block has it, or the block whose hash --at gives: for af dev --runtime and for
comparing runtimes. FILE gets the bytes as they are stored, plain or compressed with
zstd, and appears only when it is complete.

With --json the answer is an object with file, bytes, compressed, blake2_256,
spec_name, spec_version, block, block_hash and genesis.`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if err := o.check(); err != nil {
				return fmt.Errorf("chain fetch-runtime: %w", err)
			}
			return nil
		},
	}
	cmd.RunE = o.ask("chain fetch-runtime", o.fetch)
	o.connectFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.block, "at", "", "hash of the block (default: the newest finalized one)")
	f.StringVar(&o.out, "out", "", "file to write")
	f.BoolVar(&o.force, "force", false, "replace the file if there is one")
	return cmd
}

var blockHash = regexp.MustCompile(`^0x[0-9a-fA-F]{64}$`)

// check refuses what need not be asked for.
func (o *runtimeOptions) check() error {
	switch {
	case o.out == "":
		return fmt.Errorf("--out FILE is missing: %w", errUsage)
	case o.block != "" && !blockHash.MatchString(o.block):
		return fmt.Errorf("--at %.80q: want 0x and 64 hex digits: %w", o.block, errUsage)
	}
	if _, err := os.Lstat(o.out); !o.force && !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = errors.New("it exists already; --force replaces it")
		}
		return fmt.Errorf("--out %s: %w", o.out, err)
	}
	return nil
}

// fetchedRuntime is the answer.
type fetchedRuntime struct {
	File        string `json:"file"`
	Bytes       int    `json:"bytes"`
	Compressed  bool   `json:"compressed"`
	Blake2      string `json:"blake2_256"`
	SpecName    string `json:"spec_name"`
	SpecVersion uint32 `json:"spec_version"`
	Block       uint64 `json:"block"`
	BlockHash   string `json:"block_hash"`
	Genesis     string `json:"genesis"`
}

func (o *runtimeOptions) fetch(ctx context.Context, client *chain.Client, out io.Writer) error {
	code, err := client.Code(ctx, o.block)
	if err != nil {
		return err
	}
	if err := writeWhole(o.out, code.Wasm, o.force); err != nil {
		return fmt.Errorf("writing the runtime: %w", err)
	}
	sum := blake2b.Sum256(code.Wasm)
	a := fetchedRuntime{
		File: o.out, Bytes: len(code.Wasm), Compressed: code.Compressed, Blake2: hexText(sum[:]),
		SpecName: code.SpecName, SpecVersion: code.SpecVersion,
		Block: uint64(code.Head.Number), BlockHash: code.Head.Hash, Genesis: client.Genesis(),
	}
	if o.asJSON {
		return printDocument(out, a)
	}
	form := "plain"
	if a.Compressed {
		form = "compressed"
	}
	_, err = fmt.Fprintf(out, "%s: %d bytes, %s\nruntime     %s\nblake2-256  %s\nblock       %d %s\n",
		a.File, a.Bytes, form, leaderboard.Printable(fmt.Sprintf("%s, spec version %d", a.SpecName, a.SpecVersion)), a.Blake2, a.Block, a.BlockHash)
	return err
}

// writeWhole makes a file that is either complete or not there. Without replace it does
// not touch a file that came to be in the meantime.
func writeWhole(name string, data []byte, replace bool) error {
	part, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // gone already when all went well
	_, err = part.Write(data)
	if err == nil {
		err = part.Chmod(0o644)
	}
	if err == nil {
		err = part.Sync()
	}
	if cerr := part.Close(); err == nil {
		err = cerr
	}
	switch {
	case err != nil:
		return err
	case replace:
		return os.Rename(part.Name(), name)
	}
	return os.Link(part.Name(), name) // fails when name exists, as Rename does not
}
