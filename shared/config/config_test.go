package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/subnet"
)

const (
	satURL  = "https://sqs.us-east-1.amazonaws.com/123456789012/affine-sat"
	abdURL  = "https://sqs.us-east-1.amazonaws.com/123456789012/affine-abd"
	apiKey  = "cpk_0123456789abcdef.0123456789abcdef.x"
	hotkeyA = "5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX"
)

// working is what a deployment sets, for all programs at once.
func working() map[string]string {
	return map[string]string{
		NameQueues:         "affine-sat=" + satURL + ",affine-abd=" + abdURL,
		NameTable:          "affine",
		NameBucket:         "affine-archive",
		NameChutesKey:      apiKey,
		NameHotkey:         hotkeyA,
		NameSignerFunction: "arn:aws:lambda:us-east-1:123456789012:function:signer",
		NameHotkeySecret:   "affine/hotkey",
	}
}

func with(changes map[string]string) Lookup {
	settings := working()
	maps.Copy(settings, changes)
	return func(name string) (string, bool) {
		text, ok := settings[name]
		return text, ok
	}
}

type reader func(Lookup) (Settings, error)

var readers = map[string]reader{
	"enumerate": ForEnumerate,
	"envrunner": ForEnvRunner,
	"weights":   ForWeights,
	"signer":    ForSigner,
}

func TestEnvRunnerDefaults(t *testing.T) {
	got, err := ForEnvRunner(with(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Netuid: 120,
		Envs:   []subnet.EnvID{"affine:sat", "affine:abd"},
		Queues: map[subnet.EnvID]string{"affine:sat": satURL, "affine:abd": abdURL},
		Table:  "affine",
		Bucket: "affine-archive",
		Chutes: Chutes{Key: NewSecret(apiKey)},
		Runner: Runner{
			InFlight: 64, PerMiner: 8, GiveUp: 4, Visibility: 90 * time.Second, Drain: 80 * time.Second,
			FlushCount: 1000, FlushBytes: 8 << 20, FlushEvery: 30 * time.Second,
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Secret{})); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestEnumerateTakesWhatIsSet(t *testing.T) {
	got, err := ForEnumerate(with(map[string]string{
		NameNetuid:      " 2 ",
		NameEndpoint:    "ws://127.0.0.1:9944",
		NameFallback:    "test",
		NameArchive:     "wss://archive.example,ws://localhost:1",
		NameGenesis:     "0x" + strings.Repeat("AB", 32),
		NameEnvs:        "affine:sat, affine:abd,",
		NameQueues:      "affine:abd = " + abdURL + ", affine-sat=" + satURL,
		NameDLQs:        "affine-sat=" + satURL + "-dead,affine-abd=" + abdURL + "-dead",
		NameWindow:      "7200",
		NameDailyRate:   "12.5",
		NameMaxDepth:    "10",
		NameBlacklist:   hotkeyA + ",",
		NameChutesAPI:   "http://localhost:8080",
		NameR2Endpoint:  "https://acc.r2.cloudflarestorage.com",
		NameR2KeyID:     "id",
		NameR2SecretKey: "key",
		NameLogLevel:    "WARN",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Netuid:   2,
		LogLevel: slog.LevelWarn,
		Chain: Chain{Endpoints: []string{"ws://127.0.0.1:9944", networks["test"]}, Archive: []string{"wss://archive.example", "ws://localhost:1"},
			Genesis: "0x" + strings.Repeat("ab", 32)},
		Envs:         []subnet.EnvID{"affine:sat", "affine:abd"},
		Queues:       map[subnet.EnvID]string{"affine:sat": satURL, "affine:abd": abdURL},
		DeadQueues:   map[subnet.EnvID]string{"affine:sat": satURL + "-dead", "affine:abd": abdURL + "-dead"},
		WindowBlocks: 7200,
		Table:        "affine",
		Bucket:       "affine-archive",
		R2:           R2{Endpoint: "https://acc.r2.cloudflarestorage.com", KeyID: "id", Key: NewSecret("key")},
		Chutes:       Chutes{Key: NewSecret(apiKey), API: "http://localhost:8080"},
		DailyRate:    12.5,
		MaxDepth:     10,
		Blacklist:    map[subnet.Hotkey]bool{hotkeyA: true},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Secret{})); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// Finney's archives are public; of other chains none is known.
func TestArchiveFollowsTheChain(t *testing.T) {
	for name, c := range map[string]struct {
		set  map[string]string
		want []string
	}{
		"finney":        {nil, archivesOf[FinneyGenesis]},
		"finney by URL": {map[string]string{NameEndpoint: "wss://own.example"}, archivesOf[FinneyGenesis]},
		"another chain": {map[string]string{NameGenesis: ownGenesis}, nil},
		"none":          {map[string]string{NameArchive: "none"}, []string{}},
	} {
		s, err := ForWeights(with(c.set))
		if diff := cmp.Diff(c.want, s.Chain.Archive); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestPathStyle(t *testing.T) {
	for _, name := range []string{NameAWSEndpoint, NameS3Endpoint} {
		s, err := ForWeights(with(map[string]string{name: "http://localhost:4566"}))
		if err != nil || !s.PathStyle {
			t.Errorf("with %s: PathStyle %v, error %v", name, s.PathStyle, err)
		}
	}
	if s, err := ForWeights(with(nil)); err != nil || s.PathStyle {
		t.Errorf("on AWS itself: PathStyle %v, error %v", s.PathStyle, err)
	}
}

func TestSignerSettings(t *testing.T) {
	for name, c := range map[string]struct {
		changes map[string]string
		want    Signer
	}{
		"secret": {nil, Signer{Secret: "affine/hotkey", Signatures: 3}},
		"KMS":    {map[string]string{NameHotkeySecret: "", NameHotkeyKMS: "alias/hotkey"}, Signer{KMS: "alias/hotkey", Signatures: 3}},
		"file":   {map[string]string{NameHotkeySecret: " ", NameHotkeyFile: "/mnt/my keys/hot"}, Signer{File: "/mnt/my keys/hot", Signatures: 3}},
		"miner":  {map[string]string{NameSignerProfile: "Miner", NameSignatures: "1"}, Signer{Secret: "affine/hotkey", Miner: true, Signatures: 1}},
	} {
		if s, err := ForSigner(with(c.changes)); err != nil || s.Signer != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, s.Signer, err, c.want)
		}
	}
}

// All that is wrong with the signer's settings is told at once.
func TestSignerFaultsTogether(t *testing.T) {
	_, err := ForSigner(with(map[string]string{NameHotkeySecret: "", NameTable: "", NameSignerProfile: "x", NameGenesis: "y"}))
	faults, ok := errors.AsType[*Error](err)
	if !ok || len(faults.Faults) != 4 {
		t.Errorf("%v, want four faults", err)
	}
}

// The signer holds the hotkey and must not come by anything else of value.
func TestProgramsLookAtTheirOwnSettingsOnly(t *testing.T) {
	foreign := map[string][]string{
		"enumerate": {NameHotkeySecret, NameHotkeyKMS, NameHotkeyFile, NameSignerFunction},
		"envrunner": {NameHotkeySecret, NameHotkeyKMS, NameHotkeyFile, NameSignerFunction, NameEndpoint},
		"weights":   {NameHotkeySecret, NameHotkeyKMS, NameHotkeyFile, NameChutesKey, NameQueues},
		"signer":    {NameChutesKey, NameR2SecretKey, NameQueues, NameBucket},
	}
	for program, read := range readers {
		seen := make(map[string]bool)
		_, err := read(func(name string) (string, bool) {
			seen[name] = true
			return with(nil)(name)
		})
		if err != nil {
			t.Errorf("%s: %v", program, err)
		}
		for _, name := range foreign[program] {
			if seen[name] {
				t.Errorf("%s looked at %s", program, name)
			}
		}
	}
}

func TestNothingSetNamesEverythingMissing(t *testing.T) {
	missing := map[string][]string{
		"enumerate": {NameQueues, NameTable, NameBucket, NameChutesKey},
		"envrunner": {NameQueues, NameTable, NameBucket, NameChutesKey},
		"weights":   {NameTable, NameBucket, NameHotkey, NameSignerFunction},
		"signer":    {NameTable},
	}
	besides := map[string]string{"signer": NameHotkeySecret + ", " + NameHotkeyKMS + " and " + NameHotkeyFile + ": 0 are set"}
	for program, read := range readers {
		_, err := read(func(string) (string, bool) { return "", true })
		faults, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s with nothing set: %v, want *Error", program, err)
			continue
		}
		want := len(missing[program])
		if text, more := besides[program]; more {
			want++
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", program, err, text)
			}
		}
		if faults.Program != program || len(faults.Faults) != want {
			t.Errorf("%s: %v, want %d faults", program, err, want)
		}
		for _, name := range missing[program] {
			if !strings.Contains(err.Error(), name+" is not set") {
				t.Errorf("%s: %q does not say that %s is missing", program, err, name)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("9", maxText+1)
	tests := []struct {
		name, text string
		says       string // in the error
	}{
		{NameNetuid, "65536", "outside 0 to 65535"},
		{NameNetuid, "-1", "outside"},
		{NameNetuid, "99999999999999999999", "outside"},
		{NameNetuid, "0x10", "not a whole number"},
		{NameNetuid, "1e3", "not a whole number"},
		{NameNetuid, long, "at most 4096"},
		{NameNetuid, "12\x00", "control character"},
		{NameTable, "a\nb", "control character"},
		{NameTable, "\xff", "not UTF-8"},
		{NameTable, "a b", "not a name of AWS"},
		{NameTable, "täble", "not a name of AWS"},
		{NameLogLevel, "loud", "no such level"},
		{NameLogLevel, "info+3", "no such level"},
		{NameEndpoint, "finny", "not a URL"},
		{NameEndpoint, "https://node", "none of ws, wss"},
		{NameEndpoint, "wss://", "not a URL"},
		{NameEndpoint, "wss://me:pw@node", "credentials"},
		{NameFallback, "wss://node/#x", "fragment"},
		{NameArchive, "wss://node,http://node", `"http://node": the URL begins with none of ws, wss`},
		{NameArchive, "wss://me:pw@node", "credentials"},
		{NameGenesis, "0x12", "not a block hash"},
		{NameGenesis, strings.Repeat("a", 66), "not a block hash"},
		{NameGenesis, "0x" + strings.Repeat("g", 64), "not a block hash"},
		{NameEnvs, ",", "names no environment"},
		{NameEnvs, "affine:sat,affine-sat", "are one environment"},
		{NameEnvs, "affine:sat,affine#abd", "not the name"},
		{NameEnvs, "../affine", "not the name"},
		{NameQueues, "affine-sat", "not environment=URL"},
		{NameQueues, "affine-sat=" + satURL, "no queue for affine:abd"},
		{NameQueues, "affine-sat=" + satURL + ",affine-abd=" + satURL, "the same queue"},
		{NameQueues, "affine-sat=" + satURL + ",affine-sat=" + abdURL, "two queues"},
		{NameQueues, "affine-sat=" + satURL + ",affine-ded=" + abdURL, "names no environment"},
		{NameQueues, "affine-sat=sat,affine-abd=" + abdURL, "not a URL"},
		{NameDLQs, "affine-sat=" + satURL, "no queue for affine:abd"},
		{NameWindow, "0", "outside"},
		{NameR2Endpoint, "r2", "not a URL"},
		{NameAWSEndpoint, "localhost:4566", "not a URL"},
		{NameR2KeyID, "id", "belong together"},
		{NameChutesKey, "a b", "contains a space"},
		{NameChutesAPI, "http://api.chutes.ai", "unencrypted"},
		{NameChutesAPI, "http://127.0.0.1.example.com", "unencrypted"},
		{NameInference, "https://{slug}.{slug}.example.com", "more than once"},
		{NameInference, "ftp://{slug}", "none of http, https"},
		{NameHotkeyKMS, "alias/hotkey", "2 are set; exactly one"},
		{NameHotkeyFile, "/keys/hotkey", "2 are set; exactly one"},
		{NameHotkeyKMS, "alias hotkey", "not a name of AWS"},
		{NameSignerProfile, "owner", "no such profile"},
		{NameSignatures, "0", "outside 1 to 100"},
		{NameDailyRate, "NaN", "not a number"},
		{NameDailyRate, "Inf", "outside"},
		{NameDailyRate, "1e999", "outside"},
		{NameDailyRate, "many", "not a number"},
		{NameMaxDepth, "0", "outside"},
		{NameBlacklist, hotkeyA + "x", "not an SS58 address"},
		{NameInFlight, "0", "outside"},
		{NameDrain, "121", "outside"},
		{NameVisibility, "1.5", "not a whole number"},
		{NameHotkey, strings.Replace(hotkeyA, "5", "0", 1), "not an SS58 address"},
		{NameBurn, "1.01", "outside 0 to 1"},
		{NameBurn, "-0.1", "outside 0 to 1"},
		{NameSignerFunction, "signer; rm", "not a name of AWS"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s=%.20q", test.name, test.text), func(t *testing.T) {
			_, err := readerOf(t, test.name)(with(map[string]string{test.name: test.text}))
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), test.name) {
				t.Errorf("got %v, want a fault of %s that says %q", err, test.name, test.says)
			}
			if len(fmt.Sprint(err)) > 500 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// readerOf returns the function of a program that reads the setting.
func readerOf(t *testing.T, name string) reader {
	t.Helper()
	by := map[program]reader{enumerate: ForEnumerate, envRunner: ForEnvRunner, weights: ForWeights, signer: ForSigner}
	for _, f := range fields {
		for _, who := range []program{enumerate, envRunner, weights, signer} {
			if f.name == name && f.readBy&who != 0 {
				return by[who]
			}
		}
	}
	t.Fatalf("no program reads %s", name)
	return nil
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := ForEnvRunner(with(map[string]string{
		NameNetuid: "x", NameTable: "", NameInFlight: "-5", NameR2KeyID: "id",
	}))
	faults, ok := errors.AsType[*Error](err)
	if !ok || len(faults.Faults) != 4 {
		t.Fatalf("got %v, want 4 faults", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has more than one line: %q", err)
	}
}

// A fault in the environments must not be told again for each queue.
func TestFaultsDoNotCascade(t *testing.T) {
	_, err := ForEnvRunner(with(map[string]string{NameEnvs: "affine sat"}))
	if faults, ok := errors.AsType[*Error](err); !ok || len(faults.Faults) != 1 {
		t.Errorf("got %v, want 1 fault", err)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	s, err := ForEnvRunner(with(map[string]string{
		NameR2Endpoint: "https://acc.r2.cloudflarestorage.com", NameR2KeyID: "id", NameR2SecretKey: "r2-secret-text",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Secrets(), []string{apiKey, "r2-secret-text"}; !slices.Equal(got, want) {
		t.Errorf("Secrets() = %q, want %q", got, want)
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "settings", s, "chutes", s.Chutes, "key", s.Chutes.Key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "settings", s, "chutes", s.Chutes, "key", &s.Chutes.Key)
	shown := fmt.Sprintf("%v|%+v|%#v|%s|%q|%x|%v", s, s, s, s.Chutes, s.Chutes.Key, s.Chutes.Key, &s.R2.Key) + string(encoded) + log.String()
	for _, text := range s.Secrets() {
		for _, form := range []string{text, fmt.Sprintf("%x", text)} {
			if strings.Contains(shown, form) {
				t.Errorf("%q shows in %s", form, shown)
			}
		}
	}
	if s.Chutes.Key.Reveal() != apiKey {
		t.Errorf("Reveal() = %q", s.Chutes.Key.Reveal())
	}
}

func TestFaultySecretIsNotQuoted(t *testing.T) {
	_, err := ForEnvRunner(with(map[string]string{NameChutesKey: "cpk_abc def"}))
	if err == nil || strings.Contains(err.Error(), "cpk_") {
		t.Errorf("got %v, want a fault without the key's text", err)
	}
}

func TestUnknown(t *testing.T) {
	got := Unknown([]string{"AFFINE_QUEUE=x", NameQueues + "=x", "PATH=/bin", "AFFINE_SHARED=", "AFFINE_ENV", "AFFINE_QUEUE=y", "=C:"})
	if want := []string{"AFFINE_ENV", "AFFINE_QUEUE"}; !slices.Equal(got, want) {
		t.Errorf("Unknown() = %q, want %q", got, want)
	}
}

// The table says for each setting who needs it, which makes sense only of what is
// read, and never together with a default.
func TestTableIsSound(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range fields {
		if seen[f.name] {
			t.Errorf("%s stands twice", f.name)
		}
		seen[f.name] = true
		if f.readBy == 0 || f.needs&^f.readBy != 0 || f.needs != 0 && f.unset != "" || f.doc == "" {
			t.Errorf("%s: read by %b, needed by %b, default %q, doc %q", f.name, f.readBy, f.needs, f.unset, f.doc)
		}
		if f.unset != "" {
			if err := f.receive(new(Settings), f.unset); err != nil {
				t.Errorf("%s refuses its own default %q: %v", f.name, f.unset, err)
			}
		}
	}
}

func FuzzSettings(f *testing.F) {
	for i := range fields {
		for _, text := range []string{"", "0", "-1", "affine:sat=x", "https://a/b", "NaN", apiKey, hotkeyA, "\x00", ",,=,="} {
			f.Add(uint8(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		field := fields[int(i)%len(fields)]
		for program, read := range readers {
			s, err := read(with(map[string]string{field.name: text}))
			if err == nil {
				checkRanges(t, program, s)
				continue
			}
			if _, ok := errors.AsType[*Error](err); !ok || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %s=%q: %v, want one line of faults", program, field.name, text, err)
			}
			if field.secret && len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Errorf("%s: the fault of %s shows its text", program, field.name)
			}
		}
	})
}

// checkRanges holds what programs rely on without looking again.
func checkRanges(t *testing.T, program string, s Settings) {
	t.Helper()
	if s.Burn < 0 || s.Burn > 1 || s.Burn != s.Burn {
		t.Errorf("%s: burn %v", program, s.Burn)
	}
	if program == "envrunner" && (s.Runner.InFlight < 1 || s.Runner.PerMiner < 1 || s.Runner.FlushEvery <= 0) {
		t.Errorf("runner %+v", s.Runner)
	}
	if program == "enumerate" || program == "envrunner" {
		if len(s.Envs) == 0 || len(s.Queues) != len(s.Envs) {
			t.Errorf("%s: environments %q, queues %q", program, s.Envs, s.Queues)
		}
	}
	if program != "envrunner" && (len(s.Chain.Endpoints) == 0 || len(s.Chain.Genesis) != 66) {
		t.Errorf("%s: chain %+v", program, s.Chain)
	}
}
