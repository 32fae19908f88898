package triage

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/store"
)

// Incident is what has one cause: everything that is wrong because of one
// object.
type Incident struct {
	ID       string // of its root, the same as long as that is in trouble
	Severity Severity
	Title    string // what is wrong: "rollout stuck, 2 of 10 ready"
	Cause    string // why: "v2.3.1 exits 1: missing DB_URL"
	Since    int64  // of the first failure, seconds since 1970; 0 if it is not known
	Root     kube.Ref
	Affected []kube.Ref // others that are in trouble because of it
	Pods     int        // of them
	Works    int        // workloads among root and affected
	Services int
	Rules    []string // what found it, the shallowest first
	Findings []*Finding
	Actions  []Action
}

// Report is what is wrong in a cluster at a time.
type Report struct {
	At        time.Time
	Incidents []*Incident // the worst first
	Checked   []Check
	NotRead   []NotRead
	Loading   bool // not everything has been read yet: there may be more
}

// Check is a rule that was applied.
type Check struct {
	Rule    Rule
	Objects int // that it was applied to
}

// NotRead is a resource that could not be read, and what was not checked for it.
type NotRead struct {
	Resource Resource
	Status   store.Status
	Rules    []string
}

// Count returns how many incidents are as severe as s.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, i := range r.Incidents {
		if i.Severity == s {
			n++
		}
	}
	return n
}

// Over reports whether an incident of an earlier Report of the same scope has
// ended: it is not here any more, though everything that found it was applied.
func (r *Report) Over(i *Incident) bool {
	if r.Loading || slices.ContainsFunc(r.Incidents, func(o *Incident) bool { return o.ID == i.ID }) {
		return false
	}
	for _, rule := range i.Rules {
		if !slices.ContainsFunc(r.Checked, func(c Check) bool { return c.Rule.ID == rule }) {
			return false
		}
	}
	return true
}

// Complete reports whether everything was read that rules need.
func (r *Report) Complete() bool { return !r.Loading && len(r.NotRead) == 0 }

// Evidence returns what the findings rest on, without repetition, the deepest
// first.
func (i *Incident) Evidence() []Evidence {
	var all []Evidence
	seen := map[string]bool{}
	for at := len(i.Findings) - 1; at >= 0; at-- {
		for _, ev := range i.Findings[at].Evidence {
			if id := ev.Where + "\x00" + ev.Text; !seen[id] {
				seen[id] = true
				all = append(all, ev)
			}
		}
	}
	return all
}

// group makes incidents of what was found.
func (e *Engine) group(now time.Time) *Report {
	g := grouping{troubled: map[key][]*Finding{}, roots: map[*Finding]kube.Ref{}}
	for _, list := range e.found {
		for _, f := range list {
			g.troubled[keyOf(f.On)] = append(g.troubled[keyOf(f.On)], f)
		}
	}
	// What is found at home of an object is trouble of the home too.
	at := map[key]*Incident{}
	for _, list := range e.found {
		for _, f := range list {
			root := g.root(f, 0)
			i := at[keyOf(root)]
			if i == nil {
				i = &Incident{ID: keyOf(root).String(), Root: root}
				at[keyOf(root)] = i
			}
			if i.Root.UID == "" {
				i.Root = root
			}
			i.Findings = append(i.Findings, f)
		}
	}
	r := &Report{At: now}
	before := map[string]*Incident{}
	if e.report != nil {
		for _, i := range e.report.Incidents {
			before[i.ID] = i
		}
	}
	for _, i := range at {
		i.sum()
		// Who shows it need not look at what is as it was.
		if old := before[i.ID]; old != nil && reflect.DeepEqual(old, i) {
			i = old
		}
		r.Incidents = append(r.Incidents, i)
	}
	slices.SortFunc(r.Incidents, (*Incident).compare)
	e.account(r)
	return r
}

// compare puts the worst first: by severity, by how much is affected, by how
// recent it is.
func (i *Incident) compare(j *Incident) int {
	return cmp.Or(
		-cmp.Compare(i.Severity, j.Severity), -cmp.Compare(i.Pods, j.Pods), -cmp.Compare(i.Works, j.Works),
		-cmp.Compare(i.Services, j.Services), -cmp.Compare(i.Since, j.Since), strings.Compare(i.ID, j.ID),
	)
}

// grouping finds out what is behind what.
type grouping struct {
	troubled map[key][]*Finding
	roots    map[*Finding]kube.Ref
}

// root returns the object that a finding belongs to in the end.
func (g *grouping) root(f *Finding, depth int) kube.Ref {
	if r, ok := g.roots[f]; ok {
		return r
	}
	root := f.Home
	g.roots[f] = root // while it is looked for: those to blame may go round in a circle
	if depth < 8 {
		root = g.blamed(f, depth)
	}
	g.roots[f] = root
	return root
}

// blamed returns the root of the first object to blame that is in trouble
// itself. Where one that is to blame belongs to the home of the finding, that is
// what it is about: a workload with one pod on a dead node and one that crashes
// is broken by itself.
func (g *grouping) blamed(f *Finding, depth int) kube.Ref {
	home := keyOf(f.Home)
	var first kube.Ref
	for _, b := range f.Blame {
		if keyOf(b) == keyOf(f.On) {
			continue
		}
		for _, other := range g.troubled[keyOf(b)] {
			root := g.root(other, depth+1)
			if keyOf(root) == home {
				return f.Home
			}
			if first.Name == "" {
				first = root
			}
		}
	}
	if first.Name != "" {
		return first
	}
	return f.Home
}

// sum makes the words of an incident of its findings.
func (i *Incident) sum() {
	slices.SortFunc(i.Findings, func(a, b *Finding) int {
		return cmp.Or(
			cmp.Compare(a.Depth, b.Depth), -cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.since(), b.since()),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.On.Namespace, b.On.Namespace), strings.Compare(a.On.Name, b.On.Name),
		)
	})
	seen := map[key]bool{keyOf(i.Root): true}
	count := func(r kube.Ref) {
		switch Resource(r.GVR.Resource) {
		case Pods:
			i.Pods++
		case Deployments, StatefulSets, DaemonSets, Jobs, CronJobs:
			i.Works++
		case Services:
			i.Services++
		}
	}
	count(i.Root)
	add := func(r kube.Ref) {
		if r.Name != "" && !seen[keyOf(r)] {
			seen[keyOf(r)] = true
			i.Affected = append(i.Affected, r)
			count(r)
		}
	}
	for _, f := range i.Findings {
		i.Severity = max(i.Severity, f.Severity)
		add(f.On)
		add(f.Home)
		if !slices.Contains(i.Rules, f.Rule) {
			i.Rules = append(i.Rules, f.Rule)
		}
	}
	i.Title, i.Since = i.title(), i.since()
	var deepest *Finding // the worst and oldest of the deepest: they are in this order
	for _, f := range i.Findings {
		if f.Why != "" && (deepest == nil || f.Depth > deepest.Depth) {
			deepest = f
		}
	}
	if deepest != nil {
		i.Cause = deepest.Why
	}
	i.Actions = i.actions()
}

// since returns when the cause began to fail, as far as that is known: what it
// took with it may be much older.
func (i *Incident) since() int64 {
	var since int64
	depth := -1
	for _, f := range i.Findings {
		switch {
		case f.Since == 0 || int(f.Depth) < depth:
		case int(f.Depth) > depth, f.Since < since:
			since, depth = f.Since, int(f.Depth)
		}
	}
	return since
}

func (f *Finding) since() int64 {
	if f.Since == 0 {
		return 1<<63 - 1
	}
	return f.Since
}

// title takes the words of a finding on the root itself, else those of the
// shallowest one with the number of objects that it is true of.
func (i *Incident) title() string {
	for _, f := range i.Findings {
		if keyOf(f.On) == keyOf(i.Root) && f.What != "" {
			return f.What
		}
	}
	// The deepest rule says best what is the matter with them.
	worst := i.Findings[len(i.Findings)-1]
	for _, f := range i.Findings {
		if f.Depth == worst.Depth {
			worst = f
			break
		}
	}
	n := 0
	for _, f := range i.Findings {
		if f.Rule == worst.Rule {
			n++
		}
	}
	noun := strings.ToLower(worst.On.Kind)
	if n == 1 {
		return noun + " " + worst.What
	}
	return fmt.Sprintf("%d %ss %s", n, noun, worst.What)
}

// actions returns what the findings about the root propose, the safest first,
// each once. What helps a workload by itself does not help where the root is
// another object; only where nothing is known about that is it better than
// nothing.
func (i *Incident) actions() []Action {
	about := func(f *Finding) bool { return keyOf(f.Home) == keyOf(i.Root) && len(f.Actions) > 0 }
	if !slices.ContainsFunc(i.Findings, about) {
		about = func(*Finding) bool { return true }
	}
	var all []Action
	for at := len(i.Findings) - 1; at >= 0; at-- {
		if !about(i.Findings[at]) {
			continue
		}
		for _, a := range i.Findings[at].Actions {
			same := func(b Action) bool { return a.Do == b.Do && (a.Do == ShowLogs || keyOf(a.On) == keyOf(b.On)) }
			if !slices.ContainsFunc(all, same) {
				all = append(all, a)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Action) int { return cmp.Compare(a.Do, b.Do) })
	return all
}

// account tells what was checked, and what could not be.
func (e *Engine) account(r *Report) {
	missing := map[Resource][]string{}
	for _, s := range sources() {
		status := e.read[s.resource]
		if status.Phase == store.Syncing {
			r.Loading = true
		}
		for _, rule := range e.rules[s.resource] {
			var lacks []Resource
			for _, n := range append([]Resource{s.resource}, rule.Needs...) {
				if !e.Knows(n) {
					lacks = append(lacks, n)
				}
			}
			for _, n := range lacks {
				missing[n] = append(missing[n], rule.ID)
			}
			if len(lacks) == 0 {
				r.Checked = append(r.Checked, Check{rule, e.tables[s.resource].len()})
			}
		}
	}
	for _, s := range sources() {
		status := e.read[s.resource]
		if status.Phase == store.Forbidden || status.Phase == store.Failed || status.Phase == store.Partial {
			r.NotRead = append(r.NotRead, NotRead{s.resource, status, missing[s.resource]})
		}
	}
}
