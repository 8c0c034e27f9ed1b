package leaderboard

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/subnet"
)

// verdict is over base, B, A and C: A and B earn, C is short of samples, base has
// none and is given the burn, and the last hotkey has nothing to show.
func verdict(t *testing.T) dominance.Verdict {
	t.Helper()
	in := dominance.Input{
		Envs:         []subnet.EnvID{"affine:sat", "affine:abd"},
		Hotkeys:      []subnet.Hotkey{"base", "5BlateAndShort", "5AearlyAndGood", "5C\x1b[31mred", "5Nobody"},
		CurrentBlock: 7000, Burn: 0.1, Queryable: []subnet.Hotkey{"base", "5BlateAndShort", "5AearlyAndGood"},
	}
	give := func(hotkey subnet.Hotkey, model string, block subnet.Block, env subnet.EnvID, n, successes int) {
		for i := range n {
			r := dominance.Record{Hotkey: hotkey, Model: model, Revision: "0123456789", Env: env, Block: &block}
			if i < successes {
				r.Score = 1
			}
			in.Samples = append(in.Samples, r)
		}
	}
	give("5BlateAndShort", "b/affine\ttab", 200, "affine:sat", 200, 150)
	give("5BlateAndShort", "b/affine\ttab", 200, "affine:abd", 200, 60)
	give("5AearlyAndGood", "a/affine-of-a-name-longer-than-thirty", 100, "affine:sat", 200, 120)
	give("5AearlyAndGood", "a/affine-of-a-name-longer-than-thirty", 100, "affine:abd", 200, 160)
	give("5C\x1b[31mred", "c/affine", 50, "affine:sat", 10, 10)
	in.Samples = append(in.Samples, dominance.Record{Hotkey: "5C\x1b[31mred", Model: "c/affine", Env: "affine:sat"})
	v, err := dominance.Seed(in)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const plainText = `UID	Hotkey	Model	Rev	affine:sat	affine:abd	L1	L2	Pts	Elig	FirstBlk	Wgt
2	5AearlyAndGood	a/affine-of-a-name-longer-than-thirty	01234	60.00/[54.22,65.57]/200	*80.00/[75.04,84.32]/200*	1.0	3.2	4.24	Y	100	0.6361
1	5BlateAndShort	b/affine�tab	01234	*75.00/[69.72,79.75]/200*	30.00/[24.90,35.52]/200	1.0	0.8	1.76	Y	200	0.2639
3	5C�[31mred	c/affine	01234	100.00/[82.92,99.98]/10	0.00/[0.00,0.00]/0	0.0	0.0	0.00	N	50	0.0000
0	base			0.00/[0.00,0.00]/0	0.00/[0.00,0.00]/0	0.0	0.0	0.00	N	-	0.1000

Block 7000: 2 eligible, 3 active, 3 queryable of 5 miners.
Quarantined records: 1 (block is missing: 1).
5AearlyA… (uid 2) wins 4.24 of 6 points and 63.61 % of the weight; against the runner-up, 5BlateAn… (uid 1) with 1.76 points, it wins outright in affine:abd, is worse in affine:sat and has the higher mean score where they share points; 10 % is burned to uid 0.
`

func TestPlainText(t *testing.T) {
	var out bytes.Buffer
	if err := Render(&out, verdict(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plainText, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestFilesAreNoTerminals(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Render(f, verdict(t)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(f.Name()); err != nil || string(text) != plainText {
		t.Errorf("a file holds %q, %v", text, err)
	}
}

func TestTableIsAlignedAndCut(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	var out bytes.Buffer
	if err := table(&out, verdict(t)); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	lines := strings.Split(text, "\n")
	width := len([]rune(lines[0]))
	for i, line := range lines[:8] { // border, header, rule, four miners, border
		if n := len([]rune(line)); n != width {
			t.Errorf("line %d has %d characters, the first %d: %s", i, n, width, line)
		}
	}
	for _, want := range []string{"│ 2   │ 5AearlyA… │", "│ a/affine-of-a-name-longer-tha… │", "*80.00/[75.04,84.32]/200*", "0.6361 │"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.ContainsRune(text, '\x1b') {
		t.Errorf("NO_COLOR is set, yet there are escapes: %q", text)
	}
}

func TestTableShowsWhoIsPaid(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("CLICOLOR_FORCE", "1")
	t.Setenv("TERM", "xterm-256color")
	var out bytes.Buffer
	if err := table(&out, verdict(t)); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		green := strings.Contains(line, "\x1b[32m")
		if paid := strings.Contains(line, "0.6361") || strings.Contains(line, "0.2639") || strings.Contains(line, "0.1000"); green != paid {
			t.Errorf("paid: %v, green: %v in %q", paid, green, line)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

var errBroken = errors.New("broken pipe")

func TestRenderReportsARefusedWrite(t *testing.T) {
	if err := Render(brokenPipe{}, verdict(t)); !errors.Is(err, errBroken) {
		t.Errorf("plain: error %v", err)
	}
	if err := table(brokenPipe{}, verdict(t)); !errors.Is(err, errBroken) {
		t.Errorf("table: error %v", err)
	}
}

func TestTerminalsAreRecognized(t *testing.T) {
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("NOT CHECKED: no pseudo-terminal: %v", err)
	}
	defer pty.Close()
	if !terminal(pty) {
		t.Error("a pseudo-terminal is taken for a file")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if terminal(null) {
		t.Error("the null device is taken for a terminal")
	}
}
