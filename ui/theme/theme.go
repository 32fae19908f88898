// Package theme holds the program's visual language: semantic tones, and the
// styles and glyphs that a theme gives them. Views name a Tone, never a colour.
package theme

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/cell"
)

// Tone is what a piece of text means. Loudness follows badness: what is
// healthy is Text or Muted.
type Tone uint8

// The tones.
const (
	Text Tone = iota
	Muted
	Accent // links, the current choice
	OK
	Warn
	Error
	Title     // column titles, headings
	Busy      // work under way
	Marked    // a marked row
	Match     // a match of a search
	Current   // the match at which the search stands
	Selected  // added to every tone of the selected row
	Key       // a key to press, in the footer, menus and help
	Header    // the header line
	Active    // the view that is open, in the header
	Rule      // lines between parts of the screen
	Protected // the name of a context that must not be changed lightly
	Added     // a line that a diff adds
	Removed   // a line that a diff removes
	Field     // the name of a field, in YAML and details
	context   // the first of the tones of contexts
	tones     = context + contexts
)

// contexts is the number of tones to tell contexts apart.
const contexts = 6

// Reset ends any tone.
const Reset = ansi.ResetStyle

// ContextTone returns the tone of the context called name, always the same.
func ContextTone(name string) Tone {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return context + Tone(h.Sum32()%contexts)
}

// names holds the name of each tone in a configuration.
func names() [tones]string {
	n := [tones]string{
		Text: "text", Muted: "muted", Accent: "accent", OK: "ok", Warn: "warn", Error: "error", Title: "title", Busy: "busy",
		Marked: "marked", Match: "match", Current: "current", Selected: "selected", Key: "key", Header: "header", Active: "active",
		Rule: "rule", Protected: "protected", Added: "added", Removed: "removed", Field: "field",
	}
	for i := range Tone(contexts) {
		n[context+i] = fmt.Sprintf("context%d", i+1)
	}
	return n
}

// Names returns the names of the tones, as New takes them.
func Names() []string {
	n := names()
	return n[:]
}

// Default returns the specs of the default theme. It uses the terminal's own 16
// colours only, so that it is readable on light and dark backgrounds alike.
func Default() map[string]string {
	return map[string]string{
		"muted": "bright-black", "accent": "cyan", "ok": "green", "warn": "yellow", "error": "bold red",
		"title": "bold", "busy": "cyan", "marked": "bold magenta", "match": "reverse yellow", "current": "reverse bold magenta",
		"selected": "reverse", "key": "bold", "active": "bold underline", "rule": "bright-black",
		"protected": "bold reverse red", "added": "green", "removed": "red", "field": "cyan",
		"context1": "bold green", "context2": "bold blue", "context3": "bold magenta",
		"context4": "bold cyan", "context5": "bold yellow", "context6": "bold",
	}
}

// Mono returns the specs of a theme without colours.
func Mono() map[string]string {
	specs := map[string]string{
		"muted": "faint", "error": "bold", "title": "bold", "marked": "bold", "match": "underline", "current": "reverse bold",
		"selected": "reverse", "key": "bold", "active": "bold underline", "rule": "faint", "protected": "bold reverse",
		"added": "bold", "removed": "faint",
	}
	for _, name := range Names() {
		if _, ok := specs[name]; !ok {
			specs[name] = ""
		}
	}
	return specs
}

// Options say how a theme is drawn.
type Options struct {
	ASCII bool // glyphs of ASCII only
}

// Theme draws tones. It is immutable and safe for concurrent use.
type Theme struct {
	Glyphs   Glyphs
	plain    [tones]string // the escape sequence that starts a tone, "" if none
	selected [tones]string // the same in the selected row
}

// New returns the theme in which specs, by the names of the tones, replace
// those of Default. A spec is words: a colour (a name such as red or
// bright-red, a number up to 255, #rrggbb or default), "on" and a colour for
// the background, and bold, faint, italic, underline, reverse.
func New(specs map[string]string, opts Options) (*Theme, error) {
	all := Default()
	maps.Copy(all, specs)
	known := names()
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if !slices.Contains(known[:], name) {
			return nil, fmt.Errorf("theme has no tone %q: the tones are %s", name, strings.Join(known[:], ", "))
		}
	}
	var styles [tones]lipgloss.Style
	for tone, name := range known {
		s, err := parse(all[name])
		if err != nil {
			return nil, fmt.Errorf("theme tone %q: %w", name, err)
		}
		styles[tone] = s
	}
	th := &Theme{Glyphs: glyphs(opts.ASCII)}
	for tone, s := range styles {
		th.plain[tone] = start(s)
		if Tone(tone) == Muted {
			s = styles[Text] // grey on grey would be lost in a reversed row
		}
		th.selected[tone] = start(styles[Selected].Inherit(s))
	}
	return th, nil
}

// Plain returns a theme without escape sequences, for tests and for output that
// is no terminal.
func Plain(opts Options) *Theme { return &Theme{Glyphs: glyphs(opts.ASCII)} }

// Render returns s, a piece of one line without escape sequences, in tone t.
func (th *Theme) Render(t Tone, s string) string { return wrap(th.plain[t], s) }

// RenderSelected is Render for the selected row.
func (th *Theme) RenderSelected(t Tone, s string) string { return wrap(th.selected[t], s) }

func wrap(start, s string) string {
	if start == "" || s == "" {
		return s
	}
	return start + s + Reset
}

// Start returns the escape sequence that starts tone t, for those who append
// cells to a buffer: the text and then Reset follow. It is "" if t needs none,
// and then no Reset either.
func (th *Theme) Start(t Tone, selected bool) string {
	if selected {
		return th.selected[t]
	}
	return th.plain[t]
}

// Glyphs are the drawing characters of a theme, each one cell wide.
type Glyphs struct {
	Ellipsis    cell.Ellipsis
	Bar         string // marks the selected row
	Mark        string // marks a marked row
	Rule        string // a horizontal line
	Divider     string // a vertical line
	Crumb       string // between the parts of a path
	Closed      string // a group that can be opened
	Open        string // a group that is open
	On          string // a filled dot
	Off         string // an empty dot
	Ascending   string // beside the title of the sorted column
	Descending  string
	MoreLeft    string   // something is hidden to the left
	MoreRight   string   // something is hidden to the right
	Separator   string   // between short facts on a line
	Arrow       string   // from old to new
	Full, Empty string   // the blocks of a gauge
	Coming      string   // of what is not there yet, in a gauge
	Going       string   // of what is on its way out, or to be replaced
	Failed      string   // of what is there and does not work
	Sparks      []string // the heights of a sparkline, lowest first
}

func glyphs(ascii bool) Glyphs {
	g := Glyphs{
		Ellipsis: cell.Unicode, Bar: "▌", Mark: "●", Rule: "─", Divider: "│", Crumb: "›", Closed: "▸", Open: "▾", On: "●", Off: "○",
		Ascending: "↑", Descending: "↓", MoreLeft: "‹", MoreRight: "›", Separator: "·", Arrow: "→", Full: "█", Empty: "░",
		Coming: "▓", Going: "▒", Failed: "×",
		Sparks: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
	}
	// Some East Asian terminals are set to draw these in two cells.
	if ascii || ansi.StringWidth(g.Bar) != 1 {
		g = Glyphs{
			Ellipsis: cell.ASCII, Bar: ">", Mark: "*", Rule: "-", Divider: "|", Crumb: ">", Closed: "+", Open: "-", On: "*", Off: "o",
			Ascending: "^", Descending: "v", MoreLeft: "<", MoreRight: ">", Separator: "-", Arrow: ">", Full: "#", Empty: ".",
			Coming: "+", Going: "=", Failed: "x",
			Sparks: []string{"_", ".", "-", "=", "+", "*", "#", "@"},
		}
	}
	return g
}
