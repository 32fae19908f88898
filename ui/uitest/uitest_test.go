package uitest_test

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui/uitest"
)

// counter is a program that shows what reaches it.
type counter struct {
	keys, width int
	last, paste string
}

func (c counter) Init() tea.Cmd { return tea.RequestBackgroundColor }

func (c counter) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		c.width = msg.Width
	case tea.PasteMsg:
		c.paste = msg.Content
	case tea.KeyPressMsg:
		if msg.String() == "q" {
			return c, tea.Quit
		}
		c.keys++
		c.last = msg.String()
	}
	return c, nil
}

func (c counter) View() tea.View {
	v := tea.NewView(fmt.Sprintf("\x1b[1m컬럼\x1b[m │ keys %d\nlast %s\npasted %q\nwidth %d", c.keys, c.last, c.paste, c.width))
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.ReportFocus = true
	return v
}

func TestProgram(t *testing.T) {
	m := uitest.Program(t, counter{}, 40, 6)
	m.WaitFor(t, "keys 0")
	for range 30 {
		m.Type("x")
	}
	m.WaitFor(t, "keys 30")
	for key, want := range map[string]string{
		uitest.Up: "up", uitest.PageDown: "pgdown", uitest.ShiftTab: "shift+tab", uitest.Ctrl('d'): "ctrl+d", uitest.Ctrl('\\'): `ctrl+\`,
		uitest.CtrlSpace: "ctrl+space", uitest.Alt("b"): "alt+b", uitest.Enter: "enter", uitest.Home: "home", uitest.Delete: "delete",
		uitest.Backspace: "backspace", uitest.Esc: "esc", uitest.Tab: "tab", uitest.Space: "space",
	} {
		m.Type(key)
		m.WaitFor(t, "last "+want+"\n")
	}
	m.Paste("two\nlines")
	m.WaitFor(t, `pasted "two\nlines"`)
	m.Resize(60, 8)
	m.WaitFor(t, "width 60")
	if got := strings.Count(m.Text(), "\n"); got != 7 {
		t.Errorf("%d lines after the resize, want 8:\n%s", got+1, m.Text())
	}
	if got := m.Line(0); got != "컬럼 │ keys 44" {
		t.Errorf("first line %q", got)
	}
	if !strings.Contains(m.Styled(), "\x1b[1m컬럼") {
		t.Errorf("no bold in %q", m.Styled())
	}
	if !m.AltScreen() || m.BytesWritten() == 0 || len(m.Leftovers()) < 4 {
		t.Errorf("alternate screen %v, %d bytes, modes set: %v", m.AltScreen(), m.BytesWritten(), m.Leftovers())
	}
	m.Type("q")
	if err := m.Wait(t); err != nil {
		t.Error(err)
	}
	if left := m.Leftovers(); len(left) > 0 {
		t.Errorf("left after quitting: %v", left)
	}
}

func TestGolden(t *testing.T) {
	uitest.Golden(t, "\x1b[1mtitle\x1b[m   \nrow  ")
}
