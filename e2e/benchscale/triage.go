//go:build linux

package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// The budgets of Triage, at every scale.
const (
	firstIncident = 1500 * time.Millisecond // after start
	afterData     = time.Second             // from everything read to everything judged
	triageMemory  = 60                      // MiB on top of the pods
	triageCPU     = 10.0                    // percent of a core
)

// openTriage starts the program on the incidents of all namespaces.
func (c *cluster) openTriage() (*terminal, error) {
	cmd := c.command(c.playground.Kubeconfig(), "-A")
	cmd.Env = append(cmd.Env, "QD_DEFAULT_VIEW=triage")
	return openTerminal(cmd)
}

// incidents reports whether there is one on the screen.
func incidents(lines []string) bool { return len(lines) > 2 && strings.HasPrefix(lines[2], "▌") }

// live reports whether everything has been read and judged.
func live(lines []string) bool { return strings.Contains(lines[0], "● live") && incidents(lines) }

// triage measures how soon it is known what is wrong, and what that costs while
// nothing changes.
func (c *cluster) triage(t *table) error {
	var first, all samples
	for range starts {
		f, a, err := c.startTriage()
		if err != nil {
			return err
		}
		first, all = append(first, f), append(all, a)
	}
	t.add("first incidents after start", "≤ "+ms(firstIncident), first.String(), first.median() <= firstIncident)
	t.note("all incidents after start", all.String())
	if err := c.judge(t); err != nil {
		return err
	}
	term, err := c.openTriage()
	if err != nil {
		return err
	}
	defer term.close()
	if _, err := term.until(c.ctx, "all incidents", live); err != nil {
		return err
	}
	if err := c.settle(term.cmd.Process.Pid); err != nil {
		return err
	}
	resident, err := memory(term.cmd.Process.Pid, "VmRSS")
	if err != nil {
		return err
	}
	t.note("resident memory with Triage open", fmt.Sprintf("%d MiB", resident))
	u, err := c.use(term, idleFor*time.Second)
	if err != nil {
		return err
	}
	t.note("CPU with Triage open when nothing changes", fmt.Sprintf("%.2f %% of a core", u.cpu))
	return nil
}

func (c *cluster) startTriage() (first, all time.Duration, err error) {
	term, err := c.openTriage()
	if err != nil {
		return 0, 0, err
	}
	defer term.close()
	at, err := term.until(c.ctx, "the first incident", incidents)
	if err != nil {
		return 0, 0, err
	}
	first = at.Sub(term.started)
	if at, err = term.until(c.ctx, "all incidents", live); err != nil {
		return 0, 0, err
	}
	c.progress("first incident %s, all %s", ms(first), ms(at.Sub(term.started)))
	return first, at.Sub(term.started), nil
}

// judge measures in this process what the screen cannot tell apart: how long
// after the last object was read everything is judged, and what triage keeps
// besides the pods.
func (c *cluster) judge(t *table) error {
	flags := genericclioptions.NewConfigFlags(false)
	path := c.playground.Kubeconfig()
	flags.KubeConfig = &path
	client, err := (&kube.Connector{Flags: flags}).Connect("")
	if err != nil {
		return fmt.Errorf("connect to the playground: %w", err)
	}
	defer client.Close()
	pods := store.Open(client.Stores, object.Pods(), store.Scope{})
	defer pods.Close()
	if err := c.until("pods", func() bool { return pods.Status().Phase == store.Live }); err != nil {
		return err
	}
	before := heap()
	feed := triage.Open(client.Stores, store.Scope{})
	defer feed.Close()
	var read, judged time.Time
	err = c.until("incidents", func() bool {
		if read.IsZero() && allRead(feed) {
			read = time.Now()
		}
		if !feed.Take(time.Now()).Loading {
			judged = time.Now()
		}
		return !judged.IsZero()
	})
	if err != nil {
		return err
	}
	if read.IsZero() || read.After(judged) {
		read = judged
	}
	took := judged.Sub(read)
	t.add("everything judged after everything is read", "≤ "+ms(afterData), ms(took), took <= afterData)
	kept := (heap() - before) >> 20
	t.add("heap besides the pods", fmt.Sprintf("≤ %d MiB", triageMemory), fmt.Sprintf("%d MiB", kept), kept <= triageMemory)
	runtime.KeepAlive(feed)
	return nil
}

func allRead(f *triage.Feed) bool {
	for _, s := range f.Statuses() {
		if s.Phase == store.Syncing {
			return false
		}
	}
	return true
}

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one only found to be finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// until asks again and again, in short steps, until something is so.
func (b *bench) until(what string, ok func() bool) error {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if ok() {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-b.ctx.Done():
			return b.ctx.Err()
		}
	}
	return fmt.Errorf("there are no %s after %s", what, limit)
}

// triageLoaded measures what Triage costs while pods change.
func (c *cluster) triageLoaded(t *table, api kubernetes.Interface) error {
	measure := func(open func() (*terminal, error), ready func([]string) bool) (u use, rate float64, err error) {
		term, err := open()
		if err != nil {
			return use{}, 0, err
		}
		defer term.close()
		if _, err = term.until(c.ctx, "everything", ready); err != nil {
			return use{}, 0, err
		}
		if err = c.untilChanging(api); err != nil {
			return use{}, 0, err
		}
		before, err := c.revision(api)
		if err != nil {
			return use{}, 0, err
		}
		start := time.Now()
		u, err = c.use(term, loadedFor*time.Second)
		after, failed := c.revision(api)
		return u, float64(after-before) / time.Since(start).Seconds(), errors.Join(err, failed)
	}
	// Reading the pods has its own budget.
	alone, rate, err := measure(func() (*terminal, error) { return c.open("QD_TRIAGE_ALWAYS=false") }, c.all)
	if err != nil {
		return err
	}
	both, rateToo, err := measure(func() (*terminal, error) { return c.open("QD_TRIAGE_ALWAYS=true") }, c.all)
	if err != nil {
		return err
	}
	more := both.cpu/rateToo*float64(c.churn) - alone.cpu/rate*float64(c.churn)
	t.add(fmt.Sprintf("CPU for incidents at %d changes a second", c.churn), fmt.Sprintf("≤ %.0f %%", triageCPU),
		fmt.Sprintf("%.1f %% of a core, from %.1f %% at %.0f and %.1f %% without at %.0f", max(0, more), both.cpu, rateToo, alone.cpu, rate), more <= triageCPU)
	return nil
}
