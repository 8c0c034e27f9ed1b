package chutes

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"
)

// maxLine is the longest line of a stream that is read, in bytes.
const maxLine = 4 << 20

// errLongLine is returned with the head of a line that is longer than maxLine.
var errLongLine = errors.New("a line of the stream is longer than 4 MiB")

var readers sync.Pool // of *bufio.Reader

// lines reads a stream line by line. Chutes' streams are server-sent events in
// which every data line is one JSON document, but also hold bare lines, so events
// are not put together from several lines.
type lines struct {
	r    *bufio.Reader
	long []byte // a line that outgrew the reader's buffer
}

func newLines(r io.Reader) *lines {
	buffered, ok := readers.Get().(*bufio.Reader)
	if !ok {
		return &lines{r: bufio.NewReaderSize(r, 4<<10)}
	}
	buffered.Reset(r)
	return &lines{r: buffered}
}

func (l *lines) close() {
	l.r.Reset(nil)
	readers.Put(l.r)
	l.r = nil
}

// next returns a line without its LF or CRLF, good until the next call. At the end
// of the stream it returns io.EOF, together with the last line if that lacked its
// line end.
func (l *lines) next() ([]byte, error) {
	part, err := l.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return trimEnd(part), err
	}
	l.long = append(l.long[:0], part...)
	for {
		part, err = l.r.ReadSlice('\n')
		l.long = append(l.long, part...)
		if len(l.long) > maxLine {
			return l.long[:64], errLongLine
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return trimEnd(l.long), err
		}
	}
}

func trimEnd(line []byte) []byte {
	line, _ = bytes.CutSuffix(line, []byte("\n"))
	line, _ = bytes.CutSuffix(line, []byte("\r"))
	return line
}

// dataOf returns what follows "data:" and at most one blank.
func dataOf(line []byte) ([]byte, bool) {
	data, found := bytes.CutPrefix(line, []byte("data:"))
	if !found {
		return nil, false
	}
	data, _ = bytes.CutPrefix(data, []byte(" "))
	return data, true
}
