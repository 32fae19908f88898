package config

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
)

func printed(t *testing.T, c Config, origins Origins) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.Print(&out, origins); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPrint(t *testing.T) {
	c, origins, problems := fromFile(t, Example)
	if len(problems) > 0 {
		t.Fatalf("the example has problems: %q", problems)
	}
	out := printed(t, c, origins)
	for _, line := range []string{
		`# Configuration file: "/etc/config.yaml"`,
		"default-view: pods # config.yaml:1",
		"  theme: dark # config.yaml:3",
		`  detail: "off" # config.yaml:6`,
		"    warn: '#ffaf00 bold' # config.yaml:5",
		"    error: '#f0747b bold' # theme dark",
		"  linger: 1m # default",
		"  - match: prod-* # config.yaml:10",
		"    protected: true # config.yaml:11",
		"  - contexts: [prod-*] # config.yaml:17",
		"    kinds: [Namespace, PersistentVolume*] # config.yaml:18",
		"    effect: type-name # config.yaml:20",
		"  - max: 20 # config.yaml:27",
		"  file: true # config.yaml:30",
		"  object.describe: [K, f1] # config.yaml:32",
		"  list.wide: [] # config.yaml:33",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no line %s in:\n%s", line, out)
		}
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.Contains(line, "# ") && !strings.HasSuffix(line, ":") {
			t.Errorf("the line %q does not say where it is from", line)
		}
	}
}

func TestPrintDefaults(t *testing.T) {
	c, origins, _, err := Load(Options{Env: []string{"XDG_CONFIG_HOME=/etc/xdg-of-nobody"}})
	if err != nil {
		t.Fatal(err)
	}
	out := printed(t, c, origins)
	for _, line := range []string{
		`# No configuration file; it would be "/etc/xdg-of-nobody/quarterdeck/config.yaml"`,
		"readonly: false # default",
		"contexts: [] # default",
		"rules: [] # default",
		"keys: {} # default",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no line %s in:\n%s", line, out)
		}
	}
}

func TestThemesAreComplete(t *testing.T) {
	for _, theme := range Themes() {
		if len(theme.Colors) != len(Tones()) {
			t.Errorf("%s names a tone that does not exist: %v", theme.Name, theme.Colors)
		}
		for _, tone := range Tones() {
			written, ok := theme.Colors[tone.Name]
			if normal, err := style().parse(written); !ok || err != nil || normal != written {
				t.Errorf("%s: %s is %q, %v", theme.Name, tone.Name, written, err)
			}
		}
	}
}

func TestSettingsAreSound(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range settings() {
		if v := variable(f.name); seen[v] || v == configVariable {
			t.Errorf("two settings have the variable %s", v)
		}
		seen[variable(f.name)] = true
		// viper does not tell upper from lower case.
		if f.name != strings.ToLower(f.name) || f.kind == "" || !strings.HasSuffix(f.doc, ".") && !strings.HasSuffix(f.doc, ").") {
			t.Errorf("%s is not declared in full", f.name)
		}
	}
}

func TestReferenceIsUpToDate(t *testing.T) {
	onDisk, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(onDisk) != Reference() {
		t.Error("docs/config.md is out of date: run go run ./config/reference > docs/config.md")
	}
}

// FuzzLoad checks that whatever is in the file, every problem has a line, and
// what `qd config` prints is the same configuration again.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(Example))
	f.Add([]byte("ui:\n  theem: dark\n  fps: 1000\n  colors: {warn: '#12'}\n"))
	f.Add([]byte("ui: &a {colors: *a}\ncontexts: [*a, {match: x, <<: *a}]\nkeys: {a: {b: c}, d.e: [1, 2]}\n"))
	f.Add([]byte("rules: [{effect: dney, verbs: [delete, x]}, {max: 0}, {contexts: [], reason: '#'}, {<<: a}]\n"))
	f.Add([]byte("? [a]\n: b\n- c\n---\n"))
	f.Add([]byte("keys: {'': on, \"a\\nb\": ['#', ' ', \"\\e\"]}\ncontexts: [{match: '#'}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, origins, problems, err := load(Options{}, nil, "config.yaml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "config.yaml:") {
				t.Fatalf("the error has no line: %v", err)
			}
			return
		}
		for _, p := range problems {
			if p.Origin.Line < 1 || p.Origin.Line > bytes.Count(data, []byte("\n"))+1+bytes.Count(data, []byte("\r"))+
				bytes.Count(data, []byte("\u0085"))+bytes.Count(data, []byte("\u2028"))+bytes.Count(data, []byte("\u2029")) || p.Reason == "" {
				t.Fatalf("the problem has no place: %s", p)
			}
		}
		out := printed(t, c, origins)
		again, _, problems, err := load(Options{}, nil, "config.yaml", []byte(out))
		if err != nil || len(problems) > 0 {
			t.Fatalf("what was printed cannot be read: %v %v\n%s", err, problems, out)
		}
		if len(c.Contexts) == 0 {
			c.Contexts, again.Contexts = nil, nil
		}
		if len(c.Rules) == 0 {
			c.Rules, again.Rules = nil, nil
		}
		if len(c.Keys) == 0 {
			c.Keys, again.Keys = nil, nil
		}
		if !reflect.DeepEqual(c, again) {
			t.Fatalf("what was printed is something else:\n%+v\n%+v\n%s", c, again, out)
		}
	})
}
