package changes

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// befell notes something of an object's status that this program has not seen
// happen, at a time in seconds since 1970, 0 for never.
func (t *Timeline) befell(on kube.Ref, owner *store.Owner, source Source, what string, at int64, words string) {
	if at != 0 && words != "" {
		t.put(Entry{ID: fmt.Sprintf("%s/%s/%d", on.UID, what, at), At: at, On: on, Owner: owner, Note: words, Source: source})
	}
}

// turned notes the conditions that turned and are not as they should be, or are
// kept at all.
func (t *Timeline) turned(on kube.Ref, o *store.Meta, conditions ...object.Condition) {
	for i := range conditions {
		c := &conditions[i]
		words := strings.TrimSpace(c.Type + "=" + c.Status + " " + c.Reason)
		if c.Message != "" {
			words += ": " + shortened(c.Message)
		}
		t.befell(on, o.Owner, FromCondition, c.Type, c.Changed, words)
	}
}

// mostWords is how many bytes of a message are kept.
const mostWords = 240

func shortened(message string) string {
	if len(message) <= mostWords {
		return message
	}
	return strings.ToValidUTF8(message[:mostWords], "") + "…"
}

// nodeStatus notes when the conditions of a node turned, and when it was cordoned.
func (t *Timeline) nodeStatus(on kube.Ref, n *object.Node) {
	t.turned(on, &n.Meta, n.Conditions...)
	if n.Cordoned {
		t.befell(on, nil, FromCondition, "cordoned", n.CordonedAt, "cordoned")
	}
}

// workloadStatus notes when a rollout got stuck, when a Job began and ended, and
// when a CronJob ran last.
func (t *Timeline) workloadStatus(on kube.Ref, w *object.Workload) {
	if w.Rolling != nil && w.Kind != "ReplicaSet" { // of which its Deployment tells
		for _, c := range w.Rolling.Conditions {
			if (c.Status == "True") == (c.Type == replicaFailure) {
				t.turned(on, &w.Meta, c)
			}
		}
	}
	switch w.Kind {
	case "Job":
		t.befell(on, w.Owner, FromStatus, "started", w.Started, "started")
		ended := "completed"
		if w.Trouble != "" {
			ended = "failed: " + w.Trouble
		}
		t.befell(on, w.Owner, FromStatus, "ended", w.Finished, ended)
	case "CronJob":
		t.befell(on, w.Owner, FromStatus, "scheduled", w.Started, "ran last")
		t.befell(on, w.Owner, FromStatus, "succeeded", w.Finished, "a run of it completed last")
	}
}

// replicaFailure is the condition that is bad where it is true.
const replicaFailure = "ReplicaFailure"

func (t *Timeline) autoscalerStatus(on kube.Ref, a *object.Autoscaler) {
	t.befell(on, a.Owner, FromStatus, "scaled", a.LastScale, fmt.Sprintf("scaled %s/%s last, which is to have %d replicas now", a.TargetKind, a.Target, a.Desired))
	if a.Condition != nil {
		t.turned(on, &a.Meta, *a.Condition)
	}
}

// events follows what was told of objects and is no echo of a change that is
// known otherwise: warnings, and how autoscalers scaled. An event that is told
// again is the same entry, later.
func events(wanted func(*object.Event) bool, ownerOf func(types.UID) *store.Owner) *follower[*object.Event] {
	f := &follower[*object.Event]{kind: object.Events(), known: map[types.UID]*object.Event{}}
	tell := func(t *Timeline, o *object.Event, exact bool) {
		if !wanted(o) {
			return
		}
		gvr, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Version: "v1", Kind: o.Kind}) // it is for showing
		for _, k := range []store.Kind[*object.Workload]{
			object.Deployments(), object.ReplicaSets(), object.StatefulSets(), object.DaemonSets(), object.Jobs(), object.CronJobs(),
		} {
			if k.Kind == o.Kind {
				gvr = k.GVR
			}
		}
		on := kube.Ref{GVR: gvr, Kind: o.Kind, Namespace: o.Namespace, Name: o.About, UID: o.UID}
		if o.Kind == "Node" {
			on.Namespace = ""
		}
		words := o.Reason + ": " + shortened(o.Message)
		if o.Count > 1 {
			words += fmt.Sprintf(" (%d×)", o.Count)
		}
		t.put(Entry{
			ID: string(o.Meta.UID) + "/event", At: cmp.Or(o.Last, o.Created), Exact: exact, On: on, Owner: ownerOf(o.UID), Manager: o.Source,
			Note: words, Source: FromEvent,
		})
	}
	f.found = func(t *Timeline, _ kube.Ref, o *object.Event) { tell(t, o, false) }
	f.appeared = func(t *Timeline, _ kube.Ref, o *object.Event) { tell(t, o, true) }
	f.changed = func(t *Timeline, _ kube.Ref, _, o *object.Event, _ time.Time) { tell(t, o, true) }
	f.gone = func(*Timeline, kube.Ref, *object.Event) {} // the server forgets them
	return f
}
