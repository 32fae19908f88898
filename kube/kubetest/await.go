//go:build e2e

package kubetest

import (
	"context"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// Patience is how long anything may take: a machine that does other things as
// well takes long.
const Patience = 4 * time.Minute

// pause is the time between two looks.
const pause = 50 * time.Millisecond

// Until waits until ok is true; what says what that means.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Eventually(t, what, func(context.Context) (bool, error) { return ok(), nil })
}

// Eventually waits until ok is true, and not any longer after an error; what says
// what it means.
func Eventually(t testing.TB, what string, ok wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), pause, Patience, true, ok); err != nil {
		t.Fatalf("waited in vain for this: %s: %v", what, err)
	}
}

// Succeeds waits until do returns no error; the last one says what is missing.
func Succeeds(t testing.TB, do func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), pause, Patience, true, func(ctx context.Context) (bool, error) {
		last = do(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%v: %v", err, last)
	}
}

// ReadyForPods waits until pods can be made in a namespace: until it has the
// service account that they get.
func ReadyForPods(t testing.TB, api kubernetes.Interface, namespace string) {
	t.Helper()
	Succeeds(t, func(ctx context.Context) error {
		_, err := api.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// Allowed waits until a user may do something. The server learns of roles and of
// bindings by watches, of each in the order in which they were made.
func Allowed(t testing.TB, api kubernetes.Interface, user string, what authorizationv1.ResourceAttributes) {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &what}}
	Eventually(t, user+" may "+what.Verb+" "+what.Resource, func(ctx context.Context) (bool, error) {
		answer, err := api.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && answer.Status.Allowed, err
	})
}
