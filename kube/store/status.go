package store

import "time"

// Phase says how far a store's objects can be trusted.
type Phase uint8

// The phases of a store.
const (
	Syncing   Phase = iota // the first list is under way; what is there is a part
	Live                   // all there, and a watch keeps it so
	Stale                  // all there as of Since; the connection is lost
	Forbidden              // the user may not list or watch this
	Failed                 // the first list failed; it is tried again
	Partial                // of several stores joined, some may not be read
)

// String returns the phase as a word for a header.
func (p Phase) String() string {
	return [...]string{"loading", "live", "stale", "forbidden", "failed", "partial"}[p]
}

// Status is the honest state of a store.
type Status struct {
	Phase  Phase
	Loaded int       // objects in the store
	Total  int       // while Syncing: how many there will be, 0 if the server did not say
	Since  time.Time // when Phase began; of Stale, until when the objects were followed
	Err    error     // why Phase is Stale, Forbidden or Failed, or the last page is late
}
