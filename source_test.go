package affine_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	longestFunc  = 100  // lines of a function, tests excepted
	usualFunc    = 60   // lines that usualShare of the functions stay within
	usualShare   = 0.90 // of all functions
	longestMain  = 150  // lines of a function's main package
	longestFile  = 500  // lines of a file, tests excepted
	sourceSuffix = ".go"
)

// source is one parsed Go file of the repository.
type source struct {
	path string // relative to the repository's root, with slashes
	file *ast.File
	set  *token.FileSet
}

func (s source) isTest() bool   { return strings.HasSuffix(s.path, "_test.go") }
func (s source) folder() string { return filepath.ToSlash(filepath.Dir(s.path)) }

func (s source) lines(n ast.Node) int {
	return s.set.Position(n.End()).Line - s.set.Position(n.Pos()).Line + 1
}

func (s source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.set.Position(n.Pos()).Line)
}

// parse reads one file for the rules.
func parse(t *testing.T, path string, text []byte) source {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("%v", err)
		file = &ast.File{Name: ast.NewIdent("unparsable")}
	}
	return source{path: filepath.ToSlash(path), file: file, set: set}
}

// sources parses all Go files of the repository but those that tests use as data.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, sourceSuffix) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			all = append(all, parse(t, path, text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found %d Go files: not the repository's root?", len(all))
	}
	return all
}

// isCall says whether a node calls pkg.name for one of the names.
func isCall(n ast.Node, pkg string, names ...string) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	from, ok := selector.X.(*ast.Ident)
	return ok && from.Name == pkg && slices.Contains(names, selector.Sel.Name)
}

func imports(s source, path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) })
}

// sleeps finds waits for the clock. Under testing/synctest the clock is a fake one
// that moves at once, and sleeping is how a test moves it.
func sleeps(s source) []string {
	if !s.isTest() || imports(s, "testing/synctest") {
		return nil
	}
	return calls(s, "time", "Sleep")
}

func calls(s source, pkg string, names ...string) []string {
	var found []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if isCall(n, pkg, names...) {
			found = append(found, s.at(n))
		}
		return true
	})
	return found
}

func TestNoTestSleeps(t *testing.T) {
	for _, s := range sources(t) {
		for _, at := range sleeps(s) {
			t.Errorf("%s: time.Sleep in a test: wait for what is awaited, or use testing/synctest", at)
		}
	}
}

// impurities finds what a pure package must be given instead of reaching for it.
func impurities(s source) []string {
	if s.isTest() || !pure.selects(s.folder()) && !graders.selects(s.folder()) {
		return nil
	}
	found := calls(s, "time", "Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc")
	if pure.selects(s.folder()) {
		found = append(found, calls(s, "os", "ReadFile", "Open", "OpenFile", "WriteFile", "Create")...)
	}
	// The top-level functions draw from a source that is seeded differently each time.
	return append(found, calls(s, "rand", "Int", "IntN", "Int64N", "Uint64", "Uint32", "Float64", "Perm", "Shuffle", "N")...)
}

func TestPurePackagesAreGivenClockAndChance(t *testing.T) {
	for _, s := range sources(t) {
		for _, at := range impurities(s) {
			t.Errorf("%s: a pure package is handed time, settings, files and chance; it does not fetch them", at)
		}
	}
}

// environment finds where a package other than a main reads settings for itself.
func environment(s source) []string {
	allowed := append(slices.Clone(mains), "localstack/...", "infra/...", "shared/devnet/...", "shared/sharedtest", "shared/awstest",
		"shared/leaderboard") // NO_COLOR is the terminal's, not ours
	if s.isTest() || allowed.selects(s.folder()) {
		return nil
	}
	return calls(s, "os", "Getenv", "LookupEnv", "Environ")
}

func TestOnlyMainsReadTheEnvironment(t *testing.T) {
	for _, s := range sources(t) {
		for _, at := range environment(s) {
			t.Errorf("%s: settings are read once, by a main, through shared/config", at)
		}
	}
}

// function is a function declaration and its length.
type function struct {
	at    string
	lines int
}

func functions(s source) []function {
	var found []function
	for _, decl := range s.file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			found = append(found, function{fmt.Sprintf("%s %s", s.at(f), f.Name.Name), s.lines(f)})
		}
	}
	return found
}

func TestFunctionsAreShort(t *testing.T) {
	var all []function
	mainLines := make(map[string]int)
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		all = append(all, functions(s)...)
		if pattern([]string{"functions/*"}).selects(s.folder()) {
			mainLines[s.folder()] += s.lines(s.file)
		}
		if n := s.set.File(s.file.Pos()).LineCount(); n > longestFile {
			t.Errorf("%s has %d lines, at most %d", s.path, n, longestFile)
		}
	}
	for folder, n := range mainLines {
		if n > longestMain {
			t.Errorf("%s has %d lines, at most %d: a main constructs and calls; policy belongs in shared/validator", folder, n, longestMain)
		}
	}
	long := 0
	for _, f := range all {
		if f.lines > longestFunc {
			t.Errorf("%s has %d lines, at most %d", f.at, f.lines, longestFunc)
		}
		if f.lines > usualFunc {
			long++
		}
	}
	slices.SortFunc(all, func(a, b function) int { return a.lines - b.lines })
	if share := 1 - float64(long)/float64(len(all)); share < usualShare {
		t.Errorf("%.0f %% of %d functions have at most %d lines, want %.0f %%", 100*share, len(all), usualFunc, 100*usualShare)
	}
	t.Logf("%d functions: median %d lines, 90th percentile %d, longest %d", len(all), all[len(all)/2].lines, all[len(all)*9/10].lines, all[len(all)-1].lines)
}

// selfEvident are methods whose interface in the standard library says all.
var selfEvident = map[string]bool{"Error": true, "String": true, "Unwrap": true}

// undocumented finds exported names without a comment.
func undocumented(s source) []string {
	if s.isTest() || s.file.Name.Name == "main" {
		return nil
	}
	var found []string
	for _, decl := range s.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil && !selfEvident[d.Name.Name] {
				found = append(found, s.at(d)+" "+d.Name.Name)
			}
		case *ast.GenDecl:
			found = append(found, undocumentedSpecs(s, d)...)
		}
	}
	return found
}

func undocumentedSpecs(s source, d *ast.GenDecl) []string {
	var found []string
	for _, spec := range d.Specs {
		switch v := spec.(type) {
		case *ast.TypeSpec:
			if v.Name.IsExported() && d.Doc == nil && v.Doc == nil && v.Comment == nil {
				found = append(found, s.at(v)+" "+v.Name.Name)
			}
		case *ast.ValueSpec:
			// A comment on a group speaks for all of it, as does a type that says what its constants are.
			if v.Names[0].IsExported() && d.Doc == nil && v.Doc == nil && v.Comment == nil && (d.Tok != token.CONST || v.Type == nil) {
				found = append(found, s.at(v)+" "+v.Names[0].Name)
			}
		}
	}
	return found
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	kind := f.Recv.List[0].Type
	for {
		switch k := kind.(type) {
		case *ast.StarExpr:
			kind = k.X
		case *ast.IndexExpr:
			kind = k.X
		case *ast.Ident:
			return k.IsExported()
		default:
			return false
		}
	}
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	described := make(map[string]bool)
	for _, s := range sources(t) {
		for _, at := range undocumented(s) {
			t.Errorf("%s has no comment", at)
		}
		if !s.isTest() {
			described[s.folder()] = described[s.folder()] || s.file.Doc != nil
		}
	}
	for folder, yes := range described {
		if !yes {
			t.Errorf("%s has no package comment: say what it is for", folder)
		}
	}
}

// foreign matches what belongs to one machine or one way of working and not to the
// project: folders of a machine, hosts of package registries (clients know theirs).
var foreign = regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(work|root|home/[a-z]\w*|Users/\w+)/` +
	`|proxy\.golang\.` + `org|(files\.)?python` + `hosted\.org|registry\.npm` + `js\.org`)

func TestFilesSpeakOfTheProjectOnly(t *testing.T) {
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	out, err := list.Output()
	if err != nil {
		t.Skipf("NOT CHECKED: no git work tree here: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			continue // deleted in the work tree, a link to a folder, or not text
		}
		if at := foreign.FindIndex(text); at != nil {
			line := 1 + bytes.Count(text[:at[0]], []byte("\n"))
			t.Errorf("%s:%d: %q belongs to a machine, not to the project", name, line, bytes.TrimSpace(text[at[0]:at[1]]))
		}
	}
}

// Each rule must find its breach, or it holds nothing.
func TestSourceRulesFindTheirBreaches(t *testing.T) {
	bad := parse(t, "shared/dominance/bad.go", []byte(`package dominance

import ("math/rand/v2"; "os"; "time")

type Exported struct{}

func (e *Exported) Method() {}

func Now() { time.Now(); os.ReadFile("X"); os.Getenv("X"); rand.IntN(3) }

const (
	Loose = 1
	Said  = 2 // why
)

var Value int
`))
	if got := impurities(bad); len(got) != 3 {
		t.Errorf("impurities: %q, want 3", got)
	}
	if got := environment(bad); len(got) != 1 {
		t.Errorf("environment: %q, want 1", got)
	}
	if got := undocumented(bad); len(got) != 5 {
		t.Errorf("undocumented: %q, want 5", got)
	}
	sleeper := "package x\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"
	if got := sleeps(parse(t, "x_test.go", []byte(sleeper))); len(got) != 1 {
		t.Errorf("sleeps: %q, want 1", got)
	}
	if got := sleeps(parse(t, "x_test.go", []byte(strings.Replace(sleeper, `"time"`, `("time"; "testing/synctest")`, 1)))); len(got) != 0 {
		t.Errorf("sleeps under synctest: %q, want none", got)
	}
	if got := functions(bad); len(got) != 2 || got[1].lines != 1 {
		t.Errorf("functions: %v, want 2", got)
	}
	for text, want := range map[string]bool{
		"open /wo" + "rk/main": true, `"/ro` + `ot/x"`: true, "https://x/wo" + "rk/y": false, "/ho" + "me/me/x": true, "framework/": false,
	} {
		if foreign.MatchString(text) != want {
			t.Errorf("foreign(%q) = %v, want %v", text, !want, want)
		}
	}
}
