// Package triage finds what is wrong in a cluster, and why.
//
//	feed := triage.Open(client.Stores, store.Scope{Namespace: "shop"}, triage.Options{})
//	defer feed.Close()
//	for range feed.Changed() {
//		report := feed.Take(time.Now())
//		for _, i := range report.Incidents { // *Incident, the worst first
//			fmt.Println(i.Severity, i.Title, i.Root.Where(), i.Cause)
//		}
//	}
//
// A Rule judges the objects of one resource. What it finds wrong is a Finding:
// one fact with its evidence, on one object. Findings whose cause is the same
// make one Incident, which belongs to the object that is the cause: pods that
// crash to their workload, pods of a dead node to the node, workloads whose pods
// a quota refuses to the quota.
//
//	stores ─▶ Cluster: what there is, who belongs to whom
//	            ▼ what changed, and what depends on it, is judged again
//	         Rules ─▶ Findings, kept by the object they are on
//	            ▼ who is to blame
//	         Incidents, ranked ─▶ Report, with what was checked and what was not read
//
// Rules see compact snapshots only and ask nobody: everything they need is in
// the Cluster. What takes a question to the server, such as logs and what
// changed before, is evidence and is fetched for the incident looked at; see
// Inspect.
//
// A Rule that needs what could not be read is not applied, and the Report says
// so: an empty list of incidents is never a guess.
//
// Feed, Engine and Cluster belong to one goroutine at a time. A Report, its
// Incidents and Findings never change once they are handed out.
package triage
