package container

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"quarterdeck/kube"
)

// Labels of the pods that are made to debug nodes: what is left of a session
// that could not clean up is found by them.
const (
	managedBy     = "app.kubernetes.io/managed-by"
	component     = "app.kubernetes.io/component"
	quarterdeck   = "quarterdeck"
	nodeDebug     = "node-debug"
	nodeSelector  = managedBy + "=" + quarterdeck + "," + component + "=" + nodeDebug
	nodeLifetime  = 8 * time.Hour
	maxNamePart   = 63 - len("node-debugger--12345")
	hostContainer = "debugger"
)

// DebugNode starts a pod on a node, in the namespaces of the host and with its
// file system at /host, and returns a session with it once it runs. The pod is
// deleted when the session ends. Should the program die before, the pod's shell
// ends with the connection, the cluster ends the pod after its lifetime at the
// latest, and Leftovers finds it.
func DebugNode(ctx context.Context, c *kube.Client, node kube.Ref, o DebugOptions) (*Session, error) {
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	if err := sameNode(ctx, c, node); err != nil {
		return nil, err
	}
	p := nodePod(node, o)
	p.Namespace = cmp.Or(o.Namespace, c.Namespace, metav1.NamespaceDefault)
	o.say("starting %s on node %s", o.image(), node.Name)
	call, cancel := c.Call(ctx)
	defer cancel()
	if err := r.Post().Namespace(p.Namespace).Resource("pods").Body(p).Do(call).Into(p); err != nil {
		return nil, fmt.Errorf("start a pod for debugging on node %s: %w", node.Name, err)
	}
	t := Target{Container: hostContainer, Pod: kube.Ref{
		GVR: corev1.SchemeGroupVersion.WithResource("pods"), Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID,
	}}
	s := attachToShell(ctx, c, t, ": on node "+node.Name+", its files are in /host, exit or ctrl+d ends it")
	s.cleanup = func(ctx context.Context) error { return remove(ctx, c, t.Pod) }
	if err := waitRunning(ctx, c, t, o); err != nil {
		if left := s.Discard(); left != nil {
			err = fmt.Errorf("%w; and %w", err, left)
		}
		return nil, err
	}
	return s, nil
}

func sameNode(ctx context.Context, c *kube.Client, node kube.Ref) error {
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return err
	}
	ctx, cancel := c.Call(ctx)
	defer cancel()
	n := &corev1.Node{}
	err = r.Get().Resource("nodes").Name(node.Name).Do(ctx).Into(n)
	switch {
	case apierrors.IsNotFound(err):
		return say(err, "node %s is gone: choose one that is there", node.Name)
	case apierrors.IsForbidden(err): // who may make pods need not see nodes
		return nil
	case err != nil:
		return fmt.Errorf("read node %s: %w", node.Name, err)
	case node.UID != "" && n.UID != node.UID:
		return fmt.Errorf("node %s is no longer the one that was chosen: it was deleted and made anew, choose it again", node.Name)
	}
	return nil
}

// nodePod describes the pod: it is not scheduled but put onto the node, whatever
// its taints, and ends when nobody is attached any more.
func nodePod(node kube.Ref, o DebugOptions) *corev1.Pod {
	name := node.Name
	if len(name) > maxNamePart {
		name = strings.TrimRight(name[:maxNamePart], ".-")
	}
	seconds := int64(cmp.Or(o.Lifetime, nodeLifetime) / time.Second)
	now := int64(0)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:   "node-debugger-" + name + "-" + rand.String(5),
			Labels: map[string]string{managedBy: quarterdeck, component: nodeDebug},
		},
		Spec: corev1.PodSpec{
			NodeName: node.Name, HostPID: true, HostNetwork: true, HostIPC: true,
			RestartPolicy: corev1.RestartPolicyNever, ActiveDeadlineSeconds: &seconds, TerminationGracePeriodSeconds: &now,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Volumes: []corev1.Volume{{
				Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}},
			}},
			Containers: []corev1.Container{{
				Name: hostContainer, Image: o.image(), Command: o.Command, ImagePullPolicy: corev1.PullIfNotPresent,
				Stdin: true, StdinOnce: true, TTY: true, TerminationMessagePolicy: corev1.TerminationMessageReadFile,
				VolumeMounts: []corev1.VolumeMount{{Name: "host", MountPath: "/host"}},
			}},
		},
	}
}

// remove deletes a pod that this package made, and no other.
func remove(ctx context.Context, c *kube.Client, pod kube.Ref) error {
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return err
	}
	ctx, cancel := c.Call(ctx)
	defer cancel()
	now := int64(0)
	err = r.Delete().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).
		Body(&metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}).Do(ctx).Error()
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("pod %s/%s, made to debug a node, is still there: %w: delete it", pod.Namespace, pod.Name, err)
	}
	return nil
}

// Leftovers returns the pods that were made to debug nodes and are still there,
// in one namespace or, for "", all. Those of sessions under way are among them.
func Leftovers(ctx context.Context, c *kube.Client, namespace string) ([]kube.Ref, error) {
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.Call(ctx)
	defer cancel()
	list := &corev1.PodList{}
	if err := r.Get().NamespaceIfScoped(namespace, namespace != "").Resource("pods").Param("labelSelector", nodeSelector).Do(ctx).Into(list); err != nil {
		return nil, fmt.Errorf("look for pods made to debug nodes: %w", err)
	}
	refs := make([]kube.Ref, len(list.Items))
	for i, p := range list.Items {
		refs[i] = kube.Ref{
			GVR: corev1.SchemeGroupVersion.WithResource("pods"), Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID,
		}
	}
	return refs, nil
}
