package config_test

import (
	"os"
	"slices"
	"testing"

	"quarterdeck/config"
	"quarterdeck/keymap"
	"quarterdeck/kube/guard"
	"quarterdeck/ui/theme"
)

// The package imports neither the theme nor the bindings nor the guard, but what
// it says about them must fit.

func TestVerbsFitTheGuard(t *testing.T) {
	if !slices.Equal(config.RuleVerbs(), guard.Verbs()) {
		t.Errorf("verbs %q, want %q", config.RuleVerbs(), guard.Verbs())
	}
}

func TestThemesFitTheTones(t *testing.T) {
	var tones []string
	for _, tone := range config.Tones() {
		tones = append(tones, tone.Name)
	}
	if !slices.Equal(tones, theme.Names()) {
		t.Errorf("tones %q, want %q", tones, theme.Names())
	}
	for _, each := range config.Themes() {
		if _, err := theme.New(each.Colors, theme.Options{}); err != nil {
			t.Errorf("%s: %v", each.Name, err)
		}
	}
}

func TestExampleFitsTheBindings(t *testing.T) {
	path := t.TempDir() + "/config.yaml"
	if err := os.WriteFile(path, []byte(config.Example), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, problems, err := config.Load(config.Options{Path: path, ValidateKeys: func(keys map[string][]string) []config.KeyProblem {
		var found []config.KeyProblem
		_, problems := keymap.Default().With(keys)
		for _, p := range problems {
			found = append(found, config.KeyProblem{Action: p.Action, Reason: p.Reason})
		}
		return found
	}})
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", err, problems)
	}
}

// FuzzStyle checks that the theme understands every style that is accepted.
func FuzzStyle(f *testing.F) {
	for _, s := range []string{"", "red", "bright-red bold", "on 3", "#ffaf00 on #000000 underline", "007", "default on default"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, style string) {
		c, _, problems, err := config.Load(config.Options{Flags: map[string]string{"ui.colors.warn": style}})
		if err != nil || len(problems) > 0 {
			return
		}
		if _, err := theme.New(c.UI.Colors, theme.Options{}); err != nil {
			t.Errorf("the theme does not understand %q: %v", style, err)
		}
	})
}
