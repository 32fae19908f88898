package views

import (
	"context"
	"strconv"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// reachRow is one thing that network policies allow a pod: some ports, from or to
// somebody; or that they allow nothing, or that nobody can tell.
type reachRow struct {
	store.Meta
	direction   network.Direction
	place       int // on the page
	ports, peer string
	pods        string // how many the peer is now
	by          []kube.Ref
	unknown     bool // nobody can tell
	tone        theme.Tone
}

// policiesPage shows what network policies let reach a pod, and what they let it
// reach.
type policiesPage struct {
	session *Session
	pod     kube.Ref

	mu    sync.Mutex
	reach *network.Reach // as it was last, nil until something was read
	other others
}

// others are the policies of other APIs that the cluster has.
type others struct {
	asked bool     // the server has said what it has
	kinds []string // KIND of GROUP
	err   error    // why not all is known
}

// policiesFrame is the place where the network policies of a pod are shown.
func policiesFrame(s *Session, pod kube.Ref) ui.Frame {
	p := &policiesPage{session: s, pod: pod}
	f := p.resource().Frame(s, Scope{Title: "policies " + pod.String(), Namespace: pod.Namespace})
	f.Place = "policies " + pod.Where()
	return f
}

// policiesAction shows the network policies of a pod; ok is false for what is none.
func (s *Session) policiesAction(ref kube.Ref) (a ui.Action, ok bool) {
	if ref.GVR.GroupResource() != object.Pods().GVR.GroupResource() {
		return a, false
	}
	return ui.Action{ID: keymap.GoPolicies, Quiet: true, Run: func() tea.Msg { return ui.Push(policiesFrame(s, ref)) }}, true
}

func (p *policiesPage) resource() *Resource[*reachRow] {
	return &Resource[*reachRow]{
		Kind: store.Kind[*reachRow]{GVR: kube.Local("reach"), Kind: "Allowance", Namespaced: true},
		Name: "policies", Rows: "allowances", Sort: "direction",
		Columns: []Column[*reachRow]{
			{
				ID: "direction", Title: "DIR", Kind: field.Text, Min: 7,
				Value: func(r *reachRow, _ *Env) field.Value { return field.Of(string(r.direction)) },
				Rank:  func(r *reachRow) int { return r.place },
				Tone:  func(*reachRow, *Env) theme.Tone { return theme.Muted },
			},
			text("ports", func(r *reachRow) string { return r.ports }).between(9, 28).toned(reachTone),
			text("peer", func(r *reachRow) string { return r.peer }).flex(3, 24).toned(reachTone),
			{
				ID: "pods", Kind: field.Number, Align: cell.Right,
				Value: func(r *reachRow, _ *Env) field.Value {
					if n, err := strconv.Atoi(r.pods); err == nil {
						return field.Int(n)
					}
					return field.Value{}.WithText(r.pods)
				},
			},
			text("by", (*reachRow).policyWords).middle(10, 32),
			text("namespace", func(r *reachRow) string { return r.Namespace }).wide(),
		},
		Banner: p.banner,
		Open:   func(*Session, Scope) source[*reachRow] { return newReachSource(p) },
		Enter:  func(s *Session, r *reachRow) tea.Msg { return s.openPolicy(r) },
		Ref:    (*reachRow).policy,
		Own: func(s *Session, r *reachRow) []ui.Action {
			if len(r.by) == 0 {
				return noObject("no network policy is known that decides this")
			}
			return s.actions(chosen{targets: []target{{Ref: r.policy()}}})
		},
		More: func(s *Session, sel chosen) []ui.Action {
			d := network.Inbound
			if len(sel.targets) == 1 {
				if r, ok := sel.targets[0].row.(*reachRow); ok {
					d = r.direction
				}
			}
			title := "may reach it?"
			if d == network.Outbound {
				title = "may it reach?"
			}
			return []ui.Action{{ID: keymap.PolicyAsk, Title: title, Run: func() tea.Msg { return s.askReach(p.pod, d) }}}
		},
		First: []keymap.ActionID{keymap.GoOpen, keymap.PolicyAsk, keymap.ObjectYAML, keymap.ListFilter},
		Empty: p.nothing,
		Pane:  reachPane,
	}
}

func reachTone(r *reachRow, _ *Env) theme.Tone { return r.tone }

// policy is the first policy that decides, one without a name where there is none.
func (r *reachRow) policy() kube.Ref {
	if len(r.by) == 0 {
		return kube.Ref{GVR: kube.Local("reach"), Kind: "Allowance", Namespace: r.Namespace, Name: string(r.direction)}
	}
	return r.by[0]
}

func (r *reachRow) policyWords() string {
	switch {
	case len(r.by) > 0:
	case r.unknown:
		return "not known"
	default:
		return "no policy"
	}
	names := make([]string, len(r.by))
	for i, ref := range r.by {
		names[i] = ref.Name
	}
	return strings.Join(names, ", ")
}

// openPolicy opens the policy that decides, or asks which of them.
func (s *Session) openPolicy(r *reachRow) tea.Msg {
	switch n := len(r.by); {
	case n == 0 && r.unknown:
		return ui.Toast(theme.Warn, "which network policy decides this is not known")
	case n == 0:
		return ui.Toast(theme.Muted, "no network policy decides this: what is not isolated is open")
	case n == 1:
		return ui.Push(describeFrame(s, r.by[0]))
	}
	p := &ui.Picker{Title: "network policy"}
	for _, ref := range r.by {
		p.Items = append(p.Items, ui.Item{Label: ref.Name, Detail: ref.Namespace, Run: func() tea.Msg { return ui.Push(describeFrame(s, ref)) }})
	}
	return ui.Pick(p)
}

// reachSource makes the rows of the page.
type reachSource struct {
	page    *policiesPage
	feed    *network.ReachFeed
	changed store.Signal
	end     context.CancelFunc
}

func newReachSource(p *policiesPage) *reachSource {
	ctx, end := context.WithCancel(context.Background())
	src := &reachSource{page: p, feed: network.OpenReach(p.session.Client.Stores, p.pod), changed: store.NewSignal(), end: end}
	go src.changed.Relay(src.feed.Changed(), ctx.Done())
	go src.ask()
	return src
}

// ask asks what other policies the cluster has. Nobody waits for the answer.
func (s *reachSource) ask() {
	defer utilruntime.HandleCrash()
	kinds, err := s.page.session.Client.Kinds(false)
	s.page.mu.Lock()
	s.page.other = others{asked: true, kinds: network.OtherPolicies(kinds), err: err}
	s.page.mu.Unlock()
	s.changed.Send()
}

func (s *reachSource) Changed() <-chan struct{} { return s.changed }

// Close gives the subscriptions back.
func (s *reachSource) Close() {
	s.end()
	s.feed.Close()
}

// Status joins the states of what is read.
func (s *reachSource) Status() store.Status {
	return joinStatuses(s.feed.Statuses())
}

// Take returns all that is allowed as it is now.
func (s *reachSource) Take() (store.Delta[*reachRow], store.Status) {
	r := s.feed.Take()
	s.page.mu.Lock()
	s.page.reach = r
	s.page.mu.Unlock()
	return store.Delta[*reachRow]{Reset: true, Added: reachRows(r)}, s.Status()
}

// reachRows are all lines about a pod; none as long as nothing can be said.
func reachRows(r *network.Reach) []*reachRow {
	if r.Pod == nil || r.Loading {
		return nil
	}
	var rows []*reachRow
	for _, a := range []network.Access{r.In, r.Out} {
		add := func(row reachRow) {
			row.direction, row.place = a.Direction, len(rows)
			row.Meta = store.Meta{UID: types.UID(string(a.Direction) + "|" + row.ports + "|" + row.peer), Namespace: r.Pod.Namespace, Name: row.peer}
			rows = append(rows, &row)
		}
		for i := range a.Lines {
			l := &a.Lines[i]
			add(reachRow{ports: l.Ports, peer: l.Peer, pods: podsNow(l), by: l.By, tone: theme.Text})
		}
		switch {
		case a.Isolated == network.Unclear:
			add(reachRow{ports: "unknown", peer: "nobody can tell", pods: "-", by: a.By, unknown: true, tone: theme.Warn})
		case len(a.Lines) == 0:
			add(reachRow{ports: "none", peer: "nobody", pods: "-", by: a.By, tone: theme.Title})
		}
	}
	return rows
}

func podsNow(l *network.Line) string {
	switch {
	case l.Pods >= 0:
		return strconv.Itoa(l.Pods)
	case l.AboutPods():
		return "n/a"
	}
	return "-"
}

// banner says above the lines how the pod stands, and what is not known.
func (p *policiesPage) banner() []textview.Line {
	p.mu.Lock()
	r, other := p.reach, p.other
	p.mu.Unlock()
	if r == nil || r.Pod == nil || r.Loading {
		return nil
	}
	var lines []textview.Line
	if r.Gone {
		lines = append(lines, textview.Line{{Text: p.pod.String() + " is gone: this is what was known last", Tone: theme.Warn}})
	}
	for _, a := range []network.Access{r.In, r.Out} {
		word, tone := "open", theme.Text
		switch {
		case a.Isolated == network.Unclear:
			word, tone = "unknown", theme.Warn
		case a.Isolated == network.Yes && len(a.Lines) == 0:
			word, tone = "shut", theme.Title
		case a.Isolated == network.Yes:
			word, tone = "isolated", theme.Title
		}
		lines = append(lines, textview.Line{
			{Text: cell.Pad(string(a.Direction), 9, cell.Left), Tone: theme.Muted}, {Text: cell.Pad(word, 10, cell.Left), Tone: tone}, {Text: a.Why, Tone: theme.Text},
		})
	}
	for _, u := range r.NotRead {
		lines = append(lines, textview.Line{{Text: "not read ", Tone: theme.Muted}, {Text: p.session.notRead(u), Tone: theme.Warn}})
	}
	return append(lines, other.lines()...)
}

// notRead says what was not read, and why.
func (s *Session) notRead(u network.Unread) string {
	if u.Status.Err == nil {
		return u.String()
	}
	at := place(u.Namespace)
	if u.Resource == network.Namespaces {
		at = clusterScope
	}
	return s.explain(u.Status.Err, "list "+string(u.Resource), at)
}

// lines name the policies that are not modelled.
func (o others) lines() []textview.Line {
	var lines []textview.Line
	add := func(text string) {
		lines = append(lines, textview.Line{{Text: "also     ", Tone: theme.Muted}, {Text: text, Tone: theme.Warn}})
	}
	switch n := len(o.kinds); {
	case n == 1:
		add(sanitize.Line(o.kinds[0]) + " may decide otherwise: what it says is not modelled")
	case n > 1:
		add(sanitize.Line(strings.Join(o.kinds, ", ")) + " may decide otherwise: what they say is not modelled")
	}
	if o.asked && o.err != nil {
		add("whether there are policies of other APIs could not be found out: " + Cause(o.err))
	}
	return lines
}

// nothing says why there are no lines.
func (p *policiesPage) nothing(_ *Session, problem string) []textview.Line {
	p.mu.Lock()
	r := p.reach
	p.mu.Unlock()
	switch {
	case r != nil && r.Gone:
		return textview.FromText(p.pod.Where()+" is not there: it was deleted", theme.Warn)
	case problem != "":
		return textview.FromText("it is not known what may reach "+p.pod.Where()+": "+problem, theme.Warn)
	}
	return textview.FromText("reading what may reach "+p.pod.Where(), theme.Muted)
}

// reachPane says all of a line, which may be too long for it.
func reachPane(r *reachRow, _ any, _ *Env) []textview.Line {
	which := "from "
	if r.direction == network.Outbound {
		which = "to "
	}
	lines := []textview.Line{
		{{Text: " " + string(r.direction), Tone: theme.Muted}, {Text: "  " + r.ports, Tone: theme.Title}},
		{{Text: "  " + which + r.peer, Tone: r.tone}},
	}
	if n, err := strconv.Atoi(r.pods); err == nil {
		lines = append(lines, textview.Line{{Text: "  now: " + countOf(n, "pod"), Tone: theme.Text}})
	} else if r.pods == "n/a" {
		lines = append(lines, textview.Line{{Text: "  now: it is not known how many pods", Tone: theme.Warn}})
	}
	if len(r.by) == 0 && !r.unknown {
		lines = append(lines, textview.Line{{Text: "  no policy is about the pod in this direction", Tone: theme.Muted}})
	}
	for _, ref := range r.by {
		lines = append(lines, textview.Line{{Text: "  decided by ", Tone: theme.Muted}, {Text: ref.Where(), Tone: theme.Text}})
	}
	return lines
}
