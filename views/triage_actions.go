package views

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// incidentActions are what can be done with the incidents of a list, besides
// what can be done to their roots.
func (s *Session) incidentActions(sel chosen) []ui.Action {
	toggle := ui.Action{ID: keymap.TriageDismissed, Quiet: true, Title: "show dismissed", Run: func() tea.Msg { s.dismissals.show(true); return nil }}
	if s.dismissals.shown() {
		toggle.Title, toggle.Run = "hide dismissed", func() tea.Msg { s.dismissals.show(false); return nil }
	}
	actions := []ui.Action{toggle}
	if len(sel.targets) == 0 {
		return actions
	}
	row, ok := sel.targets[0].row.(*incidentRow)
	if !ok {
		return actions
	}
	dismiss := s.dismissAction(row.Incident)
	if len(sel.targets) > 1 {
		dismiss.Title = "dismiss"
		dismiss.Run = func() tea.Msg {
			for _, t := range sel.targets {
				if r, ok := t.row.(*incidentRow); ok {
					s.dismissals.set(s, r.Incident, true)
				}
			}
			return ui.Toast(theme.Muted, counted(len(sel.targets), "incident", "incidents")+" dismissed until they change")
		}
	}
	return append(actions, dismiss, s.reportAction(row.Incident))
}

func (s *Session) dismissAction(i *triage.Incident) ui.Action {
	if s.dismissals.has(s, i) {
		return ui.Action{ID: keymap.TriageDismiss, Title: "take back", Run: func() tea.Msg {
			s.dismissals.set(s, i, false)
			return nil
		}}
	}
	return ui.Action{ID: keymap.TriageDismiss, Run: func() tea.Msg {
		s.dismissals.set(s, i, true)
		return ui.Toast(theme.Muted, "dismissed until it changes: "+s.Keys.Label(keymap.TriageDismissed)+" shows it")
	}}
}

// toClipboard is what is typed for a report that goes to no file.
const toClipboard = "clipboard"

func (s *Session) reportAction(i *triage.Incident) ui.Action {
	return ui.Action{ID: keymap.TriageReport, Run: func() tea.Msg {
		name := fmt.Sprintf("incident-%s-%s.md", strings.NewReplacer("/", "-", ":", "-").Replace(i.Root.String()), s.Now().Format("20060102-1504"))
		return ui.Ask(ui.Prompt{
			Label: "write the report to: ", Text: name, Accept: func(path string) tea.Msg { return s.writeReport(i, strings.TrimSpace(path)) },
			Note: func(string) string { return "a file, or " + toClipboard },
		})
	}}
}

// writeReport writes all that is known of an incident, without secrets.
func (s *Session) writeReport(i *triage.Incident, path string) tea.Msg {
	if path == "" {
		return ui.Toast(theme.Muted, "not written: no file was named")
	}
	return ui.Start(ui.Task{Title: "report of " + i.Root.String(), Run: func(ctx context.Context, _ func(string)) tea.Msg {
		var text bytes.Buffer
		info := triage.ReportInfo{Context: s.Client.Context, Program: s.Connector.UserAgent, At: s.Now()}
		if v, err := s.Client.ServerVersion(ctx); err == nil {
			info.Server = v.GitVersion
		}
		if err := triage.WriteMarkdown(&text, i, s.inspect(ctx, i), info); err != nil {
			return ui.Toast(theme.Error, "not written: "+sanitize.Line(err.Error()))
		}
		if ctx.Err() != nil {
			return nil
		}
		if path == toClipboard {
			return ui.Copy(text.String(), "the report of "+i.Root.String())
		}
		if err := writeNew(path, text.Bytes()); err != nil {
			return ui.Toast(theme.Error, "not written: "+sanitize.Line(err.Error()))
		}
		return ui.Toast(theme.OK, "wrote "+path)
	}})
}

// writeNew writes a file that only the user may read, and never over another.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user named it
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// explainPage says what is wrong with an object, or what was checked.
func explainPage() pageKind {
	return pageKind{title: "explain", doing: "explain", load: loadExplanation, wrap: true}
}

func explainFrame(s *Session, ref kube.Ref) ui.Frame { return explainPage().frame(s, ref) }

func loadExplanation(ctx context.Context, p *page) (pageText, error) {
	s := p.session
	var found triage.Explanation
	w := s.triaging()
	if !w.read(ctx, func(e *triage.Engine) { found = e.Explain(p.ref) }) {
		return pageText{}, ctx.Err()
	}
	text := pageText{hang: paneHanging}
	env := &Env{Now: s.Now()}
	text.lines = append(text.lines, textview.Line{{Text: found.Words(), Tone: theme.Title}})
	if since, ok := w.lost(); ok {
		text.partial = "this was so " + s.ago(since) + ": the connection is lost, and what happened since is not known"
		text.lines = append(text.lines, textview.Line{{Text: text.partial, Tone: theme.Warn}})
	}
	text.lines = append(text.lines, textview.Line{})
	incidents := slices.Concat(found.Of, found.Beside)
	read := make([]*triage.Inspection, len(incidents))
	var all sync.WaitGroup
	for n, i := range incidents {
		all.Go(func() {
			defer utilruntime.HandleCrash()
			read[n] = s.inspect(ctx, i)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return pageText{}, ctx.Err()
	}
	for n, i := range incidents {
		text.lines = append(text.lines, textview.Line{
			{Text: i.Severity.String() + "  ", Tone: severityTone(i.Severity)}, {Text: i.Title, Tone: theme.Title}, {Text: "  " + whereOf(i.Root), Tone: theme.Text},
		})
		if i.Cause != "" {
			text.lines = append(text.lines, textview.Line{{Text: i.Cause, Tone: theme.Text}})
		}
		for _, r := range incidentLines(i, read[n]) {
			text.lines = append(text.lines, evidenceLine(r.at, r.source, r.text, r.tone, env))
		}
		text.lines = append(text.lines, textview.Line{})
	}
	if len(found.Of)+len(found.Beside) == 0 {
		text.lines = append(text.lines, stateLines(triage.InspectObject(ctx, s.Client, p.ref, triage.Options{Now: s.Now}), env)...)
	}
	for _, words := range found.Checks() {
		text.lines = append(text.lines, evidenceLine(0, "checked", words, theme.Muted, env))
	}
	for _, n := range found.NotRead {
		text.lines = append(text.lines, evidenceLine(0, "not read", n.Words(), theme.Warn, env))
	}
	return text, nil
}

// whatIfRows are the rows of Headroom that a question about an object begins
// with.
func (s *Session) whatIfRows(on kube.Ref) []*headroom.Row {
	return []*headroom.Row{{
		Meta: store.Meta{Namespace: on.Namespace, Name: on.Name, UID: on.UID}, Kind: on.Kind, APIVersion: on.GVR.GroupVersion().String(),
	}}
}

// stateLines say how an object stands by its own account.
func stateLines(st triage.ObjectState, env *Env) []textview.Line {
	tone := theme.Text
	switch st.Status {
	case triage.StatusFailed:
		tone = theme.Error
	case triage.StatusUnknown, triage.StatusGone, triage.StatusTerminating, triage.StatusInProgress:
		tone = theme.Warn
	case triage.StatusCurrent:
	}
	words := string(st.Status)
	if st.Why != "" {
		words += ": " + st.Why
	}
	lines := []textview.Line{evidenceLine(0, "state", words, tone, env)}
	for _, c := range st.Conditions {
		tone := theme.Text
		if c.Bad {
			tone = theme.Warn
		}
		lines = append(lines, evidenceLine(c.Changed, "condition", c.String(), tone, env))
	}
	for _, u := range st.NotRead {
		lines = append(lines, evidenceLine(0, "not read", u.String(), theme.Warn, env))
	}
	return lines
}
