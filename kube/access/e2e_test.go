//go:build e2e

package access_test

import (
	"context"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/kubetest"
)

// TestAgainstAPIServer asks for a grid of rights as each of the playground's
// users; what the server says of each right alone is the truth.
func TestAgainstAPIServer(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "1")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	admin := kubernetes.NewForConfigOrDie(kubetest.Config(t, kubeconfig, "playground"))
	prepare(ctx, t, admin)

	needs := grid()
	for _, user := range []string{"playground", "viewer", "payments-dev", "nobody"} {
		t.Run(user, func(t *testing.T) {
			flags := genericclioptions.NewConfigFlags(true)
			flags.KubeConfig = &kubeconfig
			client, err := (&kube.Connector{Flags: flags}).Connect(user)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			r := access.New(client, access.Options{TTL: time.Hour})
			start := time.Now()
			if err := r.Ask(ctx, needs...); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d rights in %s", len(needs), time.Since(start))
			count := map[access.Answer]int{}
			reviews := kubernetes.NewForConfigOrDie(client.Config()).AuthorizationV1().SelfSubjectAccessReviews()
			for _, n := range needs {
				review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
					ResourceAttributes: &authorizationv1.ResourceAttributes{
						Verb: n.Verb, Group: n.Group, Resource: n.Resource, Subresource: n.Subresource, Namespace: n.Namespace, Name: n.Name,
					},
				}}
				review, err := reviews.Create(ctx, review, metav1.CreateOptions{})
				if err != nil {
					t.Fatal(err)
				}
				want := access.No
				if review.Status.Allowed {
					want = access.Yes
				}
				got := r.Known(n)
				if got != want {
					t.Errorf("%s: %s, but the server says %s", n, got, want)
				}
				count[got]++
			}
			t.Log(count)
			switch {
			case user == "playground" && count[access.No] > 0, user == "nobody" && count[access.Yes] > 0,
				user == "viewer" && count[access.Yes] == 0, user == "payments-dev" && (count[access.Yes] == 0 || count[access.No] == 0):
				t.Errorf("the grid shows little: %v", count)
			}
		})
	}
}

// prepare gives payments-dev some rights of unusual form in a namespace of their
// own, and in another one a binding to a role that does not exist, so that the
// server cannot tell all the rules there.
func prepare(ctx context.Context, t *testing.T, admin kubernetes.Interface) {
	t.Helper()
	for _, name := range []string{"payments", "odd", "dangling"} {
		_, err := admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	dev := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "payments-dev"}}
	if _, err := admin.RbacV1().Roles("odd").Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "odd"},
		Rules: []rbacv1.PolicyRule{
			{Verbs: []string{"get", "patch"}, APIGroups: []string{""}, Resources: []string{"secrets", "configmaps"}, ResourceNames: []string{"mine"}},
			{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*/scale"}},
			{Verbs: []string{"create"}, APIGroups: []string{""}, Resources: []string{"pods/exec", "pods/*"}},
			{Verbs: []string{"list"}, APIGroups: []string{"apps"}, Resources: []string{"*"}},
		},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, bound := range []struct{ namespace, kind, role string }{
		{"dangling", "ClusterRole", "gone"},
		{"payments", "ClusterRole", "system:aggregate-to-edit"},
		{"odd", "Role", "odd"},
	} {
		_, err := admin.RbacV1().RoleBindings(bound.namespace).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "test-" + bound.namespace}, Subjects: dev,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: bound.kind, Name: bound.role},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	// The last of the bindings.
	kubetest.Allowed(t, admin, "payments-dev", authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Namespace: "odd", Name: "mine"})
}

func grid() []access.Need {
	var needs []access.Need
	for _, namespace := range []string{"payments", "odd", "dangling", "default", "there-is-none", ""} {
		for _, resource := range []access.Need{
			{Resource: "pods"},
			{Resource: "pods", Subresource: "exec"},
			{Resource: "pods", Subresource: "log"},
			{Resource: "pods", Subresource: "eviction"},
			{Resource: "secrets"},
			{Resource: "configmaps"},
			{Resource: "nodes"},
			{Group: "apps", Resource: "deployments"},
			{Group: "apps", Resource: "deployments", Subresource: "scale"},
			{Group: "example.com", Resource: "widgets", Subresource: "scale"},
			{Group: "rbac.authorization.k8s.io", Resource: "rolebindings"},
		} {
			for _, verb := range []string{"get", "list", "create", "patch", "delete"} {
				for _, name := range []string{"", "mine"} {
					resource.Verb, resource.Namespace, resource.Name = verb, namespace, name
					needs = append(needs, resource)
				}
			}
		}
	}
	return needs
}
