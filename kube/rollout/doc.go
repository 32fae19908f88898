// Package rollout tells how the rollouts of a cluster stand, what is behind
// them, and takes them back.
//
// Progress. Everything is computed from the compact objects that the stores
// keep, and from a time that is passed in: nothing here asks the server.
//
//	feed := rollout.Open(client.Stores, store.Scope{Namespace: "shop"}, rollout.Options{Whole: true})
//	defer feed.Close()
//	for range feed.Changed() {
//		feed.Take()
//		for _, s := range feed.List(time.Now()) { // *Status, what needs a look first
//			fmt.Println(s.Ref(), s.Counts, s.Words(time.Now()))
//		}
//		d, ok := feed.Detail(uid, time.Now()) // one workload: revisions, pods, blockers, events
//	}
//
// Feed holds the subscriptions and a Fleet, which is the computing half of it
// and can be fed by hand, with what a single list returned or in a test. Both
// belong to one goroutine at a time; a *Status and a Detail never change once
// they are handed out, and a workload whose state is the same has the same
// *Status again. A Status is a store.Object.
//
// Done is what `kubectl rollout status` means by it, for the three kinds that it
// knows. State is finer: what Kubernetes calls unfinished can be progressing,
// paused, or stuck, and then Blocker says why with its evidence. What could not
// be read is in Fleet's Gaps, and the counts that need it are Unknown.
//
// History and undo ask the server, for one workload at the moment when somebody
// looks or is about to act:
//
//	h, err := rollout.ReadHistory(ctx, client, ref) // client is an action.Client
//	before, err := h.Find(11)
//	for _, f := range rollout.Compare(before.Template, h.Current) {
//		fmt.Println(f) // containers[app].image app:v1 → app:v2
//	}
//	fmt.Print(rollout.Unified(before.Template, h.Current, "revision 11", "now"))
//
//	u, err := rollout.PrepareUndo(ctx, client, ref, rollout.UndoOptions{Revision: 11})
//	err = u.Change.Try(ctx) // the server's dry run
//	said, err := u.Change.Make(ctx)
//
// A History, its Templates and an Undo never change. The Change of an Undo is
// one as all of package action, so it is asked about, written down and taken back
// like any other. ConfigMaps and Secrets, which an undo does not bring back, are
// looked at by their metadata only: their contents are never read.
package rollout
