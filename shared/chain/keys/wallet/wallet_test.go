package wallet_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/keys/wallet"
)

// A well-known development key.
const (
	seed    = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"
	public  = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
	address = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
)

// folder makes a wallet folder with one hotkey.
func folder(t *testing.T, hot, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	hotkeys := filepath.Join(dir, "cold", "hotkeys")
	if err := os.MkdirAll(hotkeys, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hotkeys, hot), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(dir, cold, hot string, password func() ([]byte, error)) (*keys.Pair, error) {
	path, err := wallet.Path(dir, cold, hot)
	if err != nil {
		return nil, err
	}
	return wallet.OpenFile(path, password)
}

func noPassword(t *testing.T) func() ([]byte, error) {
	return func() ([]byte, error) {
		t.Error("a password was asked for")
		return nil, nil
	}
}

func TestOpen(t *testing.T) {
	dir := folder(t, "hot", `{"secretSeed":"0x`+seed+`","ss58Address":"`+address+`"}`)
	p, err := open(dir, "cold", "hot", noPassword(t))
	if err != nil || p.Address() != address {
		t.Errorf("%v, %v", p, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := folder(t, "hot", `{"publicKey":"0x`+public+`"}`)
	if err := unix.Mkfifo(filepath.Join(dir, "cold", "hotkeys", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cold, hot string
		want      error
	}{
		"no wallet":        {"warm", "hot", wallet.ErrNoHotkey},
		"no hotkey":        {"cold", "other", wallet.ErrNoHotkey},
		"no secret":        {"cold", "hot", keys.ErrPublic},
		"a folder":         {"cold", "../hotkeys", wallet.ErrNoHotkey},
		"upwards":          {"..", "hot", wallet.ErrNoHotkey},
		"here":             {"cold", ".", wallet.ErrNoHotkey},
		"empty":            {"cold", "", wallet.ErrNoHotkey},
		"absolute":         {"/etc", "passwd", wallet.ErrNoHotkey},
		"another system's": {"cold", `..\x`, wallet.ErrNoHotkey},
		"control":          {"cold", "hot\x00", wallet.ErrNoHotkey},
		"huge":             {"cold", strings.Repeat("x", 1<<20), wallet.ErrNoHotkey},
		"a pipe":           {"cold", "pipe", keys.ErrKeyfile},
	} {
		p, err := open(dir, c.cold, c.hot, noPassword(t))
		if !errors.Is(err, c.want) || p != nil || len(err.Error()) > 400 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v; want %v in one line", name, p, err, c.want)
		}
	}
}

func TestOpenAsksForAPasswordWhenItTakesOne(t *testing.T) {
	dir := folder(t, "hot", "$NACL0123456789")
	asked := 0
	ask := func() ([]byte, error) { asked++; return []byte("secret words"), nil }
	if _, err := open(dir, "cold", "hot", ask); !errors.Is(err, keys.ErrKeyfile) || asked != 1 {
		t.Errorf("%v after %d questions", err, asked)
	}
	if _, err := open(dir, "cold", "hot", nil); !errors.Is(err, keys.ErrLocked) {
		t.Errorf("nobody to ask: %v", err)
	}
	cancelled := errors.New("interrupted")
	if _, err := open(dir, "cold", "hot", func() ([]byte, error) { return nil, cancelled }); !errors.Is(err, cancelled) {
		t.Errorf("not answered: %v", err)
	}
}
