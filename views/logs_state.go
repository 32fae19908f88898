package views

import (
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/kube/field"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/logview"
	"quarterdeck/ui/theme"
)

// Header says how good what is shown is.
func (p *logPage) Header() ui.Header {
	h := p.session.header()
	if p.log == nil {
		return h
	}
	st := p.log.Status()
	h.StateTone = theme.OK
	glyphs := &p.session.Theme.Glyphs
	switch {
	case st.Pods.Phase == store.Syncing:
		h.State, h.StateTone = glyphs.Off+" loading", theme.Busy
	case st.Pods.Phase == store.Stale || st.Broken > 0:
		h.State, h.StateTone = glyphs.Off+" reconnecting", theme.Warn
	case st.Refused > 0 && st.Live == 0, st.Pods.Phase == store.Forbidden, st.Pods.Phase == store.Failed:
		h.State, h.StateTone = glyphs.Off+" not read", theme.Error
	case !p.opts.Follow:
		h.State, h.StateTone = glyphs.On+" as it was", theme.Text
	default:
		h.State = glyphs.On + " live"
	}
	if !p.blank() { // else it is said where the lines would be
		h.Problem = p.problem(&st)
	}
	return h
}

// blank reports whether no line is shown.
func (p *logPage) blank() bool { return p.lines.First() == p.lines.Next() }

// problem says why not all of the logs are read, "" if they are.
func (p *logPage) problem(st *logs.Status) string {
	err, doing := st.Err, "read the logs of "+p.title
	if err == nil {
		err, doing = st.Pods.Err, "list pods"
	}
	var refusal apierrors.APIStatus
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal):
		return p.session.explain(err, doing, p.place())
	}
	return Cause(err) // the path says what is read
}

// place is where the pods are.
func (p *logPage) place() place {
	in := place("")
	for i, sel := range p.opts.Selections {
		if i > 0 && place(sel.Namespace) != in {
			return ""
		}
		in = place(sel.Namespace)
	}
	return in
}

// View draws the window, and where it has no lines why.
func (p *logPage) View(width, height int) string {
	st := p.log.Status()
	p.window.SetSize(width, height)
	p.window.SetStatus(p.status(&st))
	out := p.window.View()
	if p.blank() {
		text, tone := p.why(&st)
		return over(out, p.session.Theme, tone, text, width, height)
	}
	return out
}

// why says why no line is shown.
func (p *logPage) why(st *logs.Status) (string, theme.Tone) {
	if problem := p.problem(st); problem != "" && p.log.newest() == 0 {
		if st.Pods.Phase == store.Stale || st.Broken > 0 {
			return problem, theme.Warn
		}
		return problem, theme.Error
	}
	switch {
	case p.filter != nil && p.log.newest() > 0:
		m := p.filter.Matches()
		if m.Complete() {
			return "no line matches " + p.shown.String(), theme.Muted
		}
		done, of := m.Progress()
		return fmt.Sprintf("looking for %s: %s of %s lines", p.shown.String(), thousands(done), thousands(of)), theme.Muted
	case st.Pods.Phase == store.Syncing:
		return "loading the pods", theme.Muted
	case st.Sources == 0 && p.opts.Follow:
		return "there is no such pod now; the logs of those that come will be here", theme.Muted
	case st.Sources == 0:
		return "there is no such pod", theme.Muted
	case st.Waiting == st.Sources && p.opts.Previous:
		return "no container has run before", theme.Muted
	case st.Waiting == st.Sources:
		return "no container has started yet", theme.Muted
	}
	return "no line has come yet: asked for " + p.log.words(), theme.Muted
}

// status is what the first line says.
func (p *logPage) status(st *logs.Status) logview.Status {
	out := logview.Status{
		Sources: st.Sources, Lines: st.Lines, Gone: st.Evicted.Lines, Cut: st.Capped,
		Filter: p.shown.String(), Search: p.search != nil, Still: !p.opts.Follow,
		Limit: byteCount(logs.DefaultBytes),
	}
	if p.opts.Bytes > 0 {
		out.Limit = byteCount(int64(p.opts.Bytes))
	}
	add := func(tone theme.Tone, text string) {
		out.Facts = append(out.Facts, logview.Fact{Text: text, Tone: tone})
	}
	if st.Sources == 0 && st.Pods.Phase != store.Live {
		add(theme.Text, "pods not known")
	} else {
		add(theme.Text, counted(st.Sources, "container", "containers"))
	}
	if st.Broken > 0 {
		text := thousands(st.Broken) + " reconnecting"
		if st.Latest > 0 {
			text += ", newest line " + field.Age(int64(p.session.Now().Sub(time.Unix(0, st.Latest)).Seconds())) + " ago"
		}
		add(theme.Warn, text)
	}
	if st.Refused > 0 {
		add(theme.Error, thousands(st.Refused)+" not readable")
	}
	if st.Waiting > 0 {
		add(theme.Muted, thousands(st.Waiting)+" waiting")
	}
	add(theme.Muted, p.log.words())
	if p.next != nil {
		add(theme.Busy, "reading again: "+counted(p.next.Ring().Snapshot().Len(), "line", "lines"))
	}
	p.rates(&out, st.Latest)
	if p.search != nil {
		m := p.search.Matches()
		out.Matches, out.More = m.Count(), !m.Complete()
		if pos, ok := p.window.Cursor(); ok {
			out.Match = m.Rank(p.lines.seq(pos) + 1)
		}
	}
	return out
}
