//go:build e2e

package action

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
)

// cluster is the shop's cluster, and the users who act in it.
type cluster struct {
	kubeconfig string
	admin, dev *Client
	kube       kubernetes.Interface // what is looked at past the package
}

// TestAgainstTheShop runs every verb against a real API server with its
// controllers. What each changed is read through another client.
func TestAgainstTheShop(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "shop")
	cfg := kubetest.Config(t, kubeconfig, "")
	s := &cluster{kubeconfig: kubeconfig, kube: kubernetes.NewForConfigOrDie(cfg)}
	s.admin, s.dev = s.user(t, ""), s.user(t, "payments-dev")
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"scale", s.testScale},
		{"scale of a custom resource", s.testScaleCustom},
		{"workload", s.testWorkload},
		{"image", s.testImage},
		{"jobs", s.testJobs},
		{"meta", s.testMeta},
		{"nodes", s.testNodes},
		{"delete", s.testDelete},
		{"evict", s.testEvict},
		{"changed meanwhile", s.testMoved},
		{"replaced meanwhile", s.testReplaced},
		{"gone meanwhile", s.testGone},
		{"denied by a policy", s.testDenied},
		{"as payments-dev", s.testForbidden},
		{"many at once", s.testMany},
		{"notes", s.testNotes},
		{"drain", s.testDrain},
		{"drain that is refused", s.testDrainRefused},
		{"drain that is cancelled", s.testDrainCancelled},
		{"drain that waits", s.testDrainWaits},
		{"drain by deletes", s.testDrainDeletes},
		{"drain as payments-dev", s.testDrainForbidden},
		{"drain without answers", s.testDrainUnanswered},
	} {
		t.Run(part.name, part.test)
	}
}

func (s *cluster) user(t *testing.T, kubeContext string) *Client {
	t.Helper()
	cfg := kubetest.Config(t, s.kubeconfig, kubeContext)
	cfg.QPS = -1
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(cfg, hc, kubeContext)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func refOf(group, resource, kind, namespace, name string) kube.Ref {
	return kube.Ref{GVR: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}, Kind: kind, Namespace: namespace, Name: name}
}

func deployRef(namespace, name string) kube.Ref {
	return refOf("apps", "deployments", "Deployment", namespace, name)
}

func podRef(namespace, name string) kube.Ref { return refOf("", "pods", "Pod", namespace, name) }

func mapRef(namespace, name string) kube.Ref {
	return refOf("", "configmaps", "ConfigMap", namespace, name)
}

// prepared takes the results of a verb and returns the change, which must have
// been possible.
func prepared(t *testing.T) func(Change, error) Change {
	return func(c Change, err error) Change {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if c.Kubectl == "" || c.Summary == "" || c.Object == nil || c.Ref.UID == "" {
			t.Errorf("%s is not said in full: %+v", c.Verb, c)
		}
		return c
	}
}

// made takes the results of a verb, tries the change, which must change nothing,
// and makes it.
func (s *cluster) made(t *testing.T) func(Change, error) (done Change, said string) {
	return func(c Change, err error) (Change, string) {
		t.Helper()
		c = prepared(t)(c, err)
		before := s.raw(t, c.Ref)
		if err := c.Try(t.Context()); err != nil {
			t.Fatalf("try %s: %v", c.Verb, err)
		}
		if after := s.raw(t, c.Ref); after != before {
			t.Errorf("trying %s changed %s\nto %s", c.Verb, before, after)
		}
		said, err := c.Make(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c, said
	}
}

// raw returns an object without what controllers write into it by themselves.
func (s *cluster) raw(t *testing.T, ref kube.Ref) string {
	t.Helper()
	obj, err := s.admin.resource(ref).Get(t.Context(), ref.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	delete(obj.Object, "status")
	obj.SetManagedFields(nil)
	obj.SetResourceVersion("")
	unstructured.RemoveNestedField(obj.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	if ref.Name == "storefront" { // which an autoscaler scales
		unstructured.RemoveNestedField(obj.Object, "metadata", "generation")
		unstructured.RemoveNestedField(obj.Object, "spec", "replicas")
	}
	// A controller gives a node that is cordoned a taint, and takes it away, soon after.
	if taints, found, _ := unstructured.NestedSlice(obj.Object, "spec", "taints"); found {
		taints = slices.DeleteFunc(taints, func(taint any) bool {
			key, _, _ := unstructured.NestedString(taint.(map[string]any), "key")
			return key == corev1.TaintNodeUnschedulable
		})
		unstructured.RemoveNestedField(obj.Object, "spec", "taints")
		if len(taints) > 0 {
			if err := unstructured.SetNestedSlice(obj.Object, taints, "spec", "taints"); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (s *cluster) deployment(t *testing.T, namespace, name string) *appsv1.Deployment {
	t.Helper()
	d, err := s.kube.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// undone takes a change back, which must work once.
func (s *cluster) undone(t *testing.T, done Change) {
	t.Helper()
	s.made(t)(s.admin.Undo(t.Context(), done))
	if _, err := s.admin.Undo(t.Context(), done); !errors.As(err, new(*Moved)) {
		t.Errorf("undo of %s once more: %v", done.Verb, err)
	}
}

// patch changes an object as another program.
func (s *cluster) patch(t *testing.T, ref kube.Ref, body, manager string) {
	t.Helper()
	if _, err := s.admin.resource(ref).Patch(t.Context(), ref.Name, types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: manager}); err != nil {
		t.Fatal(err)
	}
}

func (s *cluster) newMap(t *testing.T, name string) kube.Ref {
	t.Helper()
	m, err := s.kube.CoreV1().ConfigMaps("web").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": "b"}, // of what has no fields the server keeps no managers
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ref := mapRef("web", name)
	ref.UID = m.UID
	return ref
}

// newPod makes a pod that runs, on a node if one is named.
func (s *cluster) newPod(t *testing.T, name, node string, edit func(*corev1.Pod)) kube.Ref {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "web", Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{
			NodeName: node, TerminationGracePeriodSeconds: new(int64(1)),
			Containers: []corev1.Container{{Name: "a", Image: "registry.example.com/shop/toolbox:1.0"}},
		},
	}
	if edit != nil {
		edit(pod)
	}
	made, err := s.kube.CoreV1().Pods("web").Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "pod "+name+" to be ready", func(ctx context.Context) (bool, error) {
		now, err := s.kube.CoreV1().Pods("web").Get(ctx, name, metav1.GetOptions{})
		return err == nil && slices.ContainsFunc(now.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}), err
	})
	ref := podRef("web", name)
	ref.UID = made.UID
	return ref
}
