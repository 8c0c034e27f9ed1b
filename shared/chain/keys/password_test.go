package keys_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/keys"
)

// TestPasswordVariables: name and value as btcli writes them, computed by other means.
func TestPasswordVariables(t *testing.T) {
	const name = "BT_PW__SRV_ADA__BITTENSOR_WALLETS_MY-COLD_COLDKEY"
	if got := keys.PasswordVariable("/srv/ada/.bittensor/wallets/my-cold/coldkey"); got != name {
		t.Errorf("variable %s, want %s", got, name)
	}
	for value, want := range map[string]string{
		"ITstIjI8K3M6lekzNyQ=":    "correct hörse",
		" ITstIjI8K3M6lekzNyQ=\n": "correct hörse",
		"OiwnKC8nJysqLic5PDknJzoxLCw9Nis3KicvOTQ0PSwrJzUhVTs3NDwnOzc0PDM9ITosJygvJycrKi4nOTw5Jyc6MSwsPQ==": strings.Repeat("x", 70),
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
	f.Add("BT_PW_X", "ITstIjI8K3M6lekzNyQ=")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, variable, value string) {
		password, err := keys.PasswordOf(variable, value)
		if err == nil && len(password) > len(value) {
			t.Errorf("%d bytes out of %d", len(password), len(value))
		}
	})
}
