package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
)

// signing is what a signature is bound to besides the call, in the forms in which the
// chain's tools write it. Fields that were not given are nil.
type signing struct {
	Era                any     `json:"era"`
	Nonce              any     `json:"nonce"`
	Tip                any     `json:"tip"`
	BlockHash          *string `json:"blockHash"`
	Genesis            *string `json:"genesis"`
	SpecVersion        any     `json:"specVersion"`
	TransactionVersion any     `json:"transactionVersion"`
}

// unsigned reports whether the line asks for no payload.
func (s signing) unsigned() bool {
	return s.Era == nil && s.Nonce == nil && s.Tip == nil && s.BlockHash == nil && s.Genesis == nil
}

// resolve reads the fields, with the metadata's own versions where none are given.
func (s signing) resolve(m *metadata.Metadata) (runtime extrinsic.Context, opts extrinsic.Options, err error) {
	if s.Genesis == nil {
		return runtime, opts, errors.New("genesis is missing: a payload is bound to its chain")
	}
	spec, err := givenVersion("specVersion", s.SpecVersion)
	if err != nil {
		return runtime, opts, err
	}
	tx, err := givenVersion("transactionVersion", s.TransactionVersion)
	if err != nil {
		return runtime, opts, err
	}
	if runtime, err = runtimeContext(m, *s.Genesis, spec, tx); err != nil {
		return runtime, opts, err
	}
	if opts.Nonce, err = natural("nonce", s.Nonce, math.MaxUint64); err != nil {
		return runtime, opts, err
	}
	if opts.Tip, err = natural("tip", s.Tip, math.MaxUint64); err != nil {
		return runtime, opts, err
	}
	if opts.Era, err = parseEra(s.Era); err != nil {
		return runtime, opts, fmt.Errorf("era: %w", err)
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

// givenVersion is a runtime's version; nil when none is given.
func givenVersion(name string, v any) (*uint32, error) {
	if v == nil {
		return nil, nil
	}
	n, err := natural(name, v, math.MaxUint32)
	short := uint32(n)
	return &short, err
}

// natural reads a number given as such or as text, decimal or 0x and hex; 0 for nil.
func natural(name string, v any, most uint64) (uint64, error) {
	var n uint64
	var err error
	switch v := v.(type) {
	case nil:
		return 0, nil
	case json.Number:
		n, err = strconv.ParseUint(string(v), 10, 64)
	case string:
		if digits, hex := strings.CutPrefix(v, "0x"); hex {
			n, err = strconv.ParseUint(digits, 16, 64)
		} else {
			n, err = strconv.ParseUint(v, 10, 64)
		}
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || n > most {
		return 0, fmt.Errorf("%s: %.40q is not a whole number from 0 to %d", name, fmt.Sprint(v), most)
	}
	return n, nil
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

// parseEra reads an era: the hex of its encoding, "immortal", its period with the phase or with a
// current block, or one of these under the name of its kind; nil is immortal.
func parseEra(v any) (extrinsic.Era, error) {
	switch v := v.(type) {
	case nil:
		return extrinsic.Era{}, nil
	case string:
		if v == "immortal" {
			return extrinsic.Era{}, nil
		}
		return eraOfHex(v)
	case map[string]any:
		for name, inner := range v {
			switch {
			case len(v) == 1 && strings.EqualFold(name, "ImmortalEra"):
				return mustBeImmortal(inner)
			case len(v) == 1 && strings.EqualFold(name, "MortalEra"):
				return parseEra(inner)
			}
		}
		return eraOfPeriod(v)
	}
	return extrinsic.Era{}, fmt.Errorf("%.40q: %w", fmt.Sprint(v), errEra)
}

var errEra = errors.New(`want "0x…", "immortal", {"period", "phase"} or {"period", "current"}`)

func mustBeImmortal(v any) (extrinsic.Era, error) {
	era, err := parseEra(v)
	if err == nil && !era.Immortal() {
		err = errors.New("a mortal one under the name of an immortal one")
	}
	return era, err
}

func eraOfHex(text string) (extrinsic.Era, error) {
	b, err := parseHex(text)
	if err != nil {
		return extrinsic.Era{}, err
	}
	era, n, err := extrinsic.DecodeEra(b)
	if err == nil && n != len(b) {
		err = fmt.Errorf("%d bytes, want %d", len(b), n)
	}
	return era, err
}

// eraOfPeriod reads {"period", "phase"} or {"period", "current"}.
func eraOfPeriod(v map[string]any) (extrinsic.Era, error) {
	phase, phased := v["phase"]
	current, begun := v["current"]
	if len(v) != 2 || v["period"] == nil || phased == begun {
		return extrinsic.Era{}, errEra
	}
	period, err := natural("period", v["period"], extrinsic.MaxPeriod)
	if err != nil {
		return extrinsic.Era{}, err
	}
	if begun {
		at, err := natural("current", current, math.MaxUint64)
		return extrinsic.Mortal(period, at), err
	}
	era := extrinsic.Era{Period: period}
	if era.Phase, err = natural("phase", phase, math.MaxUint64); err != nil {
		return era, err
	}
	if era.Immortal() {
		return era, errEra
	}
	_, err = era.Encode()
	return era, err
}
