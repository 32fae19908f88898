package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/sanitize"
)

// printAnswer prints what would become of pods.
func (r *room) printAnswer(asked string, a *fit.Answer) error {
	var b strings.Builder
	b.WriteString(sanitize.Line(asked) + "\n\n")
	switch {
	case a.Asked == 0:
		b.WriteString("no pod has to find a place\n")
	case a.Fit == a.Asked:
		fmt.Fprintf(&b, "%d of %[1]d pods fit\n", a.Asked)
	default:
		fmt.Fprintf(&b, "%d of %d pods fit\n", a.Fit, a.Asked)
	}
	width := r.command.width()
	if len(a.Placements) > 0 {
		b.WriteString("\n")
		t := table{columns: []column{{title: "NODE", shrinks: true}, {title: "PODS"}}}
		for _, p := range a.Placements {
			t.add(p.Node, strconv.Itoa(p.Count))
		}
		if err := t.print(&b, width); err != nil {
			return err
		}
	}
	writePending(&b, a, width)
	if a.BlockedFirst != nil {
		b.WriteString("\n" + fold("stopped first: "+a.BlockedFirst.String(), 0, width) + "\n")
	}
	if len(a.NotReplaced) > 0 {
		fmt.Fprintf(&b, "\ngone for good, since no controller replaces them:\n  %s\n", fold(podNames(a.NotReplaced), 2, width))
	}
	writeNotes(&b, a.NotModelled, width)
	_, err := io.WriteString(r.out, b.String())
	return err
}

// writeNotes writes what may make an answer come out otherwise.
func writeNotes(b *strings.Builder, notes []string, width int) {
	if len(notes) == 0 {
		return
	}
	b.WriteString("\nnot modelled:\n")
	for _, note := range notes {
		b.WriteString("  " + fold(note, 2, width) + "\n")
	}
}

// writePending writes the pods that find no node, those with the same reasons
// together.
func writePending(b *strings.Builder, a *fit.Answer, width int) {
	if a.Fit == a.Asked {
		return
	}
	fmt.Fprintf(b, "\n%d would stay pending:\n", a.Asked-a.Fit)
	for rest := a.Pending; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(p fit.Pending) bool { return !slices.Equal(p.Reasons, rest[0].Reasons) })
		if n < 0 {
			n = len(rest)
		}
		pods := make([]fit.Pod, n)
		for i, p := range rest[:n] {
			pods[i] = p.Pod
		}
		b.WriteString("  " + fold(podNames(pods), 2, width) + "\n")
		for _, reason := range rest[0].Reasons {
			b.WriteString("    " + fold(reason.String(), 4, width) + "\n")
		}
		rest = rest[n:]
	}
	if a.PendingBeyond > 0 {
		fmt.Fprintf(b, "  and %d more\n", a.PendingBeyond)
	}
}

// podNames names pods, the first and the last of many.
func podNames(pods []fit.Pod) string {
	const few = 4
	names := make([]string, 0, few)
	for _, p := range pods {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	if n := len(names); n > few {
		return fmt.Sprintf("%s, %s … %s (%d pods)", names[0], names[1], names[n-1], n)
	}
	return strings.Join(names, ", ")
}

// plural is a number with its word.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}
