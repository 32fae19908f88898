package object

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/store"
)

// Rolling is how a workload replaces its pods by those of a new revision: what
// its spec says of it, and how far its controller has come. Fields that a kind
// does not have are zero.
type Rolling struct {
	Generation int64 // of the spec
	Observed   int64 // the newest generation that the controller has seen
	Template   int64 // generation of a DaemonSet's template; its pods have it as a label

	MaxSurge, MaxUnavailable string // as given, "25%" or "1"; "" where the server has a default that it does not write down
	Deadline                 int32  // seconds without progress after which a Deployment's rollout has failed, 0 for none
	MinReady                 int32  // seconds that a pod must be ready before it is available
	FirstOrdinal             int32  // of a StatefulSet
	Parallel                 bool   // a StatefulSet does not wait for one pod before it makes the next
	Collisions               int32  // hashes of templates that were taken
	Updated                  int32  // as reported; Workload.Updated mends what old StatefulSets report
	Terminating              int32  // pods on their way out, which no other count has
	CurrentRevision          string // names of a StatefulSet's ControllerRevisions
	UpdateRevision           string
	Returned                 bool // a ReplicaSet that was its Deployment's newest before and is, or was, again

	Conditions []Condition
	TemplateBy Write  // last write of the pod template
	ReplicasBy Write  // last write of the number of replicas
	Cause      string // annotation kubernetes.io/change-cause
}

// Condition is one of an object's conditions.
type Condition struct {
	Type, Status, Reason, Message string
	Changed                       int64 // last transition, seconds since 1970
	Updated                       int64 // last update, where the condition has one
}

// Write is the last write of some fields as managedFields know it: who, as the
// client named itself, and when. The time is that of the manager's last write
// of any of its fields. It is zero where no manager is noted.
type Write struct {
	Manager string
	At      int64 // seconds since 1970
}

const (
	causeAnnotation = "kubernetes.io/change-cause"
	// formerAnnotation has the revisions that a ReplicaSet was before its Deployment
	// went back to it, which gives it a new one
	// (k8s.io/kubectl/pkg/util/deployment, RevisionHistoryAnnotation).
	formerAnnotation = "deployment.kubernetes.io/revision-history"
	noDeadline       = 1<<31 - 1 // how the API writes that there is none
)

// Condition returns the condition of a type, nil if there is none.
func (r *Rolling) Condition(typ string) *Condition { return find(r.Conditions, typ) }

// Contended reports whether what a controller was answered is only that something
// was written meanwhile, as the status of a quota that admission counts in: its
// next try, which follows at once, finds what was written. The words are those of
// k8s.io/apiserver/pkg/registry/generic/registry/store.go.
func Contended(message string) bool { return strings.Contains(message, "the object has been modified") }

func find(all []Condition, typ string) *Condition {
	for i := range all {
		if all[i].Type == typ {
			return &all[i]
		}
	}
	return nil
}

func newCondition(typ, status, reason, message string, changed *metav1.Time, in *store.Interner) Condition {
	return Condition{
		Type: in.String(typ), Status: in.String(status), Reason: in.String(reason), Message: in.String(message), Changed: unix(changed),
	}
}

func newRolling(m *metav1.ObjectMeta, observed int64, minReady int32, in *store.Interner) *Rolling {
	r := &Rolling{
		Generation: m.Generation, Observed: observed, MinReady: minReady, Cause: in.String(m.Annotations[causeAnnotation]),
	}
	r.TemplateBy, r.ReplicasBy = writes(m.ManagedFields, in)
	return r
}

func rollingDeployment(d *appsv1.Deployment, in *store.Interner) *Rolling {
	r := newRolling(&d.ObjectMeta, d.Status.ObservedGeneration, d.Spec.MinReadySeconds, in)
	if s := d.Spec.Strategy.RollingUpdate; s != nil {
		r.MaxSurge, r.MaxUnavailable = given(s.MaxSurge, in), given(s.MaxUnavailable, in)
	}
	if p := d.Spec.ProgressDeadlineSeconds; p != nil && *p != noDeadline {
		r.Deadline = *p
	}
	r.Collisions, r.Terminating = number(d.Status.CollisionCount), number(d.Status.TerminatingReplicas)
	r.Updated = d.Status.UpdatedReplicas
	for i := range d.Status.Conditions {
		c := &d.Status.Conditions[i]
		r.note(string(c.Type), c.Status, c.Reason, c.Message, &c.LastTransitionTime, &c.LastUpdateTime, in)
	}
	return r
}

func rollingReplicaSet(s *appsv1.ReplicaSet, in *store.Interner) *Rolling {
	r := newRolling(&s.ObjectMeta, s.Status.ObservedGeneration, s.Spec.MinReadySeconds, in)
	r.Updated, r.Terminating = s.Status.Replicas, number(s.Status.TerminatingReplicas)
	r.Returned = s.Annotations[formerAnnotation] != ""
	for i := range s.Status.Conditions {
		c := &s.Status.Conditions[i]
		r.note(string(c.Type), c.Status, c.Reason, c.Message, &c.LastTransitionTime, nil, in)
	}
	return r
}

func rollingStatefulSet(s *appsv1.StatefulSet, in *store.Interner) *Rolling {
	r := newRolling(&s.ObjectMeta, s.Status.ObservedGeneration, s.Spec.MinReadySeconds, in)
	if u := s.Spec.UpdateStrategy.RollingUpdate; u != nil {
		r.MaxUnavailable = given(u.MaxUnavailable, in)
	}
	if s.Spec.Ordinals != nil {
		r.FirstOrdinal = s.Spec.Ordinals.Start
	}
	r.Parallel = s.Spec.PodManagementPolicy == appsv1.ParallelPodManagement
	r.Collisions, r.Updated = number(s.Status.CollisionCount), s.Status.UpdatedReplicas
	r.CurrentRevision, r.UpdateRevision = in.String(s.Status.CurrentRevision), in.String(s.Status.UpdateRevision)
	for i := range s.Status.Conditions {
		c := &s.Status.Conditions[i]
		r.note(string(c.Type), c.Status, c.Reason, c.Message, &c.LastTransitionTime, nil, in)
	}
	return r
}

func rollingDaemonSet(d *appsv1.DaemonSet, in *store.Interner) *Rolling {
	r := newRolling(&d.ObjectMeta, d.Status.ObservedGeneration, d.Spec.MinReadySeconds, in)
	if u := d.Spec.UpdateStrategy.RollingUpdate; u != nil {
		r.MaxSurge, r.MaxUnavailable = given(u.MaxSurge, in), given(u.MaxUnavailable, in)
	}
	r.Template = templateGeneration(d.Annotations)
	r.Collisions, r.Updated = number(d.Status.CollisionCount), d.Status.UpdatedNumberScheduled
	for i := range d.Status.Conditions {
		c := &d.Status.Conditions[i]
		r.note(string(c.Type), c.Status, c.Reason, c.Message, &c.LastTransitionTime, nil, in)
	}
	return r
}

func (r *Rolling) note(typ string, status corev1.ConditionStatus, reason, message string, changed, updated *metav1.Time, in *store.Interner) {
	c := newCondition(typ, string(status), reason, message, changed, in)
	c.Updated = unix(updated)
	r.Conditions = append(r.Conditions, c)
}

func given(n *intstr.IntOrString, in *store.Interner) string {
	if n == nil {
		return ""
	}
	return in.String(n.String())
}

func number(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}

// writes returns the last writes of spec.template and of spec.replicas. The
// server keeps whole seconds and lists writes of the same second by the name of
// their manager. Of those the one that has the selector too was first: it cannot
// be changed, so that is who made the object
// (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#selector).
func writes(entries []metav1.ManagedFieldsEntry, in *store.Interner) (template, replicas Write) {
	var madeTemplate, madeReplicas bool
	for i := range entries {
		e := &entries[i]
		if e.FieldsV1 == nil || e.Time == nil || e.Subresource == "status" {
			continue
		}
		raw := e.FieldsV1.GetRawBytes()
		if !bytes.Contains(raw, []byte(`"f:template"`)) && !bytes.Contains(raw, []byte(`"f:replicas"`)) {
			continue
		}
		var fields struct {
			Spec struct {
				Template json.RawMessage `json:"f:template"`
				Replicas json.RawMessage `json:"f:replicas"`
				Selector json.RawMessage `json:"f:selector"`
			} `json:"f:spec"`
		}
		if json.Unmarshal(raw, &fields) != nil {
			continue // of a version that is not known here
		}
		w, made := Write{Manager: in.String(e.Manager), At: unix(e.Time)}, fields.Spec.Selector != nil
		if fields.Spec.Template != nil && (w.At > template.At || w.At == template.At && (madeTemplate || !made)) {
			template, madeTemplate = w, made
		}
		if fields.Spec.Replicas != nil && (w.At > replicas.At || w.At == replicas.At && (madeReplicas || !made)) {
			replicas, madeReplicas = w, made
		}
	}
	return template, replicas
}

// ControllerRevisions declares how controller revisions are read: those of
// StatefulSets and DaemonSets, without the templates in them.
func ControllerRevisions() store.Kind[*ControllerRevision] {
	const data = 2
	return store.Typed(appsv1.SchemeGroupVersion.WithResource("controllerrevisions"), "ControllerRevision", true,
		newControllerRevision, path{data})
}

// ControllerRevision is a compact controller revision.
type ControllerRevision struct {
	store.Meta
	Revision int64
	Template int64  // generation of the DaemonSet's template that it was made of, 0 if it is not noted
	Cause    string // annotation kubernetes.io/change-cause
}

func newControllerRevision(r *appsv1.ControllerRevision, in *store.Interner) *ControllerRevision {
	// A revision has the annotations that its DaemonSet had when it was made.
	return &ControllerRevision{
		Meta: in.Meta(&r.ObjectMeta), Revision: r.Revision, Template: templateGeneration(r.Annotations), Cause: in.String(r.Annotations[causeAnnotation]),
	}
}

// templateGeneration returns which template of a DaemonSet it is, 0 if it is not noted.
func templateGeneration(annotations map[string]string) int64 {
	n, _ := strconv.ParseInt(annotations[appsv1.DeprecatedTemplateGeneration], 10, 64)
	return n
}
