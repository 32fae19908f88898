// Package e2e brings up the shop with the playground's real binary and checks
// that it gets into perfect health without an accident. It also looks at what
// the pretend kubelets serve: logs, exec, port-forward, metrics. That every
// incident shows in the state that the real controllers produce, and is gone
// once it is cleared, is proved in kube/triage, whose tests watch for each.
//
// The tests take a minute and are behind a build tag:
//
//	QD_PLAYGROUND=…/bin/qd-playground go test -tags e2e ./incident/e2e
package e2e
