package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/object"
	"quarterdeck/ui/theme"
	"quarterdeck/views"
)

func TestConsent(t *testing.T) {
	ref := func(name string) kube.Ref {
		return kube.Ref{GVR: object.Deployments().GVR, Kind: "Deployment", Namespace: "shop", Name: name}
	}
	one, two := []kube.Ref{ref("web")}, []kube.Ref{ref("web"), ref("api")}
	typed := []guard.Rule{{Level: guard.Typed, Reason: "careful"}}
	for _, test := range []struct {
		name   string
		refs   []kube.Ref
		rules  []guard.Rule
		yes    string
		answer string // of who is asked, "-" if nobody is
		prompt string
		level  guard.Level // 0 if it is not given
		says   string
	}{
		{"a word", one, nil, "", "y\n", "undo deploy/web? Type y: ", guard.Confirmed, ""},
		{"yes", two, nil, "", "yes\n", "undo 2 workloads? Type y: ", guard.Confirmed, ""},
		{"enter means no", one, nil, "", "\n", "undo deploy/web? Type y: ", 0, "that was no yes"},
		{"another key", one, nil, "", "n\n", "undo deploy/web? Type y: ", 0, "that was no yes"},
		{"the end of the input", one, nil, "", "", "undo deploy/web? Type y: \n", 0, "that was no yes"},
		{"given", one, nil, "y", "-", "", guard.Confirmed, ""},
		{"given as a word", one, nil, "true", "-", "", guard.Confirmed, ""},
		{"given with the name", one, nil, "web", "-", "", guard.Confirmed, ""},
		{"given with another name", one, nil, "wob", "-", "", 0, "--yes=wob is not web, the name of the object"},
		{"nobody to ask", one, nil, "", "-", "", 0, "there is no terminal to ask on"},
		{"typed", one, typed, "", "web\n", "a rule wants it: careful: type the name of the object\nundo deploy/web? Type web: ", guard.Typed, ""},
		{"a word for a name", one, typed, "", "y\n", "a rule wants it: careful: type the name of the object\nundo deploy/web? Type web: ", 0, "that was no yes"},
		{"a yes for a name is asked", one, typed, "y", "web\n", "a rule wants it: careful: type the name of the object\nundo deploy/web? Type web: ", guard.Typed, ""},
		{"a yes for a name", one, typed, "y", "-", "", 0, "a rule wants it: careful, and there is no terminal to type web, the name of the object: pass it as --yes=web"},
		{"the name given", one, typed, "web", "-", "", guard.Typed, ""},
		{"the context of several", two, typed, "", "prod\n", "a rule wants it: careful: type the name of the context\nundo 2 workloads? Type prod: ", guard.Typed, ""},
		{"too many", two, []guard.Rule{{Max: 1}}, "y", "-", "", 0, "a rule allows 1 object at once, not 2"},
		{"denied", one, []guard.Rule{{Deny: true}}, "y", "-", "", 0, "a rule denies it"},
	} {
		g := &guard.Guard{}
		g.SetRules("prod", test.rules)
		s := &views.Session{
			Program: &views.Program{Settings: views.Settings{Context: func(string) views.ContextStyle { return views.ContextStyle{Tone: theme.Text} }}},
			Client:  &kube.Client{Context: "prod", Guard: g}, Namespace: "shop",
		}
		var out bytes.Buffer
		var ask asker
		if test.answer != "-" {
			ask = askOn(strings.NewReader(test.answer), &out)
		}
		got, err := consent(t.Context(), s, "undo", test.refs, "patch", test.yes, ask)
		switch {
		case test.level != 0 && (err != nil || got != guard.Approval{Level: test.level, Objects: len(test.refs)}):
			t.Errorf("%s: %+v, %v", test.name, got, err)
		case test.level == 0 && (err == nil || !strings.Contains(err.Error(), test.says) || got != guard.Approval{}):
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
		if out.String() != test.prompt {
			t.Errorf("%s asks %q, want %q", test.name, out.String(), test.prompt)
		}
	}
}

// TestAskEnds: who is asked may end the program instead of answering.
func TestAskEnds(t *testing.T) {
	in, w := io.Pipe()
	defer func() { _ = w.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if line, err := askOn(in, &out)(ctx, "well? \x1b[2J"); line != "" || !errors.Is(err, context.Canceled) || out.String() != "well? \n" {
		t.Errorf("%q, %v, %q", line, err, out.String())
	}
}
