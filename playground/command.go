package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"quarterdeck/playground/cluster"
	"quarterdeck/playground/incident"
)

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "qd-playground",
		Short: "A real Kubernetes control plane on loopback, without containers",
		Long: `qd-playground runs etcd, kube-apiserver, kube-controller-manager,
kube-scheduler, metrics-server and pretend kubelets (kwok) as processes of its
own, each listening on 127.0.0.1 only. No container engine is needed.

The commands that end in -part are for tests of programs that have to survive
a cluster that fails.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newUpCommand(), newDownCommand(), newIncidentCommand())
	root.AddCommand(newPartCommands()...)
	return root
}

// dirFlag is how every command says which playground it means.
func dirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", "", "directory of the playground (required)")
	if err := cmd.MarkFlagRequired("dir"); err != nil {
		panic(err) // the flag was defined a line above
	}
}

func newDownCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "down --dir DIR",
		Short: "Stop a running playground and wait until it is gone",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return down(cmd.Context(), dir) },
	}
	dirFlag(cmd, &dir)
	return cmd
}

func down(ctx context.Context, dir string) error {
	pid, err := cluster.Supervisor(dir)
	if err != nil {
		return err
	}
	if pid == 0 {
		return notRunning(dir)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the playground in %s (process %d): %w", dir, pid, err)
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		switch running, err := cluster.Supervisor(dir); {
		case err != nil:
			return err
		case running != pid:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func notRunning(dir string) error {
	return fmt.Errorf("no playground is running in %s: start one with `qd-playground up --dir %s`", dir, dir)
}

func newIncidentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "incident",
		Short: "Break things in a running playground, and mend them",
		Long:  "incident breaks things so that the real controllers react to them.",
	}
	cmd.AddCommand(
		newIncidentChange("add", "Start incidents", incident.Add),
		newIncidentChange("clear", "End incidents", incident.Clear),
		&cobra.Command{
			Use:   "list",
			Short: "List the incidents there are",
			Args:  cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, i := range incident.All() {
					fmt.Fprintf(table, "%s\t%s\n", i.Name, i.Description)
				}
				return table.Flush()
			},
		},
	)
	return cmd
}

// newIncidentChange is a command that applies change to the incidents it is
// given the names of. It needs the cluster only, not its supervisor.
func newIncidentChange(verb, short string, change func(context.Context, *rest.Config, string) error) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   verb + " NAME... --dir DIR",
		Short: short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := knownIncident(name); err != nil {
					return err
				}
			}
			config, err := supervisorConfig(dir)
			if err != nil {
				return err
			}
			// At the same time: each may wait for what it is about.
			group, ctx := errgroup.WithContext(cmd.Context())
			for _, name := range args {
				group.Go(func() error {
					if err := change(ctx, config, name); err != nil {
						return fmt.Errorf("%s incident %s: %w", verb, name, err)
					}
					return nil
				})
			}
			return group.Wait()
		},
	}
	dirFlag(cmd, &dir)
	return cmd
}

// supervisorConfig is the access to the API of the playground running in dir
// that its supervisor uses.
func supervisorConfig(dir string) (*rest.Config, error) {
	path := filepath.Join(dir, cluster.SupervisorKubeconfig)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, notRunning(dir)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("read the playground's kubeconfig: %w", err)
	}
	return config, nil
}

// knownIncident refuses names that no incident has.
func knownIncident(name string) error {
	var known []string
	for _, i := range incident.All() {
		if i.Name == name {
			return nil
		}
		known = append(known, i.Name)
	}
	return fmt.Errorf("there is no incident %q: the incidents are %s", name, strings.Join(known, ", "))
}

// newPartCommands give orders about one part of a running playground.
func newPartCommands() []*cobra.Command {
	var commands []*cobra.Command
	for _, c := range []struct{ order, short string }{
		{cluster.OrderStop, "Kill a part, as a crash would, and leave it dead"},
		{cluster.OrderStart, "Start a part that was stopped, on its old port, and wait until it serves"},
		{cluster.OrderPause, "Freeze a part: connections are accepted and nothing answers"},
		{cluster.OrderResume, "Let a paused part go on"},
	} {
		var dir string
		cmd := &cobra.Command{
			Use:       c.order + "-part PART --dir DIR",
			Short:     c.short,
			Long:      c.short + ".\nThe parts are " + strings.Join(cluster.Parts(), ", ") + ".",
			ValidArgs: cluster.Parts(),
			Args:      cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return cluster.Tell(cmd.Context(), dir, c.order, args[0])
			},
		}
		dirFlag(cmd, &dir)
		commands = append(commands, cmd)
	}
	return commands
}
