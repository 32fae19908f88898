package views

import (
	"context"
	"fmt"

	"quarterdeck/kube/access"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/metrics"
)

// What commands without a screen do with objects goes the same ways as what is
// done on it: the same demands, approvals, journal and words.

// Changer returns the client that changes objects of the session's cluster.
func (s *Session) Changer() (*action.Client, error) { return s.changer() }

// Metrics returns what knows the use of nodes and pods of the session's cluster,
// nil if the user does not want it asked.
func (s *Session) Metrics() (*metrics.Source, error) {
	if !s.Settings.Metrics {
		return nil, nil
	}
	return s.metricsSource()
}

// Demand returns how sure the user has to be of something that takes a right and
// is done to so many objects, and why, where it is more than level. The error is
// the rule or the mode that denies it.
func (s *Session) Demand(level guard.Level, need access.Need, objects int) (demanded guard.Level, why string, err error) {
	if mode, on := s.Client.Guard.ReadOnly(); on {
		return level, "", &guard.Refused{What: guard.Call(need).String(), Reason: mode}
	}
	level, why = s.raise(level, "", []access.Need{need})
	if verdict := s.Client.Guard.Judge(guard.Call(need)); verdict.Denied || verdict.Max > 0 && objects > verdict.Max {
		return level, why, &guard.Blocked{Call: guard.Call(need), Verdict: verdict, Approval: guard.Approval{Level: guard.Typed, Objects: objects}}
	}
	return level, why, nil
}

// Make makes changes that the user agreed to, and writes them into the journal.
// The outcomes are in the order of the changes.
func (s *Session) Make(ctx context.Context, changes []action.Change, approval guard.Approval) []action.Outcome {
	outcomes := make([]action.Outcome, len(changes))
	action.Make(guard.Approve(ctx, approval), changes, func(i int, o action.Outcome) {
		s.record(o)
		outcomes[i] = o
	})
	return outcomes
}

// Untriable reports whether a dry run failed only because it was one.
func Untriable(err error) bool { return untriable(err) }

// InCluster is the namespace, for Explain, of what is in none.
const InCluster = string(clusterScope)

// Explain turns an error of the API into one sentence. doing is "list pods" in a
// namespace, "" for all of them.
func (s *Session) Explain(err error, doing, namespace string) string {
	return s.explain(err, doing, place(namespace))
}

// PlaceWords names the context and a namespace.
func (s *Session) PlaceWords(namespace string) string {
	words := fmt.Sprintf("context %s, namespace %s", s.Client.Context, namespace)
	if s.Settings.Context(s.Client.Context).Protected {
		words += ", protected"
	}
	return words
}
