package changes

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// feeding is one subscription of a Recorder.
type feeding struct {
	resource string
	what     Kept
	changed  <-chan struct{}
	status   func() store.Status
	take     func(t *Timeline, now time.Time)
	close    func()
	since    time.Time // when everything that was there had been read; belongs to who takes
}

// follower tells a Timeline what becomes of the objects of one resource.
type follower[T store.Object] struct {
	kind  store.Kind[T]
	known map[types.UID]T
	live  bool      // everything that was there at first is known
	lost  time.Time // since when the connection was lost, zero if it was not just now

	// found is told of objects that were there already, appeared of new ones,
	// changed of new versions.
	found, appeared func(t *Timeline, on kube.Ref, o T)
	changed         func(t *Timeline, on kube.Ref, before, after T, now time.Time)
	// gone is told of objects that are not there any more, nil for the usual.
	gone func(t *Timeline, on kube.Ref, o T)
	// all is told of all objects once they have been read, nil for nothing.
	all func(t *Timeline, objects map[types.UID]T)
}

func (f *follower[T]) ref(m *store.Meta) kube.Ref {
	return kube.Ref{GVR: f.kind.GVR, Kind: f.kind.Kind, Namespace: m.Namespace, Name: m.Name, UID: m.UID}
}

// take passes on what has changed.
func (f *follower[T]) take(t *Timeline, d store.Delta[T], st store.Status, now time.Time) {
	t.lost = f.lost
	current := make(map[types.UID]struct{}, len(d.Added))
	for _, o := range d.Added {
		m := o.Head()
		current[m.UID] = struct{}{}
		before, had := f.known[m.UID]
		f.known[m.UID] = o
		switch {
		case had && before != o:
			f.changed(t, f.ref(m), before, o, now)
		case had:
		case f.live:
			f.appeared(t, f.ref(m), o)
		default:
			f.found(t, f.ref(m), o)
		}
	}
	gone := d.Removed
	if d.Reset {
		for _, o := range f.known {
			gone = append(gone, o)
		}
	}
	for _, o := range gone {
		m := o.Head()
		if _, still := current[m.UID]; still {
			continue
		}
		if _, had := f.known[m.UID]; had {
			delete(f.known, m.UID)
			if f.gone != nil {
				f.gone(t, f.ref(m), o)
				continue
			}
			at := now.Unix()
			if m.Deleted != 0 {
				at = min(at, max(m.Deleted, m.Created))
			}
			t.deleted(f.ref(m), m.Owner, at)
		}
	}
	if !f.live && (st.Phase == store.Live || st.Phase == store.Stale) {
		f.live = true
		if f.all != nil {
			f.all(t, f.known)
		}
	}
}

func (f *follower[T]) open(hub *store.Hub, scope store.Scope, what Kept) *feeding {
	sub := store.Open(hub, f.kind, scope)
	feed := &feeding{
		resource: f.kind.GVR.GroupResource().String(), what: what,
		changed: sub.Changed(), status: sub.Status, close: sub.Close,
	}
	feed.take = func(t *Timeline, now time.Time) {
		d, st := sub.Take()
		if f.outage(st, now); !d.Empty() || !f.live {
			f.take(t, d, st, now)
		}
		if f.live && feed.since.IsZero() {
			feed.since = now
		}
	}
	return feed
}

// catchUp is how long what happened while a connection was lost may take to
// arrive when it is back.
const catchUp = 5 * time.Second

// outage notes since when what changes may have changed at any time.
func (f *follower[T]) outage(st store.Status, now time.Time) {
	switch {
	case st.Phase == store.Stale && f.lost.IsZero():
		f.lost = st.Since
	case st.Phase == store.Live && now.Sub(st.Since) > catchUp:
		f.lost = time.Time{}
	}
}

// values follows objects whose facts tell what was changed, with old and new
// values.
func values[T store.Object](kind store.Kind[T], facts func(T) Facts) *follower[T] {
	return &follower[T]{
		kind: kind, known: map[types.UID]T{},
		found: func(*Timeline, kube.Ref, T) {},
		appeared: func(t *Timeline, on kube.Ref, o T) {
			t.made(on, o.Head().Owner, "", o.Head().Created, true)
		},
		changed: func(t *Timeline, on kube.Ref, before, after T, now time.Time) {
			if fields := compare(facts(before), facts(after)); len(fields) > 0 {
				t.saw(on, after.Head().Owner, fields, now, now)
			}
		},
	}
}

// owning is values of what may own what is changed, and may be a revision.
func owning(kind store.Kind[*object.Workload]) *follower[*object.Workload] {
	f := values(kind, workloadFacts)
	note := func(t *Timeline, _ kube.Ref, o *object.Workload) { t.own(&o.Meta) }
	appeared := f.appeared
	f.found = func(t *Timeline, on kube.Ref, o *object.Workload) {
		note(t, on, o)
		t.workloadStatus(on, o)
	}
	f.appeared = func(t *Timeline, on kube.Ref, o *object.Workload) {
		note(t, on, o)
		appeared(t, on, o)
	}
	return f
}

func deployments() *follower[*object.Workload] {
	f := values(object.Deployments(), workloadFacts)
	f.found = (*Timeline).workloadStatus
	changed := f.changed
	f.changed = func(t *Timeline, on kube.Ref, before, after *object.Workload, now time.Time) {
		changed(t, on, before, after, now)
		if before.Revision != after.Revision {
			t.sawRevision(on, after.Revision, now)
		}
	}
	return f
}

func replicaSets() *follower[*object.Workload] {
	f := owning(object.ReplicaSets())
	f.all = func(t *Timeline, all map[types.UID]*object.Workload) {
		sets := make([]*object.Workload, 0, len(all))
		for _, s := range all {
			sets = append(sets, s)
		}
		t.revisions(sets)
	}
	return f
}

func pods() *follower[*object.Pod] {
	f := values(object.Pods(), podFacts)
	f.found = (*Timeline).endings
	return f
}

func nodes() *follower[*object.Node] {
	f := values(object.Nodes(), nodeFacts)
	f.found = (*Timeline).nodeStatus
	return f
}

func autoscalers() *follower[*object.Autoscaler] {
	f := values(object.Autoscalers(), autoscalerFacts)
	f.found = (*Timeline).autoscalerStatus
	return f
}

// writing follows metadata.
func writing(gvr schema.GroupVersionResource, kind string, namespaced bool) *follower[*Written] {
	f := &follower[*Written]{kind: Metadata(gvr, kind, namespaced), known: map[types.UID]*Written{}}
	f.found = (*Timeline).traces
	f.appeared = func(t *Timeline, on kube.Ref, o *Written) {
		t.made(on, o.Owner, maker(o), o.Created, true)
	}
	f.changed = func(t *Timeline, on kube.Ref, before, after *Written, now time.Time) {
		delete(t.nameless, on.UID) // from here on writes and values are joined as they come
		for _, w := range after.Writes {
			i := slices.IndexFunc(before.Writes, w.sameAs)
			switch {
			case i < 0 || w.At == 0:
				t.wrote(on, after.Owner, w, nil, now)
			case before.Writes[i].At != w.At || before.Writes[i].gained(w):
				t.wrote(on, after.Owner, w, &before.Writes[i], now)
			}
		}
	}
	return f
}

// releases is writing of a resource in which Helm may keep the records of its
// releases. What Helm writes into one later, such as that another follows it, is
// no change.
func releases(gvr schema.GroupVersionResource, kind string) *follower[*Written] {
	f := writing(gvr, kind, true)
	found, appeared, changed := f.found, f.appeared, f.changed
	release := func(t *Timeline, on kube.Ref, o *Written, exact bool) bool {
		words := helmRelease(o.Labels)
		if words == "" {
			return false
		}
		t.put(Entry{ID: string(on.UID) + "/made", At: o.Created, Exact: exact, On: on, Manager: "helm", Note: words, Source: FromHelm})
		return true
	}
	f.found = func(t *Timeline, on kube.Ref, o *Written) {
		if !release(t, on, o, false) {
			found(t, on, o)
		}
	}
	f.appeared = func(t *Timeline, on kube.Ref, o *Written) {
		if !release(t, on, o, true) {
			appeared(t, on, o)
		}
	}
	f.changed = func(t *Timeline, on kube.Ref, before, after *Written, now time.Time) {
		if helmRelease(after.Labels) == "" {
			changed(t, on, before, after, now)
			return
		}
		if was := t.entries[string(on.UID)+"/made"]; was != nil && after.Labels.Get("status") != "superseded" {
			release(t, on, after, was.Exact)
		}
	}
	return f
}

// templates are the metadata of ControllerRevisions.
func templates() *follower[*Written] {
	gvr := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}
	f := writing(gvr, "ControllerRevision", true)
	f.found = func(*Timeline, kube.Ref, *Written) {}
	f.changed = func(*Timeline, kube.Ref, *Written, *Written, time.Time) {}
	f.all = func(t *Timeline, all map[types.UID]*Written) {
		first := map[types.UID]*Written{}
		for _, o := range all {
			if o.Owner != nil && (first[o.Owner.UID] == nil || o.Created < first[o.Owner.UID].Created) {
				first[o.Owner.UID] = o
			}
		}
		for _, o := range all {
			t.controllerRevision(o, o.Owner != nil && first[o.Owner.UID] == o)
		}
	}
	return f
}

// metadataKinds are the resources of which the metadata are read, what people
// change most first. Those of pods, ReplicaSets, endpoints, events and leases are
// not: programs write them all the time, and what matters of them is known without.
func metadataKinds(cluster bool) []metav1.APIResource {
	kinds := []metav1.APIResource{
		{Group: "apps", Version: "v1", Name: "deployments", Kind: "Deployment", Namespaced: true},
		{Group: "apps", Version: "v1", Name: "statefulsets", Kind: "StatefulSet", Namespaced: true},
		{Group: "apps", Version: "v1", Name: "daemonsets", Kind: "DaemonSet", Namespaced: true},
		{Version: "v1", Name: "services", Kind: "Service", Namespaced: true},
		{Version: "v1", Name: "nodes", Kind: "Node"},
		{Group: "batch", Version: "v1", Name: "cronjobs", Kind: "CronJob", Namespaced: true},
		{Group: "autoscaling", Version: "v2", Name: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true},
		{Group: "policy", Version: "v1", Name: "poddisruptionbudgets", Kind: "PodDisruptionBudget", Namespaced: true},
		{Version: "v1", Name: "resourcequotas", Kind: "ResourceQuota", Namespaced: true},
		{Version: "v1", Name: "limitranges", Kind: "LimitRange", Namespaced: true},
		{Version: "v1", Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true},
		{Group: "networking.k8s.io", Version: "v1", Name: "ingresses", Kind: "Ingress", Namespaced: true},
		{Group: "networking.k8s.io", Version: "v1", Name: "networkpolicies", Kind: "NetworkPolicy", Namespaced: true},
		{Version: "v1", Name: "serviceaccounts", Kind: "ServiceAccount", Namespaced: true},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "roles", Kind: "Role", Namespaced: true},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "rolebindings", Kind: "RoleBinding", Namespaced: true},
	}
	if !cluster {
		return kinds
	}
	return append(kinds,
		metav1.APIResource{Version: "v1", Name: "namespaces", Kind: "Namespace"},
		metav1.APIResource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "clusterroles", Kind: "ClusterRole"},
		metav1.APIResource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "clusterrolebindings", Kind: "ClusterRoleBinding"},
		metav1.APIResource{Group: "storage.k8s.io", Version: "v1", Name: "storageclasses", Kind: "StorageClass"},
		metav1.APIResource{Group: "scheduling.k8s.io", Version: "v1", Name: "priorityclasses", Kind: "PriorityClass"},
		metav1.APIResource{Group: "apiextensions.k8s.io", Version: "v1", Name: "customresourcedefinitions", Kind: "CustomResourceDefinition"},
		metav1.APIResource{Group: "admissionregistration.k8s.io", Version: "v1", Name: "validatingwebhookconfigurations", Kind: "ValidatingWebhookConfiguration"},
		metav1.APIResource{Group: "admissionregistration.k8s.io", Version: "v1", Name: "mutatingwebhookconfigurations", Kind: "MutatingWebhookConfiguration"},
	)
}
