package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubectl/pkg/util/podutils"

	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// ownedPod is a pod of a StatefulSet or DaemonSet.
type ownedPod struct {
	pod      *corev1.Pod
	revision string // the name of its ControllerRevision, or the last part of it
}

// of reports whether the pod is of a revision. StatefulSets write the name of
// the revision on their pods, DaemonSets the hash with which it ends.
func (p ownedPod) of(r Revision) bool {
	return p.revision != "" && (r.Name == p.revision || strings.HasSuffix(r.Name, "-"+p.revision))
}

// pods calls visit for the pods of a StatefulSet or DaemonSet.
func (h *History) pods(ctx context.Context, r Reader, visit func(ownedPod)) error {
	return h.owned(ctx, r, corev1.SchemeGroupVersion.WithResource("pods"), func(obj *unstructured.Unstructured) {
		pod := new(corev1.Pod)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, pod); err == nil {
			visit(ownedPod{pod, sanitize.Line(pod.Labels[appsv1.ControllerRevisionHashLabelKey])})
		}
	})
}

// countPods counts the pods of each revision.
func (h *History) countPods(ctx context.Context, r Reader) error {
	wait, _ := number(h.Object, "spec", "minReadySeconds")
	now := metav1.Now()
	return h.pods(ctx, r, func(p ownedPod) {
		for i := range h.Revisions {
			if rev := &h.Revisions[i]; p.of(*rev) {
				rev.Pods.Total++
				if podutils.IsPodReady(p.pod) {
					rev.Pods.Ready++
				}
				if podutils.IsPodAvailable(p.pod, int32(min(wait, 1<<31-1)), now) {
					rev.Pods.Available++
				}
			}
		}
	})
}

// sameWrite is how long after a write of the workload its controller makes the
// revision: at once, unless it has much to do. Longer is another's write.
const sameWrite = 10 * time.Second

// attribute finds who asked for each revision.
func (h *History) attribute() {
	for i := range h.Revisions {
		r := &h.Revisions[i]
		if r.Target {
			r.By = action.AuthorOf(h.Object, "spec", "template")
			continue
		}
		for _, by := range action.AuthorsOf(h.Object, "spec", "template") {
			if late := r.Created.Sub(by.Time); late >= 0 && late <= sameWrite && by.Time.After(r.By.Time) {
				r.By = by
			}
		}
	}
}

// Settled is the revision to which an aborted rollout goes back.
type Settled struct {
	Revision Revision
	Why      string // it is taken for the last complete one
	Sure     bool   // Kubernetes says that it was complete, or it still serves
	index    int
}

// ErrComplete is the error for aborting a rollout that is through.
var ErrComplete = errors.New("the rollout is complete, so there is nothing to abort")

// LastComplete returns the last revision that was rolled out to the end before
// the rollout that is under way. Kubernetes records that for a StatefulSet; of
// other workloads it is the revision that has pods available still, which is
// why a rollout that fails leaves them. The error is ErrComplete if no rollout
// is under way.
func (h *History) LastComplete() (Settled, error) {
	s, err := h.settled()
	if err == nil && s.Revision.Target {
		return Settled{}, fmt.Errorf("%s: %w", h.Ref.Where(), ErrComplete)
	}
	return s, err
}

// settled is LastComplete, or the target if its rollout is through.
func (h *History) settled() (Settled, error) {
	at := func(i int, sure bool, why string, args ...any) (Settled, error) {
		return Settled{Revision: h.Revisions[i], Sure: sure, Why: fmt.Sprintf(why, args...), index: i}, nil
	}
	target := -1
	for i, r := range h.Revisions {
		if r.Target {
			target = i
		}
	}
	if target >= 0 && h.through(h.Revisions[target]) {
		return at(target, true, "all its pods are available")
	}
	if h.Ref.GVR.Resource == "statefulsets" && !h.onDelete() {
		name := text(h.Object.Object, "status", "currentRevision")
		for i, r := range h.Revisions {
			if r.Name == name && i != target {
				return at(i, true, "the StatefulSet says that it was the last to be complete")
			}
		}
	}
	best := -1
	for i, r := range h.Revisions { // of as many, the newest
		if i != target && r.Number > 0 && r.Pods.Available > 0 && (best < 0 || r.Pods.Available > h.Revisions[best].Pods.Available) {
			best = i
		}
	}
	if best >= 0 {
		n := h.Revisions[best].Pods.Available
		return at(best, true, "it still has %s available", counted(n, "pod"))
	}
	known := "it has no pods available"
	if h.PodsUnread != nil {
		known = "pods could not be read"
	}
	for i, r := range h.Revisions {
		if i != target && r.Number > 0 {
			return at(i, false, "it is the one before; %s, so whether it ever was complete is not known", known)
		}
	}
	return Settled{}, h.none()
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// onDelete reports whether pods get a new template only when somebody deletes
// them.
func (h *History) onDelete() bool {
	return text(h.Object.Object, "spec", "updateStrategy", "type") == string(appsv1.OnDeleteStatefulSetStrategyType)
}

// through reports whether the rollout of the target is over, with all its pods
// available.
func (h *History) through(target Revision) bool {
	status := func(name string) int64 { n, _ := number(h.Object, "status", name); return n }
	if status("observedGeneration") < h.Object.GetGeneration() {
		return false
	}
	wanted, ok := number(h.Object, "spec", "replicas")
	if !ok {
		wanted = 1
	}
	switch h.Ref.GVR.Resource {
	case "daemonsets":
		wanted = status("desiredNumberScheduled")
		return status("updatedNumberScheduled") >= wanted && status("numberAvailable") >= wanted
	case "statefulsets":
		if h.onDelete() {
			return h.PodsUnread == nil && target.Pods.Available >= wanted
		}
		return text(h.Object.Object, "status", "currentRevision") == target.Name && status("availableReplicas") >= wanted
	}
	return status("updatedReplicas") >= wanted && status("replicas") <= status("updatedReplicas") && status("availableReplicas") >= wanted
}
