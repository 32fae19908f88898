package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarterdeck/kube/action"
	"quarterdeck/views"
)

// rollout groups the commands that watch, compare and undo rollouts.
func (c *command) rollout() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout COMMAND",
		Short: "Watch, compare, undo and restart the rollouts of workloads",
		Long: `Watches, compares and undoes the rollouts of Deployments, StatefulSets and
DaemonSets. A workload is named as kubectl takes it: deploy/web, sts/db,
daemonsets.apps/agent, deployment web. A name alone is looked up in all three
kinds.

The exit code is 0 if all went well, 1 if something could not be done or told,
and 2 if a rollout failed: its deadline or --timeout is over, or the workload was
deleted. status --watch=false says 3 of one that is still under way.`,
		Example: `  qd rollout list -A
  qd rollout status deploy/checkout -n payments --timeout 5m
  qd rollout diff deploy/checkout --revisions 11,12
  qd rollout undo deploy/checkout --to-revision 11 --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("%s has no command %q: type %s", cmd.CommandPath(), args[0], subcommands(cmd))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		c.rolloutList(), c.rolloutStatus(), c.rolloutHistory(), c.rolloutDiff(),
		c.rolloutUndo(), c.rolloutAbort(), c.rolloutPause(), c.rolloutResume(), c.rolloutRestart(),
	)
	for _, sub := range cmd.Commands() {
		sub.ValidArgsFunction = c.completeWorkload
	}
	return cmd
}

// subcommands returns how the commands below cmd are typed.
func subcommands(cmd *cobra.Command) string {
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return cmd.CommandPath() + " " + strings.Join(names, "|")
}

// Exit codes beside 0 and 1.
const (
	exitFailed   = 2 // a rollout failed, or did not end in time
	exitUnderway = 3 // it has not ended, and nobody waits for it
)

// format adds -o to a command.
func format(cmd *cobra.Command, to *string, formats ...string) {
	cmd.Flags().StringVarP(to, "output", "o", formats[0], either(formats))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(formats, *to) {
			return fmt.Errorf("-o %q is not a format: use %s", *to, either(formats))
		}
		return run(cmd, args)
	}
}

// either joins words as alternatives.
func either(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " or " + words[n]
	}
	return words[0]
}

// workloads is what the commands of `qd rollout` work on: one cluster, and in it
// one namespace or all.
type workloads struct {
	*views.Session
	command *command
	changer *action.Client
	out     io.Writer
}

// withWorkloads runs do on the cluster that the flags name.
func (c *command) withWorkloads(ctx context.Context, do func(context.Context, *workloads) error) error {
	session, done, err := c.printing()
	if err != nil {
		return err
	}
	defer done()
	changer, err := session.Changer()
	if err != nil {
		return err
	}
	err = do(ctx, &workloads{Session: session, command: c, changer: changer, out: c.streams.Out})
	c.tell(session.Notices()...)
	if err != nil && ctx.Err() != nil {
		return errSilent // whoever ended it knows
	}
	return err
}
