package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/labels"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
)

// The order of what fits equally well in the choice of logs.
const (
	rankNamed = iota
	rankSelector
)

// logsWord leads in the palette to the choice of whose logs to read.
const logsWord = "logs"

// logsItem opens that choice.
func (s *Session) logsItem() ui.Item {
	return ui.Item{
		Label: logsWord, Detail: "read the logs of KIND/NAME, of a pod, or of a label selector", Rank: rankKind,
		Run: func() tea.Msg { return ui.Pick(s.logsPicker()) },
	}
}

// subPicker is the picker that a word typed into the palette leads to.
func (s *Session) subPicker(text string) (sub *ui.Picker, rest string) {
	if rest, ok := strings.CutPrefix(strings.TrimLeft(text, " "), logsWord+" "); ok {
		return s.logsPicker(), strings.TrimLeft(rest, " ")
	}
	return nil, ""
}

// logsPicker returns the choice of whose logs to read: what selects pods, by
// name, and the labels that it selects them by. Anything else can be typed.
func (s *Session) logsPicker() *ui.Picker {
	return &ui.Picker{
		Title: "logs of", Loads: "names", Load: []tea.Cmd{s.loadLogs},
		Free: func(text string) (ui.Item, bool) { return s.logsOf(text) },
	}
}

// loadLogs finds what selects pods, all kinds at the same time.
func (s *Session) loadLogs() tea.Msg {
	none := func(*object.Workload) string { return "" }
	selector := func(w *object.Workload) string { return w.Selector }
	kinds := []func() ([]logTarget, error){
		func() ([]logTarget, error) { return selecting(s, object.Deployments(), selector) },
		func() ([]logTarget, error) { return selecting(s, object.StatefulSets(), selector) },
		func() ([]logTarget, error) { return selecting(s, object.DaemonSets(), selector) },
		func() ([]logTarget, error) { return selecting(s, object.CronJobs(), none) },
		func() ([]logTarget, error) { return selecting(s, object.Jobs(), selector) },
		func() ([]logTarget, error) {
			return selecting(s, object.Services(), func(v *object.Service) string { return v.Selector })
		},
	}
	targets, errs := make([][]logTarget, len(kinds)), make([]error, len(kinds))
	var wg sync.WaitGroup
	for i, find := range kinds {
		wg.Go(func() {
			defer utilruntime.HandleCrash()
			targets[i], errs[i] = find()
		})
	}
	wg.Wait()
	var loaded ui.Loaded
	for _, t := range slices.Concat(targets...) {
		detail := t.pods.Labels
		if s.Namespace == "" {
			detail = t.ref.Namespace + "  " + detail
		}
		loaded.Items = append(loaded.Items, ui.Item{
			Label: t.title(), Detail: detail, Rank: rankNamed,
			Run: func() tea.Msg { return s.readLogs(t.title(), false, []logTarget{t}) },
		})
	}
	known := map[string]bool{}
	for _, t := range slices.Concat(targets...) {
		if labels := t.pods.Labels; labels != "" && !known[labels] {
			known[labels] = true
			item, _ := s.logsOf("-l " + labels)
			item.Label, item.Rank = labels, rankSelector
			loaded.Items = append(loaded.Items, item)
		}
	}
	for _, err := range errs {
		if err != nil { // the others most probably fail for the same reason
			loaded.Problem = "not all names: " + err.Error()
			break
		}
	}
	return loaded
}

// selecting returns the objects of a kind that have pods.
func selecting[T store.Object](s *Session, kind store.Kind[T], selector func(T) string) ([]logTarget, error) {
	objects, err := listed(s, kind)
	targets := make([]logTarget, 0, len(objects))
	for _, o := range objects {
		m := o.Head()
		t := logTarget{
			ref:  kube.Ref{GVR: kind.GVR, Kind: kind.Kind, Namespace: m.Namespace, Name: m.Name, UID: m.UID},
			pods: logs.Selection{Namespace: m.Namespace, Labels: selector(o)},
		}
		if t.unread = t.pods.Labels == ""; t.unread && kind.Kind != "CronJob" {
			continue
		}
		targets = append(targets, t)
	}
	if err != nil {
		return targets, errors.New(s.explain(err, "list "+kind.GVR.Resource, place(s.Namespace)))
	}
	return targets, nil
}

// listed returns the objects of a kind in the session's namespace: what a list
// that is open has, or else what the server says within the time of one call.
func listed[T store.Object](s *Session, kind store.Kind[T]) ([]T, error) {
	ctx, cancel := s.Client.Call(context.Background())
	defer cancel()
	sub := store.Open(s.Client.Stores, kind, store.Scope{Namespace: s.Namespace})
	defer sub.Close()
	byUID := map[string]T{}
	for {
		delta, st := sub.Take()
		if delta.Reset {
			clear(byUID)
		}
		for _, o := range delta.Added {
			byUID[string(o.Head().UID)] = o
		}
		for _, o := range delta.Removed {
			delete(byUID, string(o.Head().UID))
		}
		if st.Phase != store.Syncing {
			return sorted(byUID), st.Err
		}
		select {
		case <-sub.Changed():
		case <-ctx.Done():
			return sorted(byUID), ctx.Err()
		}
	}
}

func sorted[T store.Object](byUID map[string]T) []T {
	objects := make([]T, 0, len(byUID))
	for _, o := range byUID {
		objects = append(objects, o)
	}
	slices.SortFunc(objects, func(a, b T) int {
		return strings.Compare(a.Head().Namespace+"/"+a.Head().Name, b.Head().Namespace+"/"+b.Head().Name)
	})
	return objects
}

// logsOf returns what a typed text reads the logs of. It is sure of a label
// selector; what may be a name might be completed.
func (s *Session) logsOf(text string) (item ui.Item, sure bool) {
	name, err := parseLogsOf(text)
	item = ui.Item{Label: text}
	to := s
	switch {
	case name.all:
		to = s.In("")
	case name.namespace != "":
		to = s.In(name.namespace)
	}
	switch {
	case err != nil:
		item.Disabled = err.Error()
	case name.namespace != "" && notNamespace(name.namespace) != "":
		item.Disabled = notNamespace(name.namespace)
	case name.selector != "":
		item.Detail = "the pods with these labels in " + to.inWords()
		item.Run = func() tea.Msg {
			return s.openLogs(name.title(), false, []logs.Selection{{Namespace: to.Namespace, Labels: name.selector, Container: name.container}})
		}
	case to.Namespace == "" && !clusterWide(name.kind):
		item.Disabled = "of which namespace? add -n NAMESPACE, or choose one with " + s.Keys.Label(keymap.NamespaceSwitch)
	default:
		item.Detail = fmt.Sprintf("the logs of this %s in %s", name.kind, to.inWords())
		item.Run = func() tea.Msg { return to.readNamed(name) }
	}
	return item, name.selector != "" || strings.Contains(text, " ")
}

// inWords names the session's namespaces in a sentence.
func (s *Session) inWords() string {
	if s.Namespace == "" {
		return "all namespaces"
	}
	return s.Namespace
}

// clusterWide reports whether objects of a kind are in no namespace, as far as
// that is known.
func clusterWide(kind string) bool {
	o, ok := known(kind)
	return ok && !o.Names().Namespaced
}

// readNamed opens the logs of an object that was named.
func (s *Session) readNamed(name logsName) tea.Msg {
	return s.with(name.kind, func(o Opener) tea.Msg {
		n := o.Names()
		t := logTarget{
			ref: kube.Ref{GVR: n.GVR, Kind: n.Kind, Namespace: s.Namespace, Name: name.name}, unread: true,
			pods: logs.Selection{Container: name.container},
		}
		if !n.Namespaced {
			t.ref.Namespace = ""
		}
		return s.readLogs(t.title(), false, []logTarget{t})
	})
}

// logsName is what `logs` was typed with: a label selector, or a kind and a name.
type logsName struct {
	selector, kind, name string
	namespace, container string
	all                  bool // namespaces
}

func (n logsName) title() string {
	if n.container != "" {
		return n.selector + " " + n.container
	}
	return n.selector
}

// parseLogsOf reads what is typed after `logs`: POD, KIND/NAME or a label
// selector, and the flags that `qd logs` has for them: -n, -A, -c and -l.
func parseLogsOf(text string) (logsName, error) {
	var n logsName
	var rest []string
	selects := false
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		var value *string
		switch w := words[i]; w {
		case "-A":
			n.all = true
			continue
		case "-n":
			value = &n.namespace
		case "-c":
			value = &n.container
		case "-l":
			selects = true
			continue
		default:
			if strings.HasPrefix(w, "-") {
				return n, fmt.Errorf("%s is not known here: -n NAMESPACE, -A, -c CONTAINER and -l SELECTOR are", sanitize.Line(w))
			}
			rest = append(rest, w)
			continue
		}
		if i++; i == len(words) {
			return n, fmt.Errorf("%s lacks a value", words[i-1])
		}
		*value = words[i]
	}
	what := strings.Join(rest, " ")
	switch {
	case what == "":
		return n, errors.New("whose logs? type a POD, KIND/NAME, or labels such as app=web")
	case selects || strings.ContainsAny(what, "=!,() "):
		if _, err := labels.Parse(what); err != nil {
			return n, fmt.Errorf("not a label selector, as in app=web,tier!=cache: %w", err)
		}
		n.selector = what
		return n, nil
	}
	n.kind, n.name = "pod", what
	if kind, name, ok := strings.Cut(what, "/"); ok {
		n.kind, n.name = kind, name
	}
	if n.kind == "" || n.name == "" {
		return n, errors.New("half of KIND/NAME is missing, as in deploy/web")
	}
	return n, nil
}
