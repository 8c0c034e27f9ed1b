package pack

import (
	"errors"
	"fmt"
	"iter"

	"github.com/klauspost/compress/zstd"

	"github.com/affine-go/affine/shared/subnet"
)

var errCut = errors.New("the frame does not end where it should")

// Entry is a transcript and where it lies in its pack.
type Entry struct {
	Offset, Length int64
	Transcript     subnet.Transcript
}

// Scan goes through a pack from the front without an index. It ends with an error
// at the first frame that is cut off or damaged; what came before is good.
func Scan(pack []byte) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for offset := 0; offset < len(pack); {
			n, err := frameSize(pack[offset:])
			if err != nil {
				yield(Entry{}, fmt.Errorf("pack: frame at %d: %w", offset, err))
				return
			}
			t, err := Read(pack[offset : offset+n])
			if err != nil {
				yield(Entry{}, fmt.Errorf("pack: frame at %d: %w", offset, err))
				return
			}
			if !yield(Entry{Offset: int64(offset), Length: int64(n), Transcript: t}, nil) {
				return
			}
			offset += n
		}
	}
}

// frameSize is the length of the zstd frame that data starts with, found by going
// from block header to block header (RFC 8878 §3.1.1).
func frameSize(data []byte) (int, error) {
	var h zstd.Header
	if err := h.Decode(data); err != nil {
		return 0, fmt.Errorf("frame header: %w", err)
	}
	if h.Skippable {
		return 0, errors.New("frame header: a skippable frame, which no pack holds")
	}
	at := h.HeaderSize
	for last := false; !last; {
		if at+3 > len(data) {
			return 0, errCut
		}
		header := uint32(data[at]) | uint32(data[at+1])<<8 | uint32(data[at+2])<<16
		last = header&1 != 0
		at += 3
		if kind := header >> 1 & 3; kind == 1 {
			at++ // one byte, repeated
		} else {
			at += int(header >> 3)
		}
	}
	if h.HasCheckSum {
		at += 4
	}
	if at > len(data) {
		return 0, errCut
	}
	return at, nil
}
