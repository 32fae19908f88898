package views

import (
	"fmt"
	"strings"

	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
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
func isKnown(g rollout.Gap) bool { return g.Status.Phase == store.Live || g.Status.Phase == store.Stale }

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

// summary is what is to be seen at once: how it stands, the pods of each revision,
// what holds it and what comes next.
func (p *rolloutPage) summary(width int) []textview.Line {
	lines := p.headline(width)
	lines = append(lines, p.groups(width)...)
	d := &p.detail
	if len(d.Blockers) > 0 {
		b := &d.Blockers[0]
		line := textview.Line{blockerSpan(b), {Text: b.Words}}
		if b.Since != 0 {
			line = append(line, textview.Span{Text: "  " + field.Age(p.session.Now().Unix()-b.Since), Tone: theme.Muted})
		}
		if n := len(d.Blockers) - 1; n > 0 {
			line = append(line, textview.Span{Text: fmt.Sprintf("  and %d more", n), Tone: theme.Muted})
		}
		lines = append(lines, line)
		if len(b.Evidence) > 0 && !strings.Contains(b.Words, b.Evidence[0].Words) {
			lines = append(lines, shortened(p.evidence(&b.Evidence[0]), 2*width-2*len(heldBy)))
		}
	}
	if d.Next != "" {
		lines = append(lines, textview.Line{{Text: "next     ", Tone: theme.Field}, {Text: d.Next}})
	}
	if p.past.err != nil && p.revs.Len() > 0 {
		lines = append(lines, textview.Line{{Text: "revisions are not the newest: " + Cause(p.past.err), Tone: theme.Warn}})
	}
	for i := range d.Services {
		lines = append(lines, serviceLine(&d.Services[i]))
	}
	return lines
}

// heldBy is as long as every word that stands before what holds a rollout.
const heldBy = "blocked  "

// blockerSpan says whether something passes by itself.
func blockerSpan(b *rollout.Blocker) textview.Span {
	if b.Hard {
		return textview.Span{Text: heldBy, Tone: theme.Error}
	}
	return textview.Span{Text: "held up  ", Tone: theme.Warn}
}

// shortened returns a line in at most width cells.
func shortened(line textview.Line, width int) textview.Line {
	for i, s := range line {
		used := cell.Width(s.Text)
		if used > width {
			line[i].Text = cell.Truncate(s.Text, width)
			return line[:i+1]
		}
		width -= used
	}
	return line
}

// evidence is one fact, with its source.
func (p *rolloutPage) evidence(e *rollout.Evidence) textview.Line {
	line := textview.Line{{Text: "         " + e.Source + " ", Tone: theme.Field}, {Text: e.Where + ": ", Tone: theme.Muted}, {Text: e.Words}}
	if e.Count > 1 {
		line = append(line, textview.Span{Text: fmt.Sprintf(" (%d times)", e.Count), Tone: theme.Muted})
	}
	if e.At != 0 {
		line = append(line, textview.Span{Text: "  " + field.Age(p.session.Now().Unix()-e.At), Tone: theme.Muted})
	}
	return line
}

// headline says how the rollout stands and by what rules it goes.
func (p *rolloutPage) headline(width int) []textview.Line {
	s := p.detail.Status
	now := p.session.Now()
	first := textview.Line{{Text: s.Ref().String(), Tone: theme.Title}}
	if s.Revision != "" {
		rev := "  revision " + s.Revision
		if n := p.past.latest(); n != "" && n != s.Revision {
			rev += " of " + n
		}
		first = append(first, textview.Span{Text: rev})
	}
	first = append(first, textview.Span{Text: "  "}, textview.Span{Text: s.Words(now), Tone: rolloutTone(s, nil)})
	rules := textview.Line{{Text: p.rules(width >= rolloutBeside), Tone: theme.Muted}}
	if started := p.started(); started != "" {
		rules = append(rules, textview.Span{Text: started, Tone: theme.Muted})
	}
	if cell.Width(plain(first))+cell.Width(plain(rules))+3 <= width {
		return []textview.Line{append(append(first, textview.Span{Text: "   "}), rules...)}
	}
	return []textview.Line{first, rules}
}

// latest is the number of the newest revision, "" if it is not known.
func (r *rolloutPast) latest() string {
	if r.history == nil || len(r.history.Revisions) == 0 {
		return ""
	}
	return fmt.Sprint(r.history.Revisions[0].Number)
}

// rules says how many pods may be too many and too few, as the spec has it, and
// in pods.
func (p *rolloutPage) rules(inPods bool) string {
	s, b := p.detail.Status, &p.detail.Budget
	words := []string{s.Strategy}
	if b.SurgeAs != "" {
		words = append(words, "surge "+b.SurgeAs)
		if inPods {
			words = append(words, "(at most "+countOf(int(b.Most), "pod")+")")
		}
	}
	if b.AsGiven != "" {
		words = append(words, "unavailable "+b.AsGiven)
		if inPods {
			words = append(words, fmt.Sprintf("(at least %d)", b.Least))
		}
	}
	if s.Partition > 0 {
		words = append(words, fmt.Sprintf("partition %d", s.Partition))
	}
	return strings.Join(words, " ")
}

// started says who began the rollout, and when.
func (p *rolloutPage) started() string {
	s := p.detail.Status.Started
	if s.At == 0 && s.By == "" {
		return ""
	}
	words := "  started"
	if s.Back {
		words = "  taken back"
	}
	if s.At != 0 {
		words += " " + field.Age(p.session.Now().Unix()-s.At) + " ago"
	}
	if s.By != "" {
		words += " by " + s.By
	}
	return words
}

// mostGroups is how many revisions with pods the summary shows.
const mostGroups = 4

// groups draws the pods of each revision that has some.
func (p *rolloutPage) groups(width int) []textview.Line {
	d := &p.detail
	var lines []textview.Line
	most := max(d.Budget.Most, d.Status.Counts.Desired)
	barWidth := 16
	if width < 100 {
		barWidth = 10
	}
	rev, image := 1, 8
	for i := range d.Groups {
		rev = max(rev, cell.Width(d.Groups[i].Revision))
		image = max(image, min(24, cell.Width(groupImage(&d.Groups[i]))))
	}
	for i := range d.Groups {
		if i == mostGroups {
			lines = append(lines, textview.Line{{Text: fmt.Sprintf("and %d more revisions with pods", len(d.Groups)-i), Tone: theme.Muted}})
			break
		}
		g := &d.Groups[i]
		number := g.Revision
		if number == "" {
			number = "n/a"
		}
		line := textview.Line{
			{Text: "rev " + cell.Pad(number, rev, cell.Right) + "  ", Tone: theme.Title},
			{Text: cell.Pad(cell.Middle(groupImage(g), image), image, cell.Left) + "  "},
		}
		line = append(line, groupBar(&p.session.Theme.Glyphs, barWidth, g, most)...)
		line = append(line, textview.Span{Text: "  " + p.groupWords(g)})
		if stages := groupStages(g); stages != "" {
			line = append(line, textview.Span{Text: "  " + stages, Tone: theme.Busy})
		}
		if why := g.Reasons(); why != "" {
			line = append(line, textview.Span{Text: "  " + why, Tone: theme.Error})
		}
		if cell.Width(plain(line))+2+cell.Width(g.Name) < width {
			line = append(line, textview.Span{Text: "  " + g.Name, Tone: theme.Muted})
		}
		lines = append(lines, line)
	}
	return lines
}

func groupImage(g *rollout.PodGroup) string {
	if len(g.Images) == 0 {
		return ""
	}
	image := object.ShortImage(g.Images[0])
	if len(g.Images) > 1 {
		image += fmt.Sprintf(" +%d", len(g.Images)-1)
	}
	return image
}

// groupWords says how many pods there are, and how many are ready.
func (p *rolloutPage) groupWords(g *rollout.PodGroup) string {
	if gap := p.gap("pods"); gap != "" {
		return "n/a"
	}
	n := int32(len(g.Pods))
	return fmt.Sprintf("%d ready of %d", g.Ready(), max(n, g.Desired))
}

// groupStages names what is on its way.
func groupStages(g *rollout.PodGroup) string {
	var words []string
	for _, s := range []rollout.Stage{
		rollout.StagePending, rollout.StageScheduled, rollout.StagePulling, rollout.StageStarting,
		rollout.StageNotReady, rollout.StageReady, rollout.StageTerminating,
	} {
		if n := g.ByStage[s]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(words, ", ")
}

// serviceLine says where the traffic goes.
func serviceLine(s *rollout.Service) textview.Line {
	line := textview.Line{{Text: "svc/" + s.Name + "  ", Tone: theme.Field}}
	if !s.Known {
		return append(line, textview.Span{Text: "n/a: its endpoints could not be read", Tone: theme.Warn})
	}
	ready := s.New + s.Old + s.Others
	words := fmt.Sprintf("%d ready: %d new, %d old", ready, s.New, s.Old)
	for _, part := range []struct {
		n    int32
		word string
	}{{s.Others, "of others"}, {s.NotReady, "not ready"}, {s.Terminating, "terminating and still served"}} {
		if part.n > 0 {
			words += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	tone := theme.Text
	if ready == 0 {
		words, tone = "no ready endpoint"+strings.TrimPrefix(words, "0 ready: 0 new, 0 old"), theme.Error
	}
	return append(line, textview.Span{Text: words, Tone: tone})
}
