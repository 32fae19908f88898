//go:build e2e

package rollout

import (
	"maps"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"quarterdeck/kube/action"
	"quarterdeck/kube/kubetest"
)

// cluster is the one that all end-to-end tests of this package share: empty but
// for what they put into namespaces of their own.
type cluster struct {
	kubeconfig string
	admin      *action.Client
	kube       kubernetes.Interface // what is looked at past the package
}

// TestAgainstRealControllers runs every part against the controllers of a real
// control plane, one playground for all of them.
func TestAgainstRealControllers(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "3")
	cfg := kubetest.Config(t, kubeconfig, "")
	c := &cluster{kubeconfig: kubeconfig, kube: kubernetes.NewForConfigOrDie(cfg)}
	c.admin = c.client(t, cfg)
	t.Run("parts", func(t *testing.T) {
		parts := map[string]func(*cluster, *testing.T){}
		for _, some := range []map[string]func(*cluster, *testing.T){progressParts(), undoParts()} {
			maps.Copy(parts, some)
		}
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				parts[name](c, t)
			})
		}
	})
}

func (c *cluster) client(t *testing.T, cfg *rest.Config) *action.Client {
	t.Helper()
	cfg.QPS = -1
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := action.New(cfg, hc, "")
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// namespace makes one for a test, and returns when pods can be made in it.
func (c *cluster) namespace(t *testing.T, name string) string {
	t.Helper()
	if _, err := c.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.ReadyForPods(t, c.kube, name)
	return name
}

// user returns the client of somebody who may do what the rules say in a
// namespace, and nothing else.
func (c *cluster) user(t *testing.T, namespace, name string, rules ...rbacv1.PolicyRule) *action.Client {
	t.Helper()
	if _, err := c.kube.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules,
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	last := rules[len(rules)-1]
	kubetest.Allowed(t, c.kube, name, authorizationv1.ResourceAttributes{
		Verb: last.Verbs[0], Group: last.APIGroups[0], Resource: last.Resources[0], Namespace: namespace,
	})
	cfg := kubetest.Config(t, c.kubeconfig, "")
	cfg.Impersonate.UserName = name
	return c.client(t, cfg)
}
