package views

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/rollout"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// undoVerbs take rollouts back.
func undoVerbs() []verb {
	kinds := resources("deployments.apps", "statefulsets.apps", "daemonsets.apps")
	return []verb{
		{
			ID: keymap.RolloutUndo, Level: guard.Confirmed, Shown: true, Rollouts: true, Kinds: kinds,
			Need: patching(""), Title: undoTitle, Start: startRolloutUndo(rollout.PrepareUndo),
		},
		{
			ID: keymap.RolloutAbort, Level: guard.Confirmed, Rollouts: true, Kinds: kinds, Need: patching(""),
			Start: startRolloutUndo(func(ctx context.Context, c *action.Client, ref kube.Ref, o rollout.UndoOptions) (*rollout.Undo, error) {
				return rollout.PrepareAbort(ctx, c, ref, o.Resume)
			}),
		},
	}
}

// rollout returns how the rollout of a target stands and which of its revisions
// was chosen, 0 for none; false if it was not shown as a rollout.
func (t target) rollout() (status *rollout.Status, revision int64, ok bool) {
	switch row := t.row.(type) {
	case *rollout.Status:
		return row, 0, true
	case *revisionRow:
		if row.rev.Target || row.pending {
			return row.status, 0, true
		}
		return row.status, row.rev.Number, true
	case *incidentRow, incidentAction: // its state is asked for when it matters
		return nil, 0, isRolling(t.Ref)
	}
	return nil, 0, false
}

func undoTitle(sel chosen) string {
	if _, n, _ := sel.targets[0].rollout(); n != 0 && len(sel.targets) == 1 {
		return "undo to rev " + strconv.FormatInt(n, 10)
	}
	return "undo rollout"
}

// rolloutUndo is the undo of the rollouts of targets, while the user is asked.
type rolloutUndo struct {
	session *Session
	client  *action.Client

	mu    sync.Mutex // what prepares fills found, the screen reads it
	found map[kube.Ref]*rollout.Undo
}

type undoPreparing = func(context.Context, *action.Client, kube.Ref, rollout.UndoOptions) (*rollout.Undo, error)

func startRolloutUndo(prepare undoPreparing) func(*verb, *Session, chosen) tea.Msg {
	return func(v *verb, s *Session, sel chosen) tea.Msg {
		client, err := s.changer()
		if err != nil {
			return ui.Toast(theme.Error, Cause(err))
		}
		u := &rolloutUndo{session: s, client: client, found: map[kube.Ref]*rollout.Undo{}}
		p := &proposal{verb: v, title: s.verbTitle(v, sel) + " of " + countRefs(sel.refs()), more: u.lines, follow: u.follow(sel), then: u.then}
		revisions := map[kube.Ref]int64{}
		paused := false
		for _, t := range sel.targets {
			status, n, _ := t.rollout()
			revisions[t.Ref] = n
			paused = paused || status != nil && status.Paused
		}
		// Questions that are under way keep the option that they began with.
		set := func(resume bool) tea.Cmd {
			p.prepare = func(ctx context.Context, ref kube.Ref) (action.Change, error) {
				found, err := prepare(ctx, client, ref, rollout.UndoOptions{Revision: revisions[ref], Resume: resume})
				if err != nil {
					return action.Change{}, err
				}
				u.keep(ref, found)
				return found.Change, nil
			}
			return nil
		}
		set(false)
		if paused {
			p.options = []ui.Option{{
				Title: "resume it too", Values: []string{"no", "yes"},
				Changed: func(value int) tea.Cmd { return set(value == 1) },
			}}
		}
		return s.propose(p, sel)
	}
}

func (u *rolloutUndo) keep(ref kube.Ref, found *rollout.Undo) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found[ref] = found
}

// lines are what changes in the template of the only object, field by field. Of
// several there is a summary of each.
func (u *rolloutUndo) lines(refs []kube.Ref) []textview.Line {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(refs) != 1 {
		return nil
	}
	found, ok := u.found[refs[0]]
	if !ok {
		return nil
	}
	from := "what is asked for"
	if t, ok := found.History.Target(); ok {
		from = "revision " + strconv.FormatInt(t.Number, 10)
	}
	title := fmt.Sprintf("%s %s revision %d", from, u.session.Theme.Glyphs.Arrow, found.To.Number)
	return append([]textview.Line{{}, {{Text: title, Tone: theme.Title}}}, differenceLines(found.Fields)...)
}

// follow opens the rollout that is taken back, where there is one and it is not
// on the screen already.
func (u *rolloutUndo) follow(sel chosen) tea.Msg {
	if len(sel.targets) != 1 {
		return nil
	}
	if _, open := sel.targets[0].row.(*revisionRow); open {
		return nil
	}
	return ui.Push(rolloutFrame(u.session, sel.targets[0].Ref))
}

// then asks about pods that a StatefulSet does not replace by itself.
func (u *rolloutUndo) then(ctx context.Context, outcomes []action.Outcome, said tea.Msg) tea.Msg {
	var broken []target
	for _, o := range outcomes {
		if o.Err != nil || o.Change.Ref.GVR.Resource != "statefulsets" {
			continue
		}
		pods, err := rollout.ReadBroken(ctx, u.client, o.Change.Ref)
		if err != nil {
			return said // which says what to look for
		}
		for _, ref := range pods {
			broken = append(broken, target{Ref: ref})
		}
	}
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.ID == keymap.ObjectDelete })
	if len(broken) == 0 || i < 0 {
		return said
	}
	v := &all[i]
	words := "The undo is made. A StatefulSet waits for pods that are not ready before it touches any other: it replaces these only once they are deleted."
	if why := u.session.against(v, chosen{targets: broken}); why != "" {
		return ui.Toast(theme.Warn, countRefs(chosen{targets: broken}.refs())+" must be deleted before it goes on, and "+why)
	}
	return askDelete(v, u.session, chosen{targets: broken}, words)
}
