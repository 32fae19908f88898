package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/filter"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/views"
)

// changes prints what was changed, when and by whom.
func (c *command) changes() *cobra.Command {
	var q changesQuery
	cmd := &cobra.Command{
		Use:   "changes [KIND/NAME]",
		Short: "Print what was changed, when and by whom",
		Long: `Prints the changes of a cluster, the newest first, as far as the cluster keeps
traces of them: managedFields, revisions of workloads, how containers ended,
release records of Helm. Of ConfigMaps and Secrets only metadata and keys are
read. With KIND/NAME only those of one object and of what belongs to it.

In the table what followed from a change, such as the pods of a rollout, is
counted in its row; json and yaml have each with the change that it follows from.
Below it stands what could not be read.

--filter takes what / takes in the view, over the columns ` + strings.Join(changeColumnNames(), ", ") + `.`,
		Example: `  qd changes -A --since 1h
  qd changes deploy/checkout -n payments -o json
  qd changes -A --filter 'by~kubectl kind=cm'`,
		Args: words(0, 1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if q.match, err = filter.Parse(q.filter, changeColumns()); err != nil {
				return fmt.Errorf("--filter: %w", err)
			}
			switch {
			case q.timeout <= 0:
				return fmt.Errorf("--timeout %s leaves no time to read anything: give it one such as 30s", q.timeout)
			case q.since <= 0:
				return fmt.Errorf("--since %s is no time: give it one such as 1h", q.since)
			}
			session, done, err := c.printing()
			if err != nil {
				return err
			}
			defer done()
			if len(args) > 0 {
				if q.object, err = changedObject(session, args[0]); err != nil {
					return err
				}
			}
			err = (&changing{session, c}).print(cmd.Context(), q)
			c.tell(session.Notices()...)
			if err != nil && cmd.Context().Err() != nil {
				return errSilent // whoever ended it knows
			}
			return err
		},
	}
	f := cmd.Flags()
	f.DurationVar(&q.since, "since", 24*time.Hour, "how far back")
	f.StringVar(&q.filter, "filter", "", "print only changes that match, as / in the view")
	f.DurationVar(&q.timeout, "timeout", 30*time.Second, "how long to wait until everything has been read")
	format(cmd, &q.output, "table", "json", "yaml")
	return cmd
}

// mostCharts is of how many releases of Helm the charts are read: the record of
// one may be a megabyte.
const mostCharts = 20

// changesQuery is what to print.
type changesQuery struct {
	object         kube.Ref // "" for all
	since, timeout time.Duration
	filter         string
	match          *filter.Filter
	output         string
}

// changedObject reads KIND/NAME.
func changedObject(s *views.Session, arg string) (kube.Ref, error) {
	kind, name, ok := strings.Cut(arg, "/")
	if !ok || kind == "" || name == "" || strings.Contains(name, "/") {
		return kube.Ref{}, fmt.Errorf("%q is no object: type KIND/NAME, such as deploy/web", sanitize.Line(arg))
	}
	o, err := s.Find(kind)
	if err != nil {
		return kube.Ref{}, err
	}
	n := o.Names()
	ref := kube.Ref{GVR: n.GVR, Kind: n.Kind, Name: name}
	if n.Namespaced {
		if ref.Namespace = s.Namespace; ref.Namespace == "" {
			return kube.Ref{}, fmt.Errorf("%s is in one namespace: name it with -n instead of -A", sanitize.Line(arg))
		}
	}
	return ref, nil
}

// changing is one look at a cluster: the session's namespace, or all.
type changing struct {
	*views.Session
	command *command
}

func (c *changing) print(ctx context.Context, q changesQuery) error {
	report, err := c.read(ctx, q.timeout)
	if err != nil {
		return err
	}
	since := report.At.Add(-q.since)
	shown := report.Within(since, q.object)
	of := len(shown.Entries)
	shown.Entries = changesMatching(shown.Entries, q.match, report.At)
	asked, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	var noCharts []changes.NotRead
	shown.Entries, noCharts = changes.Charts(asked, c.Client.Stores, shown.Entries, mostCharts)
	shown.NotRead = slices.Concat(shown.NotRead, noCharts)
	switch q.output {
	case "json", "yaml":
		scope := changes.DocumentScope{Context: c.Client.Context, Namespace: c.Namespace}
		if q.object.Name != "" {
			scope.Object = q.object.String()
		}
		err = encode(c.command.streams.Out, q.output, changes.NewDocument(shown, scope, since))
	default:
		err = c.printTable(shown, of, q)
	}
	if err == nil && report.Loading {
		return fmt.Errorf("not everything was read within %s, so changes may be missing: try again with a longer --timeout", q.timeout)
	}
	return err
}

// read returns what is known when everything has been read that can be, or the
// time is over. Its error says why nothing is.
func (c *changing) read(ctx context.Context, timeout time.Duration) (*changes.Report, error) {
	r := changes.Open(c.Client.Stores, store.Scope{Namespace: c.Namespace}, changes.Options{
		Now: c.Now, Pause: 20 * time.Millisecond,
		Served: func() ([]metav1.APIResource, error) { return c.Client.Kinds(false) },
	})
	defer r.Close()
	r.Deepen()
	changed := store.NewSignal()
	r.Listen(changed)
	over := time.NewTimer(timeout)
	defer over.Stop()
	for {
		report := r.Report()
		if report != nil && !report.Loading {
			return report, c.nothing(report)
		}
		select {
		case <-changed:
		case <-over.C:
			if report == nil {
				return nil, errors.New("nobody can say what was changed: the server has answered nothing so far")
			}
			return report, c.nothing(report)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// nothing returns why nothing at all was read, nil if something was.
func (c *changing) nothing(r *changes.Report) error {
	if r.Read > 0 {
		return nil
	}
	for _, n := range r.NotRead {
		if n.Status.Err != nil {
			return errors.New("nobody can say what was changed: " + c.Explain(n.Status.Err, "list "+n.Resource, c.Namespace))
		}
	}
	return errors.New("nobody can say what was changed: the server has answered nothing so far")
}

// printTable prints a row for each change that follows from no other one shown,
// with how many follow from it, and below them what was not read.
func (c *changing) printTable(r *changes.Report, of int, q changesQuery) error {
	width := c.command.width()
	out := c.command.streams.Out
	if len(r.Entries) > 0 {
		rows := &table{columns: []column{
			{title: "AGO", right: true}, {title: "HOW"}, {title: "WHERE", shrinks: true}, {title: "BY", shrinks: true}, {title: "WHAT", cut: true},
		}}
		for _, h := range changes.Heads(r.Entries) {
			e := h.Entry
			by := e.Manager
			if by == "" {
				by = "not kept"
			}
			rows.add(ago(e.At, r.At), e.Certainty(), placed(e.On), by, e.What()+h.Words())
		}
		if err := rows.print(out, width); err != nil {
			return err
		}
	}
	var b strings.Builder
	if len(r.Entries) == 0 && of == 0 {
		fmt.Fprintf(&b, "no change is known within the last %s\n", q.since)
	}
	if hidden := of - len(r.Entries); hidden > 0 {
		fmt.Fprintf(&b, "not shown: %s, which the filter leaves out\n", plural(hidden, "change"))
	}
	if r.Dropped > 0 {
		fmt.Fprintf(&b, "let go for want of room: %s before %s\n", plural(r.Dropped, "change"), time.Unix(r.DroppedTo, 0).Format(time.DateTime))
	}
	const indent = 10
	for _, n := range r.NotRead {
		b.WriteString("not read: " + fold(n.Words(), indent, width) + "\n")
	}
	text := b.String()
	if len(r.Entries) > 0 && text != "" {
		text = "\n" + text
	}
	_, err := io.WriteString(out, text)
	return err
}
