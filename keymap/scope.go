package keymap

import "strings"

// Scope says on which parts of the screen a binding listens. It is a set: a
// binding for lists and texts has both bits. At any moment the keyboard belongs
// to one part.
type Scope uint8

// The parts of the screen that can own the keyboard.
const (
	List    Scope = 1 << iota // a table of objects
	Text                      // YAML, describe, help: something to read
	Prompt                    // the palette, the filter, the search: typed text
	Dialog                    // a choice over the view
	Confirm                   // a question that waits for a yes
	Log                       // lines that come as they are written

	Objects    = List | Text   // what is about objects
	Global     = Objects | Log // whatever view is open
	Everywhere = Global | Prompt | Dialog | Confirm
)

// typing is where a printable key is text, not a command: dialogs narrow their
// choices by what is typed.
const typing = Prompt | Dialog

// String says it in words, for the help and the key sheet.
func (s Scope) String() string {
	switch s {
	case Everywhere:
		return "everywhere"
	case Objects:
		return "lists, texts"
	case Global:
		return "views"
	}
	var words []string
	for _, part := range []struct {
		scope Scope
		word  string
	}{{List, "lists"}, {Text, "texts"}, {Log, "logs"}, {Prompt, "prompts"}, {Dialog, "dialogs"}, {Confirm, "questions"}} {
		if s&part.scope != 0 {
			words = append(words, part.word)
		}
	}
	return strings.Join(words, ", ")
}
