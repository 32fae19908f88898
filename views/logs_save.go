package views

import (
	"context"
	"fmt"
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// copy copies the line under the cursor or the marked block, as written.
func (p *logPage) copy() tea.Msg {
	first, last, ok := p.window.Block()
	if !ok {
		return ui.Toast(theme.Warn, "there is no line to copy")
	}
	text, n := p.text(first, last)
	return ui.Copy(text, thousands(n)+" lines")
}

// text returns the lines of some positions as they were written.
func (p *logPage) text(first, last uint64) (string, int) {
	var b strings.Builder
	n := 0
	for pos := first; pos <= last; pos++ {
		if l, _, ok := p.lines.at(pos); ok {
			b.WriteString(l.Text() + "\n")
			n++
		}
	}
	return b.String(), n
}

func (p *logPage) askSave() tea.Msg {
	name := "logs-" + strings.NewReplacer("/", "-", " ", "-").Replace(p.title) + ".log"
	return ui.Ask(ui.Prompt{Label: "save what is shown to: ", Text: name, Accept: func(path string) tea.Msg {
		if strings.TrimSpace(path) == "" {
			return ui.Toast(theme.Muted, "not saved: no file was named")
		}
		if p.lines.Next() == p.lines.First() {
			return ui.Toast(theme.Warn, "there is nothing to save")
		}
		text, n := p.text(p.lines.First(), p.lines.Next()-1)
		return ui.Start(ui.Task{Title: "save " + path, Run: func(context.Context, func(string)) tea.Msg {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user named it
			if err != nil {
				return ui.Toast(theme.Error, "not saved: "+sanitize.Line(err.Error()))
			}
			_, err = f.WriteString(text)
			if closed := f.Close(); err == nil {
				err = closed
			}
			if err != nil {
				return ui.Toast(theme.Error, "not all is saved: "+sanitize.Line(err.Error()))
			}
			return ui.Toast(theme.OK, fmt.Sprintf("saved %s lines to %s", thousands(n), path))
		}})
	}})
}
