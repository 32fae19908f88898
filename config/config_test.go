package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"prod", "prod", true},
		{"prod", "prod-eu", false},
		{"prod-*", "prod-eu", true},
		{"prod-*", "prod-", true},
		{"prod-*", "preprod-eu", false},
		{"*prod*", "arn:aws:eks:eu-west-1:123:cluster/prod-eu", true},
		{"*:cluster/prod", "arn:aws:eks:eu-west-1:123:cluster/prod", true},
		{"prod-?", "prod-1", true},
		{"prod-?", "prod-12", false},
		{"*a*b*c", "xaybzbc", true},
		{"*a*b*c", "xaybzb", false},
		{"**", "", true},
		{"", "", true},
		{"?", "", false},
	}
	for _, tt := range tests {
		if got := glob(tt.pattern, tt.name); got != tt.want {
			t.Errorf("glob(%q, %q) is %t", tt.pattern, tt.name, got)
		}
	}
}

func TestFor(t *testing.T) {
	c := Config{Contexts: []Context{
		{Match: "prod-eu", Namespace: "shop"},
		{Match: "prod-*", Protected: true, ReadOnly: true},
	}}
	if got, want := c.For("prod-eu"), c.Contexts[0]; got != want {
		t.Errorf("the first match does not hold: %+v", got)
	}
	if got := c.For("prod-us"); !got.Protected || !got.ReadOnly {
		t.Errorf("prod-us: %+v", got)
	}
	if got := c.For("dev"); got.Protected || got.ReadOnly {
		t.Errorf("dev: %+v", got)
	}
	c.ReadOnly = true
	if !c.For("dev").ReadOnly || !c.For("prod-eu").ReadOnly {
		t.Error("the program is read-only, but a context is not")
	}
}

func TestUserDir(t *testing.T) {
	slash := filepath.FromSlash
	tests := []struct {
		goos string
		env  map[string]string
		want string
	}{
		{"linux", map[string]string{"HOME": "/home/a"}, "/home/a/.local/state/quarterdeck"},
		{"darwin", map[string]string{"HOME": "/Users/a"}, "/Users/a/.local/state/quarterdeck"},
		{"linux", map[string]string{"HOME": "/home/a", "XDG_STATE_HOME": "relative"}, "/home/a/.local/state/quarterdeck"},
		{"windows", map[string]string{"LOCALAPPDATA": "/local", "HOME": "/home/a"}, "/local/quarterdeck/state"},
		{"windows", map[string]string{"HOME": "/home/a"}, ""},
		{"linux", nil, ""},
	}
	for _, tt := range tests {
		if got := userDir(tt.goos, tt.env, "XDG_STATE_HOME", ".local/state", "LOCALAPPDATA", "state"); got != slash(tt.want) {
			t.Errorf("%s with %v: %s, want %s", tt.goos, tt.env, got, tt.want)
		}
	}
}

func TestStateDirIsForTheUserAlone(t *testing.T) {
	base := t.TempDir()
	dir, err := StateDir([]string{"XDG_STATE_HOME=" + base})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if dir != filepath.Join(base, "quarterdeck") || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%s has mode %s", dir, info.Mode())
	}
	if _, err := StateDir(nil); err == nil {
		t.Error("a directory without a home")
	}
}
