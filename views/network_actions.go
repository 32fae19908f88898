package views

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	tea "charm.land/bubbletea/v2"
	"sigs.k8s.io/yaml"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/network"
	"quarterdeck/kube/network/probe"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// actions are what can be done on the page of a trace, whatever is selected. What
// else is done to ways belongs here.
func (p *tracePage) actions(s *Session, sel chosen) []ui.Action {
	fix, why := p.fix(sel)
	return []ui.Action{s.fixAction(fix, why)}
}

// fix returns what mends the way under the cursor, or else the worst one; nil
// with the reason.
func (p *tracePage) fix(sel chosen) (*network.Fix, string) {
	ways, gone := p.now()
	switch {
	case ways == nil:
		return nil, "it is not known yet what leads there"
	case gone:
		return nil, "this way is gone"
	}
	if len(sel.targets) > 0 {
		if r, ok := sel.targets[0].row.(*hopRow); ok && r.trace.Fix != nil {
			return r.trace.Fix, ""
		}
	}
	for _, t := range ways.Traces {
		if t.Fix != nil {
			return t.Fix, ""
		}
	}
	if ways.Fix != nil {
		return ways.Fix, ""
	}
	if t := p.worst(); t != nil && t.Broken < 0 {
		return nil, "nothing is broken here as far as is known"
	}
	return nil, noFix
}

// noFix is why a way that is broken has no fix.
const noFix = "no change of an object is known to mend this"

// own are the actions on the object of a line.
func (p *tracePage) own(s *Session, r *hopRow) []ui.Action {
	if !exists(r.on) {
		return noObject("this line is about no object that is there")
	}
	actions := s.actions(chosen{targets: []target{{Ref: r.on}}})
	if a, ok := s.traceAction(r.on); ok {
		actions = append(actions, a)
	}
	if a, ok := s.policiesAction(r.on); ok { // and a probe is one of that pod
		actions = append(actions, a)
	} else if q, ok := probe.Of(&r.trace.Route); ok {
		actions = overridden(actions, []ui.Action{s.probeAction(q)})
	}
	if !runsAgain(r.on) {
		actions = append(actions, s.changesAction(r.on))
	}
	if r.on.GVR.GroupResource().String() == "pods" {
		t := logTarget{ref: r.on, pods: logs.Selection{
			Namespace: r.on.Namespace, Pod: r.on.Name, Match: func(p *object.Pod) bool { return r.on.UID == "" || p.UID == r.on.UID },
		}}
		for _, id := range []keymap.ActionID{keymap.LogsOpen, keymap.LogsPrevious} {
			actions = append(actions, ui.Action{ID: id, Quiet: id != keymap.LogsOpen, Run: func() tea.Msg {
				return s.readLogs(t.title(), id == keymap.LogsPrevious, []logTarget{t})
			}})
		}
	}
	return actions
}

// wayActions are what can be done with the ways of a list.
func wayActions(s *Session, sel chosen) []ui.Action {
	if len(sel.targets) != 1 {
		return nil
	}
	r, ok := sel.targets[0].row.(*wayRow)
	if !ok {
		return nil
	}
	var actions []ui.Action
	if q, ok := probe.Of(r.Route); ok {
		actions = append(actions, s.probeAction(q))
	}
	switch {
	case r.Mendable:
	case r.State.Denies() || r.State == network.Degraded:
		return append(actions, s.fixAction(nil, noFix))
	default:
		return append(actions, s.fixAction(nil, "nothing is broken here as far as is known"))
	}
	return append(actions, ui.Action{ID: keymap.NetworkFix, Run: func() tea.Msg {
		return tea.Cmd(func() tea.Msg { // which asks the graph
			t := r.watch.way(r.By, r.key)
			switch {
			case t == nil:
				return ui.Toast(theme.Warn, "not fixed: this way is gone")
			case t.Fix == nil:
				return ui.Toast(theme.Warn, "not fixed: "+noFix)
			}
			msg := s.proposeFix(t.Fix)
			if next, ok := msg.(tea.Cmd); ok { // which nobody would run who gets it as a message
				return next()
			}
			return msg
		})
	}})
}

// fixAction proposes a fix; why says why there is none.
func (s *Session) fixAction(fix *network.Fix, why string) ui.Action {
	a := ui.Action{ID: keymap.NetworkFix, Quiet: fix == nil, Disabled: why, Run: func() tea.Msg { return s.proposeFix(fix) }}
	if fix != nil && a.Disabled == "" {
		a.Disabled = s.against(fixVerb(), chosen{targets: []target{{Ref: fix.On}}})
	}
	return a
}

// fixVerb is what a fix is done as: the patch of one object.
func fixVerb() *verb {
	return &verb{ID: keymap.NetworkFix, Level: guard.Confirmed, One: true, Need: patching("")}
}

// proposeFix asks before a way is mended: by an edit of one field, or by an object
// that is not there yet, as a manifest that is applied.
func (s *Session) proposeFix(fix *network.Fix) tea.Msg {
	v, sel := fixVerb(), chosen{targets: []target{{Ref: fix.On}}}
	if why := s.against(v, sel); why != "" {
		return ui.Toast(theme.Warn, why)
	}
	if fix.Make != nil {
		return s.applyFix(fix)
	}
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	return s.propose(&proposal{
		verb: v, intro: "it leads on when " + fix.Edit.Field() + " is changed:",
		prepare: func(ctx context.Context, ref kube.Ref) (action.Change, error) { return client.Set(ctx, ref, fix.Edit) },
		more:    func([]kube.Ref) []textview.Line { return editLines(fix.Edit) },
	}, sel)
}

// editLines show what an edit changes.
func editLines(e action.Edit) []textview.Line {
	lines := []textview.Line{{}, {{Text: e.Field(), Tone: theme.Field}}}
	if e.Before != nil {
		lines = append(lines, textview.Line{{Text: "- " + action.Word(e.Before), Tone: theme.Removed}})
	}
	return append(lines, textview.Line{{Text: "+ " + action.Word(e.After), Tone: theme.Added}})
}

// applyFix writes the manifest of the object that mends a way into a file of the
// user's own, and shows what applying it would change.
func (s *Session) applyFix(fix *network.Fix) tea.Msg {
	path, err := s.writeManifest(fix)
	if err != nil {
		return ui.Toast(theme.Error, "not fixed: "+sanitize.Line(err.Error()))
	}
	return s.startApply(path)
}

func (s *Session) writeManifest(fix *network.Fix) (path string, err error) {
	text, err := yaml.Marshal(fix.Make)
	if err != nil {
		return "", fmt.Errorf("write the manifest of %s: %w", fix.On, err)
	}
	dir, err := os.MkdirTemp(s.Settings.Drafts, "qd-") // for the user alone
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, strings.ToLower(fix.On.Kind)+"-"+fix.On.Name+".yaml")
	return path, writeNew(path, text)
}
