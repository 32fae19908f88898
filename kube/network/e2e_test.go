//go:build e2e

package network_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// cluster is the shop's cluster with nodes and a Gateway API that belong to these
// tests.
type cluster struct {
	kubernetes.Interface
	client  *kube.Client
	actions *action.Client
	served  []metav1.APIResource
}

func TestAgainstControllers(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "shop")
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig = &kubeconfig
	client, err := (&kube.Connector{Flags: flags}).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	actions, err := action.New(client.Config(), client.HTTP(), client.Context)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{kubernetes.NewForConfigOrDie(kubetest.Config(t, kubeconfig, "")), client, actions, nil}
	c.furnish(t)
	c.installGatewayAPI(t)
	t.Run("parts", func(t *testing.T) { // which run in parallel, and end before the cluster does
		for _, b := range breakages() {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				c.testBreakage(t, &b)
			})
		}
		t.Run("endpoints", func(t *testing.T) {
			t.Parallel()
			c.testEndpoints(t)
		})
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// feed begins to look at the whole cluster.
func (c *cluster) feed(t *testing.T) *network.Feed {
	t.Helper()
	f := network.Open(c.client.Stores, store.Scope{}, network.Options{Served: c.served})
	t.Cleanup(f.Close)
	return f
}

// zones are where the nodes of these tests are, one in each.
func zones() []string { return []string{"a", "b", "c"} }

// furnish makes nodes without a kubelet, the playground's included: what becomes
// of their pods is for these tests to say.
func (c *cluster) furnish(t *testing.T) {
	t.Helper()
	for _, zone := range zones() {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "edge-" + zone, Labels: map[string]string{
			"unmanaged": "true", corev1.LabelHostname: "edge-" + zone, corev1.LabelTopologyZone: zone,
		}}}
		node.Spec.Taints = []corev1.Taint{{Key: "edge", Effect: corev1.TaintEffectNoSchedule}}
		_, err := c.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
		must(t, err)
	}
}

// namespace makes one, and returns when pods can be made in it.
func (c *cluster) namespace(t *testing.T, name string) {
	t.Helper()
	_, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	must(t, err)
	kubetest.ReadyForPods(t, c, name)
}

// apply makes objects in a namespace, and writes the status that they have.
func (c *cluster) apply(t *testing.T, namespace string, objects ...metav1.Object) {
	t.Helper()
	ctx, o := t.Context(), metav1.CreateOptions{}
	for _, object := range objects {
		object.SetNamespace(namespace)
		object.SetUID("")
		var err error
		switch object := object.(type) {
		case *corev1.Pod:
			c.applyPod(t, object)
		case *corev1.Service:
			if object.Spec.ClusterIP != corev1.ClusterIPNone {
				object.Spec.ClusterIP = ""
			}
			_, err = c.CoreV1().Services(namespace).Create(ctx, object, o)
		case *discoveryv1.EndpointSlice:
			_, err = c.DiscoveryV1().EndpointSlices(namespace).Create(ctx, object, o)
		case *corev1.Secret:
			_, err = c.CoreV1().Secrets(namespace).Create(ctx, object, o)
		case *networkingv1.Ingress:
			var made *networkingv1.Ingress
			if made, err = c.NetworkingV1().Ingresses(namespace).Create(ctx, object, o); err == nil {
				made.Status = object.Status
				_, err = c.NetworkingV1().Ingresses(namespace).UpdateStatus(ctx, made, metav1.UpdateOptions{})
			}
		case *unstructured.Unstructured:
			c.applyCustom(t, object)
		default:
			err = fmt.Errorf("nothing makes a %T", object)
		}
		must(t, err)
	}
}

// applyPod makes a pod on a node of these tests, and writes its status.
func (c *cluster) applyPod(t *testing.T, p *corev1.Pod) {
	t.Helper()
	if p.Spec.NodeName == "node-1" {
		p.Spec.NodeName = "edge-a"
	}
	p.Spec.Containers[0].Image = "registry.example.com/app:v1"
	p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	leaves := p.DeletionTimestamp != nil
	p.DeletionTimestamp = nil
	pods := c.CoreV1().Pods(p.Namespace)
	made, err := pods.Create(t.Context(), p, metav1.CreateOptions{})
	must(t, err)
	made.Status = p.Status
	happened(made)
	_, err = pods.UpdateStatus(t.Context(), made, metav1.UpdateOptions{})
	must(t, err)
	if leaves { // for ever: there is no kubelet that lets it go
		must(t, pods.Delete(t.Context(), p.Name, metav1.DeleteOptions{}))
	}
}

// happened dates the conditions of a pod.
func happened(p *corev1.Pod) {
	for i := range p.Status.Conditions {
		p.Status.Conditions[i].LastTransitionTime = metav1.Now()
	}
}

func (c *cluster) applyCustom(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	if o.GetKind() == "GatewayClass" {
		o.SetNamespace("")
	}
	to := c.actions.Objects().Resource(gatewayResource(o.GetKind())).Namespace(o.GetNamespace())
	status := o.Object["status"]
	made, err := to.Create(t.Context(), o, metav1.CreateOptions{})
	must(t, err)
	if status != nil {
		made.Object["status"] = status
		_, err = to.UpdateStatus(t.Context(), made, metav1.UpdateOptions{})
		must(t, err)
	}
}

// custom reads an object of the Gateway API.
func custom(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	must(t, json.Unmarshal([]byte(text), &o.Object))
	o.SetAPIVersion(gatewayResource(o.GetKind()).GroupVersion().String())
	return o
}

func gatewayKinds() map[network.Resource]string {
	return map[network.Resource]string{
		network.GatewayClasses: "GatewayClass", network.Gateways: "Gateway", network.HTTPRoutes: "HTTPRoute", network.GRPCRoutes: "GRPCRoute",
		network.TLSRoutes: "TLSRoute", network.TCPRoutes: "TCPRoute", network.ReferenceGrants: "ReferenceGrant",
	}
}

// gatewayResource returns the resource of a kind of the Gateway API.
func gatewayResource(kind string) schema.GroupVersionResource {
	for r, k := range gatewayKinds() {
		if k == kind {
			return object.GatewayAPI(string(r), gatewayAPI()[r])
		}
	}
	return schema.GroupVersionResource{}
}

// installGatewayAPI makes the kinds of the Gateway API known, without their
// schemas. Nobody controls them.
func (c *cluster) installGatewayAPI(t *testing.T) {
	t.Helper()
	gvr := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	crds := c.actions.Objects().Resource(gvr)
	kinds := gatewayKinds()
	for r, kind := range kinds {
		its := gatewayResource(kind)
		scope := "Namespaced"
		if r == network.GatewayClasses {
			scope = "Cluster"
		}
		crd := map[string]any{
			"apiVersion": gvr.GroupVersion().String(), "kind": "CustomResourceDefinition",
			"metadata": map[string]any{
				"name":        its.GroupResource().String(),
				"annotations": map[string]any{"api-approved.kubernetes.io": "unapproved, for tests"}, // the group is protected
			},
			"spec": map[string]any{
				"group": its.Group, "scope": scope,
				"names": map[string]any{"kind": kind, "listKind": kind + "List", "plural": its.Resource, "singular": strings.ToLower(kind)},
				"versions": []any{map[string]any{
					"name": its.Version, "served": true, "storage": true,
					"schema":       map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
					"subresources": map[string]any{"status": map[string]any{}},
				}},
			},
		}
		_, err := crds.Create(t.Context(), &unstructured.Unstructured{Object: crd}, metav1.CreateOptions{})
		must(t, err)
	}
	kubetest.Succeeds(t, func(ctx context.Context) (err error) {
		if c.served, err = c.client.Kinds(true); err != nil {
			return err
		}
		found := 0
		for i := range c.served {
			if _, ok := kinds[network.Resource(c.served[i].Name)]; ok {
				found++
			}
		}
		if found < len(kinds) {
			return fmt.Errorf("%d of %d kinds are served", found, len(kinds))
		}
		for _, kind := range kinds { // which the server may not be ready for yet
			if _, err := c.actions.Objects().Resource(gatewayResource(kind)).List(ctx, metav1.ListOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// mend does what a trace says: makes the edit, after the server has been asked
// without effect, or the object.
func (c *cluster) mend(t *testing.T, fix *network.Fix) {
	t.Helper()
	if fix.Make != nil {
		_, err := c.actions.Objects().Resource(fix.On.GVR).Namespace(fix.On.Namespace).
			Create(t.Context(), &unstructured.Unstructured{Object: runtime.DeepCopyJSON(fix.Make)}, metav1.CreateOptions{})
		must(t, err)
		return
	}
	change, err := c.actions.Set(t.Context(), fix.On, fix.Edit)
	must(t, err)
	must(t, change.Try(t.Context()))
	_, err = change.Make(t.Context())
	must(t, err)
}
