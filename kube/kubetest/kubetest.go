//go:build e2e

// Package kubetest gives tests a real API server: the playground.
package kubetest

import (
	"testing"

	"k8s.io/client-go/rest"

	"quarterdeck/kube/rig"
)

// Start brings up a playground for the length of the test and returns its
// kubeconfig: see Playground.
func Start(t testing.TB, args ...string) (kubeconfig string) {
	t.Helper()
	return Playground(t, args...).Kubeconfig()
}

// Playground brings up a playground for the length of the test. The test fails
// if there is no program for it: who asks for these tests, by their build tag,
// wants them run. args go to its command up, as in "--scenario", "shop".
func Playground(t testing.TB, args ...string) *rig.Playground {
	t.Helper()
	p, err := rig.Start(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the playground said:\n%s", p.Said())
		}
	})
	return p
}

// Config returns the connection of a context of kubeconfig, the current one for
// "".
func Config(t testing.TB, kubeconfig, context string) *rest.Config {
	t.Helper()
	cfg, err := rig.Config(kubeconfig, context)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
