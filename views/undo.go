package views

import (
	"context"
	"fmt"
	"sync"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// history is what the user has done that can be taken back, oldest first. It is
// used by the screen and by what runs in the background.
type history struct {
	mu   sync.Mutex
	done []deed
}

// deed is what one yes did.
type deed struct {
	session *Session
	changes []action.Change
}

// historySize is how many deeds can be taken back.
const historySize = 100

func (h *history) add(d deed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done = append(h.done, d); len(h.done) > historySize {
		h.done = h.done[1:]
	}
}

// last returns the newest deed of a cluster.
func (h *history) last(c *kube.Client) (deed, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.done) - 1; i >= 0; i-- {
		if h.done[i].session.Client == c {
			return h.done[i], true
		}
	}
	return deed{}, false
}

// drop forgets a change that was taken back.
func (h *history) drop(gone action.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.done {
		kept := h.done[i].changes[:0:0]
		for _, c := range h.done[i].changes {
			if c.ID != gone.ID {
				kept = append(kept, c)
			}
		}
		h.done[i].changes = kept
	}
	kept := h.done[:0:0]
	for _, d := range h.done {
		if len(d.changes) > 0 {
			kept = append(kept, d)
		}
	}
	h.done = kept
}

// remember keeps those of the outcomes that can be taken back.
func (s *Session) remember(outcomes []action.Outcome) {
	var changes []action.Change
	for _, o := range outcomes {
		if o.Err == nil && o.Change.Undoes != 0 {
			s.history.drop(action.Change{ID: o.Change.Undoes})
		} else if o.Err == nil && o.Change.Undoable {
			changes = append(changes, o.Change)
		}
	}
	if len(changes) > 0 {
		s.history.add(deed{session: s, changes: changes})
	}
}

// undo is the action that takes back what the user did last in this cluster.
func (s *Session) undo() ui.Action {
	a := ui.Action{ID: keymap.ActionUndo, Quiet: true}
	last, ok := s.history.last(s.Client)
	if !ok {
		a.Disabled = "nothing was done here that can be undone"
		return a
	}
	if why, on := s.Client.Guard.ReadOnly(); on {
		a.Disabled = "read-only: " + why
		return a
	}
	a.Run = func() tea.Msg { return s.startUndo(last) }
	return a
}

// startUndo asks before a deed is taken back.
func (s *Session) startUndo(d deed) tea.Msg {
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	var sel chosen
	byRef := map[kube.Ref]action.Change{}
	for _, c := range d.changes {
		sel.targets = append(sel.targets, target{Ref: c.Ref})
		byRef[c.Ref] = c
	}
	title := fmt.Sprintf("undo %s of %s", d.changes[0].Verb, countRefs(sel.refs()))
	v := &verb{ID: keymap.ActionUndo, Level: guard.Confirmed, Need: patching("")}
	return s.propose(&proposal{verb: v, title: title, prepare: func(ctx context.Context, ref kube.Ref) (action.Change, error) {
		return client.Undo(ctx, byRef[ref])
	}}, sel)
}

// changer returns the client that changes objects of the session's cluster.
func (s *Session) changer() (*action.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.changers[s.Client]; ok {
		return c, nil
	}
	c, err := action.New(s.Client.Config(), s.Client.HTTP(), s.Client.Context)
	if err != nil {
		return nil, err
	}
	if s.changers == nil {
		s.changers = map[*kube.Client]*action.Client{}
	}
	s.changers[s.Client] = c
	return c, nil
}

// record writes an outcome into the journal.
func (s *Session) record(action.Outcome) {}
