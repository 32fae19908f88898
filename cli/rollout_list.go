package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

func (c *command) rolloutList() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list [KIND/NAME…]",
		Short: "List how every rollout stands, what needs a look first",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withWorkloads(cmd.Context(), func(ctx context.Context, w *workloads) error { return w.list(ctx, args, output) })
		},
	}
	format(cmd, &output, "table", "json")
	return cmd
}

func (w *workloads) list(ctx context.Context, args []string, output string) error {
	var only []kube.Ref
	if len(args) > 0 {
		var err error
		if only, err = w.parse(ctx, args); err != nil {
			return err
		}
	}
	feed, err := w.open(ctx, rollout.Options{Argo: w.servesArgo()})
	if err != nil {
		return err
	}
	defer feed.Close()
	now := w.Now()
	list := feed.List(now)
	gaps := feed.Gaps()
	if err := w.unreadable(gaps); err != nil {
		return err
	}
	if len(only) > 0 {
		for _, ref := range only {
			if find(list, ref) == nil {
				return w.absent(ref, gaps)
			}
		}
		list = slices.DeleteFunc(list, func(s *rollout.Status) bool {
			return !slices.ContainsFunc(only, func(ref kube.Ref) bool { return same(s, ref) })
		})
	}
	missing := w.unread(gaps)
	if output == "json" {
		items := make([]statusJSON, len(list))
		for i, s := range list {
			var first []rollout.Blocker
			if s.Blocker != nil {
				first = []rollout.Blocker{*s.Blocker}
			}
			items[i] = statusOf(s, first, "", now)
		}
		err = printItems(w, items, missing)
	} else {
		err = w.printList(list, now)
	}
	if err == nil && missing != "" {
		return errors.New("this is not all: " + missing) // what there is has been printed
	}
	return err
}

// open subscribes to the rollouts of the namespace, and returns when all that
// can be read of them has been.
func (w *workloads) open(ctx context.Context, o rollout.Options) (*rollout.Feed, error) {
	feed := rollout.Open(w.Client.Stores, store.Scope{Namespace: w.Namespace}, o)
	for {
		feed.Take()
		if feed.Synced() {
			return feed, nil
		}
		select {
		case <-feed.Changed():
		case <-ctx.Done():
			feed.Close()
			return nil, ctx.Err()
		}
	}
}

// servesArgo reports whether the server has the custom resources of Argo
// Rollouts. What discovery does not tell of is not there for anybody.
func (w *workloads) servesArgo() bool {
	kinds, _ := w.Client.Kinds(false)
	return rollout.ServesArgo(kinds)
}

// same reports whether a rollout is that of the workload that ref names.
func same(s *rollout.Status, ref kube.Ref) bool {
	return s.GVR == ref.GVR && s.Namespace == ref.Namespace && s.Name == ref.Name
}

// find returns the rollout of the workload that ref names, nil if there is none.
func find(list []*rollout.Status, ref kube.Ref) *rollout.Status {
	i := slices.IndexFunc(list, func(s *rollout.Status) bool { return same(s, ref) })
	if i < 0 {
		return nil
	}
	return list[i]
}

// unreadable returns why none of the kinds that are rolled out can be read, nil
// if one can.
func (w *workloads) unreadable(gaps []rollout.Gap) error {
	for _, k := range rolledKinds() {
		if reason(gaps, k.gvr.Resource) == nil {
			return nil
		}
	}
	return w.whyNot(gaps, rolledKinds()[0].gvr.Resource)
}

// absent says why there is no rollout of the workload that ref names.
func (w *workloads) absent(ref kube.Ref, gaps []rollout.Gap) error {
	if err := w.whyNot(gaps, ref.GVR.Resource); err != nil {
		return err
	}
	return notThere(ref)
}

// notThere says that a workload is not there.
func notThere(ref kube.Ref) error {
	return fmt.Errorf("there is no %s: qd rollout list shows those there are", sanitize.Line(ref.Where()))
}

// whyNot says why a resource cannot be read, nil if it can.
func (w *workloads) whyNot(gaps []rollout.Gap, resource string) error {
	err := reason(gaps, resource)
	if err == nil {
		return nil
	}
	return errors.New(w.Explain(err, "list "+resource, w.Namespace))
}

// reason returns the error with which a resource could not be read, nil if it
// could.
func reason(gaps []rollout.Gap, resource string) error {
	for _, g := range gaps {
		if g.Resource == resource && (g.Status.Phase == store.Forbidden || g.Status.Phase == store.Failed) {
			return g.Status.Err
		}
	}
	return nil
}

// printList prints a table of rollouts.
func (w *workloads) printList(list []*rollout.Status, now time.Time) error {
	t := table{columns: []column{
		{title: "NAME"},
		{title: "REV", right: true},
		{title: "NEW", right: true},
		{title: "READY", right: true},
		{title: "AVAIL", right: true},
		{title: "STARTED", right: true},
		{title: "BY", shrinks: true},
		{title: "STATE"},
	}}
	if w.Namespace == "" {
		t.columns = slices.Insert(t.columns, 0, column{title: "NAMESPACE"})
	}
	for _, s := range list {
		c := s.Counts
		row := []string{
			s.Ref().String(), s.Revision, fmt.Sprintf("%d/%d", c.New, c.Desired), fmt.Sprintf("%d/%d", c.Ready, c.Desired),
			strconv.Itoa(int(c.Available)), ago(s.Started.At, now), s.Started.By, s.Words(now),
		}
		if w.Namespace == "" {
			row = slices.Insert(row, 0, s.Namespace)
		}
		t.add(row...)
	}
	return t.print(w.out, w.command.width())
}

// ago is how long ago something was, "" if that is not known.
func ago(seconds int64, now time.Time) string {
	if seconds <= 0 {
		return ""
	}
	return field.Age(now.Unix() - seconds)
}
