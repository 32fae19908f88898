// Package changes tells what was changed in a cluster, when and by whom: as it
// happens, from watches, and before that from what the cluster keeps.
//
// An entry is exact or inferred. Exact ones were seen by a watch of this program:
// the old and the new value are known where the compact objects of kube/object
// have them. Inferred ones are read from traces: managedFields (who wrote which
// fields, and when last), ReplicaSets and ControllerRevisions, how containers
// ended, Helm's release records. Of these the old value is rarely known, and an
// entry says so.
//
// Contents of ConfigMaps and Secrets are never read: their metadata name the keys
// that were written. Status, heartbeats and leases are not changes.
//
// A Timeline joins what several watches tell of one change into one Entry, and
// groups what follows from it (a rollout's ReplicaSets and pods) into a burst. A
// Recorder keeps a Timeline up to date from the stores of a cluster.
package changes
