package cli

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
)

// screen is a model that shows a text.
type screen struct {
	text string
	done func() tea.Cmd
}

func (s *screen) Init() tea.Cmd                       { return s.done() }
func (s *screen) Update(tea.Msg) (tea.Model, tea.Cmd) { return s, nil }
func (s *screen) View() tea.View                      { return tea.NewView(s.text) }

func TestPace(t *testing.T) {
	const every = 10 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		model := &screen{text: "first"}
		p := &pace{Model: model, every: every, find: func() *time.Ticker { return ticker }}
		next := func() time.Duration {
			start := time.Now()
			<-ticker.C
			return time.Since(start)
		}
		p.View()
		time.Sleep(2 * time.Second)
		next() // which has come meanwhile
		next()
		if got := next(); got != idleFrame {
			t.Errorf("idle, the next frame is %s away, want %s", got, idleFrame)
		}
		p.View()
		if got := next(); got != idleFrame {
			t.Errorf("nothing changed, and the next frame is %s away, want %s", got, idleFrame)
		}
		model.text = "changed"
		p.View()
		for range framesAfterChange - 1 {
			if got := next(); got != every {
				t.Errorf("after a change the next frame is %s away, want %s", got, every)
			}
		}
		time.Sleep(2 * idleFrame)
		next()
		next()
		if got := next(); got != idleFrame {
			t.Errorf("idle again, the next frame is %s away, want %s", got, idleFrame)
		}
	})
}

// The version of Bubble Tea in use must have the ticker where tickerOf looks.
func TestTickerOf(t *testing.T) {
	var program *tea.Program
	found := false
	program = tea.NewProgram(&screen{done: func() tea.Cmd {
		return func() tea.Msg {
			found = tickerOf(program) != nil
			return tea.Quit()
		}
	}}, tea.WithInput(nil), tea.WithOutput(io.Discard), tea.WithoutSignals())
	if _, err := program.Run(); err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Error("the program's ticker was not found")
	}
}
