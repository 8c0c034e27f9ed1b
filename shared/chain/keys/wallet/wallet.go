// Package wallet finds hotkeys in the folders of Bittensor wallets and opens them.
package wallet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/affine-go/affine/shared/chain/keys"
)

// ErrNoHotkey is wrapped when a wallet has no such hotkey, or its name is none.
var ErrNoHotkey = errors.New("no such hotkey")

// Path is where a wallet keeps a hotkey: <dir>/<cold>/hotkeys/<hot>. A name that
// would lead elsewhere gives an error that wraps ErrNoHotkey.
func Path(dir, cold, hot string) (string, error) {
	for _, n := range []struct{ what, name string }{{"coldkey", cold}, {"hotkey", hot}} {
		if !isName(n.name) {
			return "", fmt.Errorf("%w: %s %.80q is not a name: one part of a path", ErrNoHotkey, n.what, n.name)
		}
	}
	return filepath.Join(dir, cold, "hotkeys", hot), nil
}

func isName(name string) bool {
	odd := func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsFunc(name, odd)
}

// OpenFile opens a Bittensor keyfile. password is asked only when the file is encrypted,
// and what it returns is wiped; nil means that nobody knows it. Errors name the file, and
// wrap ErrNoHotkey when it is not there, otherwise those of keys.ParseKeyfile.
func OpenFile(path string, password func() ([]byte, error)) (*keys.Pair, error) {
	file, err := readKeyfile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer clear(file)
	var secret []byte
	if keys.Encrypted(file) && password != nil {
		if secret, err = password(); err != nil {
			return nil, fmt.Errorf("%s: password: %w", path, err)
		}
		defer clear(secret)
	}
	pair, err := keys.ParseKeyfile(file, secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pair, nil
}

// readKeyfile reads a regular file, up to what keys.ParseKeyfile refuses as too long.
func readKeyfile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoHotkey
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", keys.ErrKeyfile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, keys.MaxKeyfile+1))
}
