package keymap

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
)

func TestDefaultIsSound(t *testing.T) {
	if a, b, key, found := conflict(declared()); found {
		t.Errorf("%s starts both %s and %s", key, a.ID, b.ID)
	}
	seen := make(map[ActionID]bool)
	for _, b := range declared() {
		if seen[b.ID] {
			t.Errorf("%s is declared twice", b.ID)
		}
		seen[b.ID] = true
		if reason := b.refuses(b.Keys); reason != "" {
			t.Errorf("%s: %s", b.ID, reason)
		}
		if string(b.ID) != strings.ToLower(string(b.ID)) {
			t.Errorf("%s is not in lower case", b.ID)
		}
		if b.Title == "" || b.Help == "" || b.Group == "" || b.Scope == 0 || strings.HasSuffix(b.Help, ".") {
			t.Errorf("%s is not declared in full: %+v", b.ID, b)
		}
	}
}

// legacy returns the bytes that a terminal without any keyboard extension,
// such as tmux, sends for a key.
func legacy(t *testing.T, key string) []byte {
	t.Helper()
	sequences := map[string]string{
		"enter": "\r", "tab": "\t", "esc": "\x1b", "space": " ", "ctrl+space": "\x00", `ctrl+\`: "\x1c", "backspace": "\x7f",
		"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
		"home": "\x1b[1~", "end": "\x1b[4~", "pgup": "\x1b[5~", "pgdown": "\x1b[6~",
	}
	if s, ok := sequences[key]; ok {
		return []byte(s)
	}
	if letter, ok := strings.CutPrefix(key, "ctrl+"); ok && len(letter) == 1 {
		return []byte{letter[0] & 0x1f}
	}
	if len(key) == 1 {
		return []byte(key)
	}
	t.Fatalf("no plain terminal sends %s", key)
	return nil
}

func TestDefaultKeysArriveFromAnyTerminal(t *testing.T) {
	for _, b := range declared() {
		for _, key := range b.Keys {
			var decoder uv.EventDecoder
			sent := legacy(t, key)
			n, event := decoder.Decode(sent)
			press, ok := event.(uv.KeyPressEvent)
			if !ok || n != len(sent) || press.String() != key {
				t.Errorf("%s: the bytes %q of %s arrive as %v", b.ID, sent, key, event)
			}
		}
	}
}

func TestSpelling(t *testing.T) {
	tests := []struct{ key, want string }{
		{"j", ""},
		{"J", ""},
		{"+", ""},
		{"한", ""},
		{"ctrl+d", ""},
		{"ctrl++", ""},
		{"alt+shift+a", ""},
		{"ctrl+alt+delete", ""},
		{"shift+tab", ""},
		{"f12", ""},
		{"", "a key is missing: write [] for no key"},
		{" ", `there is no key " ": did you mean "space"?`},
		{"escape", `there is no key "escape": did you mean "esc"?`},
		{"Return", `there is no key "Return": did you mean "enter"?`},
		{"PageDown", `there is no key "PageDown": did you mean "pgdown"?`},
		{"shift+d", `there is no key "shift+d": did you mean "D"?`},
		{"ctrl+D", `there is no key "ctrl+D": did you mean "ctrl+d"?`},
		{"alt+A", `there is no key "alt+A": did you mean "alt+shift+a"?`},
		{"shift+ctrl+up", `there is no key "shift+ctrl+up": did you mean "ctrl+shift+up"?`},
		{"Control+Escape", `there is no key "Control+Escape": did you mean "ctrl+esc"?`},
		{"ctrl+ctrl+a", `there is no key "ctrl+ctrl+a": did you mean "ctrl+a"?`},
		{"entre", `there is no key "entre": did you mean enter?`},
		{"jj", `there is no key "jj"`},
		{"f21", `there is no key "f21": did you mean f1?`},
		{"hold+a", `there is no key "hold+a": "hold" is not one of ctrl, alt, shift, meta, hyper, super`},
		{"ctrl+i", "terminals cannot tell ctrl+i from tab: write tab"},
		{"\x1b", `there is no key "\x1b"`},
	}
	for _, tt := range tests {
		got := misspelt(tt.key)
		if tt.key == "jj" || tt.key == "\x1b" {
			// Any or no suggestion is fine for what resembles nothing.
			got, _, _ = strings.Cut(got, ": did")
		}
		if got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.key, got, tt.want)
		}
	}
}

func TestWith(t *testing.T) {
	tests := []struct {
		name      string
		overrides map[string][]string
		want      map[ActionID]string // first keys
		problems  []string
	}{
		{
			name:      "other keys",
			overrides: map[string][]string{"object.describe": {"K", "f1"}},
			want:      map[ActionID]string{ObjectDescribe: "K"},
		},
		{
			name:      "unbind",
			overrides: map[string][]string{"list.wide": {}},
			want:      map[ActionID]string{ListWide: ""},
		},
		{
			name:      "exchange",
			overrides: map[string][]string{"object.describe": {"y"}, "object.yaml": {"d"}},
			want:      map[ActionID]string{ObjectDescribe: "y", ObjectYAML: "d"},
		},
		{
			name:      "take a key that was given up",
			overrides: map[string][]string{"object.describe": {"y"}, "object.yaml": nil},
			want:      map[ActionID]string{ObjectDescribe: "y", ObjectYAML: ""},
		},
		{
			name:      "enter for yes",
			overrides: map[string][]string{"dialog.yes": {"enter"}},
			want:      map[ActionID]string{DialogYes: "y"},
			problems:  []string{"dialog.yes: enter never says yes: it is pressed too easily"},
		},
		{
			name:      "nothing but letters for yes",
			overrides: map[string][]string{"dialog.yes": {"o"}},
			want:      map[ActionID]string{DialogYes: "y"},
			problems:  []string{"dialog.yes: needs a key that types nothing, such as ctrl+y: some questions want a name typed"},
		},
		{
			name:      "unknown action",
			overrides: map[string][]string{"object.descibe": {"D"}},
			want:      map[ActionID]string{ObjectDescribe: "d"},
			problems:  []string{"object.descibe: unknown action: did you mean object.describe?"},
		},
		{
			name:      "key of another action",
			overrides: map[string][]string{"object.describe": {"y"}},
			want:      map[ActionID]string{ObjectDescribe: "d", ObjectYAML: "y"},
			problems:  []string{"object.describe: y is the key of object.yaml (YAML) too; to use it here, give that one another key"},
		},
		{
			name:      "key of an action declared later",
			overrides: map[string][]string{"move.up": {"y"}},
			want:      map[ActionID]string{MoveUp: "k", ObjectYAML: "y"},
			problems:  []string{"move.up: y is the key of object.yaml (YAML) too; to use it here, give that one another key"},
		},
		{
			name:      "one new key twice",
			overrides: map[string][]string{"object.describe": {"Z"}, "object.events": {"Z"}},
			want:      map[ActionID]string{ObjectDescribe: "Z", ObjectEvents: "E"},
			problems:  []string{"object.events: Z is the key of object.describe (describe) too; to use it here, give that one another key"},
		},
		{
			name: "a rejected override gives its key back",
			// describe cannot be had by Z, so it returns to d, which yaml wanted.
			overrides: map[string][]string{"object.describe": {"@"}, "object.yaml": {"d"}},
			want:      map[ActionID]string{ObjectDescribe: "d", ObjectYAML: "y"},
			problems: []string{
				"object.describe: @ is the key of context.switch (context) too; to use it here, give that one another key",
				"object.yaml: d is the key of object.describe (describe) too; to use it here, give that one another key",
			},
		},
		{
			name:      "same key where only one listens",
			overrides: map[string][]string{"text.wrap": {"S"}},
			want:      map[ActionID]string{TextWrap: "S", ListSort: "S"},
		},
		{
			name:      "bad spelling keeps all keys",
			overrides: map[string][]string{"object.describe": {"K", "escape"}},
			want:      map[ActionID]string{ObjectDescribe: "d"},
			problems:  []string{`object.describe: there is no key "escape": did you mean "esc"?`},
		},
		{
			name:      "twice in one list",
			overrides: map[string][]string{"object.describe": {"K", "K"}},
			want:      map[ActionID]string{ObjectDescribe: "d"},
			problems:  []string{"object.describe: K is there twice"},
		},
		{
			name:      "a way out is kept",
			overrides: map[string][]string{"app.quit": {}, "prompt.cancel": {}},
			want:      map[ActionID]string{AppQuit: "q", PromptCancel: "esc"},
			problems: []string{
				"app.quit: needs a key: without one there is no way to quit",
				"prompt.cancel: needs a key: without one there is no way to cancel",
			},
		},
		{
			name:      "typed text is no command",
			overrides: map[string][]string{"prompt.next": {"j"}},
			want:      map[ActionID]string{PromptNext: "down"},
			problems:  []string{"prompt.next: j is text in prompts, dialogs: use a key that types nothing, such as ctrl+o"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, problems := Default().With(tt.overrides)
			for id, want := range tt.want {
				if got := m.Label(id); got != want {
					t.Errorf("%s has key %q, want %q", id, got, want)
				}
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if !slices.Equal(got, tt.problems) {
				t.Errorf("problems:\n got %q\nwant %q", got, tt.problems)
			}
		})
	}
}

func TestSubjectsShareAKey(t *testing.T) {
	shell := Binding{ID: "pod.shell", Keys: keys("s"), Scope: List, Subject: "pod"}
	scale := Binding{ID: "workload.scale", Keys: keys("s"), Scope: List, Subject: "workload"}
	sort := Binding{ID: "list.sort", Keys: keys("s"), Scope: List}
	if _, _, _, found := conflict([]Binding{shell, scale}); found {
		t.Error("a key for two subjects is ambiguous")
	}
	if _, _, _, found := conflict([]Binding{shell, sort}); !found {
		t.Error("a key for one subject and for any is not ambiguous")
	}
	m := newMap([]Binding{shell, scale})
	if got, want := m.Actions("s"), []ActionID{"pod.shell", "workload.scale"}; !slices.Equal(got, want) {
		t.Errorf("s starts %v, want %v", got, want)
	}
}

func TestActionsIn(t *testing.T) {
	m := Default()
	if got, want := m.Actions("n"), []ActionID{NamespaceSwitch, TextNext, LogNext}; !slices.Equal(got, want) {
		t.Errorf("n starts %v, want %v", got, want)
	}
	for scope, want := range map[Scope][]ActionID{
		List: {NamespaceSwitch}, Text: {TextNext}, Prompt: nil,
	} {
		if got := m.ActionsIn("n", scope); !slices.Equal(got, want) {
			t.Errorf("n starts %v in %s, want %v", got, scope, want)
		}
	}
}

func TestMapIsImmutable(t *testing.T) {
	m := Default()
	want := m.Sheet()
	b, _ := m.Binding(MoveUp)
	b.Keys[0] = "changed"
	m.Groups()[0].Bindings[0].Keys[0] = "changed"
	m.Actions("k")[0] = "changed"
	overrides := map[string][]string{"move.up": {"Z"}}
	changed, _ := m.With(overrides)
	overrides["move.up"][0] = "changed"
	if m.Sheet() != want || m.Actions("k")[0] != MoveUp {
		t.Error("the map was changed from outside")
	}
	if changed.Label(MoveUp) != "Z" {
		t.Error("the map shares the overrides it was made with")
	}
}

func TestUnknownAction(t *testing.T) {
	if _, ok := Default().Binding("no.such"); ok {
		t.Error("there is a binding for an action that does not exist")
	}
	if label := Default().Label("no.such"); label != "" {
		t.Errorf("an action that does not exist has the key %q", label)
	}
}

func TestSheetIsUpToDate(t *testing.T) {
	onDisk, err := os.ReadFile("../docs/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(onDisk) != Default().Sheet() {
		t.Error("docs/keys.md is out of date: run go run ./keymap/sheet > docs/keys.md")
	}
}

func FuzzWith(f *testing.F) {
	f.Add("object.describe", "y", "object.yaml", "d")
	f.Add("object.describe", "@", "object.yaml", "d")
	f.Add("prompt.next", "j", "app.quit", "")
	f.Add("x", "ctrl++", "move.up", "shift+ctrl+\xff")
	f.Fuzz(func(t *testing.T, action1, key1, action2, key2 string) {
		split := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, ",")
		}
		overrides := map[string][]string{action1: split(key1), action2: split(key2)}
		m, problems := Default().With(overrides)
		if a, b, key, found := conflict(m.bindings); found {
			t.Fatalf("%s starts both %s and %s", key, a.ID, b.ID)
		}
		for _, p := range problems {
			if p.Reason == "" {
				t.Fatalf("%s is rejected without a reason", p.Action)
			}
			delete(overrides, p.Action)
		}
		again, problems := Default().With(overrides)
		if len(problems) > 0 || !reflect.DeepEqual(m.bindings, again.bindings) {
			t.Fatalf("the overrides that hold do not hold alone: %v", problems)
		}
	})
}
