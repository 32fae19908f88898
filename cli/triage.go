package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube/filter"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
	"quarterdeck/views"
)

// triage prints what is wrong, and why.
func (c *command) triage() *cobra.Command {
	var q triageQuery
	cmd := &cobra.Command{
		Use:   "triage",
		Short: "Print what is wrong, why, and what changed before",
		Long: `Prints the incidents of a cluster, the worst first: one row for everything that
has one cause. Below them stands what could not be read, and if nothing is wrong,
what was checked. json, yaml and markdown have the evidence too: logs, events, and
what was changed before the first failure. What looks like a credential is left
out of them.

--filter takes what / takes in the view, over the columns ` + strings.Join(columnNames(), ", ") + `.

The exit code is 0 if nothing is wrong, 2 if there are incidents, and 1 if nobody
can tell: nothing could be read, or not all of it within --timeout.`,
		Example: `  qd triage -A
  qd triage -n payments -o markdown > incident.md
  qd triage -A --filter 'sev>=crit ns=payments' -o json`,
		Args: words(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.match, err = filter.Parse(q.filter, incidentColumns()); err != nil {
				return fmt.Errorf("--filter: %w", err)
			}
			if q.timeout <= 0 {
				return fmt.Errorf("--timeout %s leaves no time to read anything: give it one such as 30s", q.timeout)
			}
			session, done, err := c.printing()
			if err != nil {
				return err
			}
			defer done()
			err = (&triaging{Session: session, command: c}).print(cmd.Context(), q)
			c.tell(session.Notices()...)
			if err != nil && cmd.Context().Err() != nil {
				return errSilent // whoever ended it knows
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.filter, "filter", "", "print only incidents that match, as / in the view")
	f.DurationVar(&q.timeout, "timeout", 30*time.Second, "how long to wait until everything has been read")
	f.BoolVar(&q.inspect, "inspect", true, "ask for logs, events and changes; tables do without")
	format(cmd, &q.output, "table", "json", "yaml", "markdown")
	return cmd
}

// triageQuery is what to print.
type triageQuery struct {
	filter  string
	match   *filter.Filter
	timeout time.Duration
	inspect bool
	output  string
}

// triaging is one look at a cluster: the session's namespace, or all.
type triaging struct {
	*views.Session
	command *command
}

func (t *triaging) print(ctx context.Context, q triageQuery) error {
	report, err := t.read(ctx, q.timeout)
	if err != nil {
		return err
	}
	shown := *report
	shown.Incidents = matching(report.Incidents, q.match, report.At)
	var found map[string]*triage.Inspection
	if q.inspect && q.output != "table" {
		if found, err = t.inspect(ctx, shown.Incidents); err != nil {
			return err
		}
	}
	switch q.output {
	case "json", "yaml":
		scope := triage.DocumentScope{Context: t.Client.Context, Namespace: t.Namespace}
		err = encode(t.command.streams.Out, q.output, triage.NewDocument(&shown, scope, found))
	case "markdown":
		err = t.printMarkdown(ctx, &shown, found)
	default:
		err = t.printTable(&shown, len(report.Incidents))
	}
	switch {
	case err != nil:
		return err
	case len(shown.Incidents) > 0:
		return &exitError{code: exitFailed}
	case report.Loading:
		return fmt.Errorf("not everything was read within %s, so nobody can say that nothing is wrong: try again with a longer --timeout", q.timeout)
	}
	return nil
}

// read returns what is wrong when everything has been read that can be, or the
// time is over. Its error says why nobody can tell anything.
func (t *triaging) read(ctx context.Context, timeout time.Duration) (*triage.Report, error) {
	feed := triage.Open(t.Client.Stores, store.Scope{Namespace: t.Namespace})
	defer feed.Close()
	over := time.NewTimer(timeout)
	defer over.Stop()
	bar := t.progress()
	defer bar.clear()
	for {
		report := feed.Take(t.Now())
		if !report.Loading {
			return report, t.nothing(report)
		}
		bar.show(feed.Reading())
		select {
		case <-feed.Changed():
		case <-over.C:
			return report, t.nothing(report)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// nothing returns why no rule could be applied, nil if one was.
func (t *triaging) nothing(r *triage.Report) error {
	if len(r.Checked) > 0 {
		return nil
	}
	for _, n := range r.NotRead {
		if n.Status.Err != nil {
			return errors.New("nobody can say what is wrong: " + t.Explain(n.Status.Err, "list "+string(n.Resource), t.Namespace))
		}
	}
	return errors.New("nobody can say what is wrong: the server has answered nothing so far")
}

// atOnce is how many incidents are inspected at the same time.
const atOnce = 4

// inspect asks the server about incidents.
func (t *triaging) inspect(ctx context.Context, list []*triage.Incident) (map[string]*triage.Inspection, error) {
	use, err := t.Metrics()
	if err != nil {
		return nil, err
	}
	found := make([]*triage.Inspection, len(list))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for at, i := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer utilruntime.HandleCrash()
			defer func() { <-slots }()
			found[at] = triage.Inspect(ctx, t.Client, i, triage.Options{Metrics: use, Now: t.Now})
		})
	}
	all.Wait()
	byID := map[string]*triage.Inspection{}
	for _, n := range found {
		byID[n.ID] = n
	}
	return byID, ctx.Err()
}

// progress shows on a terminal how far reading is.
func (t *triaging) progress() *progressLine {
	return &progressLine{command: t.command, on: term.IsTerminal(t.command.streams.Err.Fd())}
}

// progressLine is a line on the standard error that is written over and over.
type progressLine struct {
	command *command
	on      bool
	written bool
}

func (p *progressLine) show(at triage.Reading) {
	if p.on {
		fmt.Fprintf(p.command.streams.Err, "\r\x1b[Kreading: %d of %d resources, %d objects", at.Done, at.Resources, at.Objects)
		p.written = true
	}
}

func (p *progressLine) clear() {
	if p.written {
		fmt.Fprint(p.command.streams.Err, "\r\x1b[K")
	}
}
