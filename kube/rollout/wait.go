package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/store"
)

// ErrGone is the error for a workload that is deleted while somebody waits for
// its rollout.
var ErrGone = errors.New("it has been deleted meanwhile")

// tick is how often a wait looks again though nothing changed: deadlines and
// minReadySeconds pass by themselves.
const tick = time.Second

// Wait follows a rollout until it is over (see Status.Over) and returns how it
// stands then. A status of a spec before generation, the one that the change to
// be waited for made, counts for nothing; 0 takes what there is. report is
// called with every Status that differs from the one before. Nobody else may
// use the Feed meanwhile.
func (f *Feed) Wait(ctx context.Context, ref kube.Ref, generation int64, report func(*Status)) (*Status, error) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var last *Status
	for {
		f.Take()
		s, ok := f.Find(ref, time.Now())
		switch {
		case !ok:
			if err := f.missing(ref, last != nil); err != nil {
				return last, err
			}
		case s.Generation >= generation:
			if ref.UID == "" {
				ref.UID = s.UID // a later one of the same name is another
			}
			if s != last {
				report(s)
			}
			last = s
			if _, over := s.Over(); over {
				return s, nil
			}
		}
		select {
		case <-f.Changed():
		case <-ticker.C:
		case <-ctx.Done():
			return last, ctx.Err()
		}
	}
}

// missing says why a workload is not there, nil if it may still come.
func (f *Feed) missing(ref kube.Ref, seen bool) error {
	status := f.read[ref.GVR.Resource]
	switch {
	case seen:
		return fmt.Errorf("rollout of %s: %w", ref.Where(), ErrGone)
	case status.Phase == store.Live:
		return fmt.Errorf("rollout of %s: there is no such workload", ref.Where())
	case status.Phase == store.Forbidden:
		return fmt.Errorf("rollout of %s: %w", ref.Where(), status.Err)
	}
	return nil // loading, or the connection is lost for now
}
