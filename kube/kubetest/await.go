//go:build e2e

package kubetest

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
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
