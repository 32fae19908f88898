// Package fit answers what would happen if: more pods, nodes drained, nodes lost,
// nodes added. Whether a pod fits a node is decided by the filter plugins of
// Kubernetes' own scheduler, those that its default profile has, in their order
// and words, over a copy of the cluster that is changed and thrown away.
//
// A Cluster is made of compact objects and never changes; every question works on
// what it has copied of it. Pods whose spec, labels and namespace are the same to
// the scheduler share one, so that 50,000 pods cost about as much as the
// workloads they belong to.
//
// What differs from the scheduler:
//
//   - Among the nodes that fit, the one that has the least share of its CPU and
//     memory requested is taken, as NodeResourcesFit prefers; the scheduler weighs
//     more than that, and looks at a sample of the nodes of a large cluster. So
//     the number that fits is exact for the first pod and may be another, in both
//     directions, for many pods with rules about each other.
//   - Pods that have to move are placed in the order of the scheduler's queue,
//     by priority, and among equals the largest first.
//   - Nobody is preempted.
//   - Nodes that are lost stay, as the API server keeps them, with the taint of a
//     node that does not answer: they still count for topology spread.
//   - What an Answer lists as not modelled.
package fit
