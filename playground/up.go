package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/playground/cluster"
	"quarterdeck/playground/kubelet"
	"quarterdeck/playground/seed"
	"quarterdeck/playground/shop"
)

const (
	scenarioShop  = "shop"
	scenarioEmpty = "empty"
)

// up is one run of a playground.
type up struct {
	dir       string
	scenario  string
	nodes     int
	pods      int
	churn     float64
	incidents []string

	stdout, stderr io.Writer
	started        time.Time
}

func newUpCommand() *cobra.Command {
	run := &up{}
	cmd := &cobra.Command{
		Use:   "up --dir DIR",
		Short: "Start a playground and keep it running until interrupted",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run.stdout, run.stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return run.run(cmd.Context())
		},
	}
	dirFlag(cmd, &run.dir)
	cmd.Flags().StringVar(&run.scenario, "scenario", "", "what to put into the cluster: shop or empty")
	cmd.Flags().IntVar(&run.nodes, "nodes", 0, "number of nodes of an empty cluster")
	return cmd
}

func (u *up) run(ctx context.Context) (err error) {
	u.started = time.Now()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	dir, err := cluster.OpenDir(u.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	kubelets, err := kubelet.Prepare(dir.Path())
	if err != nil {
		return err
	}
	control, err := cluster.New(dir, cluster.Options{
		Executable:  executable,
		KwokConfig:  kubelets.Path,
		KubeletPort: kubelets.NodePort,
	})
	if err != nil {
		return err
	}
	defer control.Stop()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		select {
		case err := <-control.Failed():
			return err
		case <-ctx.Done():
			return nil
		}
	})
	group.Go(func() error { return kubelets.Run(ctx, control.Config()) })
	group.Go(func() error {
		if err := u.populate(ctx, control); err != nil {
			return err
		}
		fmt.Fprintf(u.stdout, "KUBECONFIG=%s\nready\n", dir.Join("kubeconfig"))
		return nil
	})
	<-ctx.Done()
	u.progress("stopping")
	return group.Wait()
}

func (u *up) populate(ctx context.Context, control *cluster.Cluster) error {
	u.progress("starting etcd and the API server")
	if err := control.Start(ctx, cluster.Etcd, cluster.APIServer); err != nil {
		return err
	}
	u.progress("starting controllers, scheduler and kubelets")
	client, err := kubernetes.NewForConfig(control.Config())
	if err != nil {
		return err
	}
	if err := cluster.ApplyAccess(ctx, client); err != nil {
		return err
	}
	if err := control.Start(ctx, cluster.ControllerManager, cluster.Scheduler, cluster.Kwok); err != nil {
		return err
	}
	for i := range u.nodes {
		if _, err := client.CoreV1().Nodes().Create(ctx, seed.Node(i), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	if u.scenario == scenarioShop {
		if err := shop.Apply(ctx, control.Config(), u.progress); err != nil {
			return err
		}
		if err := cluster.ApplyPaymentsAccess(ctx, client); err != nil {
			return err
		}
	}
	u.progress("starting metrics-server")
	if err := control.Start(ctx, cluster.MetricsServer); err != nil {
		return err
	}
	return control.RegisterMetrics(ctx)
}

// progress tells a person at the terminal what is going on.
func (u *up) progress(what string) {
	fmt.Fprintf(u.stderr, "%5.1fs  %s\n", time.Since(u.started).Seconds(), what)
}
