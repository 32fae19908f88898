package keymap

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"quarterdeck/nearest"
)

// modifiers in the order in which Bubble Tea writes them.
func modifiers() []string {
	return []string{"ctrl", "alt", "shift", "meta", "hyper", "super"}
}

// named returns the keys that print nothing, as Bubble Tea spells them.
func named() []string {
	names := []string{
		"enter", "tab", "backspace", "esc", "space", "up", "down", "left", "right",
		"insert", "delete", "home", "end", "pgup", "pgdown",
	}
	for n := range 20 {
		names = append(names, fmt.Sprintf("f%d", n+1))
	}
	return names
}

// otherNames are what other programs call these keys.
func otherNames() map[string]string {
	return map[string]string{
		" ": "space", "spacebar": "space", "return": "enter", "cr": "enter", "escape": "esc",
		"del": "delete", "ins": "insert", "bs": "backspace", "bksp": "backspace",
		"pageup": "pgup", "pgdn": "pgdown", "pagedown": "pgdown", "page-up": "pgup", "page-down": "pgdown",
		"control": "ctrl", "ctl": "ctrl", "option": "alt", "opt": "alt", "cmd": "super", "command": "super", "win": "super",
	}
}

// misspelt says what is wrong with the spelling of a key, or "". A key spelled
// otherwise than Bubble Tea does would never be pressed.
func misspelt(key string) string {
	if isText(key) {
		return ""
	}
	if key == "" {
		return "a key is missing: write [] for no key"
	}
	mods, base := split(key)
	wrong := func(right string) string {
		if right == key {
			return fmt.Sprintf("there is no key %q", key)
		}
		return fmt.Sprintf("there is no key %q: did you mean %q?", key, right)
	}

	// Put right what can be put right, and see whether that changed anything.
	base = ours(base)
	for i := range mods {
		mods[i] = ours(mods[i])
		if !slices.Contains(modifiers(), mods[i]) {
			return fmt.Sprintf("there is no key %q: %q is not one of %s", key, mods[i], strings.Join(modifiers(), ", "))
		}
	}
	slices.SortFunc(mods, func(a, b string) int {
		return slices.Index(modifiers(), a) - slices.Index(modifiers(), b)
	})
	mods = slices.Compact(mods)
	if !slices.Contains(named(), base) && !isText(base) {
		return fmt.Sprintf("there is no key %q%s", key, nearest.Hint(base, named()))
	}
	if r, _ := utf8.DecodeRuneInString(base); isText(base) && unicode.IsUpper(r) {
		base = strings.ToLower(base)
		if !slices.Contains(mods, "ctrl") && !slices.Contains(mods, "shift") {
			i, _ := slices.BinarySearchFunc(mods, "shift", func(a, b string) int {
				return slices.Index(modifiers(), a) - slices.Index(modifiers(), b)
			})
			mods = slices.Insert(mods, i, "shift")
		}
	}
	if isText(base) && slices.Equal(mods, []string{"shift"}) {
		return wrong(strings.ToUpper(base))
	}
	if right := strings.Join(append(mods, base), "+"); right != key {
		return wrong(right)
	}
	if same, ok := map[string]string{"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+[": "esc", "ctrl+@": "ctrl+space"}[key]; ok {
		return fmt.Sprintf("terminals cannot tell %s from %s: write %s", key, same, same)
	}
	return ""
}

// split takes the modifiers off a key; the key itself may be a plus sign.
func split(key string) (mods []string, base string) {
	i := strings.LastIndexByte(key, '+')
	switch {
	case i < 0:
		return nil, key
	case strings.HasSuffix(key, "++"):
		i--
	}
	return strings.Split(key[:i], "+"), key[i+1:]
}

// ours returns our name of a named key or modifier, whatever it is called.
func ours(name string) string {
	if utf8.RuneCountInString(name) == 1 && name != " " {
		return name
	}
	lower := strings.ToLower(name)
	if known, ok := otherNames()[lower]; ok {
		return known
	}
	return lower
}

// isText reports whether a key types a character.
func isText(key string) bool {
	if key == "space" {
		return true
	}
	r, size := utf8.DecodeRuneInString(key)
	return size == len(key) && r != utf8.RuneError && r != ' ' && unicode.IsPrint(r)
}
