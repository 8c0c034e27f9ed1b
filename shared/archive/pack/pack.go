// Package pack keeps transcripts: a pack is many conversations in one object, each
// a zstd frame of its own that can be fetched and read alone by offset and length.
//
// A frame holds one line of JSON (subnet.Transcript) and a checksum. Frames follow
// one another with nothing between them, so a pack needs no index to be read
// through, and `zstd -dc` of a pack is a file of JSON lines.
package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/affine-go/affine/shared/subnet"
)

// MaxTranscript bounds a transcript's JSON in bytes. Read refuses a frame that
// unpacks to more, however small the frame is.
const MaxTranscript = 64 << 20

// ErrTooLarge is returned for a transcript or a frame beyond MaxTranscript.
var ErrTooLarge = errors.New("pack: transcript too large")

// Both are safe for concurrent use through EncodeAll and DecodeAll, and costly to
// make: one of each serves the process.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(true))
		if err != nil {
			panic(err) // options are constant
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(MaxTranscript))
		if err != nil {
			panic(err) // options are constant
		}
		return d
	})
)

// Writer gathers a pack in memory. The zero value is an empty pack.
type Writer struct {
	buf  bytes.Buffer
	line bytes.Buffer
}

// Append adds a transcript and says where it lies. Bytes of its texts that are not
// UTF-8 are written as U+FFFD. On error the pack is as it was.
func (w *Writer) Append(t subnet.Transcript) (offset, length int64, err error) {
	w.line.Reset()
	enc := json.NewEncoder(&w.line)
	enc.SetEscapeHTML(false) // programs and prompts are full of '<' and '&'
	if err := enc.Encode(t); err != nil {
		return 0, 0, fmt.Errorf("pack: transcript %s: %w", t.ID, err)
	}
	if w.line.Len() > MaxTranscript {
		return 0, 0, fmt.Errorf("%w: %s has %d bytes of JSON, at most %d", ErrTooLarge, t.ID, w.line.Len(), MaxTranscript)
	}
	start := w.buf.Len()
	w.buf.Write(encoder().EncodeAll(w.line.Bytes(), w.buf.AvailableBuffer()))
	return int64(start), int64(w.buf.Len() - start), nil
}

// Len is the pack's size so far, in bytes.
func (w *Writer) Len() int { return w.buf.Len() }

// Bytes is the pack so far. It is valid until the next Append or Reset.
func (w *Writer) Bytes() []byte { return w.buf.Bytes() }

// Reset makes the pack empty and keeps its memory.
func (w *Writer) Reset() { w.buf.Reset() }

// Read unpacks one frame, as cut out of a pack by a sample's PackRef.
func Read(frame []byte) (subnet.Transcript, error) {
	n, err := frameSize(frame)
	if err == nil && n != len(frame) {
		err = errCut
	}
	if err != nil {
		return subnet.Transcript{}, fmt.Errorf("pack: %d bytes that are not one frame: %w", len(frame), err)
	}
	line, err := decoder().DecodeAll(frame, nil)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return subnet.Transcript{}, fmt.Errorf("%w: the frame unpacks to more than %d bytes", ErrTooLarge, MaxTranscript)
	}
	if err != nil {
		return subnet.Transcript{}, fmt.Errorf("pack: unpacking a frame of %d bytes: %w", len(frame), err)
	}
	var t subnet.Transcript
	if err := json.Unmarshal(line, &t); err != nil {
		return subnet.Transcript{}, fmt.Errorf("pack: reading a frame's JSON: %w", err)
	}
	return t, nil
}
