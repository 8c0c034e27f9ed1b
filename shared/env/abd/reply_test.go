package abd

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestReadReply(t *testing.T) {
	for name, c := range map[string]struct{ reply, stdin, problem string }{
		"plain":                     {"<INPUT>5</INPUT>", "5\n", ""},
		"lines":                     {"<INPUT>\n5\nab\n</INPUT>", "5\nab\n", ""},
		"any case":                  {"<Input>5</inPUT>", "5\n", ""},
		"trailing space":            {"<INPUT>\n5  \n a \t\n\n\n</INPUT>", "5\n a\n", ""},
		"leading space goes":        {"<INPUT>   5</INPUT>", "5\n", ""},
		"CRLF":                      {"<INPUT>\r\n5\r\n6\r\n</INPUT>", "5\n6\n", ""},
		"inner blank line stays":    {"<INPUT>5\n\n6</INPUT>", "5\n\n6\n", ""},
		"empty is an answer":        {"<INPUT></INPUT>", "", ""},
		"blank is empty":            {"<INPUT> \n </INPUT>", "", ""},
		"last counts":               {"<INPUT>1</INPUT> no, <INPUT>2</INPUT>", "2\n", ""},
		"last complete counts":      {"<INPUT>1</INPUT> <INPUT>2", "1\n", ""},
		"stray closing":             {"</INPUT><INPUT>1</INPUT></INPUT>", "1\n", ""},
		"mention before":            {"Within <INPUT> tags: <INPUT>3</INPUT>", "3\n", ""},
		"thinking goes":             {"<think><INPUT>1</INPUT></think><INPUT>2</INPUT>", "2\n", ""},
		"thinking alone":            {"<think><INPUT>1</INPUT></think>", "", "no <INPUT>"},
		"thinking longer name":      {"<thinking><INPUT>1</INPUT></thinking>", "", "no <INPUT>"},
		"thinking in between":       {"<INPUT>1<think>x</think>2</INPUT>", "12\n", ""},
		"unclosed thinking":         {"<think>maybe <INPUT>1</INPUT>", "", "no <INPUT>"},
		"closed by another name":    {"<think>maybe <INPUT>1</INPUT></thinking>", "", "no <INPUT>"},
		"closing tag alone":         {"maybe <INPUT>1</INPUT></think><INPUT>2</INPUT>", "2\n", ""},
		"closing tag alone, no end": {"maybe <INPUT>1</INPUT></think>", "", "no <INPUT>"},
		"nested thinking":           {"<think>a<think>b</think><INPUT>1</INPUT></think><INPUT>2</INPUT>", "2\n", ""},
		"thinking in upper case":    {"<THINK><INPUT>1</INPUT></THINK>", "1\n", ""},
		"not quite a tag":           {"<thinker><INPUT>1</INPUT>", "1\n", ""},
		"answer, then thinking":     {"<INPUT>1</INPUT><think>hm", "1\n", ""},
		"no tags":                   {"5", "", "no <INPUT>"},
		"nothing":                   {"", "", "no <INPUT>"},
		"tag of other letters":      {"<ınput>5</ınput>", "", "no <INPUT>"},
		"not UTF-8":                 {"<INPUT>\xff</INPUT>", "", "not UTF-8"},
		"NUL passes on":             {"<INPUT>a\x00b</INPUT>", "a\x00b\n", ""},
		"too long":                  {"<INPUT>" + strings.Repeat("1", MaxInput+1) + "</INPUT>", "", "longer than"},
		"long enough":               {"<INPUT>" + strings.Repeat("1", MaxInput) + "</INPUT>", strings.Repeat("1", MaxInput) + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			stdin, problem := readReply(c.reply)
			if stdin != c.stdin || !strings.Contains(problem, c.problem) || (problem == "") != (c.problem == "") {
				t.Errorf("%.80q reads as %.80q, %q; want %.80q, %q", c.reply, stdin, problem, c.stdin, c.problem)
			}
		})
	}
}

// Each bomb is read in one pass.
func TestReadReplyBombs(t *testing.T) {
	const n = 1_000_000
	for name, reply := range map[string]string{
		"opening tags":       strings.Repeat("<INPUT>", n),
		"closing tags":       strings.Repeat("</INPUT>", n),
		"pairs":              strings.Repeat("<INPUT></INPUT>", n),
		"thoughts":           strings.Repeat("<think></think>", n),
		"open thoughts":      strings.Repeat("<think>", n),
		"closing thoughts":   strings.Repeat("</think></thinking>", n),
		"almost thoughts":    strings.Repeat("<think", n),
		"crossed thoughts":   strings.Repeat("<think></thinking>", n),
		"angle brackets":     strings.Repeat("<", 10*n),
		"blank lines":        "<INPUT>" + strings.Repeat(" \n", 10*n) + "</INPUT>",
		"lines of one digit": "<INPUT>" + strings.Repeat("1\n", 10*n) + "</INPUT>",
	} {
		start := time.Now()
		stdin, _ := readReply(reply)
		if took := time.Since(start); took > 5*time.Second || len(stdin) > MaxInput+1 {
			t.Errorf("%s: %d bytes after %v", name, len(stdin), took)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{"<INPUT>5\n6</INPUT>", "<think>a</think><input>\r\n</INPUT>", "</think><INPUT>x", "<thinking></think></thinking>", "<INPUT>\xff</INPUT>", "<<INPUT>>1</INPUT>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		stdin, problem := readReply(reply)
		if problem != "" {
			if stdin != "" {
				t.Fatalf("%q: both %q and %q", reply, stdin, problem)
			}
			return
		}
		if !utf8.ValidString(stdin) || len(stdin) > MaxInput+1 || stdin != "" && !strings.HasSuffix(stdin, "\n") {
			t.Fatalf("%q reads as %q", reply, stdin)
		}
		if strings.Contains(stdin, "<") {
			return // may hold tags of its own, which a second reading would obey
		}
		if again, problem := readReply("<INPUT>" + stdin + "</INPUT>"); again != stdin || problem != "" {
			t.Fatalf("%q reads as %q, which reads as %q, %q", reply, stdin, again, problem)
		}
	})
}

func TestSameOutput(t *testing.T) {
	for _, c := range []struct {
		got, want string
		same      bool
	}{
		{"a\n", "a\n", true},
		{"a", "a\n", true},
		{"\n a \n", "a", true},
		{"a\r\nb\r\n", "a\nb\n", true},
		{"a  \nb\t\n", "a\nb\n", true},
		{" a\nb", "a\nb\n", true},
		{"a\n b", "a\nb", false},
		{"a\n\nb", "a\nb", false},
		{"a b", "a  b", false},
		{"A", "a", false},
		{"", "\n", true},
		{"", "0", false},
		{"1", "1.0", false},
		{"True", "1", false},
	} {
		if sameOutput(c.got, c.want) != c.same || sameOutput(c.want, c.got) != c.same {
			t.Errorf("%q and %q: same is not %v", c.got, c.want, c.same)
		}
	}
}

func TestLastLineIsShortAndPrintable(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Traceback\n  File\nValueError: no\n", "ValueError: no"},
		{"", ""},
		{"a\x1b[31m\x00\xff", "a?[31m??"},
		{strings.Repeat("é", 5000), strings.Repeat("é", 100) + "…"},
	} {
		if got := lastLine(c.in); got != c.want {
			t.Errorf("%.40q gives %q, want %q", c.in, got, c.want)
		}
	}
}
