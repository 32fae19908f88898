// Package e2e tests the playground's real binary, whose path it takes from the
// environment variable QD_PLAYGROUND. `make test` builds it and sets it.
package e2e
