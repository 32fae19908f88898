package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/views"
)

// get prints what the view of a kind shows, without the terminal UI.
func (c *command) get() *cobra.Command {
	var selector, filter, output string
	cmd := &cobra.Command{
		Use:   "get KIND [NAME]",
		Short: "Print what the view of a kind shows",
		Long: `Prints the rows of a view: the same columns, the same order and the same filter
language, for scripts, tests and bug reports.

The filter takes what / takes in the view: text, /regex/, !not, -l labels, and
columns compared with values: restarts>3 age<10m status!=Running.`,
		Example: `  qd get pods -A --filter 'restarts>3 !kube-system'
  qd get deploy checkout -n payments -o json
  qd get workloads -l app=web -o wide`,
		Args:              words(1, 2, "a KIND, such as pods"),
		ValidArgsFunction: c.completeKind,
		RunE: func(cmd *cobra.Command, args []string) error {
			formats := []string{"table", "wide", "json"}
			if !slices.Contains(formats, output) {
				return fmt.Errorf("-o %q is not a format: use table, wide or json", output)
			}
			if _, err := labels.Parse(selector); err != nil {
				return fmt.Errorf("-l %q is not a label selector, as in app=web,tier!=cache: %w", selector, err)
			}
			session, done, err := c.printing()
			if err != nil {
				return err
			}
			defer done()
			opener, err := session.Find(args[0])
			if err != nil {
				return err
			}
			o := views.PrintOptions{
				Ctx: cmd.Context(), Out: c.streams.Out, Filter: filter, JSON: output == "json", Wide: output == "wide",
				Scope: views.Scope{Namespace: session.Namespace, Labels: selector},
			}
			if len(args) == 2 {
				o.Name = args[1]
			}
			return opener.Print(session, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&selector, "selector", "l", "", "label selector, as kubectl takes it")
	f.StringVar(&filter, "filter", "", "filter, as / takes it in the view")
	f.StringVarP(&output, "output", "o", "table", "table, wide or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "wide", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// config prints the effective configuration.
func (c *command) config() *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Print the effective configuration, and where each value came from",
		Args: words(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			s, err := c.settings()
			if err != nil {
				return err
			}
			c.tell(s.problems...)
			return s.Print(c.streams.Out, s.origins)
		},
	}
}

func (c *command) completeKind(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, o := range views.Catalog() {
		n := o.Names()
		words = append(words, n.Plural+"\t"+n.Kind)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

func (c *command) completeFlags(root *cobra.Command) {
	_ = root.RegisterFlagCompletionFunc("context", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if s, err := c.settings(); err == nil {
			list, _ := c.program(s, false).Connector.Contexts()
			for _, ctx := range list {
				names = append(names, ctx.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	_ = root.RegisterFlagCompletionFunc("namespace", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return c.complete(cmd.Context(), func(ctx context.Context, s *views.Session) []string {
			names, _ := s.NamespaceNames(ctx)
			return names
		})
	})
}
