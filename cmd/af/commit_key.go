package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/keys/wallet"
)

// open opens the hotkey. The password of an encrypted file comes from its variable or
// from the terminal, never from the command line, where others could read it.
func (o *hotkeyOptions) open(ctx context.Context, progress io.Writer) (*keys.Pair, error) {
	path, err := o.path()
	if err != nil {
		return nil, err
	}
	pair, err := wallet.OpenFile(path, func() ([]byte, error) { return password(ctx, path, progress) })
	switch {
	case errors.Is(err, wallet.ErrNoHotkey):
		return nil, fmt.Errorf("%w (--coldkey, --hotkey, --wallet-path and --keyfile say which key)", err)
	case err != nil:
		return nil, err
	}
	return pair, nil
}

// password finds the password of a keyfile.
func password(ctx context.Context, path string, progress io.Writer) ([]byte, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	variable := keys.PasswordVariable(absolute)
	if value, set := os.LookupEnv(variable); set {
		fmt.Fprintf(progress, "password from %s; opening the key takes some seconds\n", variable)
		return keys.PasswordOf(variable, value)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("no terminal to ask at; set %s as btcli does: %w", variable, err)
	}
	defer tty.Close()
	return askPassword(ctx, tty, "Password of "+path+": ")
}

// maxPassword bounds a typed password, in bytes.
const maxPassword = 4096

// askPassword reads a line from a terminal that shows nothing of it meanwhile.
func askPassword(ctx context.Context, tty *os.File, question string) ([]byte, error) {
	shown, err := unix.IoctlGetTermios(int(tty.Fd()), getTermios)
	if err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	hidden := *shown
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	if err := unix.IoctlSetTermios(int(tty.Fd()), setTermios, &hidden); err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	defer func() { _ = unix.IoctlSetTermios(int(tty.Fd()), setTermios, shown) }() // as it was; there is no more to be done
	fmt.Fprint(tty, question)
	defer fmt.Fprintln(tty)
	return readPassword(ctx, tty)
}

// readPassword reads one line. An interrupt ends the wait: the reading that goes on then
// ends with the process.
func readPassword(ctx context.Context, from io.Reader) ([]byte, error) {
	type answer struct {
		line []byte
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReaderSize(io.LimitReader(from, maxPassword), maxPassword).ReadSlice('\n')
		read <- answer{bytes.TrimRight(line, "\r\n"), err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-read:
		if errors.Is(a.err, io.EOF) && len(a.line) > 0 {
			a.err = nil
		}
		return a.line, a.err
	}
}
