// Package affine_test holds the rules that concern the whole repository: which
// package may know which (architecture_test.go) and how the source is written
// (source_test.go). Each rule names what breaks it and why it stands.
package affine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/affine-go/affine"

// goPackage is the part of go list's output that the rules look at. Test files count
// in none of it: tests may know everything.
type goPackage struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	Imports    []string // direct
	Deps       []string // direct and indirect
	GoFiles    []string
	CgoFiles   []string
}

// rule is one sentence of the architecture: the packages that from selects must not
// import, or must not depend on at all, what not selects.
type rule struct {
	from     pattern
	not      pattern
	directly bool // look at direct imports only; otherwise at everything behind them too
	why      string
}

// pattern selects import paths, those of the module without the module's own path.
// "a/b" selects a/b itself, "a/..." also everything below a, "*" stands for one
// element, "..." for everything, "!a/b" takes out what an earlier entry selected:
// the last entry that fits decides.
type pattern []string

func (p pattern) selects(importPath string) bool {
	selected := false
	for _, entry := range p {
		positive := strings.TrimPrefix(entry, "!")
		if fits(positive, importPath) {
			selected = positive == entry
		}
	}
	return selected
}

func fits(entry, importPath string) bool {
	if entry == "..." {
		return true
	}
	prefix, below := strings.CutSuffix(entry, "/...")
	want, have := strings.Split(prefix, "/"), strings.Split(importPath, "/")
	if len(have) < len(want) || len(have) > len(want) && !below {
		return false
	}
	ok, err := path.Match(prefix, strings.Join(have[:len(want)], "/"))
	return ok && err == nil
}

var (
	sdk       = pattern{"github.com/aws/..."}
	mains     = pattern{"cmd/...", "functions/...", "envrunner/..."}
	pure      = pattern{"shared/subnet", "shared/dominance/...", "shared/env/...", "!shared/env/affinetes/...", "!shared/env/abd/...", "!shared/env/ded/...", "!shared/env/catalogue/...", "shared/chain/scale", "shared/chain/metadata/...", "shared/chain/extrinsic", "shared/chain/keys", "shared/chain/timelock", "shared/chain/epoch", "shared/chain/trie"}
	graders   = pattern{"shared/env/abd/...", "shared/env/ded/...", "shared/env/catalogue/..."} // pure but for the sandbox in which they run programs
	contracts = pattern{"shared/queue", "shared/store", "shared/archive", "shared/env"}

	// The outside world, as the standard library offers it.
	world = pattern{"net", "net/...", "!net/netip", "!net/url", "os/exec", "os/signal", "os/user", "database/sql/...", "plugin"}
)

var rules = []rule{
	{
		from: pattern{"shared/subnet"}, not: pattern{"shared/...", "github.com/...", "golang.org/...", "gonum.org/...", "modernc.org/..."},
		why: "the words of the field import nothing but the standard library",
	},
	{
		from: pure, not: append(pattern{"shared/...", "!shared/subnet"}, positive(pure)...), directly: true,
		why: "pure packages know subnet and one another, and nothing else of the project",
	},
	{
		from: pure, not: append(slices.Clone(world), "github.com/aws/...", "modernc.org/...", "github.com/coder/..."),
		why: "pure packages have no network, processes, database or SDK, not even behind another package",
	},
	{
		from: graders, not: append(append(pattern{"shared/...", "!shared/subnet", "!shared/sandbox"}, positive(pure)...), positive(graders)...), directly: true,
		why: "environments that run programs know the sandbox besides what pure packages know",
	},
	{
		from: graders, not: append(slices.Clone(world), "!os/exec", "github.com/aws/...", "modernc.org/...", "github.com/coder/..."),
		why: "environments that run programs start processes and have no network, database or SDK",
	},
	{
		from: contracts, not: append(slices.Clone(world), "github.com/aws/...", "modernc.org/..."),
		why: "a contract says what is promised; what keeps the promise stands beside it",
	},
	{
		from: contracts, not: pattern{"shared/...", "!shared/subnet"},
		why: "contracts speak in subnet's words and know no implementation",
	},
	{
		from: pattern{"...", "!shared/*/aws/...", "!shared/awstest/...", "!shared/awsstack/...", "!functions/...", "!envrunner/...", "!localstack/..."}, not: sdk, directly: true,
		why: "the SDK of AWS is known to the aws implementations and to the mains that construct them",
	},
	{
		from: pattern{"shared/validator/..."}, not: append(pattern{"github.com/aws/...", "modernc.org/...", "github.com/coder/..."}, world...),
		why: "policy is tried without the world: it knows contracts and pure packages only",
	},
	{
		from: pattern{"shared/validator"}, not: append(append(pattern{"shared/...", "!shared/subnet"}, positive(pure)...), "!shared/queue", "!shared/store", "!shared/archive", "!shared/env"),
		directly: true,
		why:      "validator knows contracts and pure packages only; mains hand it the rest",
	},
	{
		from: pattern{"...", "!cmd/af/...", "!shared/devnet/..."}, not: pattern{"shared/devnet/..."}, directly: true,
		why: "devnet is for tests and af dev; nothing deployed carries a stub chain",
	},
	{
		from: pattern{"functions/...", "envrunner/..."}, not: pattern{"shared/devnet/...", "shared/*/local/...", "shared/chain/chaintest/...", "shared/chain/wasmchain/...", "modernc.org/...", "github.com/spf13/...", "github.com/tetratelabs/...", "charm.land/..."},
		why: "what is deployed carries neither local backends, chains nor a user interface: size is start-up time",
	},
	{
		from: pattern{"functions/signer/..."}, not: pattern{"shared/validator/...", "shared/dominance/...", "shared/env/...", "shared/chutes/..."},
		why: "the signer signs what it is asked to and computes nothing",
	},
	{
		from: pattern{"functions/weights/..."}, not: pattern{"shared/queue/aws/...", "shared/chutes/..."}, directly: true,
		why: "data flows one way: weights reads rows, never the queue nor a model",
	},
	{
		from: mains, not: pattern{"testing", "testing/...", "shared/*test", "shared/*/*test/...", "!shared/chain/chaintest"},
		why: "programs carry no test code",
	},
	{
		from: pattern{"...", "!infra/..."}, not: pattern{"infra/..."}, directly: true,
		why: "the deployment knows the product, never the other way round",
	},
	{
		from: pattern{"infra/..."}, not: pattern{"shared/...", "!shared/config", "!shared/subnet"}, directly: true,
		why: "the deployment needs the names of the settings and nothing else",
	},
	{
		from: pattern{"shared/..."}, not: pattern{"cmd/...", "functions/...", "envrunner/...", "localstack/..."}, directly: true,
		why: "nothing is built upon a main",
	},
}

// positive turns a pattern into exceptions for another one.
func positive(p pattern) pattern {
	out := make(pattern, 0, len(p))
	for _, entry := range p {
		if !strings.HasPrefix(entry, "!") {
			out = append(out, "!"+entry)
		}
	}
	return out
}

// breaches returns, for each package that breaks a rule, a sentence that says how.
func breaches(rules []rule, packages []goPackage) []string {
	var found []string
	for _, p := range packages {
		for _, r := range rules {
			if !r.from.selects(local(p.ImportPath)) {
				continue
			}
			known := p.Deps
			if r.directly {
				known = p.Imports
			}
			for _, dep := range known {
				if r.not.selects(local(dep)) && dep != p.ImportPath {
					found = append(found, fmt.Sprintf("%s knows %s: %s%s", local(p.ImportPath), local(dep), r.why, via(p, dep, packages)))
				}
			}
		}
	}
	return found
}

// via names the direct import through which a package comes by dep.
func via(p goPackage, dep string, packages []goPackage) string {
	if slices.Contains(p.Imports, dep) {
		return ""
	}
	for _, q := range packages {
		if slices.Contains(p.Imports, q.ImportPath) && slices.Contains(q.Deps, dep) {
			return " (through " + local(q.ImportPath) + ")"
		}
	}
	return ""
}

// local is an import path as the rules write it.
func local(importPath string) string {
	if rest, ok := strings.CutPrefix(importPath, module+"/"); ok {
		return rest
	}
	if importPath == module {
		return "."
	}
	return importPath
}

// listPackages asks the go command for the module's packages and all behind them.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-json=ImportPath,Name,Dir,Standard,Imports,Deps,GoFiles,CgoFiles", "./...")
	list.Env = append(os.Environ(), "CGO_ENABLED=1") // without it, go list leaves out what needs cgo
	var problems bytes.Buffer
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &problems)
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("read go list's output: %v", err)
		}
		packages = append(packages, p)
	}
}

// ours are the packages of the module itself.
func ours(packages []goPackage) []goPackage {
	return slices.DeleteFunc(slices.Clone(packages), func(p goPackage) bool {
		return p.ImportPath != module && !strings.HasPrefix(p.ImportPath, module+"/")
	})
}

func TestDependencyDirection(t *testing.T) {
	packages := listPackages(t)
	own := ours(packages)
	if !slices.ContainsFunc(own, func(p goPackage) bool { return local(p.ImportPath) == "shared/subnet" }) {
		t.Fatalf("go list knows %d packages of the module and shared/subnet is none of them", len(own))
	}
	for _, breach := range breaches(rules, own) {
		t.Error(breach)
	}
	external := pattern{"gonum.org/v1/gonum/...", "github.com/ChainSafe/go-schnorrkel/...",
		"github.com/mr-tron/base58/...", "github.com/cespare/xxhash/v2/...", "golang.org/x/crypto/...", "golang.org/x/sync/...", "github.com/consensys/gnark-crypto/..."}
	for _, p := range own {
		if !pure.selects(local(p.ImportPath)) && !graders.selects(local(p.ImportPath)) {
			continue
		}
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") && local(imported) == imported && !external.selects(imported) {
				t.Errorf("%s imports %s: libraries of pure packages are listed in architecture_test.go, each for a reason", local(p.ImportPath), imported)
			}
		}
	}
}

// TestNothingNeedsCgo: a program must build for another machine without a C compiler, and
// be one static file where it runs. The standard library does without cgo when it has to.
func TestNothingNeedsCgo(t *testing.T) {
	packages := listPackages(t)
	if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.Standard && len(p.CgoFiles) > 0 }) {
		t.Fatal("go list shows no use of cgo at all, not even the standard library's")
	}
	for _, p := range packages {
		if !p.Standard && len(p.CgoFiles) > 0 {
			t.Errorf("%s needs cgo: %s", local(p.ImportPath), strings.Join(p.CgoFiles, " "))
		}
	}
}

func TestPackagesAreNamedForWhatTheyProvide(t *testing.T) {
	refused := []string{"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types", "misc", "base", "lib", "ports", "adapters", "domain", "usecase", "usecases"}
	for _, p := range ours(listPackages(t)) {
		for _, name := range []string{p.Name, path.Base(p.ImportPath)} {
			if slices.Contains(refused, name) {
				t.Errorf("%s: a package is named for what it provides, never %q", local(p.ImportPath), name)
			}
		}
	}
}

// Each rule must find its breach, or it holds nothing.
func TestRulesFindTheirBreaches(t *testing.T) {
	tests := []struct{ from, to string }{
		{"shared/subnet", "github.com/google/go-cmp/cmp"},
		{"shared/subnet", "shared/env"},
		{"shared/dominance", "shared/store"},
		{"shared/env/sat", "shared/sandbox"},
		{"shared/env/sat", "net/http"},
		{"shared/env/abd", "shared/chutes"},
		{"shared/env/abd", "net"},
		{"shared/chain/scale", "os/exec"},
		{"shared/chain/keys", "net"},
		{"shared/queue", "github.com/aws/aws-sdk-go-v2/aws"},
		{"shared/store", "shared/sqlitefile"},
		{"shared/archive", "database/sql"},
		{"shared/chain", "github.com/aws/aws-sdk-go-v2/service/kms"},
		{"shared/queue/local", "github.com/aws/smithy-go"},
		{"shared/validator", "net/http"},
		{"shared/validator", "shared/queue/local"},
		{"shared/validator", "shared/config"},
		{"shared/queue/local", "shared/devnet"},
		{"functions/weights", "shared/devnet/simchutes"},
		{"functions/weights", "shared/queue/aws"},
		{"functions/enumerate", "modernc.org/sqlite"},
		{"functions/weights", "shared/chain/wasmchain"},
		{"functions/signer", "shared/dominance"},
		{"envrunner", "shared/store/local"},
		{"envrunner", "testing"},
		{"cmd/af", "shared/queue/queuetest"},
		{"cmd/af", "shared/sharedtest"},
		{"shared/config", "infra/stack"},
		{"infra/stack", "shared/validator"},
		{"shared/leaderboard", "cmd/af"},
	}
	for _, test := range tests {
		p := goPackage{ImportPath: module + "/" + test.from, Imports: []string{absolute(test.to)}, Deps: []string{absolute(test.to)}}
		if len(breaches(rules, []goPackage{p})) == 0 {
			t.Errorf("no rule keeps %s from knowing %s", test.from, test.to)
		}
	}
}

// What the architecture asks for must pass.
func TestRulesLeaveRoom(t *testing.T) {
	tests := []struct{ from, to string }{
		{"shared/dominance", "shared/subnet"},
		{"shared/env/sat", "shared/env/dice"},
		{"shared/env/abd", "shared/sandbox"},
		{"shared/env/abd", "os/exec"},
		{"shared/chain/extrinsic", "shared/chain/scale"},
		{"shared/store", "shared/subnet"},
		{"shared/queue/aws", "github.com/aws/aws-sdk-go-v2/service/sqs"},
		{"shared/validator", "shared/store"},
		{"shared/validator", "shared/dominance"},
		{"functions/enumerate", "shared/queue/aws"},
		{"functions/enumerate", "github.com/aws/aws-lambda-go/lambda"},
		{"cmd/af", "shared/devnet"},
		{"cmd/af", "shared/queue/local"},
		{"shared/devnet", "shared/chain/chaintest"},
		{"infra/stack", "shared/config"},
	}
	for _, test := range tests {
		p := goPackage{ImportPath: module + "/" + test.from, Imports: []string{absolute(test.to)}, Deps: []string{absolute(test.to)}}
		if found := breaches(rules, []goPackage{p}); len(found) > 0 {
			t.Errorf("refused: %q", found)
		}
	}
}

// absolute is an import path as go list writes it.
func absolute(importPath string) string {
	for _, top := range []string{"shared/", "cmd/", "functions/", "infra/", "envrunner"} {
		if strings.HasPrefix(importPath, top) {
			return module + "/" + importPath
		}
	}
	return importPath
}
