package theme

import (
	"errors"
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// style is a parsed spec. The zero style changes nothing.
type style struct {
	fg, bg                                  color.Color // nil: the terminal's own
	bold, faint, italic, underline, reverse bool
}

// parse reads a spec as New describes it.
func parse(spec string) (style, error) {
	var s style
	background := false
	for _, word := range strings.Fields(strings.ToLower(spec)) {
		if background {
			c, err := parseColor(word)
			if err != nil {
				return style{}, err
			}
			s.bg, background = c, false
			continue
		}
		switch word {
		case "bold":
			s.bold = true
		case "faint":
			s.faint = true
		case "italic":
			s.italic = true
		case "underline":
			s.underline = true
		case "reverse":
			s.reverse = true
		case "on":
			background = true
		default:
			c, err := parseColor(word)
			if err != nil {
				return style{}, err
			}
			s.fg = c
		}
	}
	if background {
		return style{}, errors.New(`no colour after "on"`)
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

// with returns s with over on top of it.
func (s style) with(over style) style {
	if over.fg != nil {
		s.fg = over.fg
	}
	if over.bg != nil {
		s.bg = over.bg
	}
	s.bold = s.bold || over.bold
	s.faint = s.faint || over.faint
	s.italic = s.italic || over.italic
	s.underline = s.underline || over.underline
	s.reverse = s.reverse || over.reverse
	return s
}

// sgr returns the escape sequence that starts s, "" for the zero style.
func (s style) sgr() string {
	var a ansi.Style
	if s.bold {
		a = a.Bold()
	}
	if s.faint {
		a = a.Faint()
	}
	if s.italic {
		a = a.Italic(true)
	}
	if s.underline {
		a = a.Underline(true)
	}
	if s.reverse {
		a = a.Reverse(true)
	}
	if s.fg != nil {
		a = a.ForegroundColor(s.fg)
	}
	if s.bg != nil {
		a = a.BackgroundColor(s.bg)
	}
	if len(a) == 0 {
		return ""
	}
	return a.String()
}
