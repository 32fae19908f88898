// Package e2e brings up the shop with the playground's real binary and checks
// that it is in perfect health, that every incident shows in the state that the
// real controllers produce, and that it is gone once it is cleared. It also
// looks at what the pretend kubelets serve: logs, exec, port-forward, metrics.
//
// The tests take minutes and are behind a build tag:
//
//	QD_PLAYGROUND=…/bin/qd-playground go test -tags e2e ./incident/e2e
package e2e
