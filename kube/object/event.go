package object

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Events declares how events are read.
func Events() store.Kind[*Event] {
	return store.Typed(corev1.SchemeGroupVersion.WithResource("events"), "Event", true, newEvent, noAnnotations)
}

// Event is a compact event.
type Event struct {
	store.Meta
	Type    string // Normal or Warning
	Reason  string
	Kind    string // of the object it is about
	About   string // name of that object
	UID     types.UID
	Message string
	Source  string
	Count   int32
	First   int64 // seconds since 1970
	Last    int64
}

func newEvent(e *corev1.Event, in *store.Interner) *Event {
	out := &Event{
		Meta: in.Meta(&e.ObjectMeta), Type: in.String(e.Type), Reason: in.String(e.Reason),
		Kind: in.String(e.InvolvedObject.Kind), About: in.String(e.InvolvedObject.Name), UID: e.InvolvedObject.UID,
		Message: sanitize.Line(e.Message), Source: in.String(e.Source.Component),
		Count: max(1, e.Count), First: unix(&e.FirstTimestamp), Last: unix(&e.LastTimestamp),
	}
	if out.Source == "" {
		out.Source = in.String(e.ReportingController)
	}
	// Reporters through events.k8s.io leave the old fields empty.
	if e.Series != nil {
		out.Count = max(out.Count, e.Series.Count)
		if !e.Series.LastObservedTime.IsZero() {
			out.Last = e.Series.LastObservedTime.Unix()
		}
	}
	if out.First == 0 && !e.EventTime.IsZero() {
		out.First = e.EventTime.Unix()
	}
	if out.First == 0 {
		out.First = out.Created
	}
	out.Last = max(out.Last, out.First)
	return out
}
