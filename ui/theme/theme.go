// Package theme holds the program's visual language: semantic tones, and the
// styles that a theme gives them. Views name a Tone, never a colour.
package theme

// Tone is what a piece of text means. Loudness follows badness: what is
// healthy is Text or Muted.
type Tone uint8

// The tones.
const (
	Text Tone = iota
	Muted
	Accent // links, keys, the current choice
	OK
	Warn
	Error
	Title  // column titles, headings
	Busy   // work under way
	Marked // a marked row
	Match  // a match of a search
)
