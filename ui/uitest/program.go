package uitest

import (
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// Model is a model that runs in this process on a Screen.
type Model struct {
	*Screen
	program *tea.Program
	done    chan struct{}
	err     error // of the program, once done is closed
}

// Program runs model on a screen of the given size until it quits or the test
// ends. Options replace those of the test terminal, which has true colour and
// sends no signals.
func Program(t testing.TB, model tea.Model, width, height int, opts ...tea.ProgramOption) *Model {
	t.Helper()
	m := &Model{Screen: NewScreen(t, width, height), done: make(chan struct{})}
	// Where the input is no terminal, lines end in a mere line feed.
	if _, err := m.em.WriteString(ansi.SetModeLineFeedNewLine); err != nil {
		t.Fatal(err)
	}
	opts = append([]tea.ProgramOption{
		tea.WithInput(m.Screen), tea.WithOutput(m.Screen), tea.WithWindowSize(width, height), tea.WithoutSignals(),
		tea.WithColorProfile(colorprofile.TrueColor), tea.WithEnvironment([]string{"TERM=xterm-256color"}), tea.WithFPS(120),
	}, opts...)
	m.program = tea.NewProgram(model, opts...)
	go func() {
		defer close(m.done)
		_, m.err = m.program.Run()
	}()
	t.Cleanup(func() {
		m.program.Kill()
		<-m.done
	})
	return m
}

// Send sends a message to the model.
func (m *Model) Send(msg tea.Msg) { m.program.Send(msg) }

// Resize changes the size of the terminal.
func (m *Model) Resize(width, height int) {
	m.resize(width, height)
	m.program.Send(tea.WindowSizeMsg{Width: width, Height: height})
}

// Wait waits until the program has ended and returns its error.
func (m *Model) Wait(t testing.TB) error {
	t.Helper()
	await(t, m.Screen, m.done, "the program to end")
	return m.err
}
