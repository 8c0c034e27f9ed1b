package wasmhost

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

var (
	wasmMagic = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	zstdMagic = []byte{0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05} // sp-maybe-compressed-blob's
)

// maxCode bounds a runtime, compressed or not; it is Substrate's bound.
const maxCode = 50 << 20

// unpack returns the WebAssembly of code that may be compressed.
func unpack(code []byte) ([]byte, error) {
	if len(code) > maxCode {
		return nil, fmt.Errorf("%d bytes, at most %d", len(code), maxCode)
	}
	if frame, found := bytes.CutPrefix(code, zstdMagic); found {
		plain, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxCode), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer plain.Close()
		if code, err = plain.DecodeAll(frame, nil); err != nil {
			return nil, fmt.Errorf("decompress: %w", err)
		}
	}
	if !bytes.HasPrefix(code, wasmMagic) {
		return nil, fmt.Errorf("no WebAssembly: it begins with %x", code[:min(len(code), len(wasmMagic))])
	}
	return code, nil
}

// Sections of a module, by number and in the order in which they must stand; custom ones
// may stand anywhere.
const (
	customSection = 0
	importSection = 2
	tableSection  = 4
	memorySection = 5
)

// Kinds of imports.
const (
	importFunction = iota
	importTable
	importMemory
	importGlobal
)

type section struct {
	id   byte
	body []byte
}

var errModule = errors.New("damaged WebAssembly module")

// sections takes a module apart.
func sections(wasm []byte) ([]section, error) {
	r := &reader{rest: wasm[len(wasmMagic):]}
	var list []section
	for len(r.rest) > 0 && r.err == nil {
		s := section{r.byte(), nil}
		s.body = r.bytes(r.number())
		if hasCount(s.id) && (&reader{rest: s.body}).number() > uint32(len(s.body)) {
			return nil, fmt.Errorf("%w: section %d counts more than it holds", errModule, s.id)
		}
		list = append(list, s)
	}
	return list, r.err
}

// hasCount says whether a section begins with the number of its entries, for which the
// engine would make room before it reads them. The start section holds one number, and
// that of data counts only announces another.
func hasCount(id byte) bool {
	const start, dataCount = 8, 12
	return id != customSection && id != start && id != dataCount
}

// ownMemory lets a module that imports its memory, as runtimes do, define it: wazero's
// host modules have no memory to give. Custom sections are left out; the engine would
// read names from them.
func ownMemory(wasm []byte) ([]byte, error) {
	list, err := sections(wasm)
	if err != nil {
		return nil, err
	}
	var limits []byte
	for i, s := range list {
		if s.id == importSection {
			if list[i].body, limits, err = withoutMemory(s.body); err != nil {
				return nil, err
			}
		}
	}
	out := bytes.Clone(wasmMagic)
	memory := section{memorySection, append([]byte{1}, limits...)}
	placed := limits == nil
	for _, s := range list {
		if s.id == customSection {
			continue
		}
		if s.id == memorySection && limits != nil {
			return nil, fmt.Errorf("%w: it imports a memory and has one", errModule)
		}
		if s.id > tableSection && !placed {
			out, placed = appendSection(out, memory), true
		}
		out = appendSection(out, s)
	}
	if !placed {
		out = appendSection(out, memory)
	}
	return out, nil
}

func appendSection(out []byte, s section) []byte {
	out = append(out, s.id)
	out = binary.AppendUvarint(out, uint64(len(s.body)))
	return append(out, s.body...)
}

// withoutMemory takes the memory out of a section of imports and returns its limits; nil
// when none is imported.
func withoutMemory(body []byte) (kept, limits []byte, err error) {
	r := &reader{rest: body}
	var entries []byte
	count := r.number()
	left := count
	for range count {
		start := r.rest
		r.bytes(r.number()) // module
		r.bytes(r.number()) // name
		kind := r.byte()
		before := r.rest
		switch kind {
		case importFunction:
			r.number()
		case importTable:
			r.byte()
			r.limits()
		case importMemory:
			r.limits()
		case importGlobal:
			r.bytes(2)
		default:
			r.err = errModule
		}
		if r.err != nil {
			return nil, nil, r.err
		}
		if kind == importMemory {
			if limits != nil {
				return nil, nil, fmt.Errorf("%w: it imports two memories", errModule)
			}
			limits = before[:len(before)-len(r.rest)]
			left--
			continue
		}
		entries = append(entries, start[:len(start)-len(r.rest)]...)
	}
	if r.err != nil || len(r.rest) > 0 {
		return nil, nil, errModule
	}
	return append(binary.AppendUvarint(nil, uint64(left)), entries...), limits, nil
}

// reader reads a module's bytes. Its error is sticky.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (r *reader) bytes(n uint32) []byte {
	if r.err != nil || uint64(n) > uint64(len(r.rest)) {
		r.err = errModule
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

// number reads an unsigned LEB128 number of 32 bits.
func (r *reader) number() uint32 {
	n, size := binary.Uvarint(r.rest)
	if r.err != nil || size <= 0 || size > 5 || n > 1<<32-1 {
		r.err = errModule
		return 0
	}
	r.rest = r.rest[size:]
	return uint32(n)
}

// limits reads how large a table or memory may be.
func (r *reader) limits() {
	const bounded = 1
	flags := r.byte()
	r.number()
	if flags&bounded != 0 {
		r.number()
	}
}
