package triage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// ObjectState is how an object of any kind stands by its own account: by the
// fields that controllers agree on
// (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md).
// Its texts are safe to show.
type ObjectState struct {
	Status     ObjectStatus
	Why        string // "Ready=False NotIssued: the order is pending"
	Conditions []Condition
	NotRead    []Unread
}

// ObjectStatus is how an object stands.
type ObjectStatus string

// The states of an object.
const (
	StatusUnknown     ObjectStatus = "unknown"     // it was not read
	StatusCurrent     ObjectStatus = "current"     // as it is wanted, as far as it tells
	StatusInProgress  ObjectStatus = "in progress" // not yet
	StatusFailed      ObjectStatus = "failed"      // and it does not expect to be
	StatusTerminating ObjectStatus = "terminating"
	StatusGone        ObjectStatus = "gone"
)

// Condition is one of the conditions in the status of an object.
type Condition struct {
	Type, Status, Reason, Message string
	Changed                       int64 // seconds since 1970, 0 if it is not known
	Bad                           bool  // it is not as it should be
}

// String returns "Progressing=False ProgressDeadlineExceeded: …".
func (c Condition) String() string {
	text := c.Type + "=" + c.Status
	if c.Reason != "" {
		text += " " + c.Reason
	}
	if c.Message != "" {
		text += ": " + c.Message
	}
	return text
}

func (c Condition) evidence(on kube.Ref) Evidence {
	return Evidence{Text: c.String(), Source: FromCondition, Where: on.String() + " status.conditions[" + c.Type + "]", On: on, At: c.Changed}
}

// InspectObject asks the server how an object stands, whatever its kind.
func InspectObject(ctx context.Context, c *kube.Client, ref kube.Ref, o Options) ObjectState {
	o = o.complete()
	if secretive(ref) { // whose contents are nobody's business, and which have no status
		return ObjectState{Status: StatusCurrent}
	}
	n := &inspector{Options: o, client: c, out: &Inspection{}}
	var obj *unstructured.Unstructured
	var err error
	if n.objects, err = action.New(c.Config(), c.HTTP(), c.Context); err == nil {
		err = n.ask(ctx, func(ctx context.Context) (err error) {
			obj, err = n.objects.Object(ctx, ref)
			return err
		})
	}
	if err != nil {
		n.miss("get", ref.GVR.Resource, ref.Namespace, ref.Name, err)
		if len(n.out.NotRead) == 0 {
			return ObjectState{Status: StatusGone, Why: "it is not there any more"}
		}
		return ObjectState{Status: StatusUnknown, Why: n.out.NotRead[0].String(), NotRead: n.out.NotRead}
	}
	return stateOf(obj, o.Now())
}

// stateOf tells how an object stands.
func stateOf(obj *unstructured.Unstructured, now time.Time) ObjectState {
	s := ObjectState{Status: StatusCurrent, Conditions: conditionsOf(obj)}
	if t := obj.GetDeletionTimestamp(); t != nil {
		s.Status = StatusTerminating
		s.Why = "deleted " + now.Sub(t.Time).Truncate(time.Second).String() + " ago"
		if f := obj.GetFinalizers(); len(f) > 0 {
			s.Why += ", held by finalizers " + sanitize.Line(strings.Join(f, ", "))
		}
		return s
	}
	observed, known := action.At(obj.Object, []string{"status", "observedGeneration"})
	if seen, ok := observed.(int64); known && ok && seen < obj.GetGeneration() {
		s.Status = StatusInProgress
		s.Why = fmt.Sprintf("its controller has seen generation %d of %d", seen, obj.GetGeneration())
	}
	for _, c := range s.Conditions {
		switch {
		case c.Type == "Stalled" && c.Status == "True", c.Type == "Failed" && c.Status == "True",
			c.Type == "Progressing" && c.Reason == "ProgressDeadlineExceeded":
			s.Status, s.Why = StatusFailed, c.String()
			return s
		case s.Status == StatusInProgress:
		case c.Type == "Reconciling" && c.Status == "True", c.Bad && slices.Contains([]string{"Ready", "Available"}, c.Type):
			s.Status, s.Why = StatusInProgress, c.String()
		}
	}
	return s
}

// conditionsOf returns the conditions of an object, in its order.
func conditionsOf(obj *unstructured.Unstructured) []Condition {
	value, _ := action.At(obj.Object, []string{"status", "conditions"})
	list, _ := value.([]any)
	var found []Condition
	for _, e := range list {
		fields, _ := e.(map[string]any)
		text := func(name string) string {
			s, _ := fields[name].(string)
			return s
		}
		c := Condition{
			Type: sanitize.Line(text("type")), Status: sanitize.Line(text("status")),
			Reason: sanitize.Line(text("reason")), Message: sanitize.Line(text("message")),
		}
		var at metav1.Time
		if at.UnmarshalQueryParameter(text("lastTransitionTime")) == nil {
			c.Changed = unixOf(at)
		}
		c.Bad = isBad(c, text("reason"))
		if c.Type != "" {
			found = append(found, c)
		}
	}
	return found
}

// isBad reports whether a condition is not as it should be. Most say what is
// good, some what is bad; see
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties.
func isBad(c Condition, reason string) bool {
	switch c.Type {
	case "PodCompleted", "Suspended", "Paused", "Complete", "SuccessCriteriaMet", "PodScheduledGated":
		return false
	case "Ready", "ContainersReady", "Initialized":
		return c.Status != "True" && reason != "PodCompleted"
	}
	for _, word := range []string{"Pressure", "Unavailable", "Failure", "Stalled", "Degraded", "Failed", "Limited", "Error", "DisruptionTarget", "Resizing", "Conflict"} {
		if strings.Contains(c.Type, word) {
			return c.Status == "True"
		}
	}
	for _, word := range []string{"Reconciling", "FailureTarget", "Deletion", "ContentRemaining", "FinalizersRemaining"} {
		if strings.Contains(c.Type, word) {
			return false
		}
	}
	return c.Status == "False"
}
