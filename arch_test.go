// Package latchkey holds the tests that look at the tree as a whole.
package latchkey

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkeyd/latchkey"

// law says what of ours a package's code (its tests aside) may import. A name ending in /... covers what is below. The reason is printed when it is broken.
var law = []struct {
	pkg    string
	may    []string
	reason string
}{
	{"bridge", nil, "the domain knows no radio and no front-end"},
	{"bridge/bridgetest", []string{"bridge"}, "fakes for tests speak the domain's language alone"},
	{"zigbee", nil, "the vocabulary stands below everything"},
	{"zigbee/zcl/...", []string{"zigbee/zcl/..."}, "codecs are pure"},
	{"zigbee/znp/...", []string{"zigbee", "zigbee/znp/..."}, "a dongle knows no locks"},
	{"zigbee/doorlock/...", []string{"bridge", "zigbee", "zigbee/zcl/...", "zigbee/doorlock/..."}, "the driver works on any zigbee.Radio and for any front-end"},
	{"homekit", []string{"bridge", "homekit/hap/..."}, "a front-end knows the domain, not the radio"},
	{"homekit/hap/...", []string{"homekit/hap/..."}, "the HAP server has never heard of locks"},
	{"matter/...", []string{"bridge", "matter/..."}, "a front-end knows the domain, not the radio"},
	{"web", []string{"bridge"}, "a front-end knows the domain, not the radio"},
	{"metrics", []string{"bridge"}, "a front-end knows the domain, not the radio"},
	{"store", []string{"bridge"}, "the store keeps what the domain gives it"},
	{"systemd", nil, "readiness and watchdog concern any daemon"},
	{"configs", []string{"zigbee"}, "the configuration is read before anything is built; addresses are the radio's"},
	{"lockfw/...", []string{"zigbee", "zigbee/zcl/...", "zigbee/znp/mt/...", "lockfw/..."}, "the emulator shares codecs with the daemon, and no behaviour"},
	{"daemon/...", []string{"bridge", "zigbee/...", "homekit/...", "matter/...", "web", "metrics", "store", "systemd", "configs", "daemon/..."}, "no emulator in a security daemon"},
	{"cmd/latchkey/...", []string{"bridge", "zigbee/...", "homekit/...", "matter/...", "web", "metrics", "store", "systemd", "configs", "daemon/...", "cmd/latchkey/..."}, "no emulator in a security daemon"},
	{"cmd/locksim/...", []string{"zigbee/...", "lockfw/...", "cmd/locksim/..."}, "the emulator is a dongle, not a daemon"},
	{"cmd/demo/...", []string{"..."}, "the demonstration joins everything"},
	{"interop/...", []string{"..."}, "peers are held against any part"},
	{"journeys/...", []string{"..."}, "journeys go through everything"},
}

// only says who may import a library of others.
var only = []struct {
	lib    string
	by     []string
	reason string
}{
	{"github.com/prometheus/client_golang", []string{"metrics"}, "one place names metrics"},
	{"go.etcd.io/bbolt", []string{"store"}, "one place writes the state"},
	{"go.bug.st/serial", []string{"zigbee/znp/..."}, "one place opens the dongle"},
	{"go.yaml.in/yaml", []string{"configs"}, "one place reads the configuration"},
	{"github.com/brutella/", []string{"homekit/..."}, "one place speaks HomeKit"},
	{"github.com/dyrkin/znp-go", []string{"zigbee/znp/..."}, "one place speaks MT"},
	{"github.com/spf13/cobra", []string{"cmd/..."}, "commands stay in cmd"},
	{"filippo.io/age", []string{"daemon/...", "cmd/latchkey/..."}, "one place makes backups"},
	{"github.com/coreos/go-systemd", []string{"systemd"}, "one place notifies"},
	{"golang.org/x/crypto/argon2", []string{"web", "store"}, "one place checks passwords"},
	{"unsafe", nil, "nothing here needs it"},
	{"C", nil, "the binaries build without cgo"},
	{"net/http/pprof", nil, "a dump of the heap is a dump of PINs"},
}

// stdlibOnly packages import nothing but the standard library.
var stdlibOnly = []string{"bridge", "zigbee"}

// exposers are the only files, by folder, in which PIN.Expose may be called, each with what it does with the digits.
var exposers = map[string]string{
	"bridge/bridgetest": "is a lock for tests",
	"bridge":            "compares lengths and duplicates, hands codes to drivers",
	"store":             "seals them",
	"zigbee/doorlock":   "puts them into the frame for the lock",
	"homekit":           "answers the Home app's administrator",
	"matter":            "answers an administrator",
	"web":               "reveals one after the password",
}

// sizeBound is the most lines of a source file; a test or a table may be longer.
const sizeBound = 450

type source struct {
	pkg, path string
	test      bool
	file      *ast.File
	lines     int
	fset      *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" || name == "bin") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, b, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{filepath.ToSlash(filepath.Dir(path)), filepath.ToSlash(path), strings.HasSuffix(path, "_test.go"), f, strings.Count(string(b), "\n"), fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// covers tells whether pattern (a folder, or a folder and /...) takes in pkg.
func covers(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pkg == pattern
}

func coveredBy(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, pkg) })
}

func TestImportLaw(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg == "." {
			continue
		}
		i := slices.IndexFunc(law, func(l struct {
			pkg    string
			may    []string
			reason string
		}) bool {
			return covers(l.pkg, s.pkg)
		})
		if i < 0 {
			t.Errorf("%s: %s stands in no line of the import law: add one, with its reason", s.path, s.pkg)
			continue
		}
		for _, imp := range s.file.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			ours, isOurs := strings.CutPrefix(path, module+"/")
			if isOurs && ours != s.pkg && !coveredBy(law[i].may, ours) {
				t.Errorf("%s imports %s: %s", s.path, ours, law[i].reason)
			}
			if !isOurs && slices.Contains(stdlibOnly, s.pkg) && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
				t.Errorf("%s imports %s: %s uses the standard library only", s.path, path, s.pkg)
			}
			for _, o := range only {
				if (path == o.lib || strings.HasPrefix(path, strings.TrimSuffix(o.lib, "/")+"/")) && !coveredBy(o.by, s.pkg) {
					t.Errorf("%s imports %s: %s", s.path, path, o.reason)
				}
			}
		}
	}
}

// TestNoEmulatorInTheDaemon follows the imports from the daemon's program to the end.
func TestNoEmulatorInTheDaemon(t *testing.T) {
	deps := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, imp := range s.file.Imports {
			if ours, ok := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module+"/"); ok {
				deps[s.pkg] = append(deps[s.pkg], ours)
			}
		}
	}
	seen := map[string]bool{}
	var walk func(pkg, by string)
	walk = func(pkg, by string) {
		if strings.HasPrefix(pkg, "lockfw") {
			t.Errorf("cmd/latchkey reaches %s through %s", pkg, by)
		}
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for _, d := range deps[pkg] {
			walk(d, pkg)
		}
	}
	walk("cmd/latchkey", "")
}

func TestPINExposers(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg == "bridge" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Expose" {
				return true
			}
			if _, known := exposers[s.pkg]; !known {
				t.Errorf("%v: PIN.Expose is called in %s, which is not among those that may see digits", s.fset.Position(call.Pos()), s.pkg)
			}
			return true
		})
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	docs := map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		docs[s.pkg] += ""
		if s.file.Doc != nil {
			docs[s.pkg] = s.file.Doc.Text()
		}
	}
	for pkg, doc := range docs {
		if len(strings.TrimSpace(doc)) < 20 {
			t.Errorf("package %s has no comment that says what it is", pkg)
		}
	}
}

func TestFileSizes(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && s.lines > sizeBound {
			t.Errorf("%s has %d lines: is it one thing? (at most %d)", s.path, s.lines, sizeBound)
		}
	}
}

// TestNames: names are the domain's words.
func TestNames(t *testing.T) {
	for _, s := range sources(t) {
		for _, bad := range []string{"util", "utils", "helper", "helpers", "common", "misc"} {
			if s.file.Name.Name == bad {
				t.Errorf("%s: a package named %s says nothing", s.path, bad)
			}
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || s.test {
				continue
			}
			for _, spec := range g.Specs {
				if ts, ok := spec.(*ast.TypeSpec); ok && (strings.HasSuffix(ts.Name.Name, "Manager") || strings.HasSuffix(ts.Name.Name, "Helper")) {
					t.Errorf("%s: %s: name it after what it is", s.path, ts.Name.Name)
				}
			}
		}
	}
}

// TestLawHasReasons: a law without its reason is not kept for long.
func TestLawHasReasons(t *testing.T) {
	for _, l := range law {
		if len(l.reason) < 10 {
			t.Errorf("%s: no reason", l.pkg)
		}
	}
	for _, o := range only {
		if len(o.reason) < 10 {
			t.Errorf("%s: no reason", o.lib)
		}
	}
}
