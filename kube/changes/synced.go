package changes

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// synced are the resources by which Argo CD and Flux bring about what stands in a
// repository, where a cluster has them.
func synced() []*follower[*object.Synced] {
	return []*follower[*object.Synced]{
		syncing(object.ArgoApplications(), "argocd"), syncing(object.FluxKustomizations(), "flux"), syncing(object.FluxReleases(), "flux"),
	}
}

func syncing(kind store.Kind[*object.Synced], by string) *follower[*object.Synced] {
	tell := func(t *Timeline, on kube.Ref, o *object.Synced, s object.Sync, exact bool) {
		if s.At == 0 {
			return
		}
		words, manager := "brought to "+s.Revision, by
		if s.State != "" {
			words += ", " + s.State
		}
		if s.By != "" {
			manager += " for " + s.By
		}
		t.put(Entry{ID: fmt.Sprintf("%s/sync/%d", on.UID, s.At), At: s.At, Exact: exact, On: on, Owner: o.Owner, Manager: manager, Note: words, Source: FromSync})
	}
	f := &follower[*object.Synced]{kind: kind, known: map[types.UID]*object.Synced{}}
	f.found = func(t *Timeline, on kube.Ref, o *object.Synced) {
		for _, s := range o.Syncs {
			tell(t, on, o, s, false)
		}
	}
	f.appeared = func(t *Timeline, on kube.Ref, o *object.Synced) { t.made(on, o.Owner, "", o.Created, true) }
	f.changed = func(t *Timeline, on kube.Ref, before, after *object.Synced, _ time.Time) {
		for _, s := range after.Syncs {
			if !slices.Contains(before.Syncs, s) {
				tell(t, on, after, s, true)
			}
		}
	}
	return f
}
