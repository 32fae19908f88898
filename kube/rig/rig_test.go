package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgram(t *testing.T) {
	repository := t.TempDir()
	for _, name := range []string{"bin/other", "bin/qd", "go.mod", "some/package/x.go"} {
		path := filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(repository, name) }
	for _, test := range []struct {
		name, program, from, variable string
		want                          string // the path, or a part of the error
	}{
		{"in the repository", "qd", "some/package", "", in("bin/qd")},
		{"named", "qd", "some/package", in("bin/other"), in("bin/other")},
		{"named from here", "qd", "bin", "other", in("bin/other")},
		{"not built", "qd-playground", "some/package", "", "there is no program " + in("bin/qd-playground") + ": build it with `make build`"},
		{"how to run the tests", "qd-playground", ".", "", "`make e2e`"},
		{"named and not there", "qd", ".", in("bin/no"), "there is no program " + in("bin/no")},
		{"a directory", "qd", ".", in("bin"), "set QD to the path of qd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(in(test.from))
			t.Setenv("QD", test.variable)
			got, err := program("QD", test.program)
			if err != nil {
				if !strings.Contains(err.Error(), test.want) || filepath.IsAbs(test.want) {
					t.Error(err)
				}
				return
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// Without a program there is an error at once, never a test that is left out.
func TestStartWithoutProgram(t *testing.T) {
	t.Setenv("QD_PLAYGROUND", filepath.Join(t.TempDir(), "none"))
	if _, err := Start(); err == nil || !strings.Contains(err.Error(), "QD_PLAYGROUND") {
		t.Error(err)
	}
}
