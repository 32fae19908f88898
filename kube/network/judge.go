package network

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Routes brings everything up to date and returns every way in, what is most in
// the way first. The caller must not change the slice.
func (g *Graph) Routes(now time.Time) []*Route {
	g.now = now.Unix()
	for t, at := range g.due {
		if at <= g.now {
			g.dirty[t] = struct{}{}
		}
	}
	if len(g.dirty) == 0 {
		return g.list
	}
	var fresh []*Route
	gone := map[*Route]struct{}{}
	for t := range g.dirty {
		for _, r := range g.found[t] {
			gone[r] = struct{}{}
		}
		g.judge(t)
		fresh = append(fresh, g.found[t]...)
	}
	clear(g.dirty)
	slices.SortFunc(fresh, compare)
	g.list = merge(g.list, gone, fresh)
	return g.list
}

// merge returns a sorted list without what is gone and with what is fresh, in a
// new slice: the old one may still be looked at.
func merge(list []*Route, gone map[*Route]struct{}, fresh []*Route) []*Route {
	out := make([]*Route, 0, max(0, len(list)-len(gone))+len(fresh))
	for _, r := range list {
		if _, ok := gone[r]; ok {
			continue
		}
		for len(fresh) > 0 && compare(fresh[0], r) < 0 {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
		out = append(out, r)
	}
	return append(out, fresh...)
}

// compare orders routes: by state, what comes from outside before what is inside,
// then by name.
func compare(a, b *Route) int {
	return cmp.Or(
		cmp.Compare(a.State, b.State), cmp.Compare(inside(a), inside(b)),
		strings.Compare(a.By.Namespace, b.By.Namespace), strings.Compare(a.By.Kind, b.By.Kind), strings.Compare(a.By.Name, b.By.Name),
		strings.Compare(a.Host, b.Host), strings.Compare(a.Path, b.Path), strings.Compare(a.Listen, b.Listen), strings.Compare(a.Target.Name, b.Target.Name),
	)
}

func inside(r *Route) int {
	if r.From.Kind == "Service" {
		return 1
	}
	return 0
}

// judge traces what one object declares again.
func (g *Graph) judge(by topic) {
	for _, t := range g.depends[by] {
		if who := g.waiting[t]; who != nil {
			if delete(who, by); len(who) == 0 {
				delete(g.waiting, t)
			}
		}
	}
	delete(g.depends, by)
	delete(g.due, by)
	delete(g.found, by)
	var topics []topic
	seen := map[topic]struct{}{}
	for _, t := range g.traces(by, tracer{Graph: g, listed: true}) {
		r := t.Route
		g.found[by] = append(g.found[by], &r)
		if t.later != 0 && (g.due[by] == 0 || t.later < g.due[by]) {
			g.due[by] = t.later
		}
		for _, on := range t.topics {
			if _, ok := seen[on]; ok {
				continue
			}
			seen[on] = struct{}{}
			topics = append(topics, on)
			if g.waiting[on] == nil {
				g.waiting[on] = map[topic]struct{}{}
			}
			g.waiting[on][by] = struct{}{}
		}
	}
	if len(topics) > 0 {
		g.depends[by] = topics
	}
}

// tracesOf traces every way in that an object declares, to one pod if it is
// named.
func (g *Graph) tracesOf(by topic, pod string) []*tracer {
	return g.traces(by, tracer{Graph: g, pod: pod})
}

// traces traces every way in that an object declares, each by a copy of a tracer.
func (g *Graph) traces(by topic, from tracer) []*tracer {
	var list []*tracer
	from.Broken = -1
	trace := func(start func(*tracer)) {
		t := from
		start(&t)
		t.end()
		list = append(list, &t)
	}
	switch by.resource {
	case Services:
		if s := g.services[by.namespace][by.name]; s != nil {
			g.judgeService(s, trace)
		}
	case Ingresses:
		if i := g.ingresses[by.namespace][by.name]; i != nil {
			g.judgeIngress(i, trace)
		}
	default:
		if r := g.routes[by.resource][by.namespace][by.name]; r != nil {
			g.judgeRoute(by.resource, r, trace)
		}
	}
	return list
}
