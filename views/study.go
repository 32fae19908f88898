package views

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui"
)

// study is what is read about an object on which the cursor of a list rests.
type study struct {
	// key tells one reading from another: as long as it is the same, what was read
	// is good. It can be compared.
	key any
	// read asks whoever knows; it runs in a goroutine of its own. It returns nil if
	// nobody can tell yet.
	read func(context.Context) any
}

// orNil returns what a study has read, nil for a pointer to nothing.
func orNil[T any](read *T) any {
	if read == nil {
		return nil
	}
	return read
}

// studies are what a list has read about its selected object.
type studies struct {
	of    string // UID of the object
	key   any    // of the last study, done or under way, nil for none
	found any    // nil as long as nothing is known of that object
}

type (
	restedMsg  struct{}
	studiedMsg struct {
		key   any
		found any
	}
)

// waitRested returns a Cmd that ends soon after the cursor or the row under it
// has changed.
func (l *list[T]) waitRested() tea.Cmd {
	if l.res.Study == nil {
		return nil
	}
	ctx := l.ctx
	return ui.Deliver(l, func() tea.Msg {
		if !until(ctx, l.moved, lookAfter) {
			return nil
		}
		return restedMsg{}
	})
}

// look returns a Cmd that reads about the selected object, if that has not been
// read yet.
func (l *list[T]) look() tea.Cmd {
	o, ok := l.table.Selected()
	if !ok || l.source == nil || !l.paneShown {
		return nil
	}
	next := l.res.Study(l.session, o)
	if next.read == nil || next.key == l.studies.key {
		return nil
	}
	of := string(o.Head().UID)
	if of != l.studies.of {
		l.studies = studies{of: of}
	}
	l.studies.key = next.key
	ctx := l.ctx
	return ui.Deliver(l, func() tea.Msg {
		found := next.read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		return studiedMsg{next.key, found}
	})
}

// learned takes over what was read, unless the cursor is elsewhere by now. What
// could not be told is asked again when the row or the cursor moves.
func (l *list[T]) learned(msg studiedMsg) {
	if msg.key != l.studies.key {
		return
	}
	l.studies.found = msg.found
	if msg.found == nil {
		l.studies.key = nil
	}
}
