package config

import (
	"log/slog"
	"strings"
	"testing"
)

// An endpoint's address may hold the key to it: the log names the host.
func TestLogDoesNotTellTheKeyToAnEndpoint(t *testing.T) {
	var log strings.Builder
	s := Settings{Chain: Chain{Endpoints: []string{"wss://node.example:443/s3cret", "wss://user:s3cret@b.example", "wss://c.example?apikey=s3cret"}}}
	slog.New(slog.NewJSONHandler(&log, nil)).Info("starting", "settings", s)
	for _, host := range []string{"wss://node.example:443", "wss://b.example", "wss://c.example"} {
		if !strings.Contains(log.String(), `"`+host+`"`) {
			t.Errorf("%s is missing: %s", host, &log)
		}
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Error(&log)
	}
}
