// Package logs reads the logs of many containers as one: each container's is
// followed over restarts and lost connections, and all are merged by the
// server's timestamps into one Ring of lines, of which the oldest make room for
// the newest and are counted. What reads the ring (a view, a search, a pipe)
// works on snapshots and never makes the writer wait.
//
//	stream, one a container  ──batches──▶  merger  ──▶  Ring  ──▶  Snapshot, Search
//	     ▲ opened and ended by the live set, which follows the pods
package logs
