package prompt_test

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/prompt"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

func newPrompt() *prompt.Prompt { return prompt.New(theme.Plain(theme.Options{}), "/") }

// press sends keys by their names; what is no name is typed.
func press(p *prompt.Prompt, keys ...string) (handled bool) {
	special := map[string]tea.KeyPressMsg{
		"left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
		"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "backspace": {Code: tea.KeyBackspace}, "delete": {Code: tea.KeyDelete},
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "space": {Code: tea.KeySpace, Text: " "},
		"ctrl+w": {Code: 'w', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl}, "ctrl+k": {Code: 'k', Mod: tea.ModCtrl},
		"ctrl+a": {Code: 'a', Mod: tea.ModCtrl}, "ctrl+x": {Code: 'x', Mod: tea.ModCtrl},
		"alt+b": {Code: 'b', Mod: tea.ModAlt}, "alt+f": {Code: 'f', Mod: tea.ModAlt}, "alt+d": {Code: 'd', Mod: tea.ModAlt},
	}
	for _, k := range keys {
		if msg, ok := special[k]; ok {
			handled = p.Update(msg)
			continue
		}
		for _, r := range k {
			handled = p.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return handled
}

func TestEditing(t *testing.T) {
	for _, tt := range []struct {
		keys   string // separated by commas
		value  string
		cursor int
	}{
		{"web", "web", 4},
		{"web,left,left,x", "wxeb", 3},
		{"web,home,x,end,y", "xweby", 6},
		{"web,backspace,backspace", "w", 2},
		{"web,home,delete", "eb", 1},
		{"web,backspace,backspace,backspace,backspace", "", 1},
		{"status!=Running,ctrl+w", "status!=", 9},
		{"one two  ,ctrl+w", "one ", 5},
		{"one two,alt+b,ctrl+k", "one ", 5},
		{"one two,home,alt+f,ctrl+u", " two", 1},
		{"one two,home,alt+d", " two", 1},
		{"a,space,b", "a b", 4},
		{"결제,left,x", "결x제", 4},
		{"e,\u0301,x,left,backspace", "x", 1},
		{"👨\u200d👩\u200d👧,backspace", "", 1},
		{"ctrl+a,left,right,delete,ctrl+w,ctrl+k", "", 1},
	} {
		p := newPrompt()
		press(p, strings.Split(tt.keys, ",")...)
		p.View(40)
		if p.Value() != tt.value || p.Cursor() != tt.cursor {
			t.Errorf("%s: %q with the cursor at %d, want %q at %d", tt.keys, p.Value(), p.Cursor(), tt.value, tt.cursor)
		}
	}
}

func TestKeysOfTheCaller(t *testing.T) {
	p := newPrompt()
	for _, key := range []string{"enter", "esc", "tab", "ctrl+x", "up", "down"} {
		if press(p, key) || p.Value() != "" {
			t.Errorf("%s was handled: %q", key, p.Value())
		}
	}
}

func TestPaste(t *testing.T) {
	p := newPrompt()
	press(p, "ab", "left")
	p.Paste("1\n2\t3\x1b[31m\n")
	if got := p.Value(); got != "a1 2 3[31mb" {
		t.Errorf("%q", got)
	}
}

func TestHistory(t *testing.T) {
	p := newPrompt()
	p.SetHistory([]string{"old", "new"})
	press(p, "dra")
	for _, step := range []struct{ key, want string }{
		{"up", "new"}, {"up", "old"}, {"up", "old"}, {"down", "new"}, {"down", "dra"}, {"down", "dra"},
	} {
		press(p, step.key)
		if got := p.Value(); got != step.want {
			t.Errorf("%s: %q, want %q", step.key, got, step.want)
		}
	}
	p.SetValue("old")
	if got := strings.Join(p.Remember(), " "); got != "new old" {
		t.Errorf("history %q", got)
	}
	p.SetValue("")
	if got := strings.Join(p.Remember(), " "); got != "new old" {
		t.Errorf("history %q after an empty input", got)
	}
}

func TestHint(t *testing.T) {
	p := newPrompt()
	p.SetHint("deployments")
	if got := strings.TrimSpace(p.View(40)); got != "/" {
		t.Errorf("an empty input shows %q", got)
	}
	press(p, "Dep")
	if got := p.View(40); !strings.HasPrefix(got, "/Deployments ") || p.Cursor() != 4 {
		t.Errorf("%q, cursor %d", got, p.Cursor())
	}
	press(p, "left", "right") // back at the end, nothing taken
	if p.Value() != "Dep" {
		t.Errorf("value %q", p.Value())
	}
	press(p, "right")
	if p.Value() != "deployments" {
		t.Errorf("value %q after taking the hint", p.Value())
	}
	press(p, "x")
	if got := strings.TrimSpace(p.View(40)); got != "/deploymentsx" {
		t.Errorf("a hint that does not fit shows %q", got)
	}
}

// FuzzPrompt checks that the line has its width and the cursor is in it,
// whatever was typed and whatever the width.
func FuzzPrompt(f *testing.F) {
	f.Add("status!=Running", "ctrl+w", 20)
	f.Add("결제 서비스 👨\u200d👩\u200d👧", "left,left,backspace,up", 7)
	f.Add("\u0600e\u0301\xff\x1b[31m", "home,delete,end,right", 1)
	f.Fuzz(func(t *testing.T, text, keys string, width int) {
		width = max(0, width%100)
		p := newPrompt()
		p.SetHint("hint " + text + " hint")
		p.SetHistory([]string{text, "한글"})
		p.Paste(text)
		for _, key := range strings.Split(keys, ",") {
			press(p, key)
			line := p.View(width)
			if got := ansi.StringWidth(line); got != width {
				t.Fatalf("%q takes %d cells, want %d", line, got, width)
			}
			if x := p.Cursor(); x < 0 || x > max(0, width-1) {
				t.Fatalf("the cursor is at %d of %d", x, width)
			}
		}
	})
}

func TestScrolling(t *testing.T) {
	p := prompt.New(theme.Plain(theme.Options{}), "filter: ")
	p.SetValue("namespace=payments status!=Running age<10m")
	var frames []string
	frame := func() {
		line := p.View(30)
		frames = append(frames, line, strings.Repeat(" ", p.Cursor())+"^")
	}
	frame()
	for range 30 {
		press(p, "left")
	}
	frame()
	press(p, "home")
	frame()
	press(p, "end")
	frame()
	uitest.Golden(t, strings.Join(frames, "\n"))
}
