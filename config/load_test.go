package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fromFile loads the text of a configuration file and nothing else.
func fromFile(t *testing.T, text string) (Config, Origins, []string) {
	t.Helper()
	c, origins, problems, err := load(Options{}, nil, "/etc/config.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c, origins, words(problems)
}

func words(problems []Problem) []string {
	var list []string
	for _, p := range problems {
		list = append(list, p.String())
	}
	return list
}

func TestDefault(t *testing.T) {
	want := Config{
		DefaultView: "triage",
		UI:          UI{Theme: "default", Colors: Themes()[0].Colors, Clipboard: ClipboardOSC52, Bell: true, Notify: NotifyAuto, Detail: DetailAuto},
		Metrics:     Metrics{Enabled: true, Interval: 15 * time.Second},
		Triage:      Triage{Always: true},
		Headroom:    Headroom{History: 24 * time.Hour, Window: 7 * 24 * time.Hour},
		Connection:  Connection{PageSize: 2000, Linger: time.Minute},
		Logs:        Logs{Buffer: 256 << 20, Tail: 1000},
	}
	if got := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("defaults:\n got %+v\nwant %+v", got, want)
	}
}

func TestLoadFile(t *testing.T) {
	c, origins, problems := fromFile(t, `# comment
default-view: pods
readonly: true
ui:
  theme: dark
  fps: 30
  ascii: true
  mouse: true
  wide: true
  detail: on
  clipboard: none
  bell: false
  notify: osc777
  colors: {warn: Bold   BLACK on 214, text: bold  "#FFffff"}
metrics: {enabled: false, interval: 1m30s}
connection.page-size: 500
connection:
  linger: 0s
contexts:
  - {match: "*prod*", protected: true, readonly: true, color: context2, namespace: shop}
  - match: dev
headroom: {pool-labels: "team, example.com/pool", history: 48h, prometheus: "https://prometheus.example.com/prom", window: 72h}
keys:
  object.describe: D
  object: {yaml: [Y, f1]}
  list.wide: []
`)
	// A plain scalar may contain quotes, which then belong to it.
	if want := []string{`config.yaml:14: ui.colors.text: "\"#ffffff\"" is neither a colour (red, bright-red, default, 0 to 255, #rrggbb) nor bold, faint, italic, underline, reverse or on`}; !slices.Equal(problems, want) {
		t.Errorf("problems %q, want %q", problems, want)
	}
	want := Config{
		DefaultView: "pods",
		ReadOnly:    true,
		UI: UI{
			Theme: "dark", FPS: 30, ASCII: true, Mouse: true, Wide: true,
			Detail: DetailOn, Clipboard: ClipboardNone, Bell: false, Notify: NotifyOSC777, Colors: colorsOf("dark"),
		},
		Metrics: Metrics{Interval: 90 * time.Second},
		Triage:  Triage{Always: true},
		Headroom: Headroom{
			PoolLabels: []string{"team", "example.com/pool"}, History: 48 * time.Hour,
			Prometheus: "https://prometheus.example.com/prom", Window: 72 * time.Hour,
		},
		Connection: Connection{PageSize: 500},
		Logs:       Default().Logs,
		Contexts: []Context{
			{Match: "*prod*", Protected: true, ReadOnly: true, Color: "context2", Namespace: "shop"},
			{Match: "dev"},
		},
		Keys: map[string][]string{"object.describe": {"D"}, "object.yaml": {"Y", "f1"}, "list.wide": {}},
	}
	want.UI.Colors["warn"] = "bold black on 214"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("loaded:\n got %+v\nwant %+v", c, want)
	}
	for name, want := range map[string]string{
		"ui.fps": "config.yaml:6", "connection.page-size": "config.yaml:16", "ui.colors.warn": "config.yaml:14",
		"ui.colors.error": "theme dark", "contexts": "config.yaml:20", "keys": "config.yaml:24",
	} {
		if got := origins.Of(name).String(); got != want {
			t.Errorf("%s is from %s, want %s", name, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ text, want string }{
		{"ui:\n  theem: dark", "config.yaml:2: unknown key ui.theem: did you mean ui.theme?"},
		{"theme: dark", "config.yaml:1: unknown key theme: did you mean ui.theme?"},
		{"banana: 1", "config.yaml:1: unknown key banana"},
		{"UI: {wide: true}", "config.yaml:1: unknown key UI"},
		{"? [a]\n: b", "config.yaml:1: expected a key, found a list"},
		{"readonly: yep", `config.yaml:1: readonly: expected true or false, found "yep"`},
		{"ui.fps: 121", `config.yaml:1: ui.fps: expected a whole number from 0 to 120, found "121"`},
		{"ui.fps: 3.5", `config.yaml:1: ui.fps: expected a whole number from 0 to 120, found "3.5"`},
		{"ui.fps: [1]", "config.yaml:1: ui.fps: expected a whole number from 0 to 120, found a list"},
		{"ui.fps:", "config.yaml:1: ui.fps: a value is missing: expected a whole number from 0 to 120"},
		{"ui:\n - fps", "config.yaml:2: ui: expected settings below it, found a list"},
		{"ui.theme: drak", `config.yaml:1: ui.theme: expected default, mono, dark or light, found "drak": did you mean dark?`},
		{"ui.detail: {}", "config.yaml:1: ui.detail: expected auto, on or off, found a mapping"},
		{"metrics.interval: 30", `config.yaml:1: metrics.interval: expected a time from 15s to 5m, found "30": a unit is missing, as in 30s`},
		{"headroom.prometheus: prometheus:9090", `config.yaml:1: headroom.prometheus: expected an address such as http://prometheus:9090, found "prometheus:9090"`},
		{"headroom.pool-labels: a,,b", `config.yaml:1: headroom.pool-labels: expected names, separated by commas, found "a,,b"`},
		{"metrics.interval: 1s", `config.yaml:1: metrics.interval: expected a time from 15s to 5m, found "1s"`},
		{"default-view: two words", `config.yaml:1: default-view: expected a name, found "two words"`},
		{"ui.colors.warn: #ff0000", "config.yaml:1: ui.colors.warn: a value is missing: expected a style (a colour that starts with # needs quotes)"},
		{"ui.colors.warn: 256", `config.yaml:1: ui.colors.warn: "256" is neither a colour (red, bright-red, default, 0 to 255, #rrggbb) nor bold, faint, italic, underline, reverse or on`},
		{"ui.colors.warn: '#ff00'", `config.yaml:1: ui.colors.warn: "#ff00" is neither a colour (red, bright-red, default, 0 to 255, #rrggbb) nor bold, faint, italic, underline, reverse or on`},
		{"ui.colors.warn: undreline", `config.yaml:1: ui.colors.warn: "undreline" is neither a colour (red, bright-red, default, 0 to 255, #rrggbb) nor bold, faint, italic, underline, reverse or on: did you mean underline?`},
		{"ui.colors.warn: bright-gren", `config.yaml:1: ui.colors.warn: "bright-gren" is neither a colour (red, bright-red, default, 0 to 255, #rrggbb) nor bold, faint, italic, underline, reverse or on: did you mean bright-green?`},
		{"ui.colors.warn: red blue", `config.yaml:1: ui.colors.warn: "red blue" has two colours; the background is written on blue`},
		{"ui.colors.warn: red on", `config.yaml:1: ui.colors.warn: "red on" has no colour after on`},
		{"ui.colors.warn: on bold red", `config.yaml:1: ui.colors.warn: "on bold red" has no colour after on`},
		{"ui.colors.wrn: 1", "config.yaml:1: unknown key ui.colors.wrn: did you mean ui.colors.warn?"},
		{"ui:\n  wide: true\nui:\n  mouse: true", "config.yaml:3: ui: is already set on line 1"},
		{"ui:\n  wide: true\nui.wide: false", "config.yaml:3: ui.wide: is already set on line 2"},
		{"contexts: prod", `config.yaml:1: contexts: expected a list, found "prod"`},
		{"contexts:\n- prod", `config.yaml:2: contexts: expected an entry such as {match: prod-*, protected: true}, found "prod"`},
		{"contexts:\n- protected: true", "config.yaml:2: contexts.match: an entry needs the names of contexts it is for, as in match: prod-*"},
		{"contexts:\n- match: x\n  protectd: true", "config.yaml:3: unknown key contexts.protectd: did you mean contexts.protected?"},
		{"contexts:\n- match: x\n  color: contxt2", `config.yaml:3: contexts.color: expected context1, context2, context3, context4, context5 or context6, found "contxt2": did you mean context2?`},
		{"contexts:\n- match:", "config.yaml:2: contexts.match: a value is missing: expected a name"},
		{"journal: true", `config.yaml:1: journal: expected settings below it, found "true"`},
		{"journal.file: maybe", `config.yaml:1: journal.file: expected true or false, found "maybe"`},
		{"rules: deny", `config.yaml:1: rules: expected a list, found "deny"`},
		{"rules:\n- deny", `config.yaml:2: rules: expected an entry such as {contexts: prod-*, verbs: delete, effect: type-name}, found "deny"`},
		{"keys: [a]", "config.yaml:1: keys: expected actions and their keys, as in {object.describe: D}, found a list"},
		{"keys:\n  object.yaml:", `config.yaml:2: keys.object.yaml: expected a key or a list of keys, found ""`},
		{"keys:\n  object: {yaml: {a: b}}", "config.yaml:2: keys.object.yaml: expected a key or a list of keys, found a mapping"},
		{"- a", "config.yaml:1: expected settings, such as default-view: pods, found a list"},
		{"ui: &a {colors: *a}", "config.yaml:1: unknown key ui.colors.colors: did you mean ui.colors.error?"},
	}
	for _, tt := range tests {
		c, _, problems := fromFile(t, tt.text)
		if want := []string{tt.want}; !slices.Equal(problems, want) {
			t.Errorf("%s\n got %q\nwant %q", tt.text, problems, want)
		}
		// Whatever was right beside the problem holds.
		c.UI.Wide, c.Contexts, c.Rules, c.Keys = false, nil, nil, nil
		if !reflect.DeepEqual(c, Default()) {
			t.Errorf("%s\nis not the default: %+v", tt.text, c)
		}
	}
}

func TestReadOnlyPatterns(t *testing.T) {
	c, _, problems := fromFile(t, "contexts:\n- match: prod-*\n  readonly: true\n  protected: true\n- {match: '*', namespace: lab}\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, want := range map[string]bool{"prod-eu": true, "prod-": true, "preprod-eu": false, "dev": false} {
		if got := c.For(name); got.ReadOnly != want || got.Protected != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRules(t *testing.T) {
	c, _, problems := fromFile(t, `rules:
- contexts: prod-*
  namespaces: [pay, "kube-*"]
  kinds: [Deployment, "*.apps"]
  verbs: [DELETE, s*]
  effect: type-name
  max: 3
  reason: "say # why"
- effect: confirm
- max: 1
`)
	want := []Rule{
		{
			Contexts: []string{"prod-*"}, Namespaces: []string{"pay", "kube-*"}, Kinds: []string{"Deployment", "*.apps"}, Verbs: []string{"delete", "s*"},
			Effect: EffectTypeName, Max: 3, Reason: "say # why",
		},
		{Effect: EffectConfirm},
		{Max: 1},
	}
	if len(problems) > 0 || !reflect.DeepEqual(c.Rules, want) {
		t.Errorf("%q\n got %+v\nwant %+v", problems, c.Rules, want)
	}
}

// TestWrongRules: what is wrong in a rule is reported, and makes it stricter.
func TestWrongRules(t *testing.T) {
	deny := Rule{Effect: EffectDeny}
	const noEffect = "config.yaml:2: rules.effect: a rule needs an effect (deny, type-name or confirm) or a max: until then it denies"
	tests := []struct {
		text    string
		want    Rule
		problem string
	}{
		{"verbs: delete", Rule{Verbs: []string{"delete"}, Effect: EffectDeny}, noEffect},
		{"max: 0", deny, noEffect},
		{"effect: confrm", deny, `config.yaml:2: rules.effect: expected deny, type-name or confirm, found "confrm": did you mean confirm?`},
		{"effect:", deny, "config.yaml:2: rules.effect: a value is missing: expected deny, type-name or confirm"},
		{"effect: confrm\n  max: 3", Rule{Max: 3}, `config.yaml:2: rules.effect: expected deny, type-name or confirm, found "confrm": did you mean confirm?`},
		{"max: many", deny, `config.yaml:2: rules.max: expected a whole number from 0 to 1000000, found "many"`},
		{"max: many\n  effect: confirm", Rule{Effect: EffectConfirm}, `config.yaml:2: rules.max: expected a whole number from 0 to 1000000, found "many"`},
		{"effect: deny\n  namespce: pay", deny, "config.yaml:3: unknown key rules.namespce: did you mean rules.namespaces?"},
		{"effect: deny\n  verbs: [evict, delte]", deny, `config.yaml:3: rules.verbs: "delte" matches no verb (create, update, patch, delete, deletecollection, exec, attach, portforward, proxy, evict, scale, debug): did you mean delete?`},
		{"effect: deny\n  verbs: get", deny, `config.yaml:3: rules.verbs: "get" matches no verb (create, update, patch, delete, deletecollection, exec, attach, portforward, proxy, evict, scale, debug)`},
		{"effect: deny\n  kinds: [[a]]", deny, "config.yaml:3: rules.kinds: expected a pattern, found a list"},
		{"effect: deny\n  contexts: {a: b}", deny, "config.yaml:3: rules.contexts: expected a pattern, found a mapping"},
		{"effect: deny\n  contexts:", deny, "config.yaml:3: rules.contexts: a value is missing: expected a pattern"},
		{"effect: deny\n  contexts: 'a b'", deny, `config.yaml:3: rules.contexts: expected a pattern, found "a b"`},
		{"effect: deny\n  reason: \"a\\e[2J\"", deny, `config.yaml:3: rules.reason: expected text of one line, found "a\x1b[2J"`},
	}
	for _, tt := range tests {
		c, _, problems := fromFile(t, "rules:\n- "+tt.text)
		if !slices.Equal(problems, []string{tt.problem}) {
			t.Errorf("%s\n got %q\nwant %q", tt.text, problems, tt.problem)
		}
		if !reflect.DeepEqual(c.Rules, []Rule{tt.want}) {
			t.Errorf("%s\n got %+v\nwant %+v", tt.text, c.Rules, tt.want)
		}
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, text := range []string{"", "\n", "# all commented out\n", "---\n", "ui:\n", "contexts: []\nrules: []\nkeys: {}\n"} {
		c, _, problems := fromFile(t, text)
		c.Contexts, c.Rules, c.Keys = nil, nil, nil
		if len(problems) > 0 || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %q, %+v", text, problems, c)
		}
	}
}

func TestMalformedFile(t *testing.T) {
	tests := []struct{ text, want string }{
		{"a: [\n", "c.yaml:1: this is not valid YAML: did not find expected node content"},
		{"a:\n  b: c\n d: e\n", "c.yaml:3: this is not valid YAML: did not find expected key"},
		{"\n\tx: 1", "c.yaml:2: this is not valid YAML: found character that cannot start any token"},
		{"a: 1\nb: \"open\nc: 2\nd: 3\n", "c.yaml:2: this is not valid YAML: found unexpected end of stream"},
		{"a: 1\nb: *x\nc: 2", "c.yaml:2: this is not valid YAML: unknown anchor 'x' referenced"},
		{"a: 1\n\x01", "c.yaml:2: this is not valid YAML: control characters are not allowed"},
		// Too long to look for the line; the parser names the one after.
		{"a: [\n" + strings.Repeat("b: c\n", 2000), "c.yaml:2: this is not valid YAML: did not find expected ',' or ']'"},
		{"a: 1\n---\nb: 2", "c.yaml:2: a second YAML document starts here: keep one"},
	}
	for _, tt := range tests {
		_, _, _, err := load(Options{}, nil, "c.yaml", []byte(tt.text))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%.80q:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestPrecedence(t *testing.T) {
	file := "readonly: false\nui: {fps: 10, theme: dark, colors: {warn: 1}}\nkeys: {a.b: x, c.d: y}\n"
	env := map[string]string{
		"QD_UI_FPS": "20", "QD_UI_WIDE": "", "QD_UI_THEME": "purple", "QD_READONLY": "false",
		"QD_UI_COLORS_OK": "#00ff00 bold", "QD_KEYS": "{e.f: z}", "QD_CONTEXTS": "[",
		"QD_UI_THEEM": "dark", "QD_E2E": "1", "HOME": "/root",
	}
	flags := map[string]string{"readonly": "true", "redonly": "true"}
	c, origins, problems, err := load(Options{Flags: flags}, env, "/etc/config.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`QD_UI_THEME: ui.theme: expected default, mono, dark or light, found "purple"`,
		`QD_CONTEXTS: contexts: expected a list as YAML, found "["`,
		"QD_UI_THEEM: unknown environment variable: did you mean QD_UI_THEME?",
		"--redonly: unknown key redonly: did you mean readonly?",
	}
	if got := words(problems); !slices.Equal(got, want) {
		t.Errorf("problems:\n got %q\nwant %q", got, want)
	}
	if c.UI.FPS != 20 || c.UI.Theme != "dark" || !c.ReadOnly || c.UI.Wide || c.UI.Colors["ok"] != "#00ff00 bold" || c.UI.Colors["warn"] != "1" {
		t.Errorf("merged: %+v", c)
	}
	if want := map[string][]string{"e.f": {"z"}}; !reflect.DeepEqual(c.Keys, want) {
		t.Errorf("keys %v, want %v", c.Keys, want)
	}
	for name, want := range map[string]string{
		"readonly": "--readonly", "ui.fps": "QD_UI_FPS", "ui.theme": "config.yaml:2", "keys": "QD_KEYS",
		"ui.colors.ok": "QD_UI_COLORS_OK", "ui.colors.warn": "config.yaml:2", "ui.wide": "default", "contexts": "default",
	} {
		if got := origins.Of(name).String(); got != want {
			t.Errorf("%s is from %s, want %s", name, got, want)
		}
	}
}

func TestKeysAreValidatedOutside(t *testing.T) {
	refuse := func(keys map[string][]string) []KeyProblem {
		if !slices.Equal(keys["go.away"], []string{"x"}) {
			t.Errorf("keys to validate are %v", keys)
		}
		return []KeyProblem{{Action: "go.away", Reason: "unknown action"}}
	}
	text := "keys:\n  object.yaml: Y\n  go.away: x\n"
	c, _, problems, err := load(Options{ValidateKeys: refuse}, nil, "config.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := words(problems), []string{"config.yaml:3: keys.go.away: unknown action"}; !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	if want := map[string][]string{"object.yaml": {"Y"}}; !reflect.DeepEqual(c.Keys, want) {
		t.Errorf("keys %v, want %v", c.Keys, want)
	}
}

func TestWhichFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, view string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("default-view: "+view), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	usual := write("quarterdeck/config.yaml", "usual")
	inEnv, byFlag := write("env.yaml", "env"), write("flag.yaml", "flag")
	missing := filepath.Join(dir, "missing.yaml")
	home := "XDG_CONFIG_HOME=" + dir

	tests := []struct {
		name string
		Options
		view, path, fails string
	}{
		{"usual place", Options{Env: []string{home}}, "usual", usual, ""},
		{"no file there", Options{Env: []string{"XDG_CONFIG_HOME=" + filepath.Join(dir, "empty")}}, "triage", filepath.Join(dir, "empty/quarterdeck/config.yaml"), ""},
		{"no home", Options{}, "triage", "", ""},
		{"variable", Options{Env: []string{home, "QD_CONFIG=" + inEnv}}, "env", inEnv, ""},
		{"flag", Options{Env: []string{home, "QD_CONFIG=" + inEnv}, Path: byFlag}, "flag", byFlag, ""},
		{"missing by flag", Options{Path: missing}, "", "", "config file " + missing + " does not exist: create it or leave out --config"},
		{"missing by variable", Options{Env: []string{"QD_CONFIG=" + missing}}, "", "", "config file " + missing + " does not exist: create it or leave out QD_CONFIG"},
		{"a directory", Options{Path: dir}, "", "", "read config file: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, origins, _, err := Load(tt.Options)
			if tt.fails != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.fails) {
					t.Fatalf("error %v, want %s", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.DefaultView != tt.view || origins.Path != filepath.FromSlash(tt.path) {
				t.Errorf("read %s with view %s, want %s with %s", origins.Path, c.DefaultView, tt.path, tt.view)
			}
		})
	}
}
