package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// detail returns all that is known of a workload.
func (f *family) detail(now int64) Detail {
	s := f.judge(now)
	d := Detail{Status: s, Groups: f.groups(now), Budget: f.budget(s.Counts), Missing: Unknown, Events: f.events(), Gaps: f.fleet.Gaps()}
	if f.knowPods && f.work.Kind == DaemonSet {
		d.Missing = max(0, s.Counts.Desired-s.Counts.Total)
	}
	if !s.Done || s.State == OnDelete {
		d.Blockers = f.blockers(now)
	}
	d.Next = f.next(s, d.Budget, now)
	d.Services = f.services()
	d.Notes = f.notes(s)
	return d
}

// groups returns the pods by their revisions.
func (f *family) groups(now int64) []PodGroup {
	byKey := map[string]*PodGroup{}
	group := func(key string) *PodGroup {
		g, ok := byKey[key]
		if !ok {
			g = &PodGroup{Name: key, Hash: key, Desired: Unknown}
			byKey[key] = g
		}
		return g
	}
	for _, s := range f.sets {
		if s.Desired == 0 && s.Current == 0 && s != f.newSet && len(f.fleet.podsOf[s.UID]) == 0 {
			continue // history
		}
		g := group(string(s.UID))
		g.Name, g.Revision, g.Hash, g.Images, g.Created, g.Desired = s.Name, s.Revision, s.Labels.Get(f.hashLabel()), s.Images, s.Created, s.Desired
		g.New = s == f.newSet
	}
	for _, p := range f.pods {
		g := group(f.keyOf(p))
		g.New = g.New || f.isNew(p)
		stage, why := stageOf(p, f.work.Rolling.MinReady, now, f.pulling(p))
		g.ByStage[stage]++
		n, ok := ordinal(p.Name)
		if !ok || f.work.Kind != StatefulSet {
			n = -1
		}
		g.Pods = append(g.Pods, Pod{Pod: p, Stage: stage, Why: why, Ordinal: n})
	}
	for _, v := range f.revs {
		g, ok := byKey[f.keyOfRev(v)]
		if !ok && v == f.newRev { // none of its pods is there yet
			g = group(f.keyOfRev(v))
			g.New, ok = true, true
		}
		if ok {
			g.Name, g.Revision, g.Created = v.Name, strconv.FormatInt(v.Revision, 10), v.Created
		}
	}
	groups := make([]PodGroup, 0, len(byKey))
	for _, g := range byKey {
		sortPods(g.Pods)
		if g.Images == nil {
			g.Images = f.imagesOf(g)
		}
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b PodGroup) int {
		return cmp.Or(cmp.Compare(old(a.New), old(b.New)), cmp.Compare(atoi(b.Revision), atoi(a.Revision)), cmp.Compare(b.Created, a.Created), strings.Compare(a.Name, b.Name))
	})
	return groups
}

// hashLabel is the label by which ReplicaSets tell their pods apart.
func (f *family) hashLabel() string {
	if f.work.Kind == ArgoRollout {
		return object.ArgoHash
	}
	return hashOfSet
}

// keyOf tells the revisions of pods apart.
func (f *family) keyOf(p *object.Pod) string {
	if f.work.Kind == StatefulSet || f.work.Kind == DaemonSet {
		return p.Labels.Get(hashOfRev)
	}
	return string(p.Owner.UID)
}

// keyOfRev returns what pods of a ControllerRevision have as their hash: its
// name if they are a StatefulSet's, its own label if they are a DaemonSet's.
func (f *family) keyOfRev(v *object.ControllerRevision) string {
	if f.work.Kind == StatefulSet {
		return v.Name
	}
	return v.Labels.Get(hashOfRev)
}

// imagesOf returns the images of a revision of which only pods are known.
func (f *family) imagesOf(g *PodGroup) []string {
	if g.New {
		return f.work.Images
	}
	var images []string
	if len(g.Pods) > 0 {
		for _, c := range g.Pods[0].Containers {
			if c.Type == object.App {
				images = append(images, c.Image)
			}
		}
	}
	return images
}

func atoi(revision string) int64 {
	n, _ := strconv.ParseInt(revision, 10, 64) // 0 for one that is not known
	return n
}

// sortPods puts the failed first, a StatefulSet's by ordinal.
func sortPods(list []Pod) {
	slices.SortFunc(list, func(a, b Pod) int {
		if a.Ordinal >= 0 && b.Ordinal >= 0 {
			return cmp.Compare(b.Ordinal, a.Ordinal)
		}
		return cmp.Or(
			cmp.Compare(old(a.Stage == StageFailed), old(b.Stage == StageFailed)),
			cmp.Compare(a.Stage, b.Stage), strings.Compare(a.Name, b.Name),
		)
	})
}

// pulling reports whether a pod's node is pulling an image for it.
func (f *family) pulling(p *object.Pod) bool {
	e := newest(withReason(f.fleet.events[p.UID], "Pulling", "Pulled", "Failed", "BackOff", "Created", "Started"))
	return e != nil && e.Reason == "Pulling"
}

// events returns the events of the workload and of all that belongs to it.
func (f *family) events() []*object.Event {
	list := slices.Clone(f.fleet.events[f.work.UID])
	for _, s := range f.sets {
		list = append(list, f.fleet.events[s.UID]...)
	}
	for _, p := range f.pods {
		list = append(list, f.fleet.events[p.UID]...)
	}
	sortEvents(list)
	return list
}

// services returns the services that select pods of the workload, and where
// their endpoints stand.
func (f *family) services() []Service {
	mine := map[types.UID]bool{} // whether new
	for _, p := range f.pods {
		mine[p.UID] = f.isNew(p)
	}
	var found []Service
	for _, svc := range f.fleet.services {
		if svc.Namespace != f.work.Namespace || svc.Selector == "" || !f.selects(svc.Selector) {
			continue
		}
		s := Service{Name: svc.Name, Known: f.fleet.readable(endpointSlices)}
		for _, slice := range f.fleet.slices {
			if slice.Service == svc.Name && slice.Namespace == svc.Namespace {
				s.count(slice, mine)
			}
		}
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// count adds the endpoints of a slice. The same pod may be in two slices, of two
// address families: those of one are counted, of the family that comes first.
func (s *Service) count(slice *object.EndpointSlice, mine map[types.UID]bool) {
	if slice.Family == "IPv6" && s.family == "IPv4" || slice.Family == "FQDN" {
		return
	}
	if slice.Family == "IPv4" && s.family == "IPv6" {
		*s = Service{Name: s.Name, Known: s.Known}
	}
	s.family = slice.Family
	for i := range slice.Endpoints {
		e := &slice.Endpoints[i]
		isNew, ours := mine[e.Pod]
		switch {
		case e.Terminating && e.Serving:
			s.Terminating++
		case !e.Ready:
			s.NotReady++
		case !ours:
			s.Others++
		case isNew:
			s.New++
		default:
			s.Old++
		}
	}
}

// selects reports whether a selector in words matches the workload's pods.
func (f *family) selects(selector string) bool {
	if selector == "<none>" { // an empty one, which selects all
		return true
	}
	parsed, err := labels.Parse(selector)
	if err != nil {
		return false // no selector that the API server would take
	}
	return slices.ContainsFunc(f.pods, func(p *object.Pod) bool { return p.Labels != nil && parsed.Matches(p.Labels) })
}

// disruptionBudgets returns those that protect the workload's pods.
func (f *family) disruptionBudgets() []*object.Budget {
	var found []*object.Budget
	for _, b := range f.fleet.budgets {
		if b.Namespace == f.work.Namespace && b.Selector != "" && f.selects(b.Selector) {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b *object.Budget) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// notes tells what else bears on the rollout.
func (f *family) notes(s *Status) []string {
	var notes []string
	for _, uid := range slices.Sorted(maps.Keys(f.fleet.scalers)) {
		a := f.fleet.scalers[uid]
		if a.Namespace == f.work.Namespace && a.TargetKind == f.work.Kind && a.Target == f.work.Name {
			notes = append(notes, fmt.Sprintf("hpa/%s keeps it between %d and %d replicas: %s", a.Name, a.Min, a.Max, a.Status))
		}
	}
	if s.State != Complete && s.State != Zero {
		for _, b := range f.disruptionBudgets() {
			if b.Allowed == 0 {
				notes = append(notes, fmt.Sprintf(
					"pdb/%s allows no disruption now (%s, %d healthy of %d): it does not hold the rollout, which deletes pods, but evictions and drains",
					b.Name, b.Rule, b.Healthy, b.Expected))
			}
		}
	}
	if f.work.Rolling.Collisions > 0 {
		notes = append(notes, fmt.Sprintf("hashes of its templates have collided %d %s", f.work.Rolling.Collisions, plural(int(f.work.Rolling.Collisions), "time")))
	}
	return notes
}

// next says what the controller does next and what it waits for.
func (f *family) next(s *Status, b Budget, now int64) string {
	w, c := f.work, s.Counts
	if w.Argo != nil {
		return argoNext(w.Argo)
	}
	switch s.State {
	case Complete, Zero:
		return ""
	case Deleting:
		return "the workload is being deleted"
	case Unobserved:
		return "waits for its controller to see the newest spec"
	case Paused:
		return "nothing, until somebody resumes it"
	case OnDelete:
		return fmt.Sprintf("nothing, until somebody deletes one of %d old pods", c.Old)
	case Partitioned:
		return fmt.Sprintf("nothing, until the partition is lowered below %d", w.Partition)
	case Stuck, Progressing:
	}
	switch w.Kind {
	case StatefulSet:
		return f.nextOrdinal(now)
	case DaemonSet:
		return f.nextNode(c, b)
	}
	return nextReplica(c, b, w.Strategy)
}

// nextReplica says what a Deployment's controller does next.
func nextReplica(c Counts, b Budget, strategy string) string {
	if strategy == "Recreate" && c.Old > 0 {
		return fmt.Sprintf("deletes all old pods before it makes new ones: %d left", c.Old)
	}
	switch {
	case c.New < c.Desired && b.SpareSurge > 0:
		return fmt.Sprintf("makes up to %d new %s: %d of %d that there may be", b.SpareSurge, plural(int(b.SpareSurge), "pod"), c.Total, b.Most)
	case c.Old > 0 && b.SpareDown > 0:
		return fmt.Sprintf("takes away up to %d old %s: %d available, %d must be", min(c.Old, b.SpareDown), plural(int(min(c.Old, b.SpareDown)), "pod"), c.Available, b.Least)
	case c.Old > 0:
		return fmt.Sprintf("waits for a new pod to be available before an old one goes: %d of %d pods that there may be, %d available and %d must be",
			c.Total, b.Most, c.Available, b.Least)
	case c.Total > c.Desired:
		return fmt.Sprintf("takes away %d %s", c.Total-c.Desired, plural(int(c.Total-c.Desired), "pod"))
	}
	return fmt.Sprintf("waits for %d more %s to be available", max(0, c.Desired-c.Available), plural(int(c.Desired-c.Available), "pod"))
}

// nextOrdinal says which pod a StatefulSet's controller waits for or replaces
// next: it makes missing ones from the first up, takes away those beyond the
// last, and replaces from the last down to the partition.
func (f *family) nextOrdinal(now int64) string {
	if !f.knowPods {
		return "not known: its pods are not read"
	}
	w := f.work
	byOrdinal := map[int32]*object.Pod{}
	for _, p := range f.pods {
		if n, ok := ordinal(p.Name); ok {
			byOrdinal[n] = p
		}
	}
	first, end := w.Rolling.FirstOrdinal, w.Rolling.FirstOrdinal+w.Desired
	name := func(n int32) string { return fmt.Sprintf("%s-%d", w.Name, n) }
	for n := first; n < end; n++ {
		p := byOrdinal[n]
		switch {
		case p == nil:
			return "makes " + name(n)
		case w.Rolling.Parallel:
		case p.Deleted != 0:
			return "waits for " + name(n) + " to go, to make it anew"
		case p.Phase != string(corev1.PodRunning) || !isAvailable(p, w.Rolling.MinReady, now):
			return "waits for " + name(n) + " to be available before it looks at any other"
		}
	}
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(byOrdinal))) {
		switch {
		case n >= first && n < end: // stays
		case byOrdinal[n].Deleted == 0:
			return "takes away " + name(n)
		case !w.Rolling.Parallel:
			return "waits for " + name(n) + " to go"
		}
	}
	if w.Strategy == string(appsv1.RollingUpdateStatefulSetStrategyType) {
		for n := end - 1; n >= first+w.Partition; n-- {
			p := byOrdinal[n]
			switch {
			case p.Deleted != 0:
				return "waits for " + name(n) + " to go, to make it anew"
			case !f.isNew(p):
				return "replaces " + name(n)
			case !isAvailable(p, w.Rolling.MinReady, now):
				return "waits for " + name(n) + " to be available"
			}
		}
	}
	return "waits for its controller to count its pods" // which were read later than its status
}

// nextNode says on how many nodes a DaemonSet's controller may replace pods.
func (f *family) nextNode(c Counts, b Budget) string {
	down := max(0, c.Desired-c.Available)
	switch {
	case c.Total < c.Desired:
		return fmt.Sprintf("makes pods on %d %s without one", c.Desired-c.Total, plural(int(c.Desired-c.Total), "node"))
	case c.Old > 0 && b.Surge > 0:
		return fmt.Sprintf("makes new pods beside the old ones on up to %d %s at a time", b.Surge, plural(int(b.Surge), "node"))
	case c.Old > 0 && down < b.Unavailable:
		return fmt.Sprintf("replaces pods on up to %d more %s", b.Unavailable-down, plural(int(b.Unavailable-down), "node"))
	case c.Old > 0:
		return fmt.Sprintf("waits for new pods to be available: %d of %d that may be missing are", down, b.Unavailable)
	}
	return fmt.Sprintf("waits for %d %s to be available", down, plural(int(down), "pod"))
}

// Gaps returns what could not be read, or not yet all, by name.
func (f *Fleet) Gaps() []Gap {
	var gaps []Gap
	for _, name := range slices.Sorted(maps.Keys(f.read)) {
		if s := f.read[name]; s.Phase != store.Live {
			gaps = append(gaps, Gap{Resource: name, Status: s})
		}
	}
	return gaps
}
