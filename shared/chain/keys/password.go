package keys

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
)

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
