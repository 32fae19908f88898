// Package network tells who is reachable, from where, through what, and where it
// breaks.
//
//	feed := network.Open(client.Stores, store.Scope{Namespace: "shop"}, network.Options{Served: kinds})
//	defer feed.Close()
//	for range feed.Changed() {
//		feed.Take()
//		for _, r := range feed.Routes(time.Now()) { // *Route, what is broken first
//			fmt.Println(r.State, r.Address(), r.Target, r.Ready, r.Total, r.Cause)
//		}
//	}
//
// A Route is one way in: a port of a Service, a path of an Ingress, a rule of a
// route of the Gateway API. A Trace is a Route with its Hops, from where the
// traffic comes in down to the pods, each with what it is judged by; the first
// that leads no further is Broken, and Fix is what to change, where that can be
// told.
//
//	stores ─▶ Graph: objects by name, endpoints by service, pods by labels
//	            ▼ what declares a way in and depends on what changed is judged again
//	         Routes        Trace, made when somebody looks
//
// What could not be read is named: a way that depends on it is Unknown, never
// Reachable.
//
// Feed and Graph belong to one goroutine at a time. Routes and Traces never
// change once they are handed out.
package network
