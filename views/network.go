package views

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/network"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// wayRow is one way in, in a list. Its name is what to ask for.
type wayRow struct {
	store.Meta
	*network.Route
	key   string        // tells it from the other ways of what declares it
	watch *networkWatch // that knows its hops
}

// networkList is the view of who is reachable from where: a row for every way in,
// what is broken first.
func networkList() *Resource[*wayRow] {
	return &Resource[*wayRow]{
		Kind: store.Kind[*wayRow]{GVR: kube.Local("ways"), Kind: "Way", Namespaced: true},
		Name: "network", Rows: "routes", Short: []string{"net", "ways"}, Primary: keymap.ViewNetwork, Sort: "state",
		Columns: []Column[*wayRow]{
			{
				ID: "state", Kind: field.Text, Words: stateWords(), Min: 9,
				Value: func(r *wayRow, _ *Env) field.Value { return field.Of(r.State.String()) },
				Rank:  func(r *wayRow) int { return int(r.State) },
				Tone:  func(r *wayRow, _ *Env) theme.Tone { return stateTone(r.State) },
			},
			text("way", func(r *wayRow) string { return r.Meta.Name }).titled("WAY IN").flex(4, 24).inMiddle(),
			text("target", wayTarget).flex(2, 10).inMiddle(),
			{
				ID: "ready", Kind: field.Number, Align: cell.Right,
				Value: func(r *wayRow, _ *Env) field.Value {
					if r.State == network.Unknown && r.Total == 0 {
						return field.Value{}.WithText("-") // which is not to say that there are none
					}
					return field.Int(r.Ready).WithText(fmt.Sprintf("%d/%d", r.Ready, r.Total))
				},
			},
			{
				ID: "tls", Kind: field.Number, Align: cell.Right, Dynamic: true,
				Value: func(r *wayRow, env *Env) field.Value {
					days, ok := r.DaysLeft(env.Now.Unix())
					if !ok {
						return field.Value{}.WithText("-")
					}
					return field.Int(days).WithText(strconv.Itoa(days) + "d")
				},
				Tone: func(r *wayRow, env *Env) theme.Tone {
					if days, ok := r.DaysLeft(env.Now.Unix()); ok && days < tlsSoon {
						return theme.Warn
					}
					return theme.Text
				},
			},
			text("why", func(r *wayRow) string { return r.Cause }).flex(8, 14),
			text("zones", func(r *wayRow) string { return cmp.Or(strings.Join(r.Zones, ","), "-") }).between(9, 20),
			text("by", func(r *wayRow) string { return whereOf(r.By) }).middle(12, 26),
			text("namespace", func(r *wayRow) string { return r.By.Namespace }).wide(),
			text("from", func(r *wayRow) string { return whereOf(r.From) }).wide(),
			text("host", func(r *wayRow) string { return r.Host }).wide(),
			text("path", func(r *wayRow) string { return r.Path }).wide(),
			text("listen", func(r *wayRow) string { return r.Listen }).wide(),
		},
		Tone: func(r *wayRow) theme.Tone {
			if r.State == network.Idle {
				return theme.Muted
			}
			return theme.Text
		},
		Open: func(s *Session, scope Scope) source[*wayRow] { return newWaySource(s, scope) },
		Enter: func(s *Session, r *wayRow) tea.Msg {
			return ui.Push(traceFrame(s, r.By, r.key, r.Meta.Name))
		},
		Ref:   func(r *wayRow) kube.Ref { return r.By },
		Study: hopsStudy,
		Pane:  wayPane,
		Empty: noWays,
		More:  wayActions,
		First: []keymap.ActionID{keymap.GoOpen, keymap.NetworkFix, keymap.GoTrace, keymap.ForwardStart, keymap.ListFilter},
	}
}

// tlsSoon is how many days before the end of a certificate it stands out.
const tlsSoon = 14

func stateWords() []string {
	var words []string
	for s := network.Broken; s <= network.Reachable; s++ {
		words = append(words, s.String())
	}
	return words
}

func stateTone(s network.State) theme.Tone {
	switch s {
	case network.Broken:
		return theme.Error
	case network.Doubtful, network.Unknown, network.Degraded:
		return theme.Warn
	case network.Idle:
		return theme.Muted
	case network.Reachable:
	}
	return theme.Text
}

// wayTarget names the service behind a way and its port: a port of the service
// itself by the name that it has there, since its number is in the address.
func wayTarget(r *wayRow) string {
	if name, _, named := strings.Cut(r.Listen, " "); named && r.By == r.Target {
		return r.Target.Name + ":" + name
	}
	to := "-"
	if r.Target.Name != "" {
		to = r.Target.Name
	}
	if r.TargetPort != "" {
		to += ":" + r.TargetPort
	}
	return to
}

// wayName is what to ask for, or what comes nearest to that.
func wayName(r *network.Route) string {
	return cmp.Or(r.Address(), r.Path, r.Listen, r.By.String())
}

// wayKeys tells ways apart by what they are, whatever becomes of them: their
// place, host and path; where these are the same, by where they lead, too.
func wayKeys(list []*network.Route) []string {
	keys, count := make([]string, len(list)), make(map[string]int, len(list))
	for i, r := range list {
		keys[i] = strings.Join([]string{
			r.By.GVR.Resource, r.By.Namespace, r.By.Name, r.From.GVR.Resource, r.From.Namespace, r.From.Name, r.Listen, r.Host, r.Path,
		}, "|")
		count[keys[i]]++
	}
	seen := map[string]int{}
	for i, k := range keys {
		if count[k] == 1 {
			continue
		}
		keys[i] = k + "|" + list[i].Target.Name + ":" + list[i].TargetPort
		if seen[keys[i]]++; seen[keys[i]] > 1 {
			keys[i] += "|" + strconv.Itoa(seen[keys[i]])
		}
	}
	return keys
}

// routesOf are the ways of some traces.
func routesOf(traces []*network.Trace) []*network.Route {
	list := make([]*network.Route, len(traces))
	for i, t := range traces {
		list[i] = &t.Route
	}
	return list
}

// waySource makes rows of a watch.
type waySource struct {
	watch   *networkWatch
	changed store.Signal
	rows    map[string]*wayRow // handed out last: those of ways that are as they were are the same
}

func newWaySource(s *Session, scope Scope) *waySource {
	src := &waySource{changed: store.NewSignal()}
	src.watch = s.watchNetwork(scope.Namespace, src.changed)
	return src
}

func (s *waySource) Changed() <-chan struct{} { return s.changed }
func (s *waySource) Status() store.Status     { return s.watch.status() }

// Close ends the listening.
func (s *waySource) Close() { s.watch.leave(s.changed) }

// Take returns all ways.
func (s *waySource) Take() (store.Delta[*wayRow], store.Status) {
	d := store.Delta[*wayRow]{Reset: true}
	list := s.watch.routes()
	rows := make(map[string]*wayRow, len(list))
	for i, key := range wayKeys(list) {
		r := s.rows[key]
		if r == nil || r.Route != list[i] {
			r = &wayRow{Meta: store.Meta{UID: types.UID(key), Namespace: list[i].By.Namespace, Name: wayName(list[i])}, Route: list[i], key: key, watch: s.watch}
		}
		rows[key] = r
		d.Added = append(d.Added, r)
	}
	s.rows = rows
	return d, s.Status()
}

// hopsStudy is the reading about a way: all of its hops.
func hopsStudy(_ *Session, r *wayRow) study {
	return study{
		key:  r.Route, // a way that is judged anew is another one
		read: func(context.Context) any { return orNil(r.watch.way(r.By, r.key)) },
	}
}

// noWays says why there are no rows.
func noWays(s *Session, problem string) []textview.Line {
	if problem != "" {
		lines := textview.FromText("it is not known who is reachable: "+problem, theme.Warn)
		if names := s.refusedWays(); len(names) > 1 {
			lines = append(lines, textview.FromText("not read, forbidden: "+strings.Join(names, ", "), theme.Warn)...)
		}
		return lines
	}
	where := "in the cluster"
	if s.Namespace != "" {
		where = "in namespace " + s.Namespace
	}
	return []textview.Line{{{Text: "there is no way in " + where + ": no Service, no Ingress, no route of a Gateway", Tone: theme.Muted}}}
}

// refusedWays are the resources that the network of the session's scope is made of
// and that may not be read.
func (s *Session) refusedWays() []string {
	s.mu.Lock()
	w := s.networks[networkScope{s.Client, s.Namespace}]
	s.mu.Unlock()
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	if w.feed != nil {
		for r, st := range w.feed.Statuses() {
			if st.Phase == store.Forbidden {
				names = append(names, string(r))
			}
		}
	}
	slices.Sort(names)
	return names
}
