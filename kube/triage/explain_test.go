package triage_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/triage"
)

func deploymentRef(name string) kube.Ref {
	return kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource("deployments"), Kind: "Deployment", Namespace: "shop", Name: name}
}

func TestExplain(t *testing.T) {
	objects := append(deployment("checkout", 2, 1), deployment("cart", 1, 1)...)
	objects = append(objects, pod("checkout", "bad", crashes("Error", 1, "no DB")), pod("cart", "good"))
	s := newScene(t, objects...)
	if x := s.engine.Explain(deploymentRef("cart")); !x.Loading || x.Healthy() {
		t.Errorf("before anything was judged: %+v", x)
	}
	s.report()

	x := s.engine.Explain(deploymentRef("checkout"))
	if len(x.Of) != 1 || x.Healthy() || !strings.HasPrefix(x.Words(), "deploy/checkout in shop: ") || !strings.Contains(x.Words(), "no DB") {
		t.Errorf("%s: %+v", x.Words(), x)
	}
	bad := kube.Ref{GVR: schema.GroupVersionResource{Version: "v1", Resource: "pods"}, Kind: "Pod", Namespace: "shop", Name: "bad", UID: "bad"}
	if x = s.engine.Explain(bad); len(x.Of) != 0 || len(x.Beside) != 1 || !strings.HasPrefix(x.Words(), "pod/bad in shop is affected by deploy/checkout in shop: ") {
		t.Errorf("%s: %+v", x.Words(), x)
	}
	x = s.engine.Explain(deploymentRef("cart"))
	if !x.Healthy() || x.Words() != "deploy/cart in shop is healthy" || !slices.Contains(x.Checks(), "containers do not exit again and again") {
		t.Errorf("%s: %q", x.Words(), x.Checks())
	}
	if x = s.engine.Explain(deploymentRef("nowhere")); x.Healthy() || x.Found || x.Words() != "deploy/nowhere in shop is not among what was read" {
		t.Errorf("%s: %+v", x.Words(), x)
	}
	widget := kube.Ref{GVR: schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "deployments"}, Kind: "Widget", Namespace: "shop", Name: "cart"}
	if x = s.engine.Explain(widget); x.Ruled || x.Healthy() || x.Words() != "there are no rules for Widget; what it says of itself is below" {
		t.Errorf("%s: %+v", x.Words(), x)
	}
	s.without(triage.Pods)
	s.report()
	x = s.engine.Explain(deploymentRef("cart"))
	if x.Healthy() || len(x.NotRead) != 1 || x.NotRead[0].Resource != triage.Pods || x.Words() != "deploy/cart in shop: nothing wrong is known, but not everything could be read" {
		t.Errorf("%s: %+v", x.Words(), x.NotRead)
	}
	if why := x.NotRead[0].Words(); !strings.HasPrefix(why, "pods: forbidden: list pods; not checked: ") {
		t.Error(why)
	}
}
