package metadata

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/chain/scale"
)

// MaxSize bounds the metadata that Parse looks at. Subtensor's has some 315 kB.
const MaxSize = 8 << 20

// magic opens every metadata.
var magic = []byte("meta")

// ParseText reads metadata as Parse does, from hex text with or without "0x".
func ParseText(text string) (*Metadata, error) {
	text = strings.TrimSpace(text)
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		return nil, fmt.Errorf("%w: hex text: %v", ErrFormat, err)
	}
	return Parse(raw)
}

// Parse reads metadata of version 14, 15 or 16: bare ("meta" first), with a length
// before it as state_call answers, or in an Option as metadata_at_version answers.
func Parse(raw []byte) (*Metadata, error) {
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFormat, len(raw), MaxSize)
	}
	body, err := unwrap(raw)
	if err != nil {
		return nil, err
	}
	p := &parser{d: scale.NewDecoder(body[len(magic):])}
	m := p.metadata()
	if err := p.d.End(); err != nil {
		if p.unsupported {
			return nil, fmt.Errorf("%w: %d", ErrVersion, m.Version)
		}
		return nil, fmt.Errorf("%w: version %d: %w", ErrFormat, m.Version, err)
	}
	if err := m.index(); err != nil {
		return nil, err
	}
	return m, nil
}

// unwrap strips the Option and the length that runtime APIs put before metadata.
func unwrap(raw []byte) ([]byte, error) {
	if bytes.HasPrefix(raw, magic) {
		return raw, nil
	}
	if len(raw) == 1 && raw[0] == 0 {
		return nil, fmt.Errorf("%w: the runtime does not offer the version asked for", ErrVersion)
	}
	for _, wrapped := range [][]byte{bytes.TrimPrefix(raw, []byte{1}), raw} {
		d := scale.NewDecoder(wrapped)
		if body := d.Bytes(); d.End() == nil && bytes.HasPrefix(body, magic) {
			return body, nil
		}
	}
	return nil, fmt.Errorf("%w: %d bytes that are not metadata", ErrFormat, len(raw))
}

// parser reads metadata; its failures are the decoder's.
type parser struct {
	d           *scale.Decoder
	version     uint8
	unsupported bool
}

func (p *parser) metadata() *Metadata {
	m := &Metadata{Version: p.d.U8()}
	p.version = m.Version
	if p.version < 14 || p.version > 16 {
		p.unsupported = true
		p.d.Fail(ErrVersion)
		return m
	}
	var place uint32
	m.types = list(p, 5, func() Type { place++; return p.registered(place - 1) })
	m.pallets = list(p, 7, p.pallet)
	p.extrinsic(m)
	if p.version == 14 {
		p.typeID() // the runtime's type
		return m
	}
	if p.version == 15 {
		p.typeID()
	}
	m.apis = list(p, 3, p.api)
	p.outerEnums()
	p.skipList(3, p.customValue)
	return m
}

// list reads a length and as many items, each of at least minSize bytes.
func list[T any](p *parser, minSize int, read func() T) []T {
	n := p.d.Len(minSize)
	if n == 0 {
		return nil
	}
	items := make([]T, 0, min(n, 1024))
	for range n {
		items = append(items, read())
		if p.d.Err() != nil {
			return nil
		}
	}
	return items
}

// skipList reads past a list of which nothing is kept.
func (p *parser) skipList(minSize int, skip func()) {
	for range p.d.Len(minSize) {
		skip()
		if p.d.Err() != nil {
			return
		}
	}
}

func (p *parser) docs() { p.skipList(1, func() { p.d.Bytes() }) }

// option reads whether an optional value follows.
func (p *parser) option() bool { return p.d.Bool() }

func (p *parser) optionalStr() string {
	if p.option() {
		return p.d.Str()
	}
	return ""
}

func (p *parser) typeID() uint32 {
	id := p.d.Compact()
	if id > 1<<32-1 {
		p.d.Fail(fmt.Errorf("%w: type id %d", ErrFormat, id))
		return 0
	}
	return uint32(id)
}

func (p *parser) optionalTypeID() *uint32 {
	if !p.option() {
		return nil
	}
	id := p.typeID()
	return &id
}
