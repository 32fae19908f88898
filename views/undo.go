package views

import (
	"context"
	"fmt"
	"slices"
	"sync"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// history is what the user has done that can be taken back, oldest first, and
// where the journal has it. It is used by the screen and by what runs in the
// background.
type history struct {
	mu      sync.Mutex
	deeds   []deed
	entries map[changeID]string // IDs in the journal
}

// deed is what one yes did to one cluster.
type deed struct {
	client  *kube.Client
	changes []action.Change
}

// changeID names a change among those of all clusters.
type changeID struct {
	client *kube.Client
	id     uint64
}

// historySize is how many deeds can be taken back.
const historySize = 100

func (h *history) add(d deed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.deeds = append(h.deeds, d); len(h.deeds) > historySize {
		for _, c := range h.deeds[0].changes {
			delete(h.entries, changeID{h.deeds[0].client, c.ID})
		}
		h.deeds = h.deeds[1:]
	}
}

// has reports whether a change can still be taken back.
func (h *history) has(c *kube.Client, id uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.deeds, func(d deed) bool {
		return d.client == c && slices.ContainsFunc(d.changes, func(change action.Change) bool { return change.ID == id })
	})
}

// journaled notes where the journal has a change.
func (h *history) journaled(c *kube.Client, id uint64, entry string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.entries == nil {
		h.entries = map[changeID]string{}
	}
	if id != 0 {
		h.entries[changeID{c, id}] = entry
	}
}

// entry returns where the journal has a change, "" if it has not.
func (h *history) entry(c *kube.Client, id uint64) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries[changeID{c, id}]
}

// last returns the newest deed in a cluster.
func (h *history) last(c *kube.Client) (deed, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range slices.Backward(h.deeds) {
		if d.client == c {
			return d, true
		}
	}
	return deed{}, false
}

// of returns the one change that an entry of the journal is about.
func (h *history) of(c *kube.Client, entry string) (deed, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.deeds {
		for _, change := range d.changes {
			if d.client == c && h.entries[changeID{c, change.ID}] == entry {
				return deed{c, []action.Change{change}}, true
			}
		}
	}
	return deed{}, false
}

// drop forgets a change that was taken back.
func (h *history) drop(c *kube.Client, id uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kept []deed
	for _, d := range h.deeds {
		var changes []action.Change
		for _, change := range d.changes {
			if d.client != c || change.ID != id {
				changes = append(changes, change)
			}
		}
		delete(h.entries, changeID{c, id})
		if len(changes) > 0 {
			kept = append(kept, deed{d.client, changes})
		}
	}
	h.deeds = kept
}

// remember keeps those of the outcomes that can be taken back.
func (s *Session) remember(outcomes []action.Outcome) {
	d := deed{client: s.Client}
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
		case o.Change.Undoes != 0:
			s.history.drop(s.Client, o.Change.Undoes)
		case o.Change.Undoable:
			d.changes = append(d.changes, o.Change)
		}
	}
	if len(d.changes) > 0 {
		s.history.add(d)
	}
}

// undo is the action that takes back what the user did last in this cluster.
func (s *Session) undo() ui.Action {
	last, ok := s.history.last(s.Client)
	return s.undoing(last, ok, "nothing was done here that can be undone")
}

// undoEntry is the action that takes back an entry of the journal.
func (s *Session) undoEntry(entry string) ui.Action {
	d, ok := s.history.of(s.Client, entry)
	return s.undoing(d, ok, "this cannot be undone, or is undone already")
}

func (s *Session) undoing(d deed, ok bool, none string) ui.Action {
	a := ui.Action{ID: keymap.ActionUndo, Quiet: true, Run: func() tea.Msg { return s.startUndo(d) }}
	if !ok {
		a.Disabled = none
	} else if why, on := s.Client.Guard.ReadOnly(); on {
		a.Disabled = "read-only: " + why
	}
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
	if d.changes[0].Verb == "scale" {
		v.Need = patching("scale")
	}
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
