package config

// Tone is a meaning that text on the screen can have, for example a warning.
type Tone struct{ Name, Doc string }

// contextTones returns the tones to tell contexts apart.
func contextTones() []string {
	return []string{"context1", "context2", "context3", "context4", "context5", "context6"}
}

// Tones returns every tone a theme gives a style to. They are those of ui/theme.
func Tones() []Tone {
	tones := []Tone{
		{"text", "Plain text, and what is healthy."},
		{"muted", "What matters less."},
		{"accent", "Links, the current choice."},
		{"ok", "What is said to be well."},
		{"warn", "Degraded or at risk."},
		{"error", "Broken."},
		{"title", "Column titles and headings."},
		{"busy", "Work under way."},
		{"marked", "Marked rows."},
		{"match", "What a search found."},
		{"current", "The match at which the search stands."},
		{"selected", "Added to every other tone in the selected row."},
		{"key", "A key to press."},
		{"header", "The header line."},
		{"active", "The view that is open, in the header."},
		{"rule", "Lines between parts of the screen."},
		{"protected", "The name of a protected context."},
		{"added", "A line that a diff adds."},
		{"removed", "A line that a diff removes."},
		{"field", "The name of a field, in YAML and details."},
	}
	for _, name := range contextTones() {
		tones = append(tones, Tone{name, "The name of a context; each context is given one of these."})
	}
	return tones
}

// Theme is a style for every tone, in the spelling of ui.colors.
type Theme struct {
	Name, Doc string
	Colors    map[string]string // tone → style
}

// Themes returns the themes the program comes with, the default one first.
func Themes() []Theme {
	return []Theme{
		// Muted is faint, not bright black, which several well-known palettes
		// make the same as their background.
		theme("default", "The 16 colours of your terminal, whatever they are; for light and dark.", map[string]string{
			"muted": "faint", "accent": "cyan", "ok": "green", "warn": "yellow", "error": "red bold", "title": "bold", "busy": "cyan",
			"marked": "magenta bold", "match": "yellow reverse", "current": "magenta bold reverse", "selected": "reverse",
			"key": "bold", "active": "bold underline", "rule": "faint", "protected": "red bold reverse", "added": "green", "removed": "red", "field": "cyan",
			"context1": "green bold", "context2": "blue bold", "context3": "magenta bold", "context4": "cyan bold", "context5": "yellow bold", "context6": "bold",
		}),
		theme("mono", "No colours at all.", map[string]string{
			"muted": "faint", "error": "bold", "title": "bold", "marked": "bold", "match": "underline", "current": "bold reverse", "selected": "reverse",
			"key": "bold", "active": "bold underline", "rule": "faint", "protected": "bold reverse", "added": "bold", "removed": "faint",
		}),
		theme("dark", "Soft colours on a dark background, for terminals with true colour.", map[string]string{
			"text": "#d5d9e0", "muted": "#8a93a3", "accent": "#7fb4e6", "ok": "#93c58a", "warn": "#e5b567", "error": "#f0747b bold", "title": "#aab4c4 bold", "busy": "#7cc7c0",
			"marked": "#c99ce6 bold", "match": "#e5b567 reverse", "current": "#c99ce6 bold reverse", "selected": "bold on #333c4d",
			"key": "#d5d9e0 bold", "active": "bold underline", "rule": "#4a5263", "protected": "#f0747b bold reverse", "added": "#93c58a", "removed": "#f0747b", "field": "#7cc7c0",
			"context1": "#93c58a bold", "context2": "#7fb4e6 bold", "context3": "#c99ce6 bold", "context4": "#7cc7c0 bold", "context5": "#e5b567 bold", "context6": "bold",
		}),
		theme("light", "Dark colours on a light background, for terminals with true colour.", map[string]string{
			"text": "#23272e", "muted": "#6a7280", "accent": "#1c5fa8", "ok": "#2b6e2f", "warn": "#8a5a00", "error": "#b3202c bold", "title": "#3d4552 bold", "busy": "#0d6b66",
			"marked": "#7a3aa8 bold", "match": "#8a5a00 reverse", "current": "#7a3aa8 bold reverse", "selected": "bold on #d3dae6",
			"key": "#23272e bold", "active": "bold underline", "rule": "#b6bdc9", "protected": "#b3202c bold reverse", "added": "#2b6e2f", "removed": "#b3202c", "field": "#0d6b66",
			"context1": "#2b6e2f bold", "context2": "#1c5fa8 bold", "context3": "#7a3aa8 bold", "context4": "#0d6b66 bold", "context5": "#8a5a00 bold", "context6": "bold",
		}),
	}
}

// theme makes a theme; a tone that is left out is plain.
func theme(name, doc string, colors map[string]string) Theme {
	for _, tone := range Tones() {
		if _, ok := colors[tone.Name]; !ok {
			colors[tone.Name] = ""
		}
	}
	return Theme{Name: name, Doc: doc, Colors: colors}
}

func themeNames() []string {
	var names []string
	for _, t := range Themes() {
		names = append(names, t.Name)
	}
	return names
}

// colorsOf returns the colours of a theme, or nil if there is no such theme.
func colorsOf(theme string) map[string]string {
	for _, t := range Themes() {
		if t.Name == theme {
			return t.Colors
		}
	}
	return nil
}
