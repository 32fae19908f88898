package ui

import (
	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui/theme"
)

// AlertMsg tells the user of something that he waits for, wherever he is: it
// stays in the footer until a key is pressed, and calls him to the terminal.
type AlertMsg struct {
	Text string
	Tone theme.Tone
}

// Alert tells the user of something that he waits for.
func Alert(tone theme.Tone, text string) tea.Msg { return AlertMsg{text, tone} }

// alert calls the user, and shows what it is about: not while he is asked
// something or has not read the alert before.
func (a *App) alert(msg AlertMsg) tea.Cmd {
	if a.over() || a.toast.stays && a.toast.text != "" {
		a.ends = append(a.ends, msg)
	} else {
		a.tell(msg)
	}
	if a.opts.Call == nil {
		return nil
	}
	if sequence := a.opts.Call(msg.Text); sequence != "" {
		return tea.Raw(sequence)
	}
	return nil
}

// tell puts an alert into the footer until a key is pressed.
func (a *App) tell(msg AlertMsg) {
	a.toast = toast{text: msg.Text, tone: msg.Tone, seq: a.toast.seq + 1, stays: true}
}
