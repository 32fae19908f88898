package forward

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube"
)

// target is which pods a forward may connect to, and to which port of them.
type target struct {
	what      string // in a sentence: svc/web
	namespace string
	name      string          // the one pod, "" for those of selector
	selector  labels.Selector // nil with name
	node      string          // where the pods must be, "" for anywhere
	unready   bool            // a pod that only runs will do: it was named
	uid       types.UID       // the pod to begin with, if any
	port      func(*corev1.Pod) (int, error)
	service   *corev1.ServicePort // whose pods they are, nil if it is not about a service or that has no ports
}

// resolve reads what spec names.
func resolve(ctx context.Context, c *kube.Client, spec Spec) (target, error) {
	ctx, cancel := c.Call(ctx)
	defer cancel()
	ref := spec.Ref
	t := target{what: ref.String(), namespace: ref.Namespace, port: podPort(spec.Remote)}
	switch ref.GVR.GroupResource() {
	case schema.GroupResource{Resource: "pods"}:
		return resolvePod(ctx, c, ref, t)
	case schema.GroupResource{Resource: "services"}:
		return resolveService(ctx, c, ref, spec.Remote, t)
	}
	selector, err := selectorOf(ctx, c, ref)
	t.selector = selector
	return t, err
}

// resolvePod follows the pod's controller where any of its pods will do. A pod
// of a StatefulSet has a name of its own that comes back, one of a DaemonSet a
// node.
func resolvePod(ctx context.Context, c *kube.Client, ref kube.Ref, t target) (target, error) {
	p := &corev1.Pod{}
	if err := get(ctx, c, ref, p); err != nil {
		return t, err
	}
	t = t.alone(p)
	owner := metav1.GetControllerOf(p)
	if owner == nil || (owner.Kind != "ReplicaSet" && owner.Kind != "DaemonSet") {
		return t, nil
	}
	parent := kube.Ref{Namespace: p.Namespace, Name: owner.Name, Kind: owner.Kind, UID: owner.UID}
	parent.GVR = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: strings.ToLower(owner.Kind) + "s"}
	if owner.Kind == "ReplicaSet" { // and its Deployment's, whose next ReplicaSet selects others
		if above, ok := controllerOf(ctx, c, parent); ok && above.Kind == "Deployment" {
			parent.GVR.Resource, parent.Name, parent.Kind, parent.UID = "deployments", above.Name, above.Kind, above.UID
		}
	}
	selector, err := selectorOf(ctx, c, parent)
	if err != nil {
		return t, nil //nolint:nilerr // who may not read the workload has the one pod
	}
	t.selector, t.name = selector, ""
	if owner.Kind == "DaemonSet" {
		t.node = p.Spec.NodeName
	}
	return t, nil
}

// alone is the target of one pod and no other.
func (t target) alone(p *corev1.Pod) target {
	t.name, t.unready, t.uid = p.Name, true, p.UID
	return t
}

func resolveService(ctx context.Context, c *kube.Client, ref kube.Ref, remote string, t target) (target, error) {
	s := &corev1.Service{}
	if err := get(ctx, c, ref, s); err != nil {
		return t, err
	}
	if len(s.Spec.Selector) == 0 {
		return t, fmt.Errorf("%s selects no pods by itself: forward to one of its pods", t.what)
	}
	t.selector = labels.SelectorFromSet(s.Spec.Selector)
	if len(s.Spec.Ports) == 0 {
		return t, nil // headless: the pods' own ports
	}
	port, err := servicePort(s, remote)
	if err != nil {
		return t, err
	}
	t.service = &port
	to := port.TargetPort
	switch {
	case s.Spec.ClusterIP == corev1.ClusterIPNone && to.Type == intstr.Int: // nothing translates between the two
		t.port = podPort(strconv.Itoa(int(port.Port)))
	case to.Type == intstr.String:
		t.port = podPort(to.StrVal)
	default:
		t.port = podPort(strconv.Itoa(int(cmp.Or(to.IntVal, port.Port))))
	}
	return t, nil
}

func servicePort(s *corev1.Service, remote string) (corev1.ServicePort, error) {
	if remote == "" {
		return s.Spec.Ports[0], nil
	}
	var have []string
	for _, p := range s.Spec.Ports {
		number := strconv.Itoa(int(p.Port))
		if p.Name == remote || number == remote {
			return p, protocol(p.Protocol, "svc/"+s.Name, remote)
		}
		have = append(have, strings.TrimPrefix(p.Name+" ", " ")+number)
	}
	return corev1.ServicePort{}, fmt.Errorf("svc/%s has no port %s: it has %s", s.Name, remote, strings.Join(have, ", "))
}

// podPort returns how to find a port of a pod by its number or name.
func podPort(remote string) func(*corev1.Pod) (int, error) {
	return func(p *corev1.Pod) (int, error) {
		if n, err := strconv.Atoi(remote); err == nil {
			if n < 1 || n > 65535 {
				return 0, fmt.Errorf("port %d does not exist: choose one from 1 to 65535", n)
			}
			return n, nil
		}
		var have []string
		// Sidecars are among the init containers.
		for _, container := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
			for _, port := range container.Ports {
				if remote == "" && port.Protocol != corev1.ProtocolUDP || remote != "" && port.Name == remote {
					return int(port.ContainerPort), protocol(port.Protocol, "pod/"+p.Name, remote)
				}
				have = append(have, strings.TrimPrefix(port.Name+" ", " ")+strconv.Itoa(int(port.ContainerPort)))
			}
		}
		switch {
		case remote == "":
			return 0, fmt.Errorf("pod/%s declares no port: give the number of the one it listens on", p.Name)
		case len(have) == 0:
			return 0, fmt.Errorf("pod/%s has no port %s, for it declares none: give its number", p.Name, remote)
		}
		return 0, fmt.Errorf("pod/%s has no port %s: it has %s", p.Name, remote, strings.Join(have, ", "))
	}
}

func protocol(p corev1.Protocol, what, port string) error {
	if p == "" || p == corev1.ProtocolTCP {
		return nil
	}
	return fmt.Errorf("port %s of %s is for %s: only TCP can be forwarded", port, what, p)
}

// get reads a built-in object, and makes sure that it is the one that is meant.
func get(ctx context.Context, c *kube.Client, ref kube.Ref, into interface {
	metav1.Object
	runtime.Object
},
) error {
	r, err := c.REST(ref.GVR.GroupVersion())
	if err != nil {
		return err
	}
	if err := r.Get().Namespace(ref.Namespace).Resource(ref.GVR.Resource).Name(ref.Name).Do(ctx).Into(into); err != nil {
		return readError(ref, err)
	}
	return same(ref, into.GetUID())
}

func readError(ref kube.Ref, err error) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%s is gone from %s: choose what is there (%w)", ref, ref.Namespace, err)
	}
	return fmt.Errorf("read %s in %s: %w", ref, ref.Namespace, err)
}

func same(ref kube.Ref, uid types.UID) error {
	if ref.UID != "" && uid != ref.UID {
		return fmt.Errorf("%s in %s is no longer the one that was chosen: it was deleted and made anew, choose it again", ref, ref.Namespace)
	}
	return nil
}

func read(ctx context.Context, c *kube.Client, ref kube.Ref) (kube.Workload, error) {
	w, err := c.Workload(ctx, ref)
	if err != nil {
		return w, readError(ref, err)
	}
	return w, same(ref, w.UID)
}

// selectorOf returns the pods that a workload selects.
func selectorOf(ctx context.Context, c *kube.Client, ref kube.Ref) (labels.Selector, error) {
	w, err := read(ctx, c, ref)
	switch {
	case err != nil:
		return nil, err
	case w.Pods == nil:
		return nil, fmt.Errorf("%s selects no pods: forward to a pod, a service or a workload", ref)
	}
	return w.Pods, nil
}

func controllerOf(ctx context.Context, c *kube.Client, ref kube.Ref) (metav1.OwnerReference, bool) {
	w, err := read(ctx, c, ref)
	if err != nil {
		return metav1.OwnerReference{}, false
	}
	for _, o := range w.Owners {
		if o.Controller != nil && *o.Controller {
			return o, true
		}
	}
	return metav1.OwnerReference{}, false
}

// options are those of a list of the pods.
func (t target) options() metav1.ListOptions {
	var o metav1.ListOptions
	if t.selector != nil {
		o.LabelSelector = t.selector.String()
	}
	switch {
	case t.name != "":
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", t.name).String()
	case t.node != "":
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", t.node).String()
	}
	return o
}

// usable reports whether connections can go to a pod.
func (t target) usable(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil || p.Status.Phase != corev1.PodRunning {
		return false
	}
	return t.unready && (t.name != "" || p.UID == t.uid) || ready(p)
}

func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// choose returns the pod to connect to, nil if there is none: the one that
// was named, then the one that is ready for the longest time.
func (t target) choose(pods []*corev1.Pod) *corev1.Pod {
	var best *corev1.Pod
	for _, p := range pods {
		switch {
		case !t.usable(p):
		case p.UID == t.uid:
			return p
		case best == nil || older(p, best):
			best = p
		}
	}
	return best
}

func older(a, b *corev1.Pod) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Name < b.Name
}

// waiting says why no pod can be used, and what for one waits then.
func (t target) waiting(pods []*corev1.Pod) (why, what string) {
	switch {
	case t.name != "" && len(pods) == 0:
		return "pod/" + t.name + " is gone", "one of that name"
	case t.name != "":
		return "pod/" + t.name + " does not run", "it"
	case len(pods) == 0:
		return t.what + " has no pods", "a ready one"
	case len(pods) == 1:
		return "its only pod is not ready", "it"
	}
	return fmt.Sprintf("none of its %d pods is ready", len(pods)), "one"
}
