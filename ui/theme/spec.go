package theme

import (
	"errors"
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// parse reads a spec as New describes it. The style of an empty spec changes
// nothing.
func parse(spec string) (lipgloss.Style, error) {
	s := lipgloss.NewStyle()
	background := false
	for _, word := range strings.Fields(strings.ToLower(spec)) {
		if background {
			c, err := parseColor(word)
			if err != nil {
				return s, err
			}
			if c != nil {
				s = s.Background(c)
			}
			background = false
			continue
		}
		switch word {
		case "bold":
			s = s.Bold(true)
		case "faint":
			s = s.Faint(true)
		case "italic":
			s = s.Italic(true)
		case "underline":
			s = s.Underline(true)
		case "reverse":
			s = s.Reverse(true)
		case "on":
			background = true
		default:
			c, err := parseColor(word)
			if err != nil {
				return s, err
			}
			if c != nil {
				s = s.Foreground(c)
			}
		}
	}
	if background {
		return s, errors.New(`no colour after "on"`)
	}
	return s, nil
}

// parseColor reads a colour; nil is the terminal's own.
func parseColor(word string) (color.Color, error) {
	if word == "default" {
		return nil, nil
	}
	if hex, ok := strings.CutPrefix(word, "#"); ok {
		if n, err := strconv.ParseUint(hex, 16, 24); err == nil && len(hex) == 6 {
			return color.RGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255}, nil // bytes of 24 bits
		}
	}
	if n, err := strconv.ParseUint(word, 10, 8); err == nil {
		if n < 16 {
			return ansi.BasicColor(n), nil // below 16
		}
		return ansi.IndexedColor(n), nil // below 256
	}
	base, bright := strings.CutPrefix(word, "bright-")
	for i, name := range []string{"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"} {
		if base == name {
			if bright {
				i += 8
			}
			return ansi.BasicColor(i), nil // below 16
		}
	}
	return nil, fmt.Errorf("%q is neither a colour (red, bright-red, 0 to 255, #rrggbb, default) nor bold, faint, italic, underline, reverse or on", word)
}

// start returns the escape sequence that starts s, "" if it changes nothing.
// Rendering every cell by Lip Gloss would take most of a frame's time.
func start(s lipgloss.Style) string {
	const text = "x"
	sequence, _, _ := strings.Cut(s.Inline(true).Render(text), text)
	return sequence
}
