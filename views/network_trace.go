package views

import (
	"fmt"
	"sync"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/network"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// hopRow is one line of a trace: a way where there are several, a hop, a fact
// about it, or what mends it.
type hopRow struct {
	store.Meta
	trace *network.Trace // of whose way it is
	on    kube.Ref       // the object that it is about
	part  hopPart
	mark  string // how it stands, "" for a fact
	name  string // of the hop
	text  string
	where string // where a fact can be read
	tone  theme.Tone

	root *hopRow // the way that it is unfolded below, itself if none
	rank int     // place below the root
	line int     // place of the root on the page
}

// hopPart is what a hopRow is.
type hopPart uint8

const (
	partWay hopPart = iota
	partHop
	partFact
	partNearest
	partFix
)

// tracePage follows what leads to an object, or through it; or only one way of
// what that object declares.
type tracePage struct {
	session *Session
	of      kube.Ref
	key     string // of the only way, "" for all

	mu     sync.Mutex
	ways   *network.Ways // as they were last, nil as long as nobody can tell
	gone   bool          // the only way is not there any more
	opened bool          // the first way was unfolded
}

// traceFrame is the place where a trace is shown: of everything that leads to an
// object, or through it; with a key of one way of what it declares, called name.
func traceFrame(s *Session, of kube.Ref, key, name string) ui.Frame {
	p := &tracePage{session: s, of: of, key: key}
	title := "trace " + of.String()
	if key != "" {
		title = "trace " + name
	}
	f := p.resource().Frame(s, Scope{Title: title, Namespace: p.within(), AllNamespaces: true})
	f.Place = "trace " + of.Where() + " " + key
	return f
}

// within is the namespace that is read, "" for all: the session's, unless the
// object is not in there.
func (p *tracePage) within() string {
	if p.session.Namespace != "" && p.of.Namespace != "" {
		return p.of.Namespace
	}
	return p.session.Namespace
}

// traceAction traces an object; ok is false where no way can lead to it.
func (s *Session) traceAction(ref kube.Ref) (a ui.Action, ok bool) {
	switch ref.GVR.GroupResource().String() {
	case "pods", "services", "secrets", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "ingresses.networking.k8s.io",
		"gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io", "grpcroutes.gateway.networking.k8s.io",
		"tlsroutes.gateway.networking.k8s.io", "tcproutes.gateway.networking.k8s.io":
	default:
		return ui.Action{}, false
	}
	return ui.Action{ID: keymap.GoTrace, Quiet: true, Run: func() tea.Msg { return ui.Push(traceFrame(s, ref, "", "")) }}, true
}

func (p *tracePage) resource() *Resource[*hopRow] {
	return &Resource[*hopRow]{
		Kind: store.Kind[*hopRow]{GVR: kube.Local("hops"), Kind: "Hop", Namespaced: true},
		Name: "trace", Rows: "routes", Sort: "state",
		Columns: []Column[*hopRow]{
			{
				ID: "state", Kind: field.Text, Min: 9,
				Value: func(r *hopRow, _ *Env) field.Value { return field.Of(r.mark) },
				Rank:  func(r *hopRow) int { return r.line },
				Tone:  func(r *hopRow, _ *Env) theme.Tone { return r.tone },
			},
			text("object", func(r *hopRow) string { return r.name }).middle(14, 34),
			{
				ID: "what", Kind: field.Text, Min: 40, Flex: 1, Align: cell.Left,
				Value: func(r *hopRow, _ *Env) field.Value { return field.Of(r.text) },
				Tone: func(r *hopRow, _ *Env) theme.Tone {
					if r.part == partFact {
						return theme.Muted
					}
					return theme.Text
				},
			},
			text("where", func(r *hopRow) string { return r.where }).wide(),
			text("namespace", func(r *hopRow) string { return r.on.Namespace }).wide(),
			text("address", func(r *hopRow) string { return r.trace.Address() }).wide(),
			text("dns", func(r *hopRow) string { return dnsName(r.on) }).wide(),
		},
		Banner: p.banner,
		Open:   func(_ *Session, scope Scope) source[*hopRow] { return newHopSource(p, scope) },
		Enter:  func(_ *Session, r *hopRow) tea.Msg { return p.enter(r) },
		Ref:    func(r *hopRow) kube.Ref { return r.on },
		Root:   func(r *hopRow) (*hopRow, int) { return r.root, r.rank },
		Own:    p.own,
		More:   p.actions,
		First:  []keymap.ActionID{keymap.NetworkFix, keymap.GoOpen, keymap.ForwardStart, keymap.ObjectDescribe, keymap.ListFilter},
		Pane:   hopPane,
		Empty:  p.nobody,
	}
}

// dnsName is what the pods of a cluster call a service, "" for what is none.
func dnsName(r kube.Ref) string {
	if r.GVR.GroupResource().String() != "services" || r.Name == "" {
		return ""
	}
	return r.Name + "." + r.Namespace + ".svc"
}

// now returns the ways as they were last.
func (p *tracePage) now() (ways *network.Ways, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ways, p.gone
}

// worst is the trace that the page speaks of above its lines, nil if there is none.
func (p *tracePage) worst() *network.Trace {
	ways, _ := p.now()
	if ways == nil || len(ways.Traces) == 0 {
		return nil
	}
	return ways.Traces[0]
}

// enter does what a line proposes, or opens what it is about.
func (p *tracePage) enter(r *hopRow) tea.Msg {
	switch {
	case r.part == partFix:
		return p.session.proposeFix(r.trace.Fix)
	case !exists(r.on):
		return ui.Toast(theme.Muted, "this line is about no object that is there")
	}
	return ui.Push(describeFrame(p.session, r.on))
}

// hopSource makes the rows of a trace.
type hopSource struct {
	page    *tracePage
	watch   *networkWatch
	folds   *folds
	changed store.Signal
	has     map[types.UID]bool // rows, unfolded or not
}

func newHopSource(p *tracePage, scope Scope) *hopSource {
	src := &hopSource{page: p, folds: scope.folds, changed: store.NewSignal()}
	src.watch = p.session.watchNetwork(p.within(), src.changed)
	return src
}

func (s *hopSource) Changed() <-chan struct{} { return s.changed }
func (s *hopSource) Status() store.Status     { return s.watch.status() }

// Close ends the listening.
func (s *hopSource) Close() { s.watch.leave(s.changed) }

// Has reports whether a row is there, whether it is unfolded or not.
func (s *hopSource) Has(uid types.UID) bool { return s.has[uid] }

// Take returns the lines of the trace as it is now.
func (s *hopSource) Take() (store.Delta[*hopRow], store.Status) {
	d := store.Delta[*hopRow]{Reset: true}
	ways := s.page.follow(s.watch)
	s.has = map[types.UID]bool{}
	if ways == nil {
		return d, s.Status()
	}
	keys := wayKeys(routesOf(ways.Traces))
	for i, t := range ways.Traces {
		lines := traceLines(t, keys[i])
		if len(ways.Traces) == 1 {
			for n, r := range lines {
				r.root, r.line = r, n
			}
			d.Added = lines
			break
		}
		head := wayHead(t, keys[i], i)
		s.page.unfoldFirst(s.folds, head.UID)
		d.Added = append(d.Added, head)
		s.has[head.UID] = true
		for n, r := range lines {
			r.root, r.rank = head, n+1
			if r.name != "" {
				r.name = "  " + r.name
			}
			s.has[r.UID] = true
			if s.folds.isOpen(head.UID) {
				d.Added = append(d.Added, r)
			}
		}
	}
	for _, r := range d.Added {
		s.has[r.UID] = true
	}
	return d, s.Status()
}

// unfoldFirst unfolds the first way that is ever shown: the worst.
func (p *tracePage) unfoldFirst(f *folds, uid types.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.opened {
		p.opened = true
		f.set(uid, true)
	}
}

// follow takes over how the ways are now. What was known last of a way that is
// gone stays.
func (p *tracePage) follow(w *networkWatch) *network.Ways {
	ways := w.ways(p.of)
	p.mu.Lock()
	defer p.mu.Unlock()
	if ways == nil {
		return p.ways
	}
	if p.key == "" {
		p.ways = ways
		return ways
	}
	p.gone = true
	for i, k := range wayKeys(routesOf(ways.Traces)) {
		if k == p.key {
			one := *ways
			one.Traces, p.gone = ways.Traces[i:i+1], false
			p.ways = &one
		}
	}
	return p.ways
}

// wayHead is the line of a way that has others beside it.
func wayHead(t *network.Trace, key string, place int) *hopRow {
	r := &hopRow{
		Meta:  store.Meta{UID: types.UID(key), Namespace: t.By.Namespace, Name: wayName(&t.Route)},
		trace: t, on: t.By, part: partWay, mark: t.State.String(), name: t.By.String(), tone: stateTone(t.State), line: place,
		text: fmt.Sprintf("%s  %d/%d ready", wayName(&t.Route), t.Ready, t.Total),
	}
	if t.Cause != "" {
		r.text += "  " + t.Cause
	}
	r.root = r
	return r
}

// traceLines are the lines of a way: its hops with what they are judged by, and
// below the one that breaks it what was meant and what mends it.
func traceLines(t *network.Trace, key string) []*hopRow {
	var rows []*hopRow
	add := func(r hopRow, id string) {
		r.Meta = store.Meta{UID: types.UID(key + "|" + id), Namespace: r.on.Namespace, Name: r.on.Name}
		if r.on.Name == "" {
			r.Meta.Name = r.text
		}
		r.trace = t
		rows = append(rows, &r)
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		mark, tone := hopMark(t, i)
		id := fmt.Sprint(i, " ", h.Ref.String())
		add(hopRow{on: h.Ref, part: partHop, mark: mark, name: h.Ref.String(), text: h.Detail, tone: tone}, id)
		for n, e := range h.Evidence {
			add(hopRow{on: h.Ref, part: partFact, text: "  " + e.Text + "  (" + e.Where + ")", where: e.Where}, fmt.Sprint(id, " ", n))
		}
		if i != t.Broken {
			continue
		}
		if t.Nearest != "" {
			add(hopRow{on: h.Ref, part: partNearest, mark: "nearest", text: "  " + t.Nearest, tone: theme.Title}, "nearest")
		}
		if t.Fix != nil {
			add(hopRow{on: t.Fix.On, part: partFix, mark: "fix", text: "  " + t.Fix.Words, tone: theme.Title}, "fix")
		}
	}
	return rows
}

// hopMark is the word for how a hop stands, and its tone.
func hopMark(t *network.Trace, hop int) (string, theme.Tone) {
	h := &t.Hops[hop]
	if hop == t.Broken {
		word := network.Broken.String()
		if t.State == network.Doubtful || t.State == network.Idle {
			word = t.State.String()
		}
		return word, stateTone(t.State)
	}
	switch h.Verdict {
	case network.Leads:
		return h.Verdict.String(), theme.Muted
	case network.Breaks:
		return h.Verdict.String(), theme.Error
	case network.Suspect, network.Untold, network.Untested:
	}
	return h.Verdict.String(), theme.Warn
}
