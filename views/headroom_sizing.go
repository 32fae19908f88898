package views

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/sizing"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// sizingRow is what there is to say of one container of a workload. It does not
// change.
type sizingRow struct {
	store.Meta
	sizing.Sizing
	place int // in the order of the list
}

// sizingTable compares what containers ask for with what they use.
type sizingTable struct {
	mu       sync.Mutex
	problems []string // sources of history that could not be read
	vpa      sizing.Recommendations
	scaled   map[headroom.Workload]bool
	prom     map[sizing.Key]sizing.Use
	asking   string // how far the questions to the history are, "" if they are over
}

func (s *Session) sizingFrame() ui.Frame {
	t := &sizingTable{prom: map[sizing.Key]sizing.Use{}}
	return t.resource().Frame(s, Scope{Title: "right-size"})
}

func (t *sizingTable) resource() *Resource[*sizingRow] {
	amounts := func(id string, m measure, get func(*sizingRow) (object.Resources, bool)) Column[*sizingRow] {
		return Column[*sizingRow]{
			ID: m.id + "-" + id, Title: m.title + " " + strings.ToUpper(id), Kind: m.kind, Align: cell.Right,
			Value: func(r *sizingRow, _ *Env) field.Value {
				a, ok := get(r)
				if !ok {
					return field.Value{}
				}
				if m.of(a) == 0 {
					return m.value(0).WithText("-")
				}
				return m.value(m.of(a))
			},
		}
	}
	cols := []Column[*sizingRow]{
		nameColumn[*sizingRow]().flex(1, 14).titled("WORKLOAD"),
		text("container", func(r *sizingRow) string { return r.Container }).middle(5, 20),
		{
			ID: "advice", Kind: field.Text, Min: 12, Flex: 2, Rank: func(r *sizingRow) int { return r.place },
			Value: func(r *sizingRow, _ *Env) field.Value { return field.Of(r.advice()) },
			Tone: func(r *sizingRow, _ *Env) theme.Tone {
				switch {
				case len(r.Risks) > 0 && r.Risks[0].Kind >= sizing.NearMemoryLimit:
					return theme.Error
				case len(r.Risks) > 0:
					return theme.Warn
				case r.Proposed == nil:
					return theme.Muted
				}
				return theme.Text
			},
		},
		text("seen", func(r *sizingRow) string { return r.seen() }).between(4, 24),
		count("pods", func(r *sizingRow) int64 { return int64(r.Pods) }),
	}
	for _, m := range measures() {
		cols = append(cols,
			amounts("req", m, func(r *sizingRow) (object.Resources, bool) { return r.Requests, true }),
			amounts("max", m, func(r *sizingRow) (object.Resources, bool) {
				if r.Use == nil || r.Use.Target != nil {
					return object.Resources{}, false
				}
				return r.Use.Max, true
			}))
	}
	cols = append(cols, text("kind", func(r *sizingRow) string { return shortKind(r.Kind) }).wide())
	return &Resource[*sizingRow]{
		Kind: store.Kind[*sizingRow]{GVR: kube.Local("right-size"), Kind: "Sizing", Namespaced: true},
		Name: "containers", Columns: cols, Sort: "advice", Banner: t.banner,
		Open:  func(s *Session, scope Scope) source[*sizingRow] { return t.open(s, scope) },
		Ref:   func(r *sizingRow) kube.Ref { return rowRef(r.row()) },
		Enter: func(s *Session, r *sizingRow) tea.Msg { return ui.Push(r.frame(s)) },
		Own: func(s *Session, r *sizingRow) []ui.Action {
			return []ui.Action{{ID: keymap.CopyName, Title: "copy command", Run: func() tea.Msg {
				command := r.Command(s.Client.Context)
				if command == "" {
					return ui.Toast(theme.Warn, "there is no command to copy: "+r.why())
				}
				return ui.Copy(command, command)
			}}}
		},
		First: []keymap.ActionID{keymap.GoOpen, keymap.CopyName, keymap.ListFilter},
	}
}

func (r *sizingRow) row() *headroom.Row {
	return &headroom.Row{Meta: store.Meta{Namespace: r.Workload.Namespace, Name: r.Workload.Name}, Kind: r.Kind, APIVersion: r.APIVersion}
}

// advice is the worst risk, or what could be asked for instead.
func (r *sizingRow) advice() string {
	var words []string
	for _, risk := range r.Risks {
		words = append(words, risk.Text)
	}
	if p := r.Proposed; p != nil && *p != r.Requests {
		words = append(words, fmt.Sprintf("request %s %s", cores(p.CPU), field.Size(p.Memory)))
	}
	if r.Waste.CPU > 0 || r.Waste.Memory > 0 {
		words = append(words, fmt.Sprintf("%s %s not used", cores(r.Waste.CPU), field.Size(r.Waste.Memory)))
	}
	if r.TooShort != "" {
		words = append(words, "too short to advise")
	}
	return strings.Join(words, "; ")
}

// seen says for how long the use is known.
func (r *sizingRow) seen() string {
	switch {
	case r.TooShort != "":
		return r.TooShort
	case r.Use == nil:
		return "n/a"
	}
	return field.Age(int64(r.Use.Span.Seconds())) + " " + string(r.Use.Source)
}

func (r *sizingRow) why() string {
	switch {
	case r.TooShort != "":
		return "its use is known for " + r.TooShort
	case r.Proposed == nil:
		return "its use is not known"
	}
	return "kubectl cannot set the requests of a " + r.Kind
}

func (r *sizingRow) frame(s *Session) ui.Frame {
	pair := func(a object.Resources) string { return orDash(a.CPU, cores) + " " + orDash(a.Memory, field.Size) }
	lines := []textview.Line{
		fact("workload", r.Workload.Namespace+" "+r.Workload.String(), theme.Title),
		fact("container", r.Container, theme.Text),
		fact("pods", fmt.Sprint(r.Pods), theme.Text),
		fact("requests", pair(r.Requests), theme.Text),
		fact("limits", pair(r.Limits), theme.Text),
	}
	if u := r.Use; u != nil {
		lines = append(lines, fact("known for", r.seen(), theme.Text))
		if u.Target == nil {
			lines = append(lines, fact("use 95%", pair(u.P95), theme.Text), fact("use at most", pair(u.Max), theme.Text))
		}
	}
	for _, risk := range r.Risks {
		lines = append(lines, fact("risk", risk.Text, theme.Warn))
	}
	if r.Autoscaled {
		lines = append(lines, fact("autoscaled", "a HorizontalPodAutoscaler goes by shares of the requests: it would scale otherwise", theme.Warn))
	}
	if command := r.Command(s.Client.Context); command == "" {
		lines = append(lines, textview.Line{}, textview.Line{{Text: "nothing is proposed: " + r.why(), Tone: theme.Muted}})
	} else {
		lines = append(lines, fact("proposed", pair(*r.Proposed), theme.Title), textview.Line{}, textview.Line{{Text: "$ " + sanitize.Line(command)}}, textview.Line{})
		lines = append(lines, textview.FromText(r.Patch(), theme.Muted)...)
	}
	return readingFrame(s, "right-size "+r.Workload.String()+" "+r.Container, lines)
}

// banner says what the advice rests on.
func (t *sizingTable) banner() []textview.Line {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := []textview.Line{{{Text: "requests against use; the worst risk first, then the most waste. Advice takes a history as long as the column SEEN says", Tone: theme.Muted}}}
	if t.asking != "" {
		lines = append(lines, textview.Line{{Text: t.asking, Tone: theme.Busy}})
	}
	for _, p := range t.problems {
		lines = append(lines, textview.Line{{Text: p, Tone: theme.Warn}})
	}
	return lines
}

// sizingSource makes rows of a feed and of what other sources know of use.
type sizingSource struct {
	*headroomFeed
	table   *sizingTable
	session *Session
	scope   Scope
	changed store.Signal
	end     context.CancelFunc
	ctx     context.Context //nolint:containedctx // ends with the source
	asked   bool            // what Prometheus knows; belongs to who takes
}

func (t *sizingTable) open(s *Session, scope Scope) source[*sizingRow] {
	ctx, end := context.WithCancel(context.Background())
	src := &sizingSource{headroomFeed: s.watchHeadroom(true), table: t, session: s, scope: scope, changed: store.NewSignal(), ctx: ctx, end: end}
	go src.changed.Relay(src.feed.Changed(), ctx.Done())
	go src.recommend()
	return src
}

// Changed receives a value after a change of what is known.
func (s *sizingSource) Changed() <-chan struct{} { return s.changed }

// Close ends the reading.
func (s *sizingSource) Close() {
	s.end()
	s.headroomFeed.Close()
}

// Take returns all rows.
func (s *sizingSource) Take() (store.Delta[*sizingRow], store.Status) {
	d := store.Delta[*sizingRow]{Reset: true}
	var all []sizing.Sizing
	s.with(func(l *headroom.Ledger) {
		history := s.session.sizings(l)
		opts := sizing.Options{MinHistory: s.session.Settings.Headroom.MinHistory}
		if sum := l.Summary(); sum.Allocatable != nil {
			opts.Whole = sum.Allocatable.Resources
		}
		s.table.mu.Lock()
		defer s.table.mu.Unlock()
		opts.Autoscaled = s.table.scaled
		all = sizing.Size(l.AllPods(), func(k sizing.Key) []sizing.Use { return s.table.uses(history, k) }, opts)
	})
	byRisk := sizing.ByRisk(all)
	ordered := append(byRisk, slices.DeleteFunc(all, func(z sizing.Sizing) bool { return len(z.Risks) > 0 })...)
	for i, z := range ordered {
		if s.scope.Namespace != "" && z.Workload.Namespace != s.scope.Namespace {
			continue
		}
		uid := strings.Join([]string{z.APIVersion, z.Kind, z.Workload.Namespace, z.Workload.Name, z.Container}, "/")
		d.Added = append(d.Added, &sizingRow{Meta: store.Meta{UID: types.UID(uid), Namespace: z.Workload.Namespace, Name: z.Workload.Name}, Sizing: z, place: i})
	}
	status := s.Status()
	if !s.asked && status.Phase != store.Syncing {
		s.asked = true
		go s.askPrometheus(d.Added)
	}
	return d, status
}

// uses are what all sources know of a container.
func (t *sizingTable) uses(history *sizing.History, k sizing.Key) []sizing.Use {
	var uses []sizing.Use
	if u, ok := history.Use(k); ok {
		uses = append(uses, u)
	}
	if u, ok := t.vpa[k]; ok {
		uses = append(uses, u)
	}
	if u, ok := t.prom[k]; ok {
		uses = append(uses, u)
	}
	return uses
}

// note changes what is known, and has it shown.
func (s *sizingSource) note(change func(*sizingTable)) {
	s.table.mu.Lock()
	change(s.table)
	s.table.mu.Unlock()
	s.changed.Send()
}

// recommend reads what VerticalPodAutoscalers recommend, and what others scale.
func (s *sizingSource) recommend() {
	defer utilruntime.HandleCrash()
	client, err := s.session.Client.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		return // nothing else can be read either
	}
	ctx, cancel := s.session.Client.Call(s.ctx)
	defer cancel()
	found, err := sizing.ReadRecommendations(ctx, client, s.scope.Namespace, s.session.Now())
	scaled, unread := sizing.ReadAutoscaled(ctx, client, s.scope.Namespace)
	if s.ctx.Err() != nil {
		return
	}
	s.note(func(t *sizingTable) {
		if t.vpa = found; err != nil {
			t.problems = append(t.problems, "VerticalPodAutoscalers were not read: "+s.session.explain(err, "list verticalpodautoscalers", place(s.scope.Namespace)))
		}
		if t.scaled = scaled; unread != nil {
			t.problems = append(t.problems, "HorizontalPodAutoscalers were not read: "+s.session.explain(unread, "list horizontalpodautoscalers", place(s.scope.Namespace)))
		}
	})
}

// askPrometheus asks for the history of each workload, one after the other.
func (s *sizingSource) askPrometheus(rows []*sizingRow) {
	defer utilruntime.HandleCrash()
	address := s.session.Settings.Headroom.Prometheus
	if address == "" {
		return
	}
	endpoint, err := sizing.NewEndpoint(address, http.DefaultClient)
	asked := map[headroom.Workload]bool{}
	for i, r := range rows {
		if err != nil || s.ctx.Err() != nil {
			break
		}
		if asked[r.Workload] {
			continue
		}
		asked[r.Workload] = true
		var uses map[string]sizing.Use
		uses, err = endpoint.Use(s.ctx, r.Workload, s.session.Settings.Headroom.Window, s.session.Now())
		s.note(func(t *sizingTable) {
			t.asking = fmt.Sprintf("asking Prometheus: %s of %s containers", thousands(i+1), thousands(len(rows)))
			for container, u := range uses {
				t.prom[sizing.Key{Workload: r.Workload, Container: container}] = u
			}
		})
	}
	s.note(func(t *sizingTable) {
		if t.asking = ""; err != nil && s.ctx.Err() == nil {
			t.problems = append(t.problems, "Prometheus was not read: "+sanitize.Line(err.Error()))
		}
	})
}
