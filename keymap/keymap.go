// Package keymap says which key starts which action. It holds the one list of
// every action that has a key, the user's changes to it, and what is generated
// from both: labels for the footer, groups for the help, the key sheet.
//
// Dispatch, help and docs all read the same Map, so they cannot disagree.
package keymap

import "slices"

// ActionID names an action, for example "object.describe". The part before the
// dot is what it acts on. Users write these names in their configuration, so
// they are lower case and do not change.
type ActionID string

// Group is the heading under which the help lists a binding.
type Group string

// Binding is one action and the keys that start it.
type Binding struct {
	ID ActionID
	// Keys are spelled as Bubble Tea's KeyPressMsg.String spells them. The
	// first one is shown in the footer. Empty means that only the menu and the
	// palette reach the action.
	Keys  []string
	Title string // one or two words, for the footer and the menu
	Help  string // one sentence, without a full stop
	Group Group
	Scope Scope
	// Subject is the kind of object the action is for, such as "pod"; empty
	// means any. One key may start different actions for different subjects.
	Subject string

	// required says that the program cannot be used without a key for it.
	required bool
}

// overlaps reports whether there is a moment at which both bindings listen.
func (b Binding) overlaps(c Binding) bool {
	return b.Scope&c.Scope != 0 &&
		(b.Subject == "" || c.Subject == "" || b.Subject == c.Subject)
}

// Map is an immutable set of bindings in which no key is ambiguous. It may be
// shared between goroutines.
type Map struct {
	bindings []Binding // in order of declaration
	byID     map[ActionID]int
	byKey    map[string][]ActionID
}

// Default returns the bindings the program comes with.
func Default() Map { return newMap(declared()) }

func newMap(bindings []Binding) Map {
	m := Map{
		bindings: bindings,
		byID:     make(map[ActionID]int, len(bindings)),
		byKey:    make(map[string][]ActionID),
	}
	for i, b := range bindings {
		m.byID[b.ID] = i
		for _, key := range b.Keys {
			m.byKey[key] = append(m.byKey[key], b.ID)
		}
	}
	return m
}

// Binding returns the binding of an action, and whether there is such an action.
func (m Map) Binding(id ActionID) (Binding, bool) {
	i, ok := m.byID[id]
	if !ok {
		return Binding{}, false
	}
	b := m.bindings[i]
	b.Keys = slices.Clone(b.Keys)
	return b, true
}

// Actions returns the actions a key can start, in order of declaration. Which
// of them listens depends on what is on screen: see ActionsIn.
func (m Map) Actions(key string) []ActionID {
	return slices.Clone(m.byKey[key])
}

// ActionsIn returns those of Actions that listen in one of the given scopes.
// More than one is left only if they are for different subjects.
func (m Map) ActionsIn(key string, scope Scope) []ActionID {
	var ids []ActionID
	for _, id := range m.byKey[key] {
		if m.bindings[m.byID[id]].Scope&scope != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// Label returns the key to show beside an action, or "" if it has none.
func (m Map) Label(id ActionID) string {
	i, ok := m.byID[id]
	if !ok || len(m.bindings[i].Keys) == 0 {
		return ""
	}
	return m.bindings[i].Keys[0]
}

// Section is a Group with its bindings in order of declaration.
type Section struct {
	Group    Group
	Bindings []Binding
}

// Groups returns every binding by group, for the help. A binding without keys
// is among them.
func (m Map) Groups() []Section {
	var sections []Section
	for _, b := range m.bindings {
		b.Keys = slices.Clone(b.Keys)
		i := slices.IndexFunc(sections, func(s Section) bool { return s.Group == b.Group })
		if i < 0 {
			i = len(sections)
			sections = append(sections, Section{Group: b.Group})
		}
		sections[i].Bindings = append(sections[i].Bindings, b)
	}
	return sections
}
