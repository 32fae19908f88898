// Package cluster runs the parts of a Kubernetes control plane as child
// processes of one supervisor, each with its own log, all on loopback and all
// gone when the supervisor is.
//
// A Dir is the directory a cluster lives in; a Layout says which ports, keys
// and flags its parts get; a Cluster starts, watches and stops them.
package cluster
