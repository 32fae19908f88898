//go:build linux

// Benchscale measures the program against its budgets, in a terminal emulator
// and against playgrounds of 50,000 and of 2,000 pods, and prints the result as
// tables in Markdown. With -logs it measures logs instead, in a playground whose
// containers write without a pause, and with -rollout a rollout. It takes some minutes and wants a machine
// with nothing else to do. It exits with 1 if it could not measure, not if a
// budget is missed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"quarterdeck/kube/rig"
)

// scale is a size of cluster and what the program may cost on it.
type scale struct {
	nodes, pods int
	churn       int // changes a second while it is measured under load

	allPods   time.Duration // until all are counted; 0 for a multiple of one raw LIST
	resident  int64         // MiB
	idle      float64       // percent of a core while nothing changes
	following float64       // percent of a core at churn
}

// scales are the two columns of budgets of docs/architecture.md.
func scales() []scale {
	return []scale{
		{nodes: 5000, pods: 50000, churn: 500, resident: 150, idle: 1, following: 25},
		{nodes: 100, pods: 2000, churn: 175, allPods: 600 * time.Millisecond, resident: 70, idle: 0.5, following: 8},
	}
}

// The budgets that are the same at every scale.
const (
	firstRows       = 300 * time.Millisecond
	overRawList     = 1.7 // how many times as long as one raw LIST all pods may take
	keyToScreen     = 16 * time.Millisecond
	filterToScreen  = 30 * time.Millisecond
	changeToScreen  = time.Second
	bytesPerMove    = 400
	bytesPerSecond  = 4 << 10 // over SSH, at 500 changes a second
	binarySize      = 60 << 20
	versionTime     = 80 * time.Millisecond
	terminalColumns = 120
	terminalRows    = 40
)

func main() {
	only := flag.Int("pods", 0, "measure only the scale with this `number` of pods")
	logs := flag.Bool("logs", false, "measure logs and nothing else")
	rollout := flag.Bool("rollout", false, "measure a rollout and nothing else")
	long := flag.Duration("flood", 10*time.Minute, "how long logs flood while memory is watched")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	measure := func(b *bench) error { return b.scales(*only) }
	if *logs {
		measure = func(b *bench) error { return b.logs(*long) }
	}
	if *rollout {
		measure = func(b *bench) error { return b.rollout() }
	}
	if err := run(ctx, measure); err != nil {
		fmt.Fprintln(os.Stderr, "benchscale: "+err.Error())
		os.Exit(1) //nolint:gocritic // nothing is left to undo
	}
}

func run(ctx context.Context, measure func(*bench) error) error {
	qd, err := rig.QD()
	if err != nil {
		return err
	}
	b := &bench{ctx: ctx, qd: qd, progress: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}}
	if b.home, err = os.MkdirTemp("", "qd-home"); err != nil {
		return fmt.Errorf("make a home directory: %w", err)
	}
	defer os.RemoveAll(b.home) //nolint:errcheck // caches only
	conditions, err := b.conditions()
	if err != nil {
		return err
	}
	fmt.Print(conditions)
	return measure(b)
}

// scales measures the program and each scale, or the one with so many pods if
// only is not 0.
func (b *bench) scales(only int) error {
	program, err := b.program()
	if err != nil {
		return err
	}
	fmt.Print(program)
	for _, s := range scales() {
		if only != 0 && only != s.pods {
			continue
		}
		t, err := b.scale(s)
		if err != nil {
			return fmt.Errorf("measure %d pods: %w", s.pods, err)
		}
		fmt.Print(t)
	}
	return nil
}
