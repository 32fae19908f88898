package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui/cell"
)

// printSummary prints the whole cluster in a few lines, below a table or not.
func (r *room) printSummary(l *headroom.Ledger, survival *fit.Survival, below bool) error {
	var b strings.Builder
	line := func(label, text string) {
		const indent = 10
		b.WriteString(cell.Pad(label, indent, cell.Left) + fold(text, indent, r.command.width()) + "\n")
	}
	if below {
		b.WriteString("\n")
	}
	s := l.Summary()
	line("nodes", nodeWords(l, s))
	line("pods", podWords(s))
	if s.Allocatable != nil {
		line("requested", amountsOf(s, func(o resourceOf) string { return o.share(&s.Row, o.of(&s.Requested)) }))
		line("limits", amountsOf(s, func(o resourceOf) string { return o.share(&s.Row, o.of(&s.Limits)) })+" where they are set")
	}
	if s.Free != nil {
		line("free", amountsOf(s, func(o resourceOf) string { return o.freeOf(&s.Row) }))
	}
	line("used", r.useWords(l, s))
	if s.Largest != nil {
		line("largest", fmt.Sprintf("pod that fits now without a toleration: %s on %s; %s binds", sizeWords(s.Largest.CPU, s.Largest.Bytes), sanitize.Line(s.Largest.Node), s.Largest.Binds))
	}
	if s.Typical != nil {
		line("typical", typicalWords(s))
	}
	if survival != nil {
		line("survival", survivalWords(survival, l.KnowsPods("")))
		writeNotes(&b, survival.NotModelled, r.command.width())
	}
	_, err := io.WriteString(r.out, b.String())
	return err
}

func nodeWords(l *headroom.Ledger, s *headroom.Summary) string {
	if !l.KnowsNodes() {
		return "n/a: they could not be read"
	}
	words := fmt.Sprint(s.Nodes)
	if s.Closed > 0 {
		words += fmt.Sprintf(", %d closed to new pods", s.Closed)
	}
	if s.Dedicated > 0 {
		words += fmt.Sprintf(", %d only for pods that tolerate a taint", s.Dedicated)
	}
	return words
}

func podWords(s *headroom.Summary) string {
	words := atLeast(s.Partly, fmt.Sprint(s.Requested.Pods)) + " on nodes"
	if s.BestEffort > 0 {
		words += fmt.Sprintf(", %d of them ask for nothing", s.BestEffort)
	}
	if s.Pending > 0 {
		words += fmt.Sprintf("; %s pending, asking for %s", atLeast(s.Partly, fmt.Sprint(s.Pending)), sizeWords(s.Waiting.CPU, s.Waiting.Memory))
	}
	return words
}

// amountsOf says something of each resource.
func amountsOf(s *headroom.Summary, words func(resourceOf) string) string {
	parts := []string{"cpu " + cmp.Or(words(cpuOf), "n/a"), "memory " + cmp.Or(words(memoryOf), "n/a")}
	if s.Allocatable.Ephemeral > 0 {
		parts = append(parts, "ephemeral-storage "+words(diskOf))
	}
	return strings.Join(parts, ", ")
}

func sizeWords(milli, bytes int64) string {
	return "cpu " + cores(milli) + ", memory " + field.Size(bytes)
}

func (r *room) useWords(l *headroom.Ledger, s *headroom.Summary) string {
	use := l.UsageOfNodes()
	switch {
	case !r.Settings.Metrics:
		return "n/a: metrics.enabled is off"
	case s.Used == nil || s.Used.Known == 0:
		return "n/a: " + use.State.String()
	}
	words := sizeWords(s.Used.CPU, s.Used.Memory)
	if s.Used.Known < s.Used.Of {
		words = fmt.Sprintf("≥ %s, of %d of %d nodes", words, s.Used.Known, s.Used.Of)
	}
	words += fmt.Sprintf("; over %s, %s ago", use.Window().Round(time.Second), field.Age(int64(r.Now().Sub(use.At).Seconds())))
	if use.State != metrics.Current {
		words += ", " + use.State.String()
	}
	return words
}

func typicalWords(s *headroom.Summary) string {
	words := "pod (the median): " + resourceWords(*s.Typical)
	if s.Rest == nil {
		return words
	}
	words += fmt.Sprintf("; %d more fit", s.Rest.Fits)
	if s.Rest.Binds != "" {
		words += ", then " + s.Rest.Binds + " is short"
	}
	return words + ". No such pod can use the last " + sizeWords(s.Rest.CPU, s.Rest.Bytes)
}

func resourceWords(r object.Resources) string { return sizeWords(r.CPU, r.Memory) }

// survivalWords says which losses leave pods without a place, as far as all pods
// are known.
func survivalWords(s *fit.Survival, all bool) string {
	gone := ""
	if s.NotReplaced > 0 {
		gone = fmt.Sprintf("; pods without a controller, gone with their node: %d", s.NotReplaced)
	}
	if s.OK() && !all {
		return "n/a: not all pods could be read" + gone
	}
	if s.OK() {
		return fmt.Sprintf("any one node or zone can be lost (%d tried)", s.Checked) + gone
	}
	var words []string
	for _, losses := range []struct {
		what string
		of   []fit.Loss
	}{{"zone", s.Zones}, {"node", s.Nodes}} {
		slices.SortStableFunc(losses.of, func(a, b fit.Loss) int { return -cmp.Compare(a.Pending, b.Pending) })
		for i, loss := range losses.of {
			if i == lossesShown {
				words = append(words, fmt.Sprintf("%d %ss more", len(losses.of)-i, losses.what))
				break
			}
			words = append(words, fmt.Sprintf("without %s %s, %d of %d pods stay pending", losses.what, sanitize.Line(loss.Name), loss.Pending, loss.Moved))
		}
	}
	return "not everything: " + strings.Join(words, "; ") + gone
}

// lossesShown is how many losses of a kind are told of without being asked for
// all, as -o json has them.
const lossesShown = 5

// fold breaks a text into lines, those after the first indented, for a terminal
// of a width, 0 for none.
func fold(text string, indent, width int) string {
	if width <= indent {
		return text
	}
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		w := cell.Width(word)
		switch {
		case i == 0:
		case at+1+w > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += w
	}
	return b.String()
}
