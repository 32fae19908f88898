package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layer says what the packages below one directory may use, directly or not.
type layer struct {
	dir  string   // of this module
	ours []string // directories of this module that it may use besides its own
	not  []string // prefixes of import paths that it must not use
}

// layers are the map in docs/architecture.md. Package nearest is for all.
func layers() []layer {
	terminal := []string{"charm.land/", "github.com/charmbracelet/"}
	return []layer{
		{dir: "", ours: []string{"cli", "config", "keymap", "kube", "ui", "views"}},
		{dir: "cli", ours: []string{"config", "keymap", "kube", "ui", "views"}},
		{dir: "views", ours: []string{"ui", "kube", "keymap"}},
		{dir: "ui", ours: []string{"keymap"}, not: []string{"k8s.io/", "sigs.k8s.io/"}},
		{dir: "kube", not: terminal},
		{dir: "config", not: append(terminal, "k8s.io/")},
		{dir: "keymap", not: append(terminal, "k8s.io/")},
		{dir: "nearest", not: append(terminal, "k8s.io/")},
		{dir: "e2e", ours: []string{"kube", "ui"}},
	}
}

const module = "quarterdeck"

// dirOf returns the first directory of an import path in this module, false if
// the path is not in it.
func dirOf(path string) (string, bool) {
	if path == module {
		return "", true
	}
	rest, ok := strings.CutPrefix(path, module+"/")
	dir, _, _ := strings.Cut(rest, "/")
	return dir, ok
}

func TestImports(t *testing.T) {
	all := layers()
	for _, p := range list(t, "Deps") {
		path, deps := p[0], p[1:]
		dir, _ := dirOf(path)
		i := slices.IndexFunc(all, func(l layer) bool { return l.dir == dir })
		if i < 0 {
			t.Errorf("%s belongs to no layer: put it into layers and into docs/architecture.md", path)
			continue
		}
		l := all[i]
		for _, dep := range deps {
			to, mine := dirOf(dep)
			if mine && to != dir && to != "nearest" && !slices.Contains(l.ours, to) {
				t.Errorf("%s uses %s: %q may use only %q", path, dep, dir, l.ours)
			}
			for _, prefix := range l.not {
				if strings.HasPrefix(dep, prefix) {
					t.Errorf("%s uses %s: %q must not use %s", path, dep, dir, prefix)
				}
			}
		}
	}
}

// TestViper keeps settings in one place: everybody else is given values.
func TestViper(t *testing.T) {
	for _, p := range list(t, "Imports") {
		if dir, _ := dirOf(p[0]); dir != "config" && slices.Contains(p[1:], "github.com/spf13/viper") {
			t.Errorf("%s imports viper: only config reads settings", p[0])
		}
	}
}

// list returns for each package of this module its path and the paths in one
// of the fields that go list knows: Imports, or Deps for those that it imports
// by way of others too.
func list(t *testing.T, field string) [][]string {
	t.Helper()
	format := "{{.ImportPath}} {{join ." + field + ` " "}}`
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", format, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages [][]string
	for line := range strings.Lines(string(out)) {
		packages = append(packages, strings.Fields(line))
	}
	return packages
}
