package views

import (
	"context"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/object"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// logTarget is an object whose pods' logs are read.
type logTarget struct {
	ref    kube.Ref
	pods   logs.Selection
	unread bool // which pods are its own is not known: the object has to be read
}

func (t *logTarget) title() string {
	if t.pods.Container != "" {
		return t.ref.String() + " " + t.pods.Container
	}
	return t.ref.String()
}

// logActions are the ways to the logs of what is selected.
func (l *list[T]) logActions() []ui.Action {
	targets := l.logTargets()
	if len(targets) == 0 {
		return nil
	}
	open := func(previous bool) func() tea.Msg {
		return func() tea.Msg {
			title := targets[0].title()
			if n := len(targets); n > 1 {
				title = fmt.Sprintf("%d %s", n, l.res.Name)
			}
			return l.session.readLogs(title, previous, targets)
		}
	}
	// Few of those that may have pods do, so the footer has better to show.
	return []ui.Action{
		{ID: keymap.LogsOpen, Quiet: targets[0].unread, Run: open(false)},
		{ID: keymap.LogsPrevious, Quiet: true, Run: open(true)},
	}
}

// logTargets are those of the selected objects that have pods, or may have.
func (l *list[T]) logTargets() []logTarget {
	var targets []logTarget
	for _, o := range l.selection() {
		if t, ok := l.logTarget(o); ok {
			targets = append(targets, t)
		}
	}
	return targets
}

func (l *list[T]) logTarget(o T) (logTarget, bool) {
	ref := l.res.ref(o)
	t := logTarget{ref: ref}
	if ref.GVR.GroupResource().String() == "pods" {
		t.pods = logs.Selection{Namespace: ref.Namespace, Pod: ref.Name, Match: func(p *object.Pod) bool { return ref.UID == "" || p.UID == ref.UID }}
		if l.res.Container != nil {
			t.pods.Container = l.res.Container(o)
		}
		return t, true
	}
	if l.res.Pods != nil {
		if scope, ok := l.res.Pods(o); ok {
			t.pods = logs.Selection{Namespace: scope.Namespace, Labels: scope.Labels, Fields: scope.Fields}
			return t, true
		}
	}
	t.unread = l.res.MayHavePods
	return t, t.unread
}

// readLogs opens the logs of the pods of targets, at once if it is known which
// pods those are.
func (s *Session) readLogs(title string, previous bool, targets []logTarget) tea.Msg {
	selections := make([]logs.Selection, 0, len(targets))
	for i := range targets {
		if targets[i].unread {
			return s.findLogs(title, previous, targets)
		}
		selections = append(selections, targets[i].pods)
	}
	return s.openLogs(title, previous, selections)
}

// findLogs asks the server which pods are meant, and opens their logs.
func (s *Session) findLogs(title string, previous bool, targets []logTarget) tea.Msg {
	return ui.Start(ui.Task{Title: "logs of " + title, Run: func(ctx context.Context, _ func(string)) tea.Msg {
		selections := make([]logs.Selection, 0, len(targets))
		for _, t := range targets {
			if t.unread {
				found, err := logs.Select(ctx, s.Client, t.ref)
				switch {
				case errors.Is(err, context.Canceled):
					return nil
				case err != nil:
					return ui.Toast(theme.Error, s.noPods(err, t.ref))
				}
				found.Container = t.pods.Container
				t.pods = found
			}
			selections = append(selections, t.pods)
		}
		return s.openLogs(title, previous, selections)
	}})
}

// noPods says why it is not known which pods an object has.
func (s *Session) noPods(err error, ref kube.Ref) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return s.explain(err, "get "+ref.String(), placeOf(ref))
	}
	return Cause(err)
}

// openLogs opens the logs of the pods of selections.
func (s *Session) openLogs(title string, previous bool, selections []logs.Selection) tea.Msg {
	opts := logs.Options{
		Selections: selections, Follow: !previous, Previous: previous, Span: s.Settings.Logs.Span, Bytes: s.Settings.Logs.Bytes,
	}
	if previous {
		title += " (previous)"
	}
	return ui.Push(logsFrame(s, title, opts))
}
