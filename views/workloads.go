package views

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// workloadRow is one row of Workloads: a workload or a pod that nothing owns,
// or, unfolded below one of them, what it consists of.
type workloadRow struct {
	store.Meta
	work *object.Workload  // of a workload, nil otherwise
	pod  *object.Pod       // of a pod or a container
	part *object.Container // of a container

	root  *workloadRow // itself, unless it is unfolded below another
	rank  int          // place below the root
	depth int
	open  bool

	pods     []*object.Pod // that belong to it
	restarts int32
	last     int64 // restart, seconds since 1970
	requests object.Resources
}

// workloads is the home view: everything that runs pods, in one list.
func workloads() *Resource[*workloadRow] {
	return &Resource[*workloadRow]{
		Kind: store.Kind[*workloadRow]{
			GVR: corev1.SchemeGroupVersion.WithResource("workloads"), Kind: "Workload", Namespaced: true,
		},
		Name: "workloads", Short: []string{"wk", "workload"}, Primary: keymap.ViewWorkloads,
		Columns: append([]Column[*workloadRow]{
			{
				ID: "name", Kind: field.Text, Min: 24, Flex: 2, Middle: true,
				Value: func(r *workloadRow, _ *Env) field.Value { return field.Of(strings.Repeat("  ", r.depth) + r.Name) },
			},
			text("kind", (*workloadRow).kind),
			{
				ID: "ready", Kind: field.Number, Align: cell.Right,
				Value: func(r *workloadRow, _ *Env) field.Value { return r.ready() },
			},
			{
				ID: "status", Kind: field.Text, Min: statusWidth, Max: 28,
				Value: func(r *workloadRow, _ *Env) field.Value { return field.Of(r.status()) },
				Tone:  workloadRowTone,
			},
			{
				ID: "restarts", Kind: field.Number, Align: cell.Right,
				Value: func(r *workloadRow, e *Env) field.Value { return restartsAgo(r.restarts, r.last, e) },
			},
		}, append(usageOfRequests(rowUsage, func(r *workloadRow) object.Resources { return r.requests }),
			text("image", (*workloadRow).image).middle(8, 32),
			ageColumn[*workloadRow](),
			labelsColumn[*workloadRow](),
		)...),
		Open: func(s *Session, scope Scope) source[*workloadRow] { return newWorkloadSource(s, scope) },
		Enter: func(s *Session, r *workloadRow) tea.Msg {
			switch {
			case r.pod != nil:
				return pods().Enter(s, r.pod)
			case r.work.Kind == "CronJob":
				return ui.Push(jobs().Frame(s, Scope{Namespace: r.Namespace, Owner: r.UID, Title: "cronjob/" + r.Name}))
			}
			return enterPods(s, r.work)
		},
		Pods: func(r *workloadRow) (Scope, bool) {
			if r.work == nil {
				return Scope{}, false
			}
			return podsOf(r.work)
		},
		MayHavePods: true, // a CronJob, by way of its jobs
		Node: func(r *workloadRow) string {
			if r.pod == nil {
				return ""
			}
			return r.pod.Node
		},
		Ref: func(r *workloadRow) kube.Ref {
			if r.pod != nil {
				return pods().ref(r.pod)
			}
			return workloadRef(r.work)
		},
		Container: func(r *workloadRow) string {
			if r.part == nil {
				return ""
			}
			return r.part.Name
		},
		Tone: func(r *workloadRow) theme.Tone {
			if r.work != nil && r.work.Done() && r.work.Trouble == "" {
				return theme.Muted
			}
			return theme.Text
		},
		Root:  func(r *workloadRow) (*workloadRow, int) { return r.root, r.rank },
		Usage: func(s Scope) metrics.Scope { return metrics.Pods(s.Namespace) },
	}
}

func (r *workloadRow) kind() string {
	switch {
	case r.part != nil:
		return r.part.Type.String()
	case r.pod != nil:
		return "pod"
	}
	return shortKind(r.work.Kind)
}

func (r *workloadRow) ready() field.Value {
	switch {
	case r.part != nil:
		ready := int64(0)
		if r.part.Ready {
			ready = 1
		}
		return pair(ready, 1)
	case r.pod != nil:
		return pair(int64(r.pod.Ready), int64(r.pod.Total))
	case r.work.Kind == "CronJob":
		return field.Value{}.WithText("-")
	}
	return pair(int64(r.work.Ready), int64(r.work.Desired))
}

func (r *workloadRow) status() string {
	switch {
	case r.part != nil:
		return containerState(r.part)
	case r.pod != nil:
		return r.pod.Status
	}
	words, _ := r.work.Status()
	if r.work.Trouble == "" && r.work.Kind != "CronJob" {
		if why := r.trouble(); why != "" {
			return why
		}
	}
	return words
}

// trouble is the commonest state of those pods that are in the way, "" if
// none is: "CrashLoopBackOff", which says more than "1 not ready".
func (r *workloadRow) trouble() string {
	words, fine := r.work.Status()
	if fine && !strings.HasPrefix(words, "rolling") {
		return ""
	}
	count := map[string]int{}
	best := ""
	for _, p := range r.pods {
		if statusTone(p.Status) == theme.Error {
			count[p.Status]++
			if n := count[p.Status]; n > count[best] || (n == count[best] && p.Status < best) {
				best = p.Status
			}
		}
	}
	return best
}

func (r *workloadRow) image() string {
	switch {
	case r.part != nil:
		return object.ShortImage(r.part.Image)
	case r.pod != nil:
		return podImages(r.pod)
	}
	return r.work.Image()
}

func workloadRowTone(r *workloadRow, e *Env) theme.Tone {
	switch {
	case r.part != nil:
		return containerTone(r.part)
	case r.pod != nil:
		return podTone(r.pod, e)
	case r.work.Trouble == "" && r.trouble() != "":
		if r.work.Ready == 0 {
			return theme.Error
		}
		return theme.Warn
	}
	return workloadTone(r.work, e)
}

// folds remembers which rows are unfolded. The view changes it while the
// source reads it in another goroutine.
type folds struct {
	mu   sync.Mutex
	open map[types.UID]bool
}

func (f *folds) set(uid types.UID, open bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[types.UID]bool{}
	}
	if open {
		f.open[uid] = true
	} else {
		delete(f.open, uid)
	}
}

func (f *folds) isOpen(uid types.UID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[uid]
}

// part is one of the stores that Workloads is made of.
type part struct {
	name string
	sub  interface {
		Changed() <-chan struct{}
		Status() store.Status
		Close()
	}
}

// workloadSource joins the workloads and their pods. Its maps belong to the one
// goroutine that calls Take and Has.
type workloadSource struct {
	parts   []part
	works   map[string]*store.Subscription[*object.Workload] // by kind
	podsSub *store.Subscription[*object.Pod]
	changed store.Signal
	done    chan struct{}
	folds   *folds

	work map[types.UID]*object.Workload
	pods map[types.UID]*object.Pod
}

func newWorkloadSource(s *Session, scope Scope) *workloadSource {
	src := &workloadSource{
		changed: store.NewSignal(), done: make(chan struct{}), folds: scope.folds,
		works: map[string]*store.Subscription[*object.Workload]{},
		work:  map[types.UID]*object.Workload{}, pods: map[types.UID]*object.Pod{},
	}
	hub, in := s.Client.Stores, scope.store()
	for _, k := range []store.Kind[*object.Workload]{
		object.Deployments(), object.StatefulSets(), object.DaemonSets(), object.CronJobs(), object.Jobs(), object.ReplicaSets(),
	} {
		sub := store.Open(hub, k, in)
		src.works[k.Kind] = sub
		src.parts = append(src.parts, part{k.GVR.Resource, sub})
	}
	src.podsSub = store.Open(hub, object.Pods(), in)
	src.parts = append(src.parts, part{"pods", src.podsSub})
	for _, p := range src.parts {
		go src.changed.Relay(p.sub.Changed(), src.done)
	}
	return src
}

func (s *workloadSource) Changed() <-chan struct{} { return s.changed }

func (s *workloadSource) Close() {
	close(s.done)
	for _, p := range s.parts {
		p.sub.Close()
	}
}

// Status joins the states of the stores: what is not there yet, is stale or may
// not be read makes the whole so.
func (s *workloadSource) Status() store.Status {
	statuses := make([]store.Status, len(s.parts))
	names := make([]string, len(s.parts))
	for i, p := range s.parts {
		statuses[i], names[i] = p.sub.Status(), p.name
	}
	return joinStatus(statuses, names)
}

// Take returns all rows. They are few, a thousand or two in the largest
// clusters, and made anew each time from the pods, which are many.
func (s *workloadSource) Take() (store.Delta[*workloadRow], store.Status) {
	for kind, sub := range s.works {
		take(sub, s.work, func(w *object.Workload) bool { return w.Kind == kind })
	}
	take(s.podsSub, s.pods, func(*object.Pod) bool { return true })
	return store.Delta[*workloadRow]{Reset: true, Added: s.rows()}, s.Status()
}

// Has reports whether the object of a row is there, whether it is unfolded or not.
func (s *workloadSource) Has(uid types.UID) bool {
	if _, ok := s.work[uid]; ok {
		return true
	}
	pod, container, inner := strings.Cut(string(uid), "/")
	p, ok := s.pods[types.UID(pod)]
	if !ok || !inner {
		return ok
	}
	return slices.ContainsFunc(p.Containers, func(c object.Container) bool { return c.Name == container })
}

// take brings into into what changed in sub, whose objects are those that are
// its own.
func take[T store.Object](sub *store.Subscription[T], into map[types.UID]T, own func(T) bool) {
	d, _ := sub.Take()
	if d.Reset {
		maps.DeleteFunc(into, func(_ types.UID, o T) bool { return own(o) })
	}
	for _, o := range d.Removed {
		delete(into, o.Head().UID)
	}
	for _, o := range d.Added {
		into[o.Head().UID] = o
	}
}

func (s *workloadSource) rows() []*workloadRow {
	roots := make(map[types.UID]*workloadRow, len(s.work))
	rows := make([]*workloadRow, 0, len(s.work))
	newRow := func(w *object.Workload) *workloadRow {
		r := &workloadRow{Meta: w.Meta, work: w}
		r.root = r
		return r
	}
	for uid, w := range s.work {
		if s.rootOf(uid) == uid {
			r := newRow(w)
			roots[uid] = r
			rows = append(rows, r)
		}
	}
	for uid, p := range s.pods {
		var r *workloadRow
		if p.Owner != nil {
			r = roots[s.rootOf(p.Owner.UID)]
		}
		if r == nil { // nothing owns it, or something that is not shown here
			r = &workloadRow{Meta: p.Meta, pod: p}
			r.root = r
			roots[uid] = r
			rows = append(rows, r)
		}
		r.add(p)
	}
	for _, r := range rows[:len(rows):len(rows)] {
		if s.folds.isOpen(r.UID) {
			r.open = true
			rows = append(rows, s.unfold(r)...)
		}
	}
	return rows
}

// rootOf follows the owners of a workload as far as they are known.
func (s *workloadSource) rootOf(uid types.UID) types.UID {
	for {
		w, ok := s.work[uid]
		if !ok || w.Owner == nil {
			return uid
		}
		if _, ok := s.work[w.Owner.UID]; !ok {
			return uid
		}
		uid = w.Owner.UID
	}
}

func (r *workloadRow) add(p *object.Pod) {
	r.pods = append(r.pods, p)
	r.restarts += p.Restarts
	r.last = max(r.last, p.LastRestart)
	if p.Phase == string(corev1.PodRunning) || p.Phase == string(corev1.PodPending) {
		asked := p.Requests()
		r.requests.CPU += asked.CPU
		r.requests.Memory += asked.Memory
	}
}

// unfold returns the rows below root: replica sets and jobs that have pods,
// their pods, and their containers if those are unfolded too.
func (s *workloadSource) unfold(root *workloadRow) []*workloadRow {
	var rows []*workloadRow
	put := func(r *workloadRow, depth int) {
		r.root, r.rank, r.depth = root, len(rows)+1, depth
		rows = append(rows, r)
	}
	putPod := func(p *object.Pod, depth int) {
		r := &workloadRow{Meta: p.Meta, pod: p}
		r.add(p)
		if root.pod == nil {
			put(r, depth)
			if r.open = s.folds.isOpen(p.UID); !r.open {
				return
			}
		}
		for i := range p.Containers {
			c := &workloadRow{Meta: p.Meta, pod: p, part: &p.Containers[i], restarts: p.Containers[i].Restarts, requests: p.Containers[i].Requests}
			c.Name, c.UID = p.Containers[i].Name, types.UID(string(p.UID)+"/"+p.Containers[i].Name) // which Has takes apart
			if l := p.Containers[i].Last; l != nil {
				c.last = l.Finished
			}
			put(c, depth+1)
		}
	}
	byOwner := map[types.UID][]*object.Pod{}
	for _, p := range root.pods {
		owner := root.UID
		if p.Owner != nil {
			owner = p.Owner.UID
		}
		byOwner[owner] = append(byOwner[owner], p)
	}
	owners := make([]*object.Workload, 0, len(byOwner))
	for uid := range byOwner {
		if w, ok := s.work[uid]; ok && uid != root.UID {
			owners = append(owners, w)
		}
	}
	slices.SortFunc(owners, func(a, b *object.Workload) int { // newest first
		return cmp.Or(cmp.Compare(b.Created, a.Created), strings.Compare(a.Name, b.Name))
	})
	for _, w := range owners {
		r := &workloadRow{Meta: w.Meta, work: w}
		for _, p := range byOwner[w.UID] {
			r.add(p)
		}
		put(r, 1)
		slices.SortFunc(byOwner[w.UID], byName[*object.Pod])
		for _, p := range byOwner[w.UID] {
			putPod(p, 2)
		}
	}
	slices.SortFunc(byOwner[root.UID], byName[*object.Pod])
	for _, p := range byOwner[root.UID] {
		putPod(p, 1)
	}
	return rows
}
