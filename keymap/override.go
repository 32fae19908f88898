package keymap

import (
	"fmt"
	"maps"
	"slices"

	"quarterdeck/nearest"
)

// Problem is an override that could not be applied. Its action keeps the keys
// it had.
type Problem struct {
	Action string // as the user wrote it
	Reason string
}

func (p Problem) String() string { return p.Action + ": " + p.Reason }

// With returns the map with the keys of some actions replaced; an empty list
// leaves an action without a key. Overrides that cannot be applied are reported
// and left out, and the others hold: two actions may exchange their keys.
func (m Map) With(overrides map[string][]string) (Map, []Problem) {
	var problems []Problem
	reject := func(action, format string, args ...any) {
		problems = append(problems, Problem{Action: action, Reason: fmt.Sprintf(format, args...)})
	}

	wanted := make(map[ActionID][]string, len(overrides))
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		keys := overrides[name]
		if i, ok := m.byID[ActionID(name)]; !ok {
			reject(name, "unknown action%s", nearest.Hint(name, m.names()))
		} else if reason := m.bindings[i].refuses(keys); reason != "" {
			reject(name, "%s", reason)
		} else {
			wanted[ActionID(name)] = slices.Clone(keys)
		}
	}

	// The map itself has no conflict, so every round takes back one override,
	// and the loop ends at the latest when none is left.
	for {
		bindings := slices.Clone(m.bindings)
		for i, b := range bindings {
			if keys, ok := wanted[b.ID]; ok {
				bindings[i].Keys = keys
			}
		}
		first, second, key, found := conflict(bindings)
		if !found {
			return newMap(bindings), problems
		}
		loser, winner := second, first
		if _, ok := wanted[loser.ID]; !ok {
			loser, winner = first, second
		}
		reject(string(loser.ID), "%s is the key of %s (%s) too; to use it here, give that one another key",
			key, winner.ID, winner.Title)
		delete(wanted, loser.ID)
	}
}

func (m Map) names() []string {
	names := make([]string, len(m.bindings))
	for i, b := range m.bindings {
		names[i] = string(b.ID)
	}
	return names
}

// conflict finds the first two bindings that listen to one key at the same time.
func conflict(bindings []Binding) (first, second Binding, key string, found bool) {
	byKey := make(map[string][]Binding)
	for _, b := range bindings {
		for _, key := range b.Keys {
			for _, other := range byKey[key] {
				if other.overlaps(b) {
					return other, b, key, true
				}
			}
			byKey[key] = append(byKey[key], b)
		}
	}
	return Binding{}, Binding{}, "", false
}

// refuses says why the binding cannot have these keys, or "".
func (b Binding) refuses(keys []string) string {
	if len(keys) == 0 && b.required {
		return "needs a key: without one there is no way to " + b.Title
	}
	if b.ID == DialogYes && !slices.ContainsFunc(keys, func(key string) bool { return !isText(key) }) {
		return "needs a key that types nothing, such as ctrl+y: some questions want a name typed"
	}
	for i, key := range keys {
		if reason := misspelt(key); reason != "" {
			return reason
		}
		if b.ID == DialogYes && key == "enter" {
			return "enter never says yes: it is pressed too easily"
		}
		if slices.Contains(keys[:i], key) {
			return fmt.Sprintf("%s is there twice", key)
		}
		if b.Scope&typing != 0 && isText(key) {
			return fmt.Sprintf("%s is text in %s: use a key that types nothing, such as ctrl+o", key, b.Scope&typing)
		}
	}
	return ""
}
