package cli

import (
	"reflect"
	"sync"
	"time"
	"unsafe"

	tea "charm.land/bubbletea/v2"
)

// pace lets Bubble Tea look for something to draw often while the screen
// changes, and rarely while it does not. Bubble Tea has one rate for both, and
// no way to set it while the program runs: waking up 60 times a second for
// nothing costs more than everything else an idle screen does, and a key waits
// up to a sixtieth of a second for its frame. So the rate of its ticker is set
// behind its back. Where the ticker cannot be reached, the rate stays as it is.
type pace struct {
	tea.Model
	every time.Duration       // between frames while the screen changes
	find  func() *time.Ticker // Bubble Tea's, nil while there is none; called by its goroutine
	shown tea.View            // last

	mu     sync.Mutex
	ticker *time.Ticker
	calm   *time.Timer // ends the fast frames, nil before the first
	fast   bool
}

const (
	idleFrame = 250 * time.Millisecond
	// After a change so many frames stay fast: the change must not miss its own,
	// and more of them often follow.
	framesAfterChange = 8
)

// Update lets the model handle a message.
func (p *pace) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m, cmd := p.Model.Update(msg)
	p.Model = m
	if _, ok := msg.(tea.ResumeMsg); ok {
		p.hurry() // Bubble Tea has started its ticker anew
	}
	return p, cmd
}

// View returns what the model shows, and sees to it that it is drawn soon.
func (p *pace) View() tea.View {
	v := p.Model.View()
	if v.Content != p.shown.Content || v.Cursor != nil || p.shown.Cursor != nil {
		p.hurry()
	}
	p.shown = v
	return v
}

func (p *pace) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ticker == nil {
		if p.ticker = p.find(); p.ticker == nil {
			return
		}
	}
	if !p.fast {
		p.fast = true
		p.ticker.Reset(p.every)
	}
	if p.calm == nil {
		p.calm = time.AfterFunc(framesAfterChange*p.every, p.slowDown)
		return
	}
	p.calm.Reset(framesAfterChange * p.every)
}

func (p *pace) slowDown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fast = false
	p.ticker.Reset(max(idleFrame, p.every)) // a rate below the idle one is the user's wish
}

// tickerOf returns the ticker of a program that runs, nil if it has none.
func tickerOf(program *tea.Program) *time.Ticker {
	field := reflect.ValueOf(program).Elem().FieldByName("ticker")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*time.Ticker]() {
		return nil
	}
	return *(**time.Ticker)(unsafe.Pointer(field.UnsafeAddr()))
}
