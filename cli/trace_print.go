package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"

	"quarterdeck/kube/network"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// writer is the standard output, in colours where it is a terminal that has them.
func (t *tracing) writer() io.Writer {
	return &colorprofile.Writer{Forward: t.command.streams.Out, Profile: colorprofile.Detect(t.command.streams.Out, t.command.env)}
}

// printWays prints a row for every way in.
func (t *tracing) printWays(w *network.Ways, now time.Time) error {
	out, width := t.writer(), t.command.width()
	rows := &table{columns: []column{
		{title: "STATE", paint: t.state},
		{title: "WAY IN", shrinks: true},
		{title: "BY", shrinks: true},
		{title: "TO", shrinks: true},
		{title: "READY", right: true},
		{title: "ZONES", shrinks: true},
		{title: "TLS", right: true},
		{title: "WHY", cut: true},
	}}
	for _, r := range w.Traces {
		days := "-"
		if n, ok := r.DaysLeft(now.Unix()); ok {
			days = strconv.Itoa(n) + "d"
		}
		to := "-"
		if r.Target.Name != "" {
			to = "svc/" + r.Target.Name
		}
		if r.TargetPort != "" {
			to += ":" + r.TargetPort
		}
		rows.add(r.State.String(), cmp.Or(r.Address(), r.Path, r.Listen, "any"), placed(r.By), to,
			fmt.Sprintf("%d/%d", r.Ready, r.Total), cmp.Or(strings.Join(r.Zones, ","), "-"), days, cmp.Or(r.Cause, "-"))
	}
	if len(w.Traces) > 0 {
		if err := rows.print(out, width); err != nil {
			return err
		}
	}
	var b strings.Builder
	if w.Nobody != "" {
		b.WriteString(w.Nobody + "\n")
	}
	t.writeUnread(&b, w, width)
	_, err := io.WriteString(out, b.String())
	return err
}

// state colours a cell with the word of a state.
func (t *tracing) state(text string) string {
	switch strings.TrimSpace(text) {
	case network.Broken.String():
		return t.Theme.Render(theme.Error, text)
	case network.Doubtful.String(), network.Degraded.String(), network.Unknown.String():
		return t.Theme.Render(theme.Warn, text)
	case network.Idle.String():
		return t.Theme.Render(theme.Muted, text)
	}
	return text
}

// printTraces prints ways hop by hop, each with its probe if they were probed.
func (t *tracing) printTraces(w *network.Ways, probes []*probed, now time.Time) error {
	out, width := t.writer(), t.command.width()
	var b strings.Builder
	for i, trace := range w.Traces {
		if i > 0 {
			b.WriteByte('\n')
		}
		t.writeTrace(&b, trace, width)
		if probes != nil {
			t.writeProbe(&b, probes[i], now, width)
		}
	}
	writeLimits(&b, probes, width)
	if w.Nobody != "" {
		b.WriteString(fold(w.Nobody, 0, width) + "\n")
		if w.Fix != nil {
			b.WriteString("fix: " + fold(w.Fix.Words, 5, width) + "\n")
		}
	}
	t.writeUnread(&b, w, width)
	_, err := io.WriteString(out, b.String())
	return err
}

func (t *tracing) writeTrace(b *strings.Builder, r *network.Trace, width int) {
	way := r.By.Where()
	if address := r.Address(); address != "" {
		way = address + ", " + way
	}
	b.WriteString(t.state(r.State.String()) + ": " + way + "\n")
	longest := 0
	for _, h := range r.Hops {
		longest = max(longest, cell.Width(h.Ref.String()))
	}
	indent := 9 + longest + 2
	for i := range r.Hops {
		h := &r.Hops[i]
		mark := h.Verdict.String()
		if i == r.Broken {
			mark = "broken"
			if r.State == network.Doubtful || r.State == network.Idle {
				mark = r.State.String()
			}
		}
		name := h.Ref.String()
		b.WriteString(t.mark(mark) + strings.Repeat(" ", 9-len(mark)) + name + strings.Repeat(" ", longest-cell.Width(name)+2))
		b.WriteString(fold(h.Detail, indent, width) + "\n")
		if h.Verdict == network.Leads {
			continue
		}
		for _, e := range h.Evidence {
			b.WriteString("         " + fold(e.Text+" ("+e.Where+")", 9, width) + "\n")
		}
	}
	for _, line := range []struct{ label, text string }{{"why", r.Cause}, {"nearest", r.Nearest}, {"fix", fixWords(r.Fix)}} {
		if line.text != "" {
			fmt.Fprintf(b, "%-8s %s\n", line.label, fold(line.text, 9, width))
		}
	}
}

func fixWords(f *network.Fix) string {
	if f == nil {
		return ""
	}
	return f.Words
}

// mark colours the verdict on a hop.
func (t *tracing) mark(word string) string {
	switch word {
	case "ok":
		return word
	case "broken":
		return t.Theme.Render(theme.Error, word)
	}
	return t.Theme.Render(theme.Warn, word)
}

// writeUnread names what could not be read, of all ways and for each of them.
func (t *tracing) writeUnread(b *strings.Builder, w *network.Ways, width int) {
	said := map[string]bool{}
	note := func(list []network.Unread) {
		for _, u := range list {
			text := u.String()
			if u.Status.Err != nil {
				text = t.Explain(u.Status.Err, "list "+string(u.Resource), u.Namespace)
			}
			if !said[text] {
				said[text] = true
				b.WriteString("not read: " + fold(text, 10, width) + "\n")
			}
		}
	}
	note(w.NotRead)
	for _, trace := range w.Traces {
		note(trace.NotRead)
	}
}
