package awsstack_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/awsstack"
	"github.com/affine-go/affine/shared/config"
)

// A misspelt setting is told of, in the program's own log, without its value.
func TestLoggerTellsOfMisspeltSettings(t *testing.T) {
	environ := []string{"AFFINE_NETUIT=121", "AFFINE_NETUID=120"}
	out := stdout(t, func() { awsstack.Logger("signer", config.Settings{}, environ).Info("started") })
	if !strings.Contains(out, "AFFINE_NETUIT") || strings.Contains(out, "AFFINE_NETUID") || !strings.Contains(out, "signer") {
		t.Errorf("log: %s", out)
	}
}

// stdout is what f writes to standard output.
func stdout(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	f()
	os.Stdout = old
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
