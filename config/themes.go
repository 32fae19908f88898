package config

// Tone is a meaning that text on the screen can have, for example a warning.
type Tone struct{ Name, Doc string }

// Tones returns every tone a theme gives a style to.
func Tones() []Tone {
	return []Tone{
		{"text", "Plain text, and what is healthy."},
		{"muted", "What matters less."},
		{"accent", "Links, keys, the current choice."},
		{"ok", "What is said to be well."},
		{"warn", "Degraded or at risk."},
		{"error", "Broken."},
		{"title", "Column titles and headings."},
		{"busy", "Work under way."},
		{"marked", "Marked rows."},
		{"match", "What a search found."},
	}
}

// Theme is a style for every tone, in the spelling of ui.colors.
type Theme struct {
	Name, Doc string
	Colors    map[string]string // tone → style
}

// Themes returns the themes the program comes with, the default one first.
func Themes() []Theme {
	return []Theme{
		{
			// Muted is faint, not bright black, which several well-known
			// palettes make the same as their background.
			Name: "default", Doc: "The 16 colours of your terminal, whatever they are; for light and dark.",
			Colors: map[string]string{
				"text": "", "muted": "faint", "accent": "6", "ok": "2", "warn": "3", "error": "1 bold",
				"title": "bold", "busy": "6", "marked": "5 bold", "match": "3 reverse",
			},
		},
		{
			Name: "mono", Doc: "No colours at all.",
			Colors: map[string]string{
				"text": "", "muted": "faint", "accent": "underline", "ok": "", "warn": "bold", "error": "bold underline",
				"title": "bold", "busy": "italic", "marked": "bold", "match": "reverse",
			},
		},
		{
			Name: "dark", Doc: "Soft colours on a dark background, for terminals with true colour.",
			Colors: map[string]string{
				"text": "#d5d9e0", "muted": "#8a93a3", "accent": "#7fb4e6", "ok": "#93c58a", "warn": "#e5b567", "error": "#f0747b bold",
				"title": "#aab4c4 bold", "busy": "#7cc7c0", "marked": "#c99ce6 bold", "match": "#e5b567 reverse",
			},
		},
		{
			Name: "light", Doc: "Dark colours on a light background, for terminals with true colour.",
			Colors: map[string]string{
				"text": "#23272e", "muted": "#6a7280", "accent": "#1c5fa8", "ok": "#2b6e2f", "warn": "#8a5a00", "error": "#b3202c bold",
				"title": "#3d4552 bold", "busy": "#0d6b66", "marked": "#7a3aa8 bold", "match": "#8a5a00 reverse",
			},
		},
	}
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
