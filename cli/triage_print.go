package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/colorprofile"

	"quarterdeck/kube/triage"
	"quarterdeck/ui/theme"
)

// printTable prints incidents, below them what was not read, and if there is
// nothing else to say, what was checked. of is how many there are without the
// filter.
func (t *triaging) printTable(r *triage.Report, of int) error {
	width := t.command.width()
	// In colours for a terminal that has them, without elsewhere.
	out := &colorprofile.Writer{Forward: t.command.streams.Out, Profile: colorprofile.Detect(t.command.streams.Out, t.command.env)}
	if len(r.Incidents) > 0 {
		rows := &table{columns: []column{
			{title: "SEV", paint: t.severity}, {title: "SINCE", right: true}, {title: "WHAT", shrinks: true}, {title: "WHERE", shrinks: true}, {title: "WHY", cut: true},
		}}
		for _, i := range r.Incidents {
			rows.add(i.Severity.String(), ago(i.Since, r.At), i.Title, placed(i.Root), i.Cause)
		}
		if err := rows.print(out, width); err != nil {
			return err
		}
	}
	var b strings.Builder
	if hidden := of - len(r.Incidents); hidden > 0 {
		fmt.Fprintf(&b, "not shown: %s, which the filter leaves out\n", plural(hidden, "incident"))
	}
	const indent = 10
	for _, n := range r.NotRead {
		b.WriteString("not read: " + fold(n.Words(), indent, width) + "\n")
	}
	if of == 0 && !r.Loading {
		b.WriteString("nothing is wrong\n")
		b.WriteString("checked:  " + fold(strings.Join(checks(r), "; "), indent, width) + "\n")
	}
	text := b.String()
	if len(r.Incidents) > 0 && text != "" {
		text = "\n" + text
	}
	_, err := io.WriteString(out, text)
	return err
}

// severity colours a cell with a severity's word.
func (t *triaging) severity(text string) string {
	switch strings.TrimSpace(text) {
	case triage.Crit.String():
		return t.Theme.Render(theme.Error, text)
	case triage.Warn.String():
		return t.Theme.Render(theme.Warn, text)
	case triage.Info.String():
		return t.Theme.Render(theme.Muted, text)
	}
	return text
}

// checks returns what was made sure of, each once.
func checks(r *triage.Report) []string {
	var words []string
	for _, c := range r.Checked {
		if !slices.Contains(words, c.Rule.Checks) {
			words = append(words, c.Rule.Checks)
		}
	}
	return words
}

// printMarkdown prints a report of each incident.
func (t *triaging) printMarkdown(ctx context.Context, r *triage.Report, found map[string]*triage.Inspection) error {
	out := t.command.streams.Out
	if len(r.Incidents) == 0 {
		return t.printCalm(out, r)
	}
	info := triage.ReportInfo{Context: t.Client.Context, Program: "qd " + t.command.version, At: r.At}
	if v, err := t.Client.ServerVersion(ctx); err == nil {
		info.Server = v.GitVersion
	}
	for at, i := range r.Incidents {
		if at > 0 {
			if _, err := io.WriteString(out, "\n"); err != nil {
				return err
			}
		}
		if err := triage.WriteMarkdown(out, i, found[i.ID], info); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// printCalm prints the report of a cluster in which nothing is wrong.
func (t *triaging) printCalm(out *os.File, r *triage.Report) error {
	var b strings.Builder
	b.WriteString("# No incidents\n")
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			b.WriteString("\n## " + title + "\n\n- " + strings.Join(lines, "\n- ") + "\n")
		}
	}
	list("Checked", checks(r))
	var missing []string
	for _, n := range r.NotRead {
		missing = append(missing, n.Words())
	}
	list("Not read", missing)
	_, err := out.WriteString(b.String())
	return err
}
