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
	"k8s.io/klog/v2"

	"quarterdeck/playground/churn"
	"quarterdeck/playground/cluster"
	"quarterdeck/playground/kubelet"
)

const (
	scenarioShop  = "shop"
	scenarioEmpty = "empty"
)

// maxLiveNodes is how many nodes pretend kubelets and controllers can keep
// alive beside everything else on a small machine.
const maxLiveNodes = 200

// manyPods is from where on memory is dear. Below, the parts have it to spare,
// and starting them takes a fifth less time when they do.
const manyPods = 10_000

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
		Long: `up starts a playground, prints KUBECONFIG=DIR/kubeconfig and "ready" once it can
be used, and runs until it is interrupted or the process that started it ends.
Then it stops every part and empties DIR but for the logs.

The kubeconfig has the contexts playground (everything), viewer (reads everything
but Secrets), payments-dev (works in namespace payments only) and nobody.

With --pods, or more than ` + fmt.Sprint(maxLiveNodes) + ` --nodes, the objects are written past the API into
etcd, and only etcd and the API server run: there are no controllers and no
kubelets, so that the objects stay as they were written. --churn is then the
only thing that changes them.

If a part dies, up says which and exits with code 1.`,
		Example: `  qd-playground up --dir /tmp/shop --incident crash-loop
  qd-playground up --dir /tmp/big --nodes 5000 --pods 50000 --churn 500`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run.stdout, run.stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if err := run.complete(); err != nil {
				return err
			}
			return run.run(cmd.Context())
		},
	}
	dirFlag(cmd, &run.dir)
	flags := cmd.Flags()
	flags.StringVar(&run.scenario, "scenario", "", "what to put into the cluster, shop or empty (default shop, with --nodes or --pods empty)")
	flags.IntVar(&run.nodes, "nodes", 0, "`number` of nodes of an empty cluster")
	flags.IntVar(&run.pods, "pods", 0, "`number` of pods to write into an empty cluster")
	flags.Float64Var(&run.churn, "churn", 0, "pods to change a `second`")
	flags.StringArrayVar(&run.incidents, "incident", nil, "`name` of something to break from the start, may be repeated")
	return cmd
}

// complete fills in defaults and refuses what does not go together.
func (u *up) complete() error {
	sized := u.nodes != 0 || u.pods != 0
	if u.scenario == "" {
		u.scenario = scenarioShop
		if sized {
			u.scenario = scenarioEmpty
		}
	}
	switch {
	case u.scenario != scenarioShop && u.scenario != scenarioEmpty:
		return fmt.Errorf("there is no scenario %q: use --scenario %s or --scenario %s", u.scenario, scenarioShop, scenarioEmpty)
	case u.scenario == scenarioShop && sized:
		return errors.New("the shop has its own nodes and pods: leave out --nodes and --pods, or use --scenario empty")
	case u.nodes < 0 || u.pods < 0 || u.churn < 0:
		return errors.New("--nodes, --pods and --churn cannot be negative")
	case u.static() && len(u.incidents) > 0:
		return errors.New("incidents need controllers to react: leave out --incident, or --pods and large --nodes")
	}
	if u.pods > 0 && u.nodes == 0 {
		u.nodes = (u.pods + 9) / 10
	}
	for _, name := range u.incidents {
		if err := knownIncident(name); err != nil {
			return err
		}
	}
	return nil
}

// static clusters are written into etcd and have nothing running in them.
func (u *up) static() bool { return u.pods > 0 || u.nodes > maxLiveNodes }

func (u *up) run(ctx context.Context) (err error) {
	u.started = time.Now()
	signalled, stop := signal.NotifyContext(ctx, endSignals()...)
	defer stop()
	// A closed pipe for an output must not kill the supervisor while it
	// still has parts to stop.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	dir, err := cluster.OpenDir(u.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := quietClients(dir.Log("supervisor")); err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	options := cluster.Options{Executable: executable, Static: u.static()}
	if u.pods < manyPods {
		options.GCPercent = 300
	}
	var kubelets kubelet.Config
	if !u.static() {
		if kubelets, err = kubelet.Prepare(dir.Path()); err != nil {
			return err
		}
		options.KwokConfig, options.KubeletPort = kubelets.Path, kubelets.NodePort
	}
	control, err := cluster.New(dir, options)
	if err != nil {
		return err
	}
	defer control.Stop()

	group, ctx := errgroup.WithContext(context.WithoutCancel(ctx))
	group.Go(func() error {
		select {
		case <-signalled.Done():
			return errAsked
		case <-ctx.Done():
			return nil
		}
	})
	group.Go(func() error { return untilParentEnds(ctx) })
	group.Go(func() error { return control.Serve(ctx) })
	group.Go(func() error {
		select {
		case err := <-control.Failed():
			return err
		case <-ctx.Done():
			return nil
		}
	})
	group.Go(func() error {
		if u.static() {
			if err := u.populateStatic(ctx, control); err != nil {
				return err
			}
		} else {
			if err := u.startAPI(ctx, control); err != nil {
				return err
			}
			group.Go(func() error { return kubelets.Run(ctx, control.Config()) })
			if err := u.populate(ctx, control); err != nil {
				return err
			}
		}
		u.progress("ready; ctrl+c or `qd-playground down --dir " + dir.Path() + "` stops it")
		fmt.Fprintf(u.stdout, "KUBECONFIG=%s\nready\n", dir.Join("kubeconfig"))
		if u.churn == 0 {
			return nil
		}
		return churn.Run(ctx, control.Config(), u.churn, u.reportChurn)
	})

	<-ctx.Done()
	stop() // a second ctrl+c ends everything at once
	u.progress("stopping")
	control.Stop()
	// The first reason: whatever fails afterwards does so because everything ends.
	if err := group.Wait(); !errors.Is(err, errAsked) && !errors.Is(err, errParentEnded) {
		return err
	}
	return nil
}

// reportChurn says so when the machine is too slow for the churn asked for.
func (u *up) reportChurn(perSecond float64) {
	if perSecond < 0.9*u.churn {
		u.progress(fmt.Sprintf("only %.0f pods change a second, not %.0f: the API server is busy", perSecond, u.churn))
	}
}

// quietClients has the client library write into a log: what it says about a
// server that is away would bury the progress.
func quietClients(path string) error {
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open log of the supervisor: %w", err)
	}
	klog.LogToStderr(false)
	klog.SetOutput(log) // open until the process ends, as are its writers
	return nil
}

// endSignals are those that end a playground. One started with nohup outlives
// its terminal.
func endSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// Why a playground ends that nothing has happened to.
var (
	errAsked       = errors.New("it was told to end")
	errParentEnded = errors.New("the process that started the playground has ended")
)

// untilParentEnds returns errParentEnded when this process is handed to
// another parent. It asks now and then: the signal that the kernel can send
// is about the thread that started this process, which may end earlier.
func untilParentEnds(ctx context.Context) error {
	parent := os.Getppid()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if os.Getppid() != parent {
				return errParentEnded
			}
		}
	}
}

// progress tells a person at the terminal what is going on.
func (u *up) progress(what string) {
	fmt.Fprintf(u.stderr, "%6.1fs  %s\n", time.Since(u.started).Seconds(), what)
}
