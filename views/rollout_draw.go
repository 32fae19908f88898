package views

import (
	"strings"

	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

const (
	rolloutBeside = 110 // width from which the comparison stands beside the revisions
	// paneRows is how many lines the panes have at least: their titles and a few rows.
	paneRows = 9
)

// View draws the summary and the pane below it.
func (p *rolloutPage) View(width, height int) string {
	th := p.session.Theme
	if !p.known {
		text := textview.New(th)
		text.SetSize(width, height)
		return over(text.View(), th, theme.Muted, p.unknown(), width, height)
	}
	top := textview.New(th)
	top.SetWrap(true)
	top.SetHanging(len(heldBy))
	top.SetLines(p.summary(width))
	room := max(2, height-paneRows)
	top.SetSize(width-1, room)
	p.top = min(room, top.Rows())
	top.SetSize(width-1, p.top)
	return indented(top.View()) + "\n" + p.tabs(width) + "\n" + p.body(width, height-p.top-1)
}

// unknown says why there is nothing to show.
func (p *rolloutPage) unknown() string {
	switch {
	case p.gone:
		return p.ref.Where() + " is not there"
	case p.status.Phase == store.Syncing, p.status.Phase == store.Live:
		return "loading " + p.Title()
	}
	return p.Header().Problem
}

// tabs is the rule between the summary and the panes, with their titles on it.
func (p *rolloutPage) tabs(width int) string {
	th := p.session.Theme
	rule := th.Glyphs.Rule
	var b strings.Builder
	used := 0
	add := func(tone theme.Tone, text string) {
		text = cell.Truncate(text, max(0, width-used))
		b.WriteString(th.Render(tone, text))
		used += cell.Width(text)
	}
	for pane := range rolloutPanes {
		add(theme.Rule, rule+" ")
		tone := theme.Muted
		if pane == p.pane {
			tone = theme.Active
		}
		add(tone, p.paneCount(pane))
		add(theme.Rule, " ")
	}
	add(theme.Rule, strings.Repeat(rule, max(0, width-used)))
	return b.String()
}

// body draws the pane.
func (p *rolloutPage) body(width, height int) string {
	switch p.pane {
	case paneRevisions:
		return p.revisions(width, height)
	case panePods:
		p.pods.SetSize(width, height)
		return p.instead(p.pods.View(), p.pods.Len(), p.noPods(), width, height)
	case paneEvents:
		p.events.SetSize(width, height)
		return p.instead(p.events.View(), p.events.Len(), p.noEvents(), width, height)
	default:
		return indented(p.why.View(width-1, height))
	}
}

// indented puts a cell before each line of a text.
func indented(text string) string { return " " + strings.ReplaceAll(text, "\n", "\n ") }

// instead puts a text where there are no rows.
func (p *rolloutPage) instead(out string, rows int, text string, width, height int) string {
	if rows > 0 {
		return out
	}
	tone := theme.Muted
	if strings.HasPrefix(text, "not read") {
		tone = theme.Warn
	}
	return over(out, p.session.Theme, tone, text, width, height)
}

func (p *rolloutPage) noPods() string {
	if gap := p.gap("pods"); gap != "" {
		return gap
	}
	if gap := p.gap("replicasets"); gap != "" && p.detail.Status.Kind == rollout.Deployment {
		return gap + "; without them it is not known which pods are its own"
	}
	return "no pods"
}

func (p *rolloutPage) noEvents() string {
	if gap := p.gap("events"); gap != "" {
		return gap
	}
	return "no events: the server keeps them for an hour or so"
}

// gap says why a resource is not known, "" if it is.
func (p *rolloutPage) gap(resource string) string {
	for _, g := range p.detail.Gaps {
		if g.Resource == resource && !isKnown(g) {
			return p.gapWords(g)
		}
	}
	return ""
}

// isKnown reports whether a resource has been read, though not lately: the header
// says that, and how old it is.
func isKnown(g rollout.Gap) bool {
	return g.Status.Phase == store.Live || g.Status.Phase == store.Stale
}

func (p *rolloutPage) gapWords(g rollout.Gap) string {
	if g.Status.Err == nil {
		return "not read yet: " + g.Resource
	}
	return "not read: " + g.Resource + ": " + p.session.explain(g.Status.Err, "list "+g.Resource, place(p.scope.Namespace))
}

// revisions draws the revisions and, where there is room, what differs between
// two of them.
func (p *rolloutPage) revisions(width, height int) string {
	th := p.session.Theme
	if p.revs.Len() == 0 {
		p.revs.SetSize(width, height)
		return p.instead(p.revs.View(), 0, p.past.unread(), width, height)
	}
	c, ok := p.past.compare()
	if !ok || !p.compare {
		p.revs.SetSize(width, height)
		return p.revs.View()
	}
	referents := p.past.referents[c.older.UID]
	title, changed := " "+c.older.number()+" "+th.Glyphs.Arrow+" "+c.newer.number()+" ", ""
	if n := len(referentWarnings(referents, c.older.rev.Number)); n > 0 {
		changed = " and " + countOf(n, "ConfigMap or Secret") + " "
	}
	p.diff.SetLines(c.lines(referents))
	if width >= rolloutBeside {
		list := width * 3 / 5
		p.revs.SetSize(list, height)
		p.diff.SetSize(width-list-2, height-1)
		divider := th.Render(theme.Rule, th.Glyphs.Divider) + " "
		left := strings.Split(p.revs.View(), "\n")
		room := width - list - 2 - cell.Width(title)
		right := append([]string{th.Render(theme.Title, title[1:]) + th.Render(theme.Warn, cell.Fit(changed, room+1, cell.Left))}, strings.Split(p.diff.View(), "\n")...)
		for i := range left {
			left[i] += divider + right[i]
		}
		return strings.Join(left, "\n")
	}
	list := min(p.revs.Len()+1, max(3, height/2))
	p.revs.SetSize(width, list)
	p.diff.SetSize(width-1, max(0, height-list-1))
	rule := th.Render(theme.Rule, th.Glyphs.Rule) + th.Render(theme.Title, title) + th.Render(theme.Warn, changed) +
		th.Render(theme.Rule, strings.Repeat(th.Glyphs.Rule, max(0, width-1-cell.Width(title+changed))))
	if height-list-1 <= 0 {
		return p.revs.View() + "\n" + rule
	}
	return p.revs.View() + "\n" + rule + "\n" + indented(p.diff.View())
}

// unread says why there are no revisions.
func (r *rolloutPast) unread() string {
	p := r.page
	switch {
	case !isRolling(p.ref):
		return "Argo Rollouts keeps the history of " + p.ref.String() + ": it is not read here"
	case r.err != nil:
		return "not read: " + p.session.explain(r.err, "read the revisions of "+p.ref.String(), placeOf(p.ref))
	case r.history == nil:
		return "loading revisions"
	}
	return "no revisions are kept"
}
