package keys

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// ErrWallet is wrapped when a wallet has no such hotkey, or its name is none.
var ErrWallet = errors.New("keys: no such hotkey")

// WalletPath is where a wallet keeps a hotkey: <dir>/<cold>/hotkeys/<hot>. A name that
// would lead elsewhere gives an error that wraps ErrWallet.
func WalletPath(dir, cold, hot string) (string, error) {
	for _, n := range []struct{ what, name string }{{"coldkey", cold}, {"hotkey", hot}} {
		if !isName(n.name) {
			return "", fmt.Errorf("%w: %s %.80q is not a name: one part of a path", ErrWallet, n.what, n.name)
		}
	}
	return filepath.Join(dir, cold, "hotkeys", hot), nil
}

func isName(name string) bool {
	odd := func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsFunc(name, odd)
}

// OpenHotkey opens a hotkey of a Bittensor wallet. password is asked only when the file
// is encrypted, and what it returns is wiped; nil means that nobody knows it. Errors name
// the file, and wrap ErrWallet when it is not there, otherwise those of ParseKeyfile.
func OpenHotkey(dir, cold, hot string, password func() ([]byte, error)) (*Pair, error) {
	path, err := WalletPath(dir, cold, hot)
	if err != nil {
		return nil, err
	}
	return OpenKeyfile(path, password)
}

// OpenKeyfile opens a Bittensor keyfile, as OpenHotkey does.
func OpenKeyfile(path string, password func() ([]byte, error)) (*Pair, error) {
	file, err := readKeyfile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer clear(file)
	var secret []byte
	if Encrypted(file) && password != nil {
		if secret, err = password(); err != nil {
			return nil, fmt.Errorf("%s: password: %w", path, err)
		}
		defer clear(secret)
	}
	pair, err := ParseKeyfile(file, secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pair, nil
}

// readKeyfile reads a regular file, up to what ParseKeyfile refuses as too long.
func readKeyfile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrWallet
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrKeyfile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxKeyfile+1))
}

// PasswordVariable is the name of the environment variable in which Bittensor's tools
// look for a keyfile's password: BT_PW_ and the file's path in capitals, with '_' for
// each separator and dot (KeyFile.env_var_name in btwallet). The path is the absolute one.
func PasswordVariable(path string) string {
	flat := strings.NewReplacer(string(filepath.Separator), "_", ".", "_").Replace(path)
	return "BT_PW_" + strings.ToUpper(flat)
}

// PasswordOf reads the password from the variable's value: base64 of the password XORed
// with the variable's own name, repeated (get_password_from_environment in btwallet).
// That hides it from a glance and from nobody else.
func PasswordOf(variable, value string) ([]byte, error) {
	password, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	if err != nil || variable == "" {
		return nil, fmt.Errorf("%w: variable %s does not hold a password as btcli writes it", ErrPassword, variable)
	}
	for i := range password {
		password[i] ^= variable[i%len(variable)]
	}
	return password, nil
}
