// Package seed makes objects for clusters of any size and writes them past
// the API straight into etcd, where doing it through the API takes minutes.
//
// The objects are what the real components would have left behind, defaults,
// owners and managed fields included, so that the API server reads, patches
// and deletes them like any other. The same size gives the same objects, but
// for times, which count back from the moment of seeding.
package seed
