// Package e2e tests the playground's real binary, whose path it takes from the
// environment variable QD_PLAYGROUND. `make test` builds it and sets it.
//
// It starts the playground by itself: the package that does so for the app's
// tests, quarterdeck/kube/rig, is in the app's module, which this one does not
// require, so that neither is bound to the versions of the other.
package e2e
