package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/rollout"
)

// changeFlags are those of the commands that change workloads.
type changeFlags struct {
	followFlags
	dryRun bool
	yes    string // "" if it is not given
	noWait bool
	resume bool // the pause ends with an undo
	broken bool // pods that an undo waits for are deleted
}

// add adds the flags to a command whose change begins a rollout, or does not.
func (f *changeFlags) add(cmd *cobra.Command, begins bool) {
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be done and what the server says to it, and do nothing")
	flags.StringVar(&f.yes, "yes", "", "do not ask; =`NAME` where the name has to be typed")
	flags.Lookup("yes").NoOptDefVal = affirmed
	if begins {
		flags.BoolVar(&f.noWait, "no-wait", false, "do not follow the rollout that it begins")
		f.followFlags.add(cmd)
		return
	}
	f.noWait = true
	format(cmd, &f.output, "table", "json")
}

// preparer prepares a change of a workload.
type preparer func(context.Context, *action.Client, kube.Ref) (action.Change, *rollout.Undo, error)

// undoing prepares with a function that returns an Undo.
func undoing(prepare func(context.Context, *action.Client, kube.Ref) (*rollout.Undo, error)) preparer {
	return func(ctx context.Context, client *action.Client, ref kube.Ref) (action.Change, *rollout.Undo, error) {
		u, err := prepare(ctx, client, ref)
		if err != nil {
			return action.Change{}, nil, err
		}
		return u.Change, u, nil
	}
}

func (c *command) rolloutUndo() *cobra.Command {
	var f changeFlags
	var to int64
	cmd := &cobra.Command{
		Use:   "undo KIND/NAME…",
		Short: "Go back to an earlier revision, after showing what that changes",
		Long: `Shows what would change, what stands against it and what the server says to a dry
run, asks, and goes back to an earlier revision: the one before, unless
--to-revision names another. Then it follows the rollout to its end. It works in the
middle of a rollout, and on one that is stuck.`,
		Example: `  qd rollout undo deploy/checkout --dry-run
  qd rollout undo deploy/checkout --to-revision 11 --yes
  qd rollout undo deploy/cart deploy/checkout`,
		Args: someWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("to-revision") && to <= 0 {
				return fmt.Errorf("--to-revision %d is none: they are numbered from 1", to)
			}
			return c.change(cmd.Context(), "undo", args, &f, undoing(func(ctx context.Context, client *action.Client, ref kube.Ref) (*rollout.Undo, error) {
				return rollout.PrepareUndo(ctx, client, ref, rollout.UndoOptions{Revision: to, Resume: f.resume})
			}))
		},
	}
	cmd.Flags().Int64Var(&to, "to-revision", 0, "the revision to go back to; 0 for the one before")
	f.addUndo(cmd)
	return cmd
}

func (c *command) rolloutAbort() *cobra.Command {
	var f changeFlags
	cmd := &cobra.Command{
		Use:   "abort KIND/NAME…",
		Short: "Take back a rollout that is under way or stuck: undo to the last complete revision",
		Args:  someWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.change(cmd.Context(), "abort", args, &f, undoing(func(ctx context.Context, client *action.Client, ref kube.Ref) (*rollout.Undo, error) {
				return rollout.PrepareAbort(ctx, client, ref, f.resume)
			}))
		},
	}
	f.addUndo(cmd)
	return cmd
}

// addUndo adds the flags of what goes back to an earlier revision.
func (f *changeFlags) addUndo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.resume, "resume", false, "resume a paused Deployment in the same step")
	cmd.Flags().BoolVar(&f.broken, "delete-broken", false, "delete the pods of a StatefulSet that it would wait for")
	f.add(cmd, true)
}

func (c *command) rolloutPause() *cobra.Command {
	return c.rolloutSimple("pause", "Let changes of a Deployment make no new revision until it is resumed", false, (*action.Client).Pause)
}

func (c *command) rolloutResume() *cobra.Command {
	return c.rolloutSimple("resume", "Let a paused Deployment go on", true, (*action.Client).Resume)
}

func (c *command) rolloutRestart() *cobra.Command {
	return c.rolloutSimple("restart", "Replace all pods by a rollout that changes nothing else", true, (*action.Client).Restart)
}

// rolloutSimple is a command that needs to know nothing but the workloads.
func (c *command) rolloutSimple(
	name, short string, begins bool, prepare func(*action.Client, context.Context, kube.Ref) (action.Change, error),
) *cobra.Command {
	var f changeFlags
	cmd := &cobra.Command{
		Use: name + " KIND/NAME…", Short: short, Args: someWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.change(cmd.Context(), name, args, &f, func(ctx context.Context, client *action.Client, ref kube.Ref) (action.Change, *rollout.Undo, error) {
				change, err := prepare(client, ctx, ref)
				return change, nil, err
			})
		},
	}
	f.add(cmd, begins)
	return cmd
}
