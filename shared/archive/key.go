package archive

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxKey is the longest key, in bytes, as S3 and R2 have it.
const MaxKey = 1024

// maxSegment is the longest part of a key between two slashes, in bytes: what a
// file name may have on Linux.
const maxSegment = 255

// CheckKey refuses keys that one of the implementations could not hold or that
// could name something outside the archive: empty, longer than MaxKey, not UTF-8,
// absolute, with an empty segment, with a segment longer than a file name or
// beginning with a dot, with a backslash or with a control character.
//
// A key must not be the folder of another ("a" and "a/b"). CheckKey cannot see
// that; the local implementation refuses the second of the two.
func CheckKey(key string) error {
	if key == "" {
		return errors.New("archive: the key is empty")
	}
	if err := checkText(key); err != nil {
		return err
	}
	for segment := range strings.SplitSeq(key, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("archive: key %q: %w", key, err)
		}
	}
	return nil
}

// CheckPrefix refuses prefixes of List that no key could start with.
func CheckPrefix(prefix string) error {
	if err := checkText(prefix); err != nil {
		return err
	}
	segments := strings.Split(prefix, "/")
	for _, segment := range segments[:len(segments)-1] {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("archive: prefix %q: %w", prefix, err)
		}
	}
	return nil
}

func checkText(key string) error {
	switch {
	case len(key) > MaxKey:
		return fmt.Errorf("archive: key %.40q… has %d bytes, at most %d", key, len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("archive: key %q is not UTF-8", key)
	case strings.ContainsFunc(key, forbidden):
		return fmt.Errorf("archive: key %q holds a backslash or a control character", key)
	}
	return nil
}

func forbidden(r rune) bool { return r == '\\' || r < ' ' || (r >= 0x7f && r < 0xa0) }

func checkSegment(segment string) error {
	switch {
	case segment == "":
		return errors.New("an empty segment")
	case segment[0] == '.':
		return fmt.Errorf("segment %q begins with a dot", segment)
	case len(segment) > maxSegment:
		return fmt.Errorf("a segment of %d bytes, at most %d", len(segment), maxSegment)
	}
	return nil
}
