//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// scenario is one thing that somebody does with the program.
type scenario struct {
	name    string
	context string   // of the kubeconfig, "" for the one that may do everything
	args    []string // of qd
	env     []string // added to the environment
	size    size     // of the terminal, the usual one if zero
	cluster cluster
	// edit changes the kubeconfig, which is the playground's own otherwise.
	edit func(t *testing.T, config *clientcmdapi.Config)
	// shell is a script that runs "$QD" "$@" itself and sees what it leaves
	// behind.
	shell string
	run   func(t *terminal)
}

type size struct{ width, height int }

// cluster is the playground that a scenario needs.
type cluster int

const (
	shop     cluster = iota // the example shop, which nobody may break
	fragile                 // pods that do nothing, and an API server that may be stopped
	workshop                // another shop, where things are changed
)

func scenarios() []scenario {
	return slices.Concat(
		starting(), drilling(), filtering(), scoping(), access(), reading(), listing(), following(),
		screens(), leaving(), plugins(), faults(), draining(), editing(), applying(), acting(), tending(), denying(), reaching(), logging(), rating(), rolling(), rollingOut(), seeingRoom(), triaging(), changing(), connecting(),
	)
}

// TestEndToEnd is one test, since everything in it shares the playgrounds.
func TestEndToEnd(t *testing.T) {
	s := newStage(t)
	for _, scenario := range scenarios() {
		t.Run(strings.ReplaceAll(scenario.name, " ", "-"), func(t *testing.T) {
			scenario.run(s.open(t, &scenario))
		})
	}
	t.Run("get", s.get)
	t.Run("logs", s.logs)
	t.Run("headroom", s.headroom)
	t.Run("triage", s.triage)
	t.Run("changes", s.changes)
	t.Run("trace", s.trace)
	t.Run("mistakes", s.mistakes)
}
