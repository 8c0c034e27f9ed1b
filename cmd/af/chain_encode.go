package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
)

func newEncodeCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "encode --metadata FILE < LINES",
		Short: "Encode calls and the payloads that are signed for them",
		Long: `Read one JSON object a line from standard input,

  {"pallet": "SubtensorModule", "call": "set_weights", "args": {…},
   "era": "0x8501", "nonce": 3, "tip": 0, "blockHash": "0x…", "genesis": "0x…"}

and print {"callHex", "payloadHex"} for each. payloadHex is call, extensions and
implicit data; what is signed is that, or its BLAKE2b-256 when it is longer than 256
bytes.

args names every argument of the call. Bytes are "0x" and hex or a list of numbers,
accounts that or SS58 addresses, an absent option is null; enums are "Name",
{"Name": value} or {"variant": "Name", …}. All numbers may be text, decimal or 0x and
hex, as those too large for JSON readers have to be.

era is the chain's encoding, {"period": 64, "phase": 5}, {"period": 64, "current": 1029}
or "immortal", which is also meant when it is left out; blockHash is the hash of the
era's first block and not needed when immortal; nonce and tip are 0 unless given. specVersion and transactionVersion are the metadata's own unless given.
A line without era, nonce, tip, blockHash and genesis gives callHex alone; with any of
them genesis is needed.

Other fields are ignored. The first bad line ends the command with exit code 1; the
lines before it are answered by then. A line has at most 1 MiB.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := readMetadata(file)
			if err == nil {
				err = lineByLine{limit: maxCallLine, parallel: 1}.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(),
					func(_ context.Context, line []byte) (any, error) { return encodeLine(m, line) })
			}
			if err != nil {
				return fmt.Errorf("chain encode: %w", err)
			}
			return nil
		},
	}
	metadataFlag(cmd, &file)
	return cmd
}

// callLine is a call, and how an extrinsic with it is to be signed.
type callLine struct {
	Pallet string         `json:"pallet"`
	Call   string         `json:"call"`
	Args   map[string]any `json:"args"`
	signing
}

// encoded is the answer to a callLine.
type encoded struct {
	CallHex    string `json:"callHex"`
	PayloadHex string `json:"payloadHex,omitempty"`
}

func encodeLine(m *metadata.Metadata, line []byte) (encoded, error) {
	var in callLine
	if err := parseLine(line, &in); err != nil {
		return encoded{}, err
	}
	call, err := m.EncodeCall(in.Pallet, in.Call, in.Args)
	if err != nil {
		return encoded{}, err
	}
	if in.unsigned() {
		return encoded{CallHex: hexText(call)}, nil
	}
	runtime, opts, err := in.resolve(m)
	if err != nil {
		return encoded{}, err
	}
	payload, _, err := extrinsic.Payload(runtime, call, opts)
	if err != nil {
		return encoded{}, err
	}
	return encoded{CallHex: hexText(call), PayloadHex: hexText(payload)}, nil
}
