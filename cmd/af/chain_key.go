package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain/metadata"
)

func newStorageKeyCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "storage-key --metadata FILE < LINES",
		Short: "Compute the keys under which the chain stores its items",
		Long: `Read one JSON object a line from standard input,

  {"pallet": "SubtensorModule", "entry": "Uids", "keys": [120, "5Grwva…"]}

and print {"keyHex"} for each. keys has a value for each key of the item, and may be
left out for an item without any, or be the value itself for an item with one; values
are as for af chain encode.

Other fields are ignored. The first bad line ends the command with exit code 1; the
lines before it are answered by then. A line has at most 1 MiB.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := readMetadata(file)
			if err == nil {
				err = lineByLine{limit: maxCallLine, parallel: 1}.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(),
					func(_ context.Context, line []byte) (any, error) { return storageKeyLine(m, line) })
			}
			if err != nil {
				return fmt.Errorf("chain storage-key: %w", err)
			}
			return nil
		},
	}
	metadataFlag(cmd, &file)
	return cmd
}

// keyLine names one item of the chain's storage.
type keyLine struct {
	Pallet string `json:"pallet"`
	Entry  string `json:"entry"`
	Keys   any    `json:"keys"` // a list, or the only key itself
}

// list is a value for each key.
func (k keyLine) list() []any {
	if keys, ok := k.Keys.([]any); ok || k.Keys == nil {
		return keys
	}
	return []any{k.Keys}
}

// storageKey is the answer to a keyLine.
type storageKey struct {
	KeyHex string `json:"keyHex"`
}

func storageKeyLine(m *metadata.Metadata, line []byte) (storageKey, error) {
	var in keyLine
	if err := parseLine(line, &in); err != nil {
		return storageKey{}, err
	}
	key, err := m.StorageKey(in.Pallet, in.Entry, in.list()...)
	if err != nil {
		return storageKey{}, err
	}
	return storageKey{KeyHex: hexText(key)}, nil
}
