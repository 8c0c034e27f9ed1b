package keys_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/affine-go/affine/shared/chain/keys"
)

// wallet makes a wallet folder with one hotkey.
func wallet(t *testing.T, hot, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	folder := filepath.Join(dir, "cold", "hotkeys")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, hot), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func noPassword(t *testing.T) func() ([]byte, error) {
	return func() ([]byte, error) {
		t.Error("a password was asked for")
		return nil, nil
	}
}

func TestOpenHotkey(t *testing.T) {
	dir := wallet(t, "hot", `{"secretSeed":"0x`+aliceSeed+`","ss58Address":"`+aliceAddress+`"}`)
	p, err := keys.OpenHotkey(dir, "cold", "hot", noPassword(t))
	if err != nil || p.Address() != aliceAddress {
		t.Errorf("%v, %v", p, err)
	}
}

func TestOpenHotkeyRefuses(t *testing.T) {
	dir := wallet(t, "hot", `{"publicKey":"0x`+alice+`"}`)
	if err := unix.Mkfifo(filepath.Join(dir, "cold", "hotkeys", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cold, hot string
		want      error
	}{
		"no wallet":        {"warm", "hot", keys.ErrWallet},
		"no hotkey":        {"cold", "other", keys.ErrWallet},
		"no secret":        {"cold", "hot", keys.ErrPublic},
		"a folder":         {"cold", "../hotkeys", keys.ErrWallet},
		"upwards":          {"..", "hot", keys.ErrWallet},
		"here":             {"cold", ".", keys.ErrWallet},
		"empty":            {"cold", "", keys.ErrWallet},
		"absolute":         {"/etc", "passwd", keys.ErrWallet},
		"another system's": {"cold", `..\x`, keys.ErrWallet},
		"control":          {"cold", "hot\x00", keys.ErrWallet},
		"huge":             {"cold", strings.Repeat("x", 1<<20), keys.ErrWallet},
		"a pipe":           {"cold", "pipe", keys.ErrKeyfile},
	} {
		p, err := keys.OpenHotkey(dir, c.cold, c.hot, noPassword(t))
		if !errors.Is(err, c.want) || p != nil || len(err.Error()) > 400 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v; want %v in one line", name, p, err, c.want)
		}
	}
}

func TestOpenHotkeyAsksForAPasswordWhenItTakesOne(t *testing.T) {
	dir := wallet(t, "hot", "$NACL0123456789")
	asked := 0
	ask := func() ([]byte, error) { asked++; return []byte("secret words"), nil }
	if _, err := keys.OpenHotkey(dir, "cold", "hot", ask); !errors.Is(err, keys.ErrKeyfile) || asked != 1 {
		t.Errorf("%v after %d questions", err, asked)
	}
	if _, err := keys.OpenHotkey(dir, "cold", "hot", nil); !errors.Is(err, keys.ErrLocked) {
		t.Errorf("nobody to ask: %v", err)
	}
	cancelled := errors.New("interrupted")
	if _, err := keys.OpenHotkey(dir, "cold", "hot", func() ([]byte, error) { return nil, cancelled }); !errors.Is(err, cancelled) {
		t.Errorf("not answered: %v", err)
	}
}

// TestPasswordVariables: name and value as btcli writes them, computed by other means.
func TestPasswordVariables(t *testing.T) {
	const name = "BT_PW__HOME_ADA__BITTENSOR_WALLETS_MY-COLD_COLDKEY"
	if got := keys.PasswordVariable("/home/ada/.bittensor/wallets/my-cold/coldkey"); got != name {
		t.Errorf("variable %s, want %s", got, name)
	}
	for value, want := range map[string]string{
		"ITstIjI8K2gnjvMtMiE=":    "correct hörse",
		" ITstIjI8K2gnjvMtMiE=\n": "correct hörse",
		"OiwnKC8nJzA3NT0nOTw5Jyc6MSwsPTYrNyonLzk0ND0sKyc1IVU7NzQ8Jzs3NDwzPSE6LCcoLycnMDc1PSc5PDknJzoxLA==": strings.Repeat("x", 70),
		"":             "",
		"Bw==\n\n\r\n": "E",
	} {
		if got, err := keys.PasswordOf(name, value); err != nil || string(got) != want {
			t.Errorf("%q holds %q, %v; want %q", value, got, err, want)
		}
	}
	for variable, value := range map[string]string{name: "not base64!", "": "Bw=="} {
		if got, err := keys.PasswordOf(variable, value); !errors.Is(err, keys.ErrPassword) || got != nil || strings.Contains(err.Error(), "not base64") {
			t.Errorf("%q: %q, %v; want ErrPassword without the value", value, got, err)
		}
	}
}

func FuzzPasswordOf(f *testing.F) {
	f.Add("BT_PW_X", "ITstIjI8K2gnjvMtMiE=")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, variable, value string) {
		password, err := keys.PasswordOf(variable, value)
		if err == nil && len(password) > len(value) {
			t.Errorf("%d bytes out of %d", len(password), len(value))
		}
	})
}
