// Package e2e runs the real program in a terminal emulator against a real
// control plane, the playground. A scenario is one short declaration of what
// somebody does and what they then see; all of them are listed by scenarios in
// scenario_test.go.
//
// The tests need the build tag e2e and the two programs that `make build` puts
// into bin/; QD and QD_PLAYGROUND name others.
package e2e
