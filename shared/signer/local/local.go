// Package local is a signer's ledger in a file: one line of JSON for each entry, written
// and synced before the key is used, and never changed. Signers on one machine may share
// the file; what it holds when it is opened counts.
package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/affine-go/affine/shared/signer"
)

// ErrDamaged is wrapped when the file holds a line that is no entry, or is no longer the
// file that was opened: nobody knows then how many signatures were given.
var ErrDamaged = errors.New("ledger is damaged")

// maxLine bounds a line of the file: an intent of 65,535 weights is smaller.
const maxLine = 4 << 20

// File is a ledger in a file. It is safe for use by several goroutines, and by several
// processes at once.
type File struct {
	path string

	mu    sync.Mutex
	file  *os.File
	write func([]byte) (int, error) // file's, but in tests of its faults
	sync  func() error
	read  int64 // bytes of whole lines that are counted
	count signer.Count
}

var _ signer.Ledger = (*File)(nil)

// Open opens the ledger, or begins one that only its owner can read.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("signer's ledger: %w", err)
	}
	l := &File{path: path, file: f, write: f.Write, sync: f.Sync}
	if err := l.locked(l.catchUp); err != nil {
		_ = f.Close() // the first error is the one to know
		return nil, err
	}
	return l, nil
}

// Close gives the file back.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// Claim implements signer.Ledger.
func (l *File) Claim(ctx context.Context, e signer.Entry, most int) (slot int, err error) {
	if err := e.Check(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.locked(func() error {
		if err := l.catchUp(); err != nil {
			return err
		}
		if e.Slot = l.count.Next(e); e.Slot >= most {
			return e.Full(most)
		}
		return l.append(e)
	})
	return e.Slot, err
}

// locked runs do while no other process writes to the file.
func (l *File) locked(do func() error) error {
	if err := lock(l.file, unix.LOCK_EX); err != nil {
		return fmt.Errorf("signer's ledger %s: lock it: %w", l.path, err)
	}
	err := do()
	if unlocked := lock(l.file, unix.LOCK_UN); err == nil && unlocked != nil {
		err = fmt.Errorf("unlock it: %w", unlocked)
	}
	if err != nil && !errors.Is(err, signer.ErrCeiling) {
		return fmt.Errorf("signer's ledger %s: %w", l.path, err)
	}
	return err
}

func lock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = conn.Control(func(fd uintptr) {
		for locked = unix.EINTR; errors.Is(locked, unix.EINTR); {
			locked = unix.Flock(int(fd), how)
		}
	})
	return errors.Join(err, locked)
}

// append writes the entry behind the last whole line and syncs it. It is counted when it
// is read back, by the next claim, and so even when the sync fails.
func (l *File) append(e signer.Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the entry: %w", err)
	}
	if len(line) >= maxLine {
		return fmt.Errorf("%w: %d bytes", signer.ErrEntry, len(line))
	}
	if _, err := l.write(append(line, '\n')); err != nil {
		return err
	}
	return l.sync()
}

// catchUp counts the lines that were written since the last look.
func (l *File) catchUp() error {
	if err := l.stands(); err != nil {
		return err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(l.file, l.read, 1<<62), 64<<10)
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return l.mend(line)
		}
		if err != nil {
			return err
		}
		if err := l.take(line); err != nil {
			return fmt.Errorf("at byte %d: %w", l.read, err)
		}
	}
}

// stands refuses a file that was moved away or cut: entries would be lost with it.
func (l *File) stands() error {
	own, err := l.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.path)
	if err != nil || !os.SameFile(own, there) {
		return fmt.Errorf("%w: the file was moved away while it was in use", ErrDamaged)
	}
	if own.Size() < l.read {
		return fmt.Errorf("%w: it was cut from %d bytes to %d", ErrDamaged, l.read, own.Size())
	}
	return nil
}

// readLine returns a line with its end, or what is left and io.EOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrDamaged, maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (l *File) take(line []byte) error {
	var e signer.Entry
	d := json.NewDecoder(bytes.NewReader(line))
	if err := d.Decode(&e); err != nil || e.Check() != nil || e.Slot < 0 || d.More() {
		return fmt.Errorf("%w: a line is no entry", ErrDamaged)
	}
	l.count.Take(e)
	l.read += int64(len(line))
	return nil
}

// mend ends the last line if its writer did not. Such a line was cut off before its claim
// could be given, and goes, unless it is whole but for its end.
func (l *File) mend(rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	if !json.Valid(rest) {
		return l.file.Truncate(l.read)
	}
	if _, err := l.write([]byte("\n")); err != nil {
		return err
	}
	return l.take(append(rest, '\n'))
}
