package views

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/object"
	"quarterdeck/ui"
)

// logActions are the ways to the logs of what is selected.
func (l *list[T]) logActions() []ui.Action {
	selections, title := l.logSelections()
	if len(selections) == 0 {
		return nil
	}
	open := func(previous bool) func() tea.Msg {
		return func() tea.Msg { return l.session.openLogs(title, previous, selections) }
	}
	return []ui.Action{
		{ID: keymap.LogsOpen, Run: open(false)},
		{ID: keymap.LogsPrevious, Quiet: true, Run: open(true)},
	}
}

// logSelections are the pods of what is selected, and what they are called
// together.
func (l *list[T]) logSelections() ([]logs.Selection, string) {
	var selections []logs.Selection
	title := ""
	for _, o := range l.selection() {
		ref := l.res.ref(o)
		sel := logs.Selection{Namespace: ref.Namespace}
		switch scope, ok := l.podsOf(o); {
		case ref.GVR.Resource == "pods":
			uid := ref.UID
			sel.Pod = ref.Name
			sel.Match = func(p *object.Pod) bool { return uid == "" || p.UID == uid }
			if l.res.Container != nil {
				sel.Container = l.res.Container(o)
			}
		case ok:
			sel.Namespace, sel.Labels, sel.Fields = scope.Namespace, scope.Labels, scope.Fields
			if owner := scope.Owner; owner != "" {
				sel.Match = func(p *object.Pod) bool { return p.Owner != nil && p.Owner.UID == owner }
			}
		default:
			continue
		}
		selections = append(selections, sel)
		if title == "" {
			title = ref.String()
			if sel.Container != "" {
				title += " " + sel.Container
			}
		}
	}
	if n := len(selections); n > 1 {
		title = fmt.Sprintf("%d %s", n, l.res.Name)
	}
	return selections, title
}

func (l *list[T]) podsOf(o T) (Scope, bool) {
	if l.res.Pods == nil {
		return Scope{}, false
	}
	return l.res.Pods(o)
}

// openLogs opens the logs of the pods of the selection.
func (s *Session) openLogs(title string, previous bool, selections []logs.Selection) tea.Msg {
	opts := logs.Options{Selections: selections, Follow: !previous, Previous: previous}
	opts.Span.Tail = logTail
	if previous {
		title += " (previous)"
	}
	return ui.Push(logsFrame(s, title, opts))
}

// logTail is how many lines of each container are read at first.
const logTail = 1000
