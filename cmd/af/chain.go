package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain/metadata"
)

// maxCallLine is the longest line that describes a call or a storage key, in bytes.
const maxCallLine = 1 << 20

func newChainCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "chain",
		Short: "Look at the chain, and encode and decode what it exchanges",
		Long: `Look at a chain: status, metagraph, commitments, weights and fetch-runtime ask a node.
Encode and decode what it exchanges: encode, storage-key and decode work offline, from
a file with the runtime's metadata.

The exit code is 0 when a command did what was asked, 1 when it failed, 2 when its
command line is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStatusCmd(), newMetagraphCmd(), newCommitmentsCmd(), newChainWeightsCmd(), newFetchRuntimeCmd())
	cmd.AddCommand(newEncodeCmd(), newStorageKeyCmd(), newDecodeCmd())
	return cmd
}

// metadataFlag adds --metadata.
func metadataFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "metadata", "", "file with the runtime's metadata, version 14, 15 or 16, as bytes or as hex text")
}

// readMetadata reads the metadata in a file: as bytes, or as hex text with or without
// "0x" and with white space anywhere.
func readMetadata(name string) (*metadata.Metadata, error) {
	if name == "" {
		return nil, fmt.Errorf("--metadata FILE is missing: %w", errUsage)
	}
	raw, err := readMetadataFile(name)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	m, err := parseMetadata(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// maxMetadataFile has room for the longest metadata as hex text in short lines.
const maxMetadataFile = 3 * metadata.MaxSize

func readMetadataFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxMetadataFile+1))
	if err == nil && len(raw) > maxMetadataFile {
		err = fmt.Errorf("%s: longer than %d bytes", name, maxMetadataFile)
	}
	return raw, err
}

// parseMetadata tells bytes from text by the word that opens metadata, at most an
// Option's and a length's bytes behind the start; hex text cannot contain it.
func parseMetadata(raw []byte) (*metadata.Metadata, error) {
	if bytes.Contains(raw[:min(len(raw), 16)], []byte("meta")) {
		return metadata.Parse(raw)
	}
	return metadata.ParseText(strings.Join(strings.Fields(string(raw)), ""))
}

// errHex says what is wrong with hex text.
var errHex = errors.New("want pairs of hex digits")

// parseHex reads hex text with or without "0x".
func parseHex(text string) ([]byte, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		return nil, fmt.Errorf("%.24q: %w", text, errHex)
	}
	return b, nil
}

// parseHash reads a block's hash.
func parseHash(name, text string) (hash [32]byte, err error) {
	b, err := parseHex(text)
	if err == nil && len(b) != len(hash) {
		err = fmt.Errorf("%d bytes, want %d", len(b), len(hash))
	}
	if err != nil {
		return hash, fmt.Errorf("%s: %w", name, err)
	}
	return [32]byte(b), nil
}

// hexText is bytes as the chain's tools write them.
func hexText(b []byte) string { return "0x" + hex.EncodeToString(b) }
