package views

import (
	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube/field"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// measure is one of the two things that the metrics API measures.
type measure struct {
	id, title string
	kind      field.Kind
	of        func(object.Resources) int64
	value     func(int64) field.Value
}

func measures() []measure {
	return []measure{
		{"cpu", "CPU", field.CPU, func(r object.Resources) int64 { return r.CPU }, field.Millicores},
		{"mem", "MEM", field.Bytes, func(r object.Resources) int64 { return r.Memory }, field.ByteCount},
	}
}

// used tells what an object uses, false where the metrics API does not say.
type used[T store.Object] func(T, *Env) (object.Resources, bool)

// usageColumns returns the columns that put use beside what is asked for: CPU
// and memory as amounts, in percent of the requests and of the limits. requests
// may be nil.
func usageColumns[T store.Object](use used[T], requests, limits func(T) object.Resources) []Column[T] {
	var cols []Column[T]
	for _, m := range measures() {
		cols = append(cols, use.amount(m))
		if requests != nil {
			cols = append(cols, use.share(m, requests, m.id+"/req", m.title+"/REQ"))
		}
		id, title := m.id+"/lim", m.title+"/LIM"
		if requests == nil { // a node has one whole only
			id, title = m.id+"-used", m.title+"%"
		}
		c := use.share(m, limits, id, title)
		c.Tone = fullness(c.Value)
		c.Wide = requests != nil
		cols = append(cols, c)
	}
	return cols
}

// usageOfRequests returns only the percentages of the requests, where there is
// no room for more; the amounts are wide columns.
func usageOfRequests[T store.Object](use used[T], requests func(T) object.Resources) []Column[T] {
	var cols []Column[T]
	for _, m := range measures() {
		cols = append(cols, use.share(m, requests, m.id+"/req", m.title+"/REQ"), use.amount(m).wide())
	}
	return cols
}

func (use used[T]) amount(m measure) Column[T] {
	return Column[T]{
		ID: m.id, Title: m.title, Kind: m.kind, Align: cell.Right, Dynamic: true, Usage: true, Tone: use.tone,
		Value: func(o T, e *Env) field.Value {
			if u, ok := use(o, e); ok {
				return m.value(m.of(u))
			}
			return field.Value{}
		},
	}
}

func (use used[T]) share(m measure, total func(T) object.Resources, id, title string) Column[T] {
	return Column[T]{
		ID: id, Title: title, Kind: field.Percent, Align: cell.Right, Dynamic: true, Usage: true, Tone: use.tone,
		Value: func(o T, e *Env) field.Value {
			u, ok := use(o, e)
			whole := m.of(total(o))
			switch {
			case !ok:
				return field.Value{}
			case whole == 0:
				return field.Value{}.WithText("-") // nothing was asked for
			}
			return field.PercentOf(m.of(u), whole)
		},
	}
}

// tone dims what is not known.
func (use used[T]) tone(o T, e *Env) theme.Tone {
	if _, ok := use(o, e); !ok {
		return theme.Muted
	}
	return theme.Text
}

// fullness is loud near the limit.
func fullness[T store.Object](value func(T, *Env) field.Value) func(T, *Env) theme.Tone {
	return func(o T, e *Env) theme.Tone {
		switch v := value(o, e); {
		case v.Kind() != field.Percent:
			return theme.Muted
		case v.Num() >= 95:
			return theme.Error
		case v.Num() >= 80:
			return theme.Warn
		}
		return theme.Text
	}
}

func resourcesOf(u metrics.Usage, ok bool) (object.Resources, bool) {
	return object.Resources{CPU: u.MilliCPU, Memory: u.Bytes}, ok
}

func podUsage(p *object.Pod, e *Env) (object.Resources, bool) {
	if e.Metrics == nil {
		return object.Resources{}, false
	}
	return resourcesOf(e.Metrics.Pod(p.Namespace, p.Name))
}

func containerUsage(c *containerRow, e *Env) (object.Resources, bool) {
	if e.Metrics == nil {
		return object.Resources{}, false
	}
	return resourcesOf(e.Metrics.Container(c.pod.Namespace, c.pod.Name, c.Container.Name))
}

func nodeUsage(n *object.Node, e *Env) (object.Resources, bool) {
	if e.Metrics == nil {
		return object.Resources{}, false
	}
	return resourcesOf(e.Metrics.Node(n.Name))
}

// rowUsage sums up what the pods of a row use, as far as that is known.
func rowUsage(r *workloadRow, e *Env) (object.Resources, bool) {
	if r.part != nil && e.Metrics != nil {
		return resourcesOf(e.Metrics.Container(r.pod.Namespace, r.pod.Name, r.part.Name))
	}
	var sum object.Resources
	known := false
	for _, p := range r.pods {
		if u, ok := podUsage(p, e); ok {
			sum.CPU += u.CPU
			sum.Memory += u.Memory
			known = true
		}
	}
	return sum, known
}

// showUsage subscribes to the metrics API if the columns show what it knows.
func (l *list[T]) showUsage() tea.Cmd {
	if l.res.Usage == nil || !l.session.Settings.Metrics {
		return nil
	}
	src, err := l.session.metricsSource()
	if err != nil {
		return nil // the cells say n/a
	}
	l.usage = src.Subscribe(l.ctx, l.res.Usage(l.scope))
	l.takeUsage() // another view may have asked before
	return l.waitUsage()
}

func (l *list[T]) waitUsage() tea.Cmd {
	ctx, changed := l.ctx, l.usage.Changed()
	return ui.Deliver(l, func() tea.Msg {
		select {
		case <-changed:
			return usageMsg{}
		case <-ctx.Done():
			return nil
		}
	})
}

// takeUsage takes what is known of the metrics API.
func (l *list[T]) takeUsage() {
	l.metrics = l.usage.Snapshot()
	unmeasured := l.metrics.State == metrics.Absent
	if l.metrics.State != metrics.Waiting && unmeasured != l.unmeasured {
		l.unmeasured = unmeasured
		l.showColumns()
	}
}

// setUsage takes new values; the order depends on them if it is by a column
// that shows them.
func (l *list[T]) setUsage() tea.Cmd {
	if l.usage == nil {
		return nil
	}
	l.takeUsage()
	l.env.Metrics = l.metrics
	if col := find(l.cols, l.sortID); (col != nil && col.Dynamic) || !l.filter.Empty() {
		l.resort = true
		return tea.Batch(l.project(), l.waitUsage())
	}
	return l.waitUsage()
}
