//go:build linux

package e2e

import (
	"fmt"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/playground/cluster"
)

// TestShop looks at what the lifecycle promises of a shop: who may do what in
// it, and that metrics arrive.
func TestShop(t *testing.T) {
	p := up(t, newDir(t), "--scenario", "shop")

	for _, test := range []struct {
		context string
		may     bool
		verb    string
		group   string
		kind    string
		in      string // namespace; empty for all
	}{
		{cluster.AdminContext, true, "delete", "", "nodes", ""},
		{cluster.AdminContext, true, "get", "", "secrets", "payments"},
		{cluster.ViewerContext, true, "list", "", "pods", ""},
		{cluster.ViewerContext, true, "list", "", "nodes", ""},
		{cluster.ViewerContext, true, "list", "", "persistentvolumes", ""},
		{cluster.ViewerContext, true, "list", "apps", "deployments", ""},
		{cluster.ViewerContext, true, "list", "metrics.k8s.io", "nodes", ""},
		{cluster.ViewerContext, true, "list", "apiextensions.k8s.io", "customresourcedefinitions", ""},
		{cluster.ViewerContext, false, "get", "", "secrets", "payments"},
		{cluster.ViewerContext, false, "delete", "", "pods", "payments"},
		{cluster.ViewerContext, false, "patch", "", "nodes", ""},
		{cluster.PaymentsDevContext, true, "list", "", "pods", "payments"},
		{cluster.PaymentsDevContext, true, "delete", "", "pods", "payments"},
		{cluster.PaymentsDevContext, true, "patch", "apps", "deployments", "payments"},
		{cluster.PaymentsDevContext, true, "list", "metrics.k8s.io", "pods", "payments"},
		{cluster.PaymentsDevContext, false, "list", "", "pods", ""},
		{cluster.PaymentsDevContext, false, "list", "", "pods", "default"},
		{cluster.PaymentsDevContext, false, "list", "", "namespaces", ""},
		{cluster.PaymentsDevContext, false, "create", "rbac.authorization.k8s.io", "rolebindings", "payments"},
		{cluster.NobodyContext, false, "list", "", "pods", ""},
		{cluster.NobodyContext, false, "list", "", "pods", "default"},
		{cluster.NobodyContext, false, "list", "", "namespaces", ""},
	} {
		name := fmt.Sprintf("%s %s %s in %q", test.context, test.verb, test.kind, test.in)
		review, err := p.client(t, test.context).AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(),
			&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: test.verb, Group: test.group, Resource: test.kind, Namespace: test.in,
				},
			}}, metav1.CreateOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if review.Status.Allowed != test.may {
			t.Errorf("%s: allowed is %v", name, review.Status.Allowed)
		}
	}

	if _, err := p.client(t, cluster.NobodyContext).Discovery().ServerVersion(); err != nil {
		t.Errorf("nobody is not even known: %v", err)
	}

	metrics := p.client(t, cluster.ViewerContext).CoreV1().RESTClient()
	eventually(t, "no metrics", func() error {
		return metrics.Get().AbsPath("/apis/metrics.k8s.io/v1beta1/nodes").Do(t.Context()).Error()
	})
}
