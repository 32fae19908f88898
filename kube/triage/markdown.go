package triage

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/sanitize"
)

// ReportInfo is what a report of an incident says besides.
type ReportInfo struct {
	Context string // of the kubeconfig, for the commands too
	Program string // "qd 1.2.3"
	Server  string // version of Kubernetes, "" if it is not known
	At      time.Time
}

// reportLines is how many of the last lines of a log a report has.
const reportLines = 40

// WriteMarkdown writes what is known of an incident as a document to be sent to
// others: the incident, its evidence, what changed, a timeline, the end of the
// log, versions, and the commands of kubectl that show the same. Nothing that
// looks like a credential is in it. found is nil if the incident was not
// inspected.
func WriteMarkdown(w io.Writer, i *Incident, found *Inspection, info ReportInfo) error {
	m := &markdown{Writer: bufio.NewWriter(w), now: info.At}
	m.head(i, info)
	m.evidence("Evidence", found.All(i))
	if found != nil {
		m.changes(i, found)
		m.timeline(i, found)
		m.log(found.Log)
		m.unread(found.NotRead)
	} else {
		m.line("\nThe server was not asked for logs and for what changed.")
	}
	m.commands(i, found, info)
	return m.Flush()
}

// markdown writes one report. Errors of the writer are those of Flush.
type markdown struct {
	*bufio.Writer
	now time.Time
}

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func (m *markdown) head(i *Incident, info ReportInfo) {
	m.line("# %s: %s", i.Severity, prose(i.Title))
	m.line("")
	m.line("| | |")
	m.line("|---|---|")
	row := func(name, value string) {
		if value != "" {
			m.line("| %s | %s |", name, value)
		}
	}
	row("Object", prose(i.Root.Kind+" "+i.Root.Name)+in(i.Root.Namespace))
	row("Cause", cmp.Or(prose(i.Cause), "not known"))
	row("Since", m.when(i.Since))
	row("Found by", prose(strings.Join(i.Rules, ", ")))
	row("Context", prose(info.Context))
	row("Kubernetes", cmp.Or(prose(info.Server), "version not known"))
	row("Written", info.At.UTC().Format(time.RFC3339)+" by "+prose(info.Program))
	if len(i.Affected) == 0 {
		return
	}
	m.line("\n## Affected\n")
	const most = 25
	for at, r := range i.Affected {
		if at == most {
			m.line("- and %d more", len(i.Affected)-most)
			break
		}
		m.line("- %s", prose(r.Kind+" "+r.Name)+in(r.Namespace))
	}
}

func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in " + prose(namespace)
}

// when writes a time and how long ago it was.
func (m *markdown) when(at int64) string {
	if at == 0 {
		return "not known"
	}
	t := time.Unix(at, 0)
	return t.UTC().Format(time.RFC3339) + " (" + m.now.Sub(t).Truncate(time.Second).String() + " before this report)"
}

// stamp writes the time of a line.
func stamp(at int64) string {
	if at == 0 {
		return "no time"
	}
	return time.Unix(at, 0).UTC().Format(time.RFC3339)
}

func (m *markdown) evidence(title string, list []Evidence) {
	m.line("\n## %s\n", title)
	if len(list) == 0 {
		m.line("None.")
	}
	for _, e := range list {
		times := ""
		if e.Count > 1 {
			times = fmt.Sprintf(", %d times", e.Count)
			if e.First != 0 {
				times += " since " + stamp(e.First)
			}
		}
		m.line("- %s (%s: %s, %s%s)", prose(e.Text), e.Source, prose(e.Where), stamp(e.At), times)
	}
}

func (m *markdown) changes(i *Incident, n *Inspection) {
	m.line("\n## What changed since %s\n", n.ChangesFrom.UTC().Format(time.RFC3339))
	if len(n.Changes) == 0 {
		m.line("Nothing that the cluster keeps.")
	}
	for _, c := range n.Changes {
		when := "before the first failure"
		if c.At > n.FirstFailure.Unix() {
			when = "after the first failure"
		}
		m.line("- %s %s (%s, %s)", stamp(c.At), prose(c.About(i.Root)), c.Source, when)
		for _, f := range c.Fields {
			switch {
			case f.Was != "":
				m.line("  - %s: %s → %s", prose(f.Name), prose(f.Was), prose(f.Is))
			case f.Is != "":
				m.line("  - %s: %s", prose(f.Name), prose(f.Is))
			}
		}
	}
}

// timeline puts everything that has a time into one order.
func (m *markdown) timeline(i *Incident, n *Inspection) {
	type moment struct {
		at   int64
		text string
	}
	var all []moment
	if i.Since != 0 {
		all = append(all, moment{i.Since, "**first failure**"})
	}
	for _, e := range n.All(i) {
		if e.At != 0 {
			all = append(all, moment{e.At, e.Source + " " + prose(e.On.String()) + ": " + prose(e.Text)})
		}
	}
	for _, c := range n.Changes {
		all = append(all, moment{c.At, "changed: " + prose(c.On.String()+" "+c.String())})
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	m.line("\n## Timeline\n")
	for _, one := range all {
		m.line("- %s %s", stamp(one.at), one.text)
	}
	if len(all) == 0 {
		m.line("Nothing that is known has a time.")
	}
}

func (m *markdown) log(l *LogTail) {
	if l == nil {
		return
	}
	which := ""
	if l.Previous {
		which = ", the instance before"
	}
	m.line("\n## Log of %s in %s%s\n", prose(l.Container), prose(l.On.Where()), which)
	var scrub journal.Scrubber
	var text []string
	for _, line := range l.Lines {
		text = append(text, time.Unix(0, line.Time).UTC().Format(time.RFC3339Nano)+" "+scrub.Line(line.Text()))
	}
	text = text[max(0, len(text)-reportLines):]
	fence := "```"
	for strings.Contains(strings.Join(text, "\n"), fence) {
		fence += "`"
	}
	m.line("%stext", fence)
	for _, t := range text {
		m.line("%s", t)
	}
	m.line("%s", fence)
}

func (m *markdown) unread(list []Unread) {
	if len(list) == 0 {
		return
	}
	m.line("\n## Not read\n")
	for _, u := range list {
		m.line("- %s", prose(u.String()))
	}
}

func (m *markdown) commands(i *Incident, n *Inspection, info ReportInfo) {
	m.line("\n## The same with kubectl\n\n```sh")
	for _, c := range Commands(i, n, info.Context) {
		m.line("%s", journal.Scrub(c))
	}
	m.line("```")
}

// Commands returns the commands of kubectl that show what an incident is about.
func Commands(i *Incident, n *Inspection, context string) []string {
	r := i.Root
	name := r.GVR.GroupResource().String() + "/" + r.Name
	say := func(words ...string) string { return sanitize.Line(kube.Kubectl(context, r.Namespace, words...)) }
	all := []string{say("get", name, "-o", "wide")}
	if !secretive(r) {
		all = append(all, say("describe", name))
	}
	all = append(all, say("events", "--for", name))
	if hasRevisions(r) {
		all = append(all, say("rollout", "history", name))
	}
	if n != nil && n.Log != nil {
		l := n.Log
		words := []string{"logs", l.On.Name, "-c", l.Container, fmt.Sprintf("--tail=%d", reportLines)}
		if l.Previous {
			words = append(words, "--previous")
		}
		all = append(all, sanitize.Line(kube.Kubectl(context, l.On.Namespace, words...)))
	}
	return all
}

// prose makes a text of the cluster one of a document: on one line, without what
// looks like a credential and without what Markdown would take for its own.
func prose(s string) string {
	return proseEscapes.Replace(journal.Scrub(s))
}

var proseEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "|", `\|`, "#", `\#`, "~", `\~`,
)
