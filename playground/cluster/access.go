package cluster

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// ApplyAccess grants the contexts that work cluster-wide what they may do:
// playground everything, viewer to read everything but Secrets. Nobody is
// granted nothing beyond what every authenticated user has.
func ApplyAccess(ctx context.Context, client kubernetes.Interface) error {
	roles := client.RbacV1().ClusterRoles()
	for _, role := range []*rbacv1.ClusterRole{viewerRole(), metricsReaderRole()} {
		if _, err := roles.Create(ctx, role, metav1.CreateOptions{}); ignoreExists(err) != nil {
			return fmt.Errorf("create cluster role %s: %w", role.Name, err)
		}
	}
	for _, grant := range []struct{ user, role string }{
		{AdminContext, "cluster-admin"},
		// "view" is empty until a controller has put it together, and for
		// ever in a static cluster; its main part is there from the start.
		{ViewerContext, "view"},
		{ViewerContext, "system:aggregate-to-view"},
		{ViewerContext, viewerRole().Name},
	} {
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "playground:" + grant.user + ":" + grant.role},
			Subjects:   []rbacv1.Subject{user(grant.user)},
			RoleRef:    clusterRole(grant.role),
		}
		if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); ignoreExists(err) != nil {
			return fmt.Errorf("grant %s to %s: %w", grant.role, grant.user, err)
		}
	}
	// Bindings are watched in the order in which they were made: this is the last.
	return awaitAllowed(ctx, client, ViewerContext, &authorizationv1.ResourceAttributes{Verb: "list", Resource: "nodes"})
}

// ApplyPaymentsAccess lets payments-dev work in its one namespace, which it
// creates if it does not exist. It returns once the role for that, which a
// controller puts together, includes what ApplyAccess added to it.
func ApplyPaymentsAccess(ctx context.Context, client kubernetes.Interface) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: PaymentsNamespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); ignoreExists(err) != nil {
		return fmt.Errorf("create namespace %s: %w", PaymentsNamespace, err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: PaymentsDevContext},
		Subjects:   []rbacv1.Subject{user(PaymentsDevContext)},
		RoleRef:    clusterRole("edit"),
	}
	if _, err := client.RbacV1().RoleBindings(PaymentsNamespace).Create(ctx, binding, metav1.CreateOptions{}); ignoreExists(err) != nil {
		return fmt.Errorf("let %s edit namespace %s: %w", PaymentsDevContext, PaymentsNamespace, err)
	}
	return awaitAllowed(ctx, client, PaymentsDevContext, &authorizationv1.ResourceAttributes{
		Verb: "list", Group: metricsGroup, Resource: "pods", Namespace: PaymentsNamespace,
	})
}

// awaitAllowed waits until a user may do something: the authorizer watches
// roles and bindings, and learns of them a moment after they were made.
func awaitAllowed(ctx context.Context, client kubernetes.Interface, name string, what *authorizationv1.ResourceAttributes) error {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: name, ResourceAttributes: what}}
	return await(ctx, "the right of "+name+" to "+what.Verb+" "+what.Resource, func(ctx context.Context) (bool, error) {
		answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && answer.Status.Allowed, err
	})
}

// await waits for what the server or a controller does by itself.
func await(ctx context.Context, what string, done wait.ConditionWithContextFunc) error {
	if err := wait.PollUntilContextTimeout(ctx, pollInterval, reaction, true, done); err != nil {
		return fmt.Errorf("wait for %s: %w", what, err)
	}
	return nil
}

// viewerRole is what the built-in role "view" lacks for reading a cluster:
// what belongs to no namespace, and who may do what.
func viewerRole() *rbacv1.ClusterRole {
	read := []string{"get", "list", "watch"}
	all := func(group string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{"*"}, Verbs: read}
	}
	return &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "playground:viewer"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"nodes", "persistentvolumes", "podtemplates"}, Verbs: read},
			all("apiextensions.k8s.io"),
			all("apiregistration.k8s.io"),
			all("admissionregistration.k8s.io"),
			all("coordination.k8s.io"),
			all("flowcontrol.apiserver.k8s.io"),
			all(metricsGroup),
			all("node.k8s.io"),
			all("rbac.authorization.k8s.io"),
			all("scheduling.k8s.io"),
			all("storage.k8s.io"),
		},
	}
}

// metricsReaderRole adds the metrics of pods to the built-in roles for
// namespaces, as an installation of metrics-server does.
func metricsReaderRole() *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{
			Name: "system:aggregated-metrics-reader",
			Labels: map[string]string{
				"rbac.authorization.k8s.io/aggregate-to-admin": "true",
				"rbac.authorization.k8s.io/aggregate-to-edit":  "true",
				"rbac.authorization.k8s.io/aggregate-to-view":  "true",
			},
		},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{metricsGroup},
			Resources: []string{"pods", "nodes"},
			Verbs:     []string{"get", "list", "watch"},
		}},
	}
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
}

func clusterRole(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
