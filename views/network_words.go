package views

import (
	"fmt"
	"strings"

	"quarterdeck/keymap"
	"quarterdeck/kube/network"
	"quarterdeck/kube/store"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// banner says above the lines how the way stands, why, and what mends it.
func (p *tracePage) banner() []textview.Line {
	ways, gone := p.now()
	t := p.worst()
	if t == nil {
		return nil
	}
	env := &Env{Now: p.session.Now(), Keys: p.session.Keys}
	var lines []textview.Line
	if gone {
		lines = append(lines, textview.Line{{Text: "this way is gone: what declared it is not there, or says something else now; this is how it was", Tone: theme.Warn}})
	}
	if n := len(ways.Traces); n > 1 {
		lines = append(lines, textview.Line{{Text: fmt.Sprintf("%s lead to %s", counted(n, "way", "ways"), ways.Of), Tone: theme.Title}, {Text: ": " + stateCounts(ways.Traces), Tone: theme.Text}})
	}
	lines = append(lines, wayLines(t, env)...)
	return append(lines, p.unreadLines(ways)...)
}

// stateCounts says how many ways stand how, the worst first.
func stateCounts(traces []*network.Trace) string {
	var words []string
	for s := network.Broken; s <= network.Reachable; s++ {
		n := 0
		for _, t := range traces {
			if t.State == s {
				n++
			}
		}
		if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(words, ", ")
}

// wayLines say in a few lines how a way stands, why, and what mends it.
func wayLines(t *network.Trace, env *Env) []textview.Line {
	head := textview.Line{
		{Text: t.State.String(), Tone: stateTone(t.State)}, {Text: "  " + wayName(&t.Route), Tone: theme.Title}, {Text: "  " + whereOf(t.By), Tone: theme.Muted},
	}
	if days, ok := t.DaysLeft(env.Now.Unix()); ok {
		head = append(head, textview.Span{Text: fmt.Sprintf("  certificate %dd left", days), Tone: theme.Muted})
	}
	lines := []textview.Line{head}
	if t.Cause != "" {
		lines = append(lines, textview.Line{{Text: t.Cause, Tone: theme.Text}})
	}
	if t.Fix != nil {
		lines = append(lines, textview.Line{
			{Text: env.Keys.Label(keymap.NetworkFix), Tone: theme.Key}, {Text: " fix  ", Tone: theme.Muted}, {Text: t.Fix.Words, Tone: theme.Text},
		})
	} else if t.Nearest != "" {
		lines = append(lines, textview.Line{{Text: "nearest  ", Tone: theme.Muted}, {Text: t.Nearest, Tone: theme.Text}})
	}
	return lines
}

// unreadLines name what could not be read, of all ways and for each of them.
func (p *tracePage) unreadLines(ways *network.Ways) []textview.Line {
	var lines []textview.Line
	said := map[string]bool{}
	note := func(list []network.Unread) {
		for _, u := range list {
			text := p.session.unread(u)
			if !said[text] {
				said[text] = true
				lines = append(lines, textview.Line{{Text: "not read  ", Tone: theme.Muted}, {Text: text, Tone: theme.Warn}})
			}
		}
	}
	note(ways.NotRead)
	for _, t := range ways.Traces {
		note(t.NotRead)
	}
	return lines
}

// unread says what was not read, and why.
func (s *Session) unread(u network.Unread) string {
	if u.Status.Err == nil {
		return u.String()
	}
	at := place(u.Namespace)
	if u.Status.Phase == store.Forbidden && u.Namespace == "" {
		at = clusterScope
	}
	return s.explain(u.Status.Err, "list "+string(u.Resource), at)
}

// nobody says why there is no way.
func (p *tracePage) nobody(_ *Session, problem string) []textview.Line {
	ways, _ := p.now()
	if ways == nil {
		words := "looking for what leads to " + p.of.Where()
		if problem != "" {
			return textview.FromText("it is not known what leads to "+p.of.Where()+": "+problem, theme.Warn)
		}
		return textview.FromText(words, theme.Muted)
	}
	lines := textview.FromText(ways.Nobody, theme.Title)
	if ways.Fix != nil {
		lines = append(lines, textview.Line{
			{Text: p.session.Keys.Label(keymap.NetworkFix), Tone: theme.Key}, {Text: " fix  ", Tone: theme.Muted}, {Text: ways.Fix.Words, Tone: theme.Text},
		})
	}
	return append(lines, p.unreadLines(ways)...)
}

// hopPane says all of a line, which may be too long for it.
func hopPane(r *hopRow, _ any, env *Env) []textview.Line {
	lines := []textview.Line{{{Text: " " + r.mark, Tone: r.tone}, {Text: "  " + r.on.Where(), Tone: theme.Title}}}
	if r.mark == "" {
		lines[0] = lines[0][1:]
	}
	add := func(label, text string) {
		if text == "" {
			return
		}
		for i, part := range folded(text, max(20, env.Width-13)) {
			if i > 0 {
				label = ""
			}
			lines = append(lines, textview.Line{{Text: "  " + cell.Pad(label, 10, cell.Left), Tone: theme.Muted}, {Text: part, Tone: theme.Text}})
		}
	}
	add("", strings.TrimSpace(r.text))
	add("read at", r.where)
	if fix := r.trace.Fix; fix != nil && r.part != partFix {
		add(env.Keys.Label(keymap.NetworkFix)+" fix", fix.Words)
	}
	add("dns", dnsName(r.on))
	add("address", r.trace.Address())
	return lines
}

// folded breaks a text between its words into lines of at most width cells.
func folded(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case cell.Width(line)+1+cell.Width(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// wayPane says of a way in a list what its trace says.
func wayPane(r *wayRow, studied any, env *Env) []textview.Line {
	t, _ := studied.(*network.Trace)
	if t == nil {
		lines := []textview.Line{{{Text: " " + r.State.String(), Tone: stateTone(r.State)}, {Text: "  " + r.Meta.Name, Tone: theme.Title}}}
		if r.Cause != "" {
			lines = append(lines, textview.Line{{Text: " " + r.Cause, Tone: theme.Text}})
		}
		return lines
	}
	var lines []textview.Line
	for _, l := range wayLines(t, env) {
		lines = append(lines, append(textview.Line{{Text: " "}}, l...))
	}
	width := 0
	for _, h := range t.Hops {
		width = max(width, min(34, cell.Width(h.Ref.String())))
	}
	for i, h := range t.Hops {
		mark, tone := hopMark(t, i)
		lines = append(lines, textview.Line{
			{Text: "  " + cell.Pad(mark, 9, cell.Left), Tone: tone},
			{Text: cell.Pad(cell.Middle(h.Ref.String(), width), width, cell.Left) + "  ", Tone: theme.Title},
			{Text: h.Detail, Tone: theme.Text},
		})
	}
	return lines
}
