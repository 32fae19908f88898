package views

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// copy copies the line under the cursor or the marked block, as written.
func (p *logPage) copy() tea.Msg {
	first, last, ok := p.window.Block()
	if !ok {
		return ui.Toast(theme.Warn, "there is no line to copy")
	}
	var b strings.Builder
	n := 0
	for pos := first; pos <= last; pos++ {
		if l, _, ok := p.lines.at(pos); ok {
			b.WriteString(l.Text() + "\n")
			n++
		}
	}
	return ui.Copy(b.String(), counted(n, "line", "lines"))
}
