package cli

import (
	"fmt"
	"strings"
	"time"

	"quarterdeck/kube/field"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// progress says how a rollout stands, in the words of kubectl rollout status
// where that has any.
func progress(s *rollout.Status) string {
	c := s.Counts
	if s.State == rollout.Deleting {
		return s.Ref().String() + " is being deleted"
	}
	switch s.Kind {
	case rollout.Deployment:
		waiting := fmt.Sprintf("Waiting for deployment %q rollout to finish: ", s.Name)
		switch {
		case s.State == rollout.Unobserved:
			return "Waiting for deployment spec update to be observed..."
		case s.Late:
			return fmt.Sprintf("deployment %q exceeded its progress deadline", s.Name)
		case c.New < c.Desired:
			return waiting + fmt.Sprintf("%d out of %d new replicas have been updated...", c.New, c.Desired)
		case c.Old > 0:
			return waiting + fmt.Sprintf("%d old replicas are pending termination...", c.Old)
		case c.Available < c.New:
			return waiting + fmt.Sprintf("%d of %d updated replicas are available...", c.Available, c.New)
		}
		return fmt.Sprintf("deployment %q successfully rolled out", s.Name)
	case rollout.DaemonSet:
		waiting := fmt.Sprintf("Waiting for daemon set %q rollout to finish: ", s.Name)
		switch {
		case s.State == rollout.Unobserved:
			return "Waiting for daemon set spec update to be observed..."
		case s.Strategy != rollingUpdate:
			return s.Ref().String() + ": " + s.Words(time.Time{})
		case c.New < c.Desired:
			return waiting + fmt.Sprintf("%d out of %d new pods have been updated...", c.New, c.Desired)
		case c.Available < c.Desired:
			return waiting + fmt.Sprintf("%d of %d updated pods are available...", c.Available, c.Desired)
		}
		return fmt.Sprintf("daemon set %q successfully rolled out", s.Name)
	case rollout.StatefulSet:
		switch {
		case s.State == rollout.Unobserved:
			return "Waiting for statefulset spec update to be observed..."
		case s.Strategy != rollingUpdate:
			return s.Ref().String() + ": " + s.Words(time.Time{})
		case c.Ready < c.Desired:
			return fmt.Sprintf("Waiting for %d pods to be ready...", c.Desired-c.Ready)
		case c.New < c.Desired-s.Partition:
			return fmt.Sprintf("Waiting for partitioned roll out to finish: %d out of %d new pods have been updated...", c.New, c.Desired-s.Partition)
		}
		return fmt.Sprintf("partitioned roll out complete: %d new pods have been updated...", c.New)
	}
	return s.Ref().String() + ": " + s.Words(time.Time{}) // of a kind that kubectl does not judge
}

// rollingUpdate is the strategy that kubectl judges.
const rollingUpdate = "RollingUpdate"

// blockerLines says what keeps a rollout from going on, and where that is read.
func blockerLines(b *rollout.Blocker, now time.Time) []string {
	word := "waits: "
	if b.Hard {
		word = "stuck: "
	}
	first := word + b.Words
	if b.Pods > 1 {
		first += fmt.Sprintf(" (%d pods)", b.Pods)
	}
	lines := []string{first}
	for _, e := range b.Evidence {
		at := e.Source + " " + e.Where
		if e.Count > 1 {
			at += fmt.Sprintf(", %d times", e.Count)
		}
		if e.At != 0 {
			at += ", " + field.Age(now.Unix()-e.At) + " ago"
		}
		lines = append(lines, "  "+at, "    "+e.Words)
	}
	return lines
}

// unread says which resources could not be read, and why; "" if all were.
func (w *workloads) unread(gaps []rollout.Gap) string {
	var forbidden, failed []string
	for _, g := range gaps {
		switch g.Status.Phase {
		case store.Forbidden:
			forbidden = append(forbidden, g.Resource)
		case store.Failed:
			failed = append(failed, w.Explain(g.Status.Err, "list "+g.Resource, w.Namespace))
		case store.Live, store.Stale, store.Partial, store.Syncing: // all there, or on its way
		}
	}
	if len(forbidden) > 0 {
		where := " in namespace " + w.Namespace
		if w.Namespace == "" {
			where = " in the cluster"
		}
		failed = append([]string{"you may not list " + strings.Join(forbidden, ", ") + where}, failed...)
	}
	return sanitize.Line(strings.Join(failed, "; "))
}
