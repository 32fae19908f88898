package theme_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/theme"
)

func TestSpecs(t *testing.T) {
	for spec, want := range map[string]string{
		"":                      "x",
		"9":                     "\x1b[91mx\x1b[m",
		"bright-red":            "\x1b[91mx\x1b[m",
		"red":                   "\x1b[31mx\x1b[m",
		"244":                   "\x1b[38;5;244mx\x1b[m",
		"#ff8000":               "\x1b[38;2;255;128;0mx\x1b[m",
		"bold 1 on 7":           "\x1b[1;31;47mx\x1b[m",
		"Reverse underline":     "\x1b[4;7;4mx\x1b[m",
		"faint italic":          "\x1b[3;2mx\x1b[m",
		"default on default":    "x",
		"bold default on black": "\x1b[1;40mx\x1b[m",
	} {
		th, err := theme.New(map[string]string{"ok": spec}, theme.Options{})
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if got := th.Render(theme.OK, "x"); got != want {
			t.Errorf("%q renders %q, want %q", spec, got, want)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	for tone, spec := range map[string]string{
		"ok": "rde", "warn": "256", "error": "#12345", "title": "bold on", "muted": "#gggggg", "busy": "-1", "bussy": "red",
	} {
		_, err := theme.New(map[string]string{tone: spec}, theme.Options{})
		if err == nil || !strings.Contains(err.Error(), tone) {
			t.Errorf("%s: %q: error %v does not name the tone", tone, spec, err)
		}
	}
}

// Meaning must not depend on colour: whatever calls for action differs from
// ordinary text without it, too.
func TestMonoHasNoColour(t *testing.T) {
	th, err := theme.New(theme.Mono(), theme.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for tone := theme.Text; tone <= theme.Field; tone++ {
		for _, c := range strings.FieldsFunc(th.Render(tone, "x"), func(r rune) bool { return strings.ContainsRune("\x1b[;mx", r) }) {
			if len(c) > 1 {
				t.Errorf("tone %d uses attribute %s", tone, c)
			}
		}
	}
	for _, tone := range []theme.Tone{theme.Error, theme.Marked, theme.Match, theme.Current, theme.Protected} {
		if th.Render(tone, "x") == "x" {
			t.Errorf("tone %d looks like text", tone)
		}
	}
}

func TestSelectedStandsOut(t *testing.T) {
	for name, specs := range map[string]map[string]string{"default": nil, "mono": theme.Mono()} {
		th, err := theme.New(specs, theme.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for tone := theme.Text; tone <= theme.Field; tone++ {
			if got := th.RenderSelected(tone, "x"); got == "x" || ansi.Strip(got) != "x" {
				t.Errorf("%s: tone %d selected is %q", name, tone, got)
			}
		}
		if th.RenderSelected(theme.Muted, "x") != th.RenderSelected(theme.Text, "x") {
			t.Errorf("%s: muted text is lost in the selected row", name)
		}
	}
}

func TestContextTone(t *testing.T) {
	seen := map[theme.Tone]bool{}
	for _, name := range []string{"prod-eu", "prod-us", "staging", "dev", "kind-kind", "playground", "viewer", "qa", "edge-1", "edge-2"} {
		tone := theme.ContextTone(name)
		if tone != theme.ContextTone(name) || tone <= theme.Field {
			t.Errorf("%s has tone %d", name, tone)
		}
		seen[tone] = true
	}
	if len(seen) < 3 {
		t.Errorf("ten contexts share %d tones", len(seen))
	}
}

func TestGlyphsAreOneCell(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		v := reflect.ValueOf(theme.Plain(theme.Options{ASCII: ascii}).Glyphs)
		for i := range v.NumField() {
			glyphs := []string{}
			if f := v.Field(i); f.Kind() == reflect.Slice {
				glyphs = f.Interface().([]string)
			} else {
				glyphs = append(glyphs, f.String())
			}
			for _, g := range glyphs {
				if ansi.StringWidth(g) != 1 || ansi.StringWidthWc(g) != 1 || ascii && len(g) != 1 {
					t.Errorf("%s (ASCII %v) is %q", v.Type().Field(i).Name, ascii, g)
				}
			}
		}
	}
}

func TestNamesNameEveryTone(t *testing.T) {
	for i, name := range theme.Names() {
		if name == "" {
			t.Errorf("tone %d has no name", i)
		}
	}
}
