package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ownGenesis = "0x1111111111111111111111111111111111111111111111111111111111111111"

func TestDeskPrefersFlagsToSettings(t *testing.T) {
	const finney, test = "wss://entrypoint-finney.opentensor.ai:443", "wss://test.finney.opentensor.ai:443"
	for name, c := range map[string]struct {
		settings map[string]string
		flags    Desk
		want     Chain
	}{
		"nothing": {want: Chain{Endpoints: []string{finney}, Archive: archivesOf[FinneyGenesis], Genesis: FinneyGenesis}},
		"a setting": {settings: map[string]string{NameEndpoint: " ws://localhost:9944 "},
			want: Chain{Endpoints: []string{"ws://localhost:9944"}}},
		"settings": {settings: map[string]string{NameEndpoint: "finney", NameFallback: "wss://other.example"},
			want: Chain{Endpoints: []string{finney, "wss://other.example"}, Archive: archivesOf[FinneyGenesis], Genesis: FinneyGenesis}},
		"archives set": {settings: map[string]string{NameEndpoint: "finney", NameArchive: "ws://old.example, wss://older.example,"},
			want: Chain{Endpoints: []string{finney}, Archive: []string{"ws://old.example", "wss://older.example"}, Genesis: FinneyGenesis}},
		"no archive": {settings: map[string]string{NameEndpoint: "finney", NameArchive: "none"},
			want: Chain{Endpoints: []string{finney}, Archive: []string{}, Genesis: FinneyGenesis}},
		"a flag": {settings: map[string]string{NameEndpoint: "finney", NameFallback: "wss://other.example"},
			flags: Desk{Endpoints: []string{"ws://127.0.0.1:1"}}, want: Chain{Endpoints: []string{"ws://127.0.0.1:1"}}},
		"flags": {flags: Desk{Endpoints: []string{"test", "ws://b"}, Archive: []string{"ws://c", "finney"}},
			want: Chain{Endpoints: []string{test, "ws://b"}, Archive: []string{"ws://c", finney}, Genesis: geneses["test"]}},
		"a pin set": {settings: map[string]string{NameGenesis: strings.ToUpper(ownGenesis[:2]) + ownGenesis[2:]}, flags: Desk{Endpoints: []string{"ws://b"}}},
		"a pin given": {settings: map[string]string{NameGenesis: FinneyGenesis}, flags: Desk{Endpoints: []string{"test"}, Genesis: ownGenesis},
			want: Chain{Endpoints: []string{test}, Genesis: ownGenesis}},
	} {
		got, err := ForDesk(func(name string) (string, bool) { text, ok := c.settings[name]; return text, ok }, c.flags)
		if len(c.want.Endpoints) == 0 {
			if err == nil || !strings.Contains(err.Error(), "not a block hash") {
				t.Errorf("%s: %v, want a refusal", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDeskNamesEveryFault(t *testing.T) {
	_, err := ForDesk(func(string) (string, bool) { return "", false },
		Desk{Endpoints: []string{"finny", "http://a", "ws://u:p@b"}, Archive: []string{"ws://a\x1b[2J"}, Genesis: "0x12"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{`5 faults: "finny": not a URL`, `"http://a": the URL begins with none of ws, wss`, "credentials", `\x1b[2J": contains a control character`, `"0x12": not a block hash`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v: lacks %q", err, part)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("%q could steer a terminal", err)
	}
}
