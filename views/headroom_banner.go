package views

import (
	"fmt"
	"strings"
	"time"

	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// banner is the whole cluster in a few lines: how full it is, what still fits,
// what it survives, and what of that is not known.
func (t *headroomTable) banner() []textview.Line {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.summary == nil {
		return nil
	}
	lines := []textview.Line{t.totals()}
	if line := t.largest(); line != nil {
		lines = append(lines, line)
	}
	lines = append(lines, t.survives())
	if len(t.notRead) > 0 {
		lines = append(lines, textview.Line{{Text: "not read: " + sanitize.Line(strings.Join(t.notRead, "; ")), Tone: theme.Warn}})
	}
	return lines
}

func (t *headroomTable) totals() textview.Line {
	s := t.summary
	line := textview.Line{}
	add := func(tone theme.Tone, format string, args ...any) {
		line = append(line, textview.Span{Text: fmt.Sprintf(format, args...), Tone: tone})
	}
	if s.Allocatable == nil {
		add(theme.Text, "%s  requested cpu %s mem %s", counted(int(s.Requested.Pods), "pod", "pods"), cores(s.Requested.CPU), field.Size(s.Requested.Memory))
	} else {
		add(theme.Title, "%s", counted(s.Nodes, "node", "nodes"))
		if s.Closed > 0 {
			add(theme.Warn, " (%d closed)", s.Closed)
		}
		for _, m := range measures() {
			whole := m.of(s.Allocatable.Resources)
			add(theme.Text, "  %s %s req %d%% use ", strings.ToLower(m.title), amountText(m, whole), field.PercentOf(m.of(s.Requested.Resources), whole).Num())
			if use := useText(&s.Row, m, max(1, whole)); use == "n/a" {
				add(theme.Muted, "n/a")
			} else {
				add(theme.Text, "%s%%", use)
			}
		}
	}
	if u := t.usage; u != nil && u.State == metrics.Current && !u.At.IsZero() {
		if age := int64(time.Since(u.At).Seconds()); age > 0 {
			add(theme.Muted, "  %s ago", field.Age(age))
		}
	}
	if s.Pending > 0 {
		add(theme.Warn, "  %d pending", s.Pending)
	}
	return line
}

func (t *headroomTable) largest() textview.Line {
	s := t.summary
	if s.Free == nil {
		return nil
	}
	if s.Largest == nil {
		return textview.Line{{Text: "nothing fits: no node that takes pods has room", Tone: theme.Error}}
	}
	l := s.Largest
	line := textview.Line{
		{Text: "largest pod that fits: "},
		{Text: cores(l.CPU) + " " + field.Size(l.Bytes), Tone: theme.Title},
		{Text: ", " + l.Binds + " binds"},
	}
	if r := s.Rest; r != nil && s.Typical != nil {
		line = append(line, textview.Span{Text: fmt.Sprintf("  %s usual pods (%s %s)", thousands(int(r.Fits)), cores(s.Typical.CPU), field.Size(s.Typical.Memory))})
		if scraps := (object.Resources{CPU: r.CPU, Memory: r.Bytes}); notable(scraps, s.Free.Resources) {
			line = append(line, textview.Span{Text: fmt.Sprintf(", %s %s free in pieces too small", cores(r.CPU), field.Size(r.Bytes)), Tone: theme.Muted})
		}
	}
	return line
}

// notable reports whether a part of one of them is a quarter of the whole or more.
func notable(part, whole object.Resources) bool {
	return 4*part.CPU >= whole.CPU && part.CPU > 0 || 4*part.Memory >= whole.Memory && part.Memory > 0
}

func (t *headroomTable) survives() textview.Line {
	v := &t.survival
	switch {
	case v.err != nil && t.summary.Allocatable == nil:
		return textview.Line{{Text: "lose any 1 node: n/a without nodes; requests and quotas by namespace are what can be told", Tone: theme.Muted}}
	case v.err != nil:
		return textview.Line{{Text: "lose any 1 node: n/a, " + sanitize.Line(v.err.Error()), Tone: theme.Muted}}
	case v.at.IsZero() && v.total > 0:
		return textview.Line{{Text: fmt.Sprintf("lose any 1 node: trying, %s of %s", thousands(v.done), thousands(v.total)), Tone: theme.Busy}}
	case v.at.IsZero():
		return textview.Line{{Text: "lose any 1 node: reading the cluster", Tone: theme.Busy}}
	}
	line := lossWords("any 1 node", "", v.of.Nodes)
	if v.zones > 0 {
		line = append(append(line, textview.Span{Text: "   "}), lossWords("any zone", "zone ", v.of.Zones)...)
	}
	if n := v.of.NotReplaced; n > 0 {
		line = append(line, textview.Span{Text: fmt.Sprintf("   %d without a controller would be gone", n), Tone: theme.Warn})
	}
	return append(line, textview.Span{Text: "   tried " + field.Age(int64(t.now().Sub(v.at).Seconds())) + " ago", Tone: theme.Muted})
}

// lossWords says which losses leave pods without a place, the worst first.
func lossWords(what, prefix string, losses []fit.Loss) textview.Line {
	if len(losses) == 0 {
		return textview.Line{{Text: "lose " + what + ": "}, {Text: "ok", Tone: theme.OK}}
	}
	worst := &losses[0]
	for i := range losses {
		if losses[i].Pending > worst.Pending {
			worst = &losses[i]
		}
	}
	name := sanitize.Line(worst.Name)
	if !strings.HasPrefix(name, strings.TrimSpace(prefix)) { // many a zone is called zone-a
		name = prefix + name
	}
	line := textview.Line{
		{Text: "lose " + name + ": "},
		{Text: counted(worst.Pending, "pod", "pods") + " pending", Tone: theme.Error},
	}
	if n := len(losses) - 1; n > 0 {
		line = append(line, textview.Span{Text: fmt.Sprintf(" (and %d more)", n), Tone: theme.Warn})
	}
	return line
}
