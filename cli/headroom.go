package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/headroom/whatif"
	"quarterdeck/nearest"
	"quarterdeck/views"
)

// headroom prints where there is room; the commands below it print what would
// happen if.
func (c *command) headroom() *cobra.Command {
	var q roomQuery
	cmd := &cobra.Command{
		Use:   "headroom",
		Short: "Print where there is room, and what would happen if",
		Long: `Prints what nodes can give, what pods ask of it and what is free, as the scheduler
counts it, and below that the whole cluster in a few lines. Who may not list nodes
gets what his namespace asks for, and its quota.

The exit code is 0 if all was read, 1 if nodes, pods or quotas were not, which is
said, and with --survive 2 if some node or zone cannot be lost without harm. Use is
not counted among that: without metrics-server there is none, and that is said too.`,
		Example: `  qd headroom
  qd headroom --by zone --survive
  qd headroom --by workload -n payments
  qd headroom whatif scale deploy/checkout --replicas +10 -n payments`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("%s has no command %q: type %s", cmd.CommandPath(), args[0], subcommands(cmd))
		},
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		by, err := grouping(q.word)
		if err != nil {
			return err
		}
		q.by, q.chosen = by, cmd.Flags().Changed("by")
		return c.withRoom(cmd.Context(), func(ctx context.Context, r *room) error { return r.print(ctx, q) })
	}
	cmd.Flags().StringVar(&q.word, "by", headroom.ByNode.String(), either(groupings()))
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(groupings(), cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&q.survive, "survive", false, "try the loss of every node and every zone")
	format(cmd, &q.output, "table", "wide", "json", "yaml")
	cmd.AddCommand(c.headroomWhatIf(), c.headroomSizes())
	return cmd
}

func groupings() []string {
	var words []string
	for _, g := range headroom.Groupings() {
		words = append(words, g.String())
	}
	return words
}

func grouping(word string) (headroom.Grouping, error) {
	for _, g := range headroom.Groupings() {
		if g.String() == word {
			return g, nil
		}
	}
	return 0, fmt.Errorf("--by %q is no grouping: use %s%s", word, either(groupings()), nearest.Hint(word, groupings()))
}

// room is what the commands of `qd headroom` work on: one cluster. The session's
// namespace is that of workloads and quotas.
type room struct {
	*views.Session
	command *command
	out     io.Writer
}

// withRoom runs do on the cluster that the flags name.
func (c *command) withRoom(ctx context.Context, do func(context.Context, *room) error) error {
	session, done, err := c.printing()
	if err != nil {
		return err
	}
	defer done()
	err = do(ctx, &room{Session: session, command: c, out: c.streams.Out})
	c.tell(session.Notices()...)
	if err != nil && ctx.Err() != nil {
		return errSilent // whoever ended it knows
	}
	return err
}

// roomQuery is what to print of the room there is.
type roomQuery struct {
	word    string
	by      headroom.Grouping
	chosen  bool // somebody asked for the grouping
	survive bool
	output  string
}

func (r *room) print(ctx context.Context, q roomQuery) error {
	ledger, err := r.read(ctx, q.by == headroom.ByNamespace || q.by == headroom.ByWorkload)
	if err != nil {
		return err
	}
	if !q.chosen && !ledger.KnowsNodes() {
		q.by, q.chosen = headroom.ByNamespace, true
		return r.print(ctx, q)
	}
	var survival *fit.Survival
	if q.survive {
		if survival, err = r.survive(ctx); err != nil {
			return err
		}
	}
	if q.output == "json" || q.output == "yaml" {
		report := ledger.Report(q.by)
		report.Groups = slices.DeleteFunc(report.Groups, func(g headroom.GroupReport) bool { return !r.shows(q.by, g.Namespace, g.Name) })
		if survival != nil {
			report.Summary.Survival = survival
		}
		err = encode(r.out, q.output, report)
	} else {
		err = r.printRoom(ledger, q.by, survival, q.output == "wide")
	}
	switch {
	case err != nil:
		return err
	case !ledger.Complete():
		return errors.New("this is not all, not read: " + strings.Join(ledger.NotRead(), "; ")) // what there is has been printed
	case survival != nil && !survival.OK():
		return &exitError{code: exitFailed}
	}
	return nil
}

// shows reports whether a row of a grouping is asked for: workloads of one
// namespace or of all, and one namespace if it is named.
func (r *room) shows(by headroom.Grouping, namespace, name string) bool {
	switch by {
	case headroom.ByWorkload:
		return r.Namespace == "" || r.Namespace == namespace
	case headroom.ByNamespace:
		named := deref(r.command.flags.Namespace)
		return r.command.allNamespaces || named == "" || named == name
	case headroom.ByNode, headroom.ByZone, headroom.ByPool:
	}
	return true
}

// read returns what is known of the cluster, all that can be.
func (r *room) read(ctx context.Context, podUse bool) (*headroom.Ledger, error) {
	use, err := r.Metrics()
	if err != nil {
		return nil, err
	}
	feed := headroom.Open(
		headroom.Sources{Stores: r.Client.Stores, Metrics: use, Namespace: r.Namespace, PodUse: podUse},
		headroom.Options{PoolLabels: r.Settings.Headroom.PoolLabels},
	)
	defer feed.Close()
	ledger, err := feed.Wait(ctx)
	if err != nil {
		return nil, err
	}
	if err := ledger.Err(); err != nil {
		return nil, errors.New(r.Explain(err, "list nodes", views.InCluster))
	}
	return ledger, nil
}

// cluster returns what the scheduler looks at, and the namespace that pods could
// be read of, "" if all could.
func (r *room) cluster(ctx context.Context) (c *fit.Cluster, podsOf string, err error) {
	reader := whatif.Open(r.Client.Stores, r.Client, r.Namespace)
	defer reader.Close()
	state, err := reader.State(ctx)
	if cause := errors.Unwrap(err); cause != nil {
		err = errors.New("nobody can say what would fit: " + r.Explain(cause, "list nodes and pods", views.InCluster))
	}
	if err != nil {
		return nil, "", err
	}
	return fit.New(state), reader.Namespace(), nil
}

func (r *room) survive(ctx context.Context) (*fit.Survival, error) {
	cluster, _, err := r.cluster(ctx)
	if err != nil {
		return nil, err
	}
	s, err := cluster.Survive(ctx, nil)
	return &s, err
}

// encode writes a value for programs, as json or yaml.
func encode(out io.Writer, format string, value any) error {
	if format == "yaml" {
		text, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}
