package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"quarterdeck/nearest"
)

// field declares one setting of S, which is the Config or a part of it.
type field[S any] struct {
	name string // dotted, as in the docs
	kind string // the values it takes, in words
	doc  string
	// initial is the default, nil for a part of the theme.
	initial any
	// structured says that the value is a list or a mapping, not a scalar.
	structured bool

	// read turns what the user wrote into a value for set, or reports why not.
	read func(n *yaml.Node, in *reading) (any, bool)
	set  func(*S, any)
	// node is the value as YAML, with the origin as a comment on every line.
	node func(s *S, from trail) *yaml.Node
}

// option declares a setting that is one scalar.
func option[S, T any](name string, initial T, k kind[T], at func(*S) *T, doc string) field[S] {
	return field[S]{
		name: name, kind: k.text, doc: doc, initial: initial,
		read: func(n *yaml.Node, in *reading) (any, bool) { return scalar(n, in, name, k) },
		set:  func(s *S, v any) { *at(s) = v.(T) },
		node: func(s *S, from trail) *yaml.Node { return commented(k.print(*at(s)), from[""]) },
	}
}

// color declares the style of a tone. Its default comes from the theme.
func color(tone Tone) field[Config] {
	name, k := "ui.colors."+tone.Name, style()
	return field[Config]{
		name: name, kind: k.text, doc: tone.Doc,
		read: func(n *yaml.Node, in *reading) (any, bool) { return scalar(n, in, name, k) },
		set: func(c *Config, v any) {
			if c.UI.Colors == nil {
				c.UI.Colors = make(map[string]string)
			}
			c.UI.Colors[tone.Name] = v.(string)
		},
		node: func(c *Config, from trail) *yaml.Node {
			return commented(k.print(c.UI.Colors[tone.Name]), from[""])
		},
	}
}

func scalar[T any](n *yaml.Node, in *reading, name string, k kind[T]) (any, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		in.reject(n, name, "expected %s, found %s", k.text, describe(n))
	case n.Tag == "!!null":
		in.reject(n, name, "a value is missing: expected %s%s", k.text, k.missing)
	default:
		v, err := k.parse(n.Value)
		if err == nil {
			in.trail[name] = trail{"": in.origin(n)}
			return v, true
		}
		in.reject(n, name, "%v", err)
	}
	return nil, false
}

// kind is a type of scalar.
type kind[T any] struct {
	text    string                  // the values it takes, in words
	missing string                  // what else to say when there is no value
	parse   func(string) (T, error) // the error is a whole reason
	format  func(T) any             // what to write as YAML; nil for the value itself
}

func (k kind[T]) print(v T) *yaml.Node {
	var n yaml.Node
	var out any = v
	if k.format != nil {
		out = k.format(v)
	}
	if err := n.Encode(out); err != nil {
		// Only functions and channels cannot be encoded.
		panic(fmt.Sprintf("encode %v: %v", out, err))
	}
	return &n
}

func (k kind[T]) expected(found string) error {
	return fmt.Errorf("expected %s, found %q", k.text, found)
}

func boolean() kind[bool] {
	k := kind[bool]{text: "true or false"}
	k.parse = func(s string) (bool, error) {
		v, err := strconv.ParseBool(s)
		if err != nil {
			return false, k.expected(s)
		}
		return v, nil
	}
	return k
}

func whole(least, most int) kind[int] {
	k := kind[int]{text: fmt.Sprintf("a whole number from %d to %d", least, most)}
	k.parse = func(s string) (int, error) {
		v, err := strconv.Atoi(s)
		if err != nil || v < least || v > most {
			return 0, k.expected(s)
		}
		return v, nil
	}
	return k
}

func duration(least, most time.Duration) kind[time.Duration] {
	k := kind[time.Duration]{text: fmt.Sprintf("a time from %s to %s", short(least), short(most))}
	k.format = func(d time.Duration) any { return short(d) }
	k.parse = func(s string) (time.Duration, error) {
		if n, err := strconv.Atoi(s); err == nil && n != 0 {
			return 0, fmt.Errorf("%w: a unit is missing, as in %ds", k.expected(s), n)
		}
		v, err := time.ParseDuration(s)
		if err != nil || v < least || v > most {
			return 0, k.expected(s)
		}
		return v, nil
	}
	return k
}

// short writes a duration without the units that are zero.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func word() kind[string] {
	k := kind[string]{text: "a name"}
	k.parse = func(s string) (string, error) {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return "", k.expected(s)
		}
		return s, nil
	}
	return k
}

// several is none, one or more names in one scalar, which a variable can hold too.
func several() kind[[]string] {
	k := kind[[]string]{text: "names, separated by commas"}
	k.format = func(list []string) any { return strings.Join(list, ",") }
	k.parse = func(s string) ([]string, error) {
		var list []string
		if s == "" {
			return list, nil
		}
		for part := range strings.SplitSeq(s, ",") {
			name, err := word().parse(strings.TrimSpace(part))
			if err != nil {
				return nil, k.expected(s)
			}
			list = append(list, name)
		}
		return list, nil
	}
	return k
}

func address() kind[string] {
	k := kind[string]{text: "an address such as http://prometheus:9090"}
	k.parse = func(s string) (string, error) {
		if s == "" { // none
			return s, nil
		}
		if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "", k.expected(s)
		}
		return s, nil
	}
	return k
}

func oneOf[T ~string](choices ...T) kind[T] {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	k := kind[T]{text: strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]}
	k.parse = func(s string) (T, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%w%s", k.expected(s), nearest.Hint(s, words))
		}
		return T(s), nil
	}
	return k
}

// style is what ui/theme understands: words that name a colour, "on" and a
// colour for the background, and attributes.
func style() kind[string] {
	attributes := []string{"bold", "faint", "italic", "underline", "reverse"}
	k := kind[string]{
		text:    "a style",
		missing: " (a colour that starts with # needs quotes)",
	}
	k.parse = func(s string) (string, error) {
		words := strings.Fields(strings.ToLower(s))
		colors := map[bool]int{} // by whether it is the background's
		for i, w := range words {
			switch background := i > 0 && words[i-1] == "on"; {
			case isColor(w):
				if colors[background]++; colors[background] > 1 {
					return "", fmt.Errorf("%q has two colours; the background is written on %s", s, w)
				}
			case background || w == "on" && i == len(words)-1:
				return "", fmt.Errorf("%q has no colour after on", s)
			case w != "on" && !slices.Contains(attributes, w):
				known := append(colorNames(), append(attributes, "on")...)
				return "", fmt.Errorf("%q is neither a colour (red, bright-red, default, 0 to 255, #rrggbb) nor bold, faint, italic, underline, reverse or on%s",
					w, nearest.Hint(w, known))
			}
		}
		return strings.Join(words, " "), nil
	}
	return k
}

// isColor reports whether a word is a name, a number or six hexadecimal digits.
func isColor(w string) bool {
	if hex, ok := strings.CutPrefix(w, "#"); ok {
		return len(hex) == 6 && strings.Trim(hex, "0123456789abcdef") == ""
	}
	if _, err := strconv.ParseUint(w, 10, 8); err == nil {
		return true
	}
	return slices.Contains(colorNames(), w)
}

func colorNames() []string {
	names := []string{"default"}
	for _, name := range []string{"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"} {
		names = append(names, name, "bright-"+name)
	}
	return names
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return strconv.Quote(n.Value)
	}
}
