package ui

import (
	"fmt"
	"regexp"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// Text is the part of a View that shows a text to read: scrolling, searching,
// wrapping, copying. Views hold one and add what the text is about.
type Text struct {
	theme  *theme.Theme
	pager  *textview.Pager
	search string
}

// NewText returns an empty text.
func NewText(th *theme.Theme) *Text { return &Text{theme: th, pager: textview.New(th)} }

// SetLines replaces the text and stays where it was scrolled to.
func (t *Text) SetLines(lines []textview.Line) { t.pager.SetLines(lines) }

// SetWrap says whether long lines are wrapped or cut until the user says
// otherwise.
func (t *Text) SetWrap(wrap bool) { t.pager.SetWrap(wrap) }

// SetHanging says how many cells the rows after the first of a wrapped line are
// indented by.
func (t *Text) SetHanging(n int) { t.pager.SetHanging(n) }

// Len returns the number of lines.
func (t *Text) Len() int { return t.pager.Len() }

// Count says where in the text the screen is, for the header.
func (t *Text) Count() string {
	var b strings.Builder
	if t.search != "" {
		for range 50 { // a bounded share of a long text with every frame
			if !t.pager.Advance() {
				break
			}
		}
		current, total, counted := t.pager.Matches()
		more := ""
		if !counted {
			more = "+"
		}
		fmt.Fprintf(&b, "match %d/%d%s  ", current, total, more)
	}
	fmt.Fprintf(&b, "%d%%", t.pager.Percent())
	return b.String()
}

// Scope says that bindings for texts listen.
func (t *Text) Scope() keymap.Scope { return keymap.Text }

// Move scrolls.
func (t *Text) Move(id keymap.ActionID) {
	switch id {
	case keymap.MoveUp:
		t.pager.Up()
	case keymap.MoveDown:
		t.pager.Down()
	case keymap.MovePageUp:
		t.pager.PageUp()
	case keymap.MovePageDown:
		t.pager.PageDown()
	case keymap.MoveTop:
		t.pager.Home()
	case keymap.MoveBottom:
		t.pager.End()
	case keymap.MoveLeft:
		t.pager.Left()
	case keymap.MoveRight:
		t.pager.Right()
	}
}

// View draws the text.
func (t *Text) View(width, height int) string {
	t.pager.SetSize(width, height)
	return t.pager.View()
}

// Actions are what can be done with any text. what names it for the message
// after copying.
func (t *Text) Actions(what string) []Action {
	found := ""
	if t.search == "" {
		found = "nothing is searched for: / searches"
	}
	actions := []Action{
		{ID: keymap.TextSearch, Run: t.ask},
		{ID: keymap.TextNext, Quiet: found != "", Disabled: found, Run: func() tea.Msg { return t.jump(t.pager.Next) }},
		{ID: keymap.TextPrevious, Quiet: found != "", Disabled: found, Run: func() tea.Msg { return t.jump(t.pager.Prev) }},
		{ID: keymap.TextWrap, Run: func() tea.Msg { t.pager.SetWrap(!t.pager.Wrapped()); return nil }},
		{ID: keymap.CopyText, Run: func() tea.Msg { return Copy(t.pager.Plain(), what) }},
	}
	if t.search != "" {
		actions = append(actions, Action{ID: keymap.GoBack, Quiet: true, Run: func() tea.Msg { t.find(""); return nil }})
	}
	return actions
}

func (t *Text) jump(to func() bool) tea.Msg {
	if !to() {
		return Toast(theme.Warn, fmt.Sprintf("%q is not in this text", t.search))
	}
	return nil
}

// ask opens the prompt of the search, which works as one types.
func (t *Text) ask() tea.Msg {
	before := t.search
	return Ask(Prompt{
		Label: "/", Text: before, Hint: "text, or a regular expression",
		Changed: func(s string) tea.Msg { t.find(s); return nil },
		Cancel:  func() tea.Msg { t.find(before); return nil },
		Accept: func(s string) tea.Msg {
			t.find(s)
			if _, total, counted := t.pager.Matches(); s != "" && counted && total == 0 {
				return Toast(theme.Warn, fmt.Sprintf("%q is not in this text", s))
			}
			return nil
		},
	})
}

// find searches for a regular expression, or for the text itself if it is none.
// Case counts only if there is a capital in it.
func (t *Text) find(s string) {
	t.search = s
	if s == "" {
		t.pager.SetSearch(nil)
		return
	}
	flags := ""
	if strings.ToLower(s) == s {
		flags = "(?i)"
	}
	re, err := regexp.Compile(flags + s)
	if err != nil {
		re = regexp.MustCompile(flags + regexp.QuoteMeta(s))
	}
	t.pager.SetSearch(re)
	t.pager.Next()
}
