package views

import (
	"fmt"
	"strings"

	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

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
