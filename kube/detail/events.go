package detail

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Event is what happened to one object, once or several times.
type Event struct {
	Type    string // Normal or Warning
	Reason  string
	Message string
	Source  string // who says so

	Kind, Namespace, Name string // of the object
	Part                  string // of the object, such as spec.containers{app}
	UID                   types.UID
	Gone                  bool // the object is known to have been deleted since

	First, Last time.Time
	Count       int
}

// Warning reports whether the event is more than a note.
func (e Event) Warning() bool { return e.Type != corev1.EventTypeNormal }

// Events is the answer of Reader.Events, newest first.
type Events struct {
	Events  []Event
	Objects int     // whose events were looked for: the object and its children
	Partial []error // what could not be read, so that events may be missing
}

// WarningsFirst sorts events by type, then newest first.
func WarningsFirst(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int {
		if a.Warning() != b.Warning() {
			if a.Warning() {
				return -1
			}
			return 1
		}
		return newestFirst(a, b)
	})
}

func newestFirst(a, b Event) int {
	return cmp.Or(b.Last.Compare(a.Last), b.First.Compare(a.First), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
}

// maxEvents bounds how many events of a namespace are read. Events have no watch
// cache: every list is read from etcd.
const maxEvents = 10 * page

// Events returns the events of an object and of what it owns. Its error says
// that no event could be read at all.
func (r *Reader) Events(ctx context.Context, ref kube.Ref) (Events, error) {
	f := newFamily(ref, ref.UID)
	opts := metav1.ListOptions{Limit: page}
	if children := childKinds(ref.GVK().GroupKind()); len(children) > 0 && ref.Namespace != "" {
		obj, _, err := r.object(ctx, ref)
		switch {
		case err == nil:
			f.add(ref.Kind, ref.Name, obj.GetUID())
		case ctx.Err() != nil:
			return Events{}, err
		case apierrors.IsNotFound(err): // events outlive their object
			f.deleted = true
		default:
			f.partial = append(f.partial, err)
		}
		if len(f.known) > 0 {
			r.findChildren(ctx, ref, obj, f)
		}
	} else {
		opts.FieldSelector = fields.Set{"involvedObject.kind": ref.Kind, "involvedObject.name": ref.Name}.String()
	}
	list, err := r.listEvents(ctx, ref, opts, f)
	if err != nil {
		return Events{}, failed("list events of", ref, err)
	}
	return Events{Events: collect(list, ref, f), Objects: len(f.names), Partial: f.partial}, nil
}

// listEvents lists the events in the object's namespace. Those of an object
// without one may stand in any; who may not look everywhere still sees default,
// where most are.
func (r *Reader) listEvents(ctx context.Context, ref kube.Ref, opts metav1.ListOptions, f *family) ([]corev1.Event, error) {
	list, err := r.pageEvents(ctx, ref.Namespace, opts, f)
	if ref.Namespace == "" && apierrors.IsForbidden(err) {
		f.partial = append(f.partial, fmt.Errorf("list events in all namespaces: %w", err))
		return r.pageEvents(ctx, metav1.NamespaceDefault, opts, f)
	}
	return list, err
}

func (r *Reader) pageEvents(ctx context.Context, namespace string, opts metav1.ListOptions, f *family) ([]corev1.Event, error) {
	var all []corev1.Event
	for {
		list, err := r.api.events(ctx, namespace, opts)
		switch {
		case err != nil && len(all) == 0:
			return nil, err
		case err != nil: // the first pages are worth showing
			f.partial = append(f.partial, fmt.Errorf("list events after the first %d: %w", len(all), err))
			return all, nil
		}
		all = append(all, list.Items...)
		opts.Continue = list.Continue
		if opts.Continue == "" {
			return all, nil
		}
		if len(all) >= maxEvents {
			f.partial = append(f.partial, fmt.Errorf("list events: only the first %d were read", len(all)))
			return all, nil
		}
	}
}

// collect picks the events of the family and merges those that say the same.
func collect(list []corev1.Event, ref kube.Ref, f *family) []Event {
	merged := make(map[Event]int) // by all but times and count: index in events
	var events []Event
	for i := range list {
		e := newEvent(&list[i])
		root := e.Kind == ref.Kind && e.Name == ref.Name && (ref.Namespace == "" || e.Namespace == ref.Namespace)
		switch {
		case f.known[e.UID]:
			e.Gone = root && f.deleted
		case root && (ref.Namespace == "" || e.UID == "" || ref.UID == ""):
			// Nodes are known by name alone: kubelets write it for the UID.
		case root:
			e.Gone = true // another of this name, before
		case f.gone(e.Kind, e.Name):
			e.Gone = !f.unsure
		default:
			continue
		}
		same := e
		same.First, same.Last, same.Count = time.Time{}, time.Time{}, 0
		at, ok := merged[same]
		if !ok {
			merged[same] = len(events)
			events = append(events, e)
			continue
		}
		old := &events[at]
		old.Count += e.Count
		if e.First.Before(old.First) {
			old.First = e.First
		}
		if e.Last.After(old.Last) {
			old.Last = e.Last
		}
	}
	slices.SortFunc(events, newestFirst)
	return events
}

// newEvent reads the fields of both generations of event recorders.
func newEvent(e *corev1.Event) Event {
	first := firstSet(e.FirstTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time)
	last := firstSet(e.LastTimestamp.Time, e.EventTime.Time, first)
	count := int(e.Count)
	if e.Series != nil {
		count = int(e.Series.Count)
		last = firstSet(e.Series.LastObservedTime.Time, last)
	}
	source := cmp.Or(e.Source.Component, e.ReportingController)
	if e.Source.Host != "" {
		source += ", " + e.Source.Host
	}
	o := &e.InvolvedObject
	return Event{
		Type: sanitize.Line(e.Type), Reason: sanitize.Line(e.Reason), Message: sanitize.Text(strings.TrimSpace(e.Message)),
		Source: sanitize.Line(source),
		Kind:   sanitize.Line(o.Kind), Namespace: sanitize.Line(o.Namespace), Name: sanitize.Line(o.Name),
		Part: sanitize.Line(o.FieldPath), UID: o.UID,
		First: first, Last: last, Count: max(count, 1),
	}
}

// firstSet returns the first of times that is set.
func firstSet(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
