// Package archive is the contract for what is kept for good: Parquet parts of
// samples, packs of transcripts, weights documents.
//
// Objects are immutable: a key is written once and never changes, except for the
// few pointer documents (latest.json and the like) that Replace writes. Two
// implementations stand behind the contract, local (a folder) and aws (S3 or R2);
// archivetest holds the suite that both pass.
package archive

import (
	"context"
	"errors"
)

var (
	// ErrExists is returned by Put when the key already holds other bytes.
	ErrExists = errors.New("archive: the key already holds another object")

	// ErrNotFound is returned when the key holds nothing.
	ErrNotFound = errors.New("archive: no such object")

	// ErrPastEnd is returned by Get for a range that the object does not cover.
	ErrPastEnd = errors.New("archive: the range goes past the object's end")
)

// Archive stores objects under slash-separated keys (CheckKey). All methods may be
// called concurrently. An object is visible whole or not at all, also after a crash.
// An error of Put or Replace other than ErrExists leaves its fate unknown: the
// object may stand or not, and the caller repeats the call.
type Archive interface {
	// Put writes an object under a key that nothing stands under (If-None-Match: *).
	// When the same bytes already stand there it succeeds, so that a write whose
	// reply was lost can be repeated; other bytes are ErrExists.
	Put(ctx context.Context, key string, body []byte) error

	// Replace writes a pointer document, whatever stands there. Not for samples.
	Replace(ctx context.Context, key string, body []byte) error

	// Get returns length bytes from offset; length < 0 means to the end. Asking
	// past the end is ErrPastEnd, never a short answer.
	Get(ctx context.Context, key string, offset, length int64) ([]byte, error)

	// List returns the keys that start with prefix, in lexical order.
	List(ctx context.Context, prefix string) ([]string, error)
}
