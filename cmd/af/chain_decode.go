package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// maxExtrinsicLine has room for a block of 5 MiB, which is all that one holds, as hex.
const maxExtrinsicLine = 16 << 20

// decodeOptions are the flags of af chain decode.
type decodeOptions struct {
	metadata, genesis, blockHash string
	spec, tx                     uint32
}

func newDecodeCmd() *cobra.Command {
	var o decodeOptions
	cmd := &cobra.Command{
		Use:   "decode --metadata FILE [EXTRINSIC or BLOCK…]",
		Short: "Take extrinsics and blocks apart",
		Long: `Take apart the extrinsics whose hex is given as arguments or, without any, as lines on
standard input, and print a JSON object for each: pallet, call and args, hash, signed,
and for a signed one signer, publicKey, kind and signature, era, nonce and tip.
A block is what chain_getBlock answers, or its list of extrinsics, as JSON in one line;
it gives {"extrinsics": […]}.

With --genesis, and with --block-hash for mortal ones, "verified" says whether the
signature is right on that chain; it is null where that was not looked at. A wrong
signature does not change the exit code.

The first bad extrinsic ends the command with exit code 1; those before it are
answered by then. A line has at most 16 MiB.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := decodeExtrinsics(cmd, args, o); err != nil {
				return fmt.Errorf("chain decode: %w", err)
			}
			return nil
		},
	}
	metadataFlag(cmd, &o.metadata)
	f := cmd.Flags()
	f.StringVar(&o.genesis, "genesis", "", "hash of the chain's block 0: verify signatures")
	f.StringVar(&o.blockHash, "block-hash", "", "hash of the first block of the extrinsic's era")
	f.Uint32Var(&o.spec, "spec-version", 0, "spec version that was signed for, when not the metadata's own")
	f.Uint32Var(&o.tx, "transaction-version", 0, "transaction version that was signed for, when not the metadata's own")
	return cmd
}

func decodeExtrinsics(cmd *cobra.Command, args []string, o decodeOptions) error {
	m, err := readMetadata(o.metadata)
	if err != nil {
		return err
	}
	judge, err := o.judge(m, cmd.Flags().Changed)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	in := cmd.InOrStdin()
	if len(args) > 0 {
		in = io.Reader(strings.NewReader(strings.Join(args, "\n")))
	}
	return lineByLine{limit: maxExtrinsicLine, parallel: 1}.run(cmd.Context(), in, cmd.OutOrStdout(),
		func(_ context.Context, line []byte) (any, error) {
			if line[0] == '{' || line[0] == '[' {
				return decodeBlock(m, line, judge)
			}
			return decodeLine(m, string(line), judge)
		})
}

// judge returns what tells whether an extrinsic's signature is right, or nil when the
// flags do not allow to tell.
type judge func(*extrinsic.Signed) *bool

func (o decodeOptions) judge(m *metadata.Metadata, given func(string) bool) (judge, error) {
	if o.genesis == "" {
		if given("block-hash") || given("spec-version") || given("transaction-version") {
			return nil, errors.New("to verify signatures, give --genesis too")
		}
		return func(*extrinsic.Signed) *bool { return nil }, nil
	}
	var spec, tx *uint32
	if given("spec-version") {
		spec = &o.spec
	}
	if given("transaction-version") {
		tx = &o.tx
	}
	runtime, err := runtimeContext(m, o.genesis, spec, tx)
	if err != nil {
		return nil, err
	}
	birth := runtime.Genesis
	if o.blockHash != "" {
		if birth, err = parseHash("--block-hash", o.blockHash); err != nil {
			return nil, err
		}
	}
	return func(s *extrinsic.Signed) *bool {
		if o.blockHash == "" && !s.Era.Immortal() {
			return nil
		}
		right := s.Verify(runtime, birth) == nil
		return &right
	}, nil
}

// decoded is an extrinsic taken apart. The fields of a signature are those of a signed
// one only.
type decoded struct {
	Pallet string `json:"pallet"`
	Call   string `json:"call"`
	Args   any    `json:"args"`
	Hash   string `json:"hash"`
	Signed bool   `json:"signed"`
	*signature
}

// signature is what a signed extrinsic has besides its call.
type signature struct {
	Signer    string `json:"signer"`
	PublicKey string `json:"publicKey"`
	Kind      string `json:"kind"`
	Signature string `json:"signature"`
	Verified  *bool  `json:"verified"`
	Era       string `json:"era"`
	Nonce     uint64 `json:"nonce"`
	Tip       uint64 `json:"tip"`
}

// decodedBlock is a block taken apart.
type decodedBlock struct {
	Extrinsics []decoded `json:"extrinsics"`
}

// decodeBlock takes apart all extrinsics of a block, and names the first that it cannot.
func decodeBlock(m *metadata.Metadata, line []byte, verified judge) (decodedBlock, error) {
	texts, err := extrinsicsOf(line)
	if err != nil {
		return decodedBlock{}, err
	}
	out := decodedBlock{Extrinsics: make([]decoded, len(texts))}
	for i, text := range texts {
		if out.Extrinsics[i], err = decodeLine(m, text, verified); err != nil {
			return decodedBlock{}, fmt.Errorf("extrinsic %d: %w", i, err)
		}
	}
	return out, nil
}

// extrinsicsOf finds the extrinsics in a list of them, a block, or JSON-RPC's answer with
// a block.
func extrinsicsOf(line []byte) (texts []string, err error) {
	if line[0] == '[' {
		err = parseLine(line, &texts)
		return texts, err
	}
	type body struct {
		Extrinsics []string `json:"extrinsics"`
	}
	type signed struct {
		body
		Block *body `json:"block"`
	}
	var in struct {
		signed
		Result *signed `json:"result"`
	}
	if err := parseLine(line, &in); err != nil {
		return nil, err
	}
	if in.Result != nil {
		in.signed = *in.Result
	}
	if in.Block != nil {
		in.body = *in.Block
	}
	if in.Extrinsics == nil {
		return nil, errors.New("neither an extrinsic nor a block: there is no list of extrinsics")
	}
	return in.Extrinsics, nil
}

func decodeLine(m *metadata.Metadata, text string, verified judge) (decoded, error) {
	raw, err := parseHex(text)
	if err != nil {
		return decoded{}, err
	}
	hash := extrinsic.Hash(raw)
	s, err := extrinsic.Decode(m, raw)
	if errors.Is(err, extrinsic.ErrUnsigned) {
		return decodeBare(m, raw, hexText(hash[:]))
	}
	if err != nil {
		return decoded{}, err
	}
	era, err := s.Era.Encode()
	if err != nil {
		return decoded{}, err
	}
	return decoded{Pallet: s.Pallet, Call: s.Name, Args: metadata.JSON(s.Args), Hash: hexText(hash[:]), Signed: true, signature: &signature{
		Signer: keys.Address(s.Signer, keys.Prefix), PublicKey: hexText(s.Signer[:]),
		Kind: s.Kind.String(), Signature: hexText(s.Signature[:]), Verified: verified(s),
		Era: hexText(era), Nonce: s.Nonce, Tip: s.Tip,
	}}, nil
}

// decodeBare takes apart an extrinsic that nobody signed, as the block's author puts
// it there: a length, the version and the call.
func decodeBare(m *metadata.Metadata, raw []byte, hash string) (decoded, error) {
	body := scale.NewDecoder(raw).Bytes()
	pallet, call, args, err := m.DecodeCall(body[1:])
	if err != nil {
		return decoded{}, err
	}
	return decoded{Pallet: pallet, Call: call, Args: metadata.JSON(args), Hash: hash}, nil
}
