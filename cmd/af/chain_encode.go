package main

import (
	"context"
	"errors"
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

args names every argument of the call. Bytes are "0x" and hex, accounts that or SS58
addresses, enums "Name" or {"variant": "Name", …}; numbers too large for JSON readers
may be text. era is the chain's encoding, "0x00" for an immortal one; blockHash is
the hash of the era's first block and not needed when immortal; tip is 0 unless
given. specVersion and transactionVersion are the metadata's own unless given. A line
without era, nonce, tip, blockHash and genesis gives callHex alone.

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

// signing is what a signature is bound to besides the call. Fields that were not
// given are nil: a nonce is never guessed.
type signing struct {
	Era                *string `json:"era"`
	Nonce              *uint64 `json:"nonce"`
	Tip                *uint64 `json:"tip"`
	BlockHash          *string `json:"blockHash"`
	Genesis            *string `json:"genesis"`
	SpecVersion        *uint32 `json:"specVersion"`
	TransactionVersion *uint32 `json:"transactionVersion"`
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

// unsigned reports whether the line asks for no payload.
func (s signing) unsigned() bool {
	return s.Era == nil && s.Nonce == nil && s.Tip == nil && s.BlockHash == nil && s.Genesis == nil
}

// resolve reads the fields, with the metadata's own versions where none are given.
func (s signing) resolve(m *metadata.Metadata) (extrinsic.Context, extrinsic.Options, error) {
	if s.Era == nil || s.Nonce == nil || s.Genesis == nil {
		return extrinsic.Context{}, extrinsic.Options{}, errors.New("a payload needs era, nonce and genesis: one is missing")
	}
	runtime, err := runtimeContext(m, *s.Genesis, s.SpecVersion, s.TransactionVersion)
	if err != nil {
		return extrinsic.Context{}, extrinsic.Options{}, err
	}
	opts := extrinsic.Options{Nonce: *s.Nonce}
	if s.Tip != nil {
		opts.Tip = *s.Tip
	}
	if opts.Era, err = parseEra(*s.Era); err != nil {
		return extrinsic.Context{}, extrinsic.Options{}, err
	}
	opts.EraBlockHash, err = s.birthHash(opts.Era, runtime.Genesis)
	return runtime, opts, err
}

// birthHash is the hash of the era's first block, which for an immortal one is the
// genesis block: another one there is a mistake that the chain would answer with
// nothing but "bad signature".
func (s signing) birthHash(era extrinsic.Era, genesis [32]byte) ([32]byte, error) {
	if s.BlockHash == nil {
		if !era.Immortal() {
			return genesis, errors.New("blockHash is missing: a mortal era needs the hash of its first block")
		}
		return genesis, nil
	}
	hash, err := parseHash("blockHash", *s.BlockHash)
	if err == nil && era.Immortal() && hash != genesis {
		err = errors.New("blockHash: an immortal era is signed with the genesis hash, and this is another")
	}
	return hash, err
}

// runtimeContext is the runtime that a signature is bound to: the versions are the
// metadata's own where they are nil.
func runtimeContext(m *metadata.Metadata, genesis string, spec, tx *uint32) (extrinsic.Context, error) {
	ctx := extrinsic.Context{Metadata: m}
	var err error
	if ctx.Genesis, err = parseHash("genesis", genesis); err != nil {
		return ctx, err
	}
	if spec == nil || tx == nil {
		if ctx.SpecVersion, ctx.TxVersion, err = m.RuntimeVersion(); err != nil {
			return ctx, fmt.Errorf("the metadata does not tell the runtime's version: %w", err)
		}
	}
	if spec != nil {
		ctx.SpecVersion = *spec
	}
	if tx != nil {
		ctx.TxVersion = *tx
	}
	return ctx, nil
}

// parseEra reads an era from the hex of its encoding.
func parseEra(text string) (extrinsic.Era, error) {
	b, err := parseHex(text)
	if err != nil {
		return extrinsic.Era{}, fmt.Errorf("era: %w", err)
	}
	era, n, err := extrinsic.DecodeEra(b)
	if err == nil && n != len(b) {
		err = fmt.Errorf("%d bytes, want %d", len(b), n)
	}
	if err != nil {
		return extrinsic.Era{}, fmt.Errorf("era: %w", err)
	}
	return era, nil
}
