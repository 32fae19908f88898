//go:build e2e

package triage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/rig"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// patience is how long anything may take; on a loaded machine it takes long.
const patience = 6 * time.Minute

// shop is a playground with the shop, which is broken and mended.
type shop struct {
	rig     *rig.Playground
	admin   kubernetes.Interface
	dynamic dynamic.Interface
}

// TestAgainstControllers follows one shop: nothing is wrong with it while it
// works, every incident of the playground is found while all of them are there,
// and nothing is left when they are cleared.
func TestAgainstControllers(t *testing.T) {
	p := kubetest.Playground(t, "--scenario", "shop")
	cfg := kubetest.Config(t, p.Kubeconfig(), "")
	s := shop{rig: p, admin: kubernetes.NewForConfigOrDie(cfg), dynamic: dynamic.NewForConfigOrDie(cfg)}

	if there, err := p.Incidents(t.Context()); err != nil || !slices.Equal(slices.Sorted(slices.Values(there)), slices.Sorted(slices.Values(incidents()))) {
		t.Fatalf("the incidents are %v, %v: what is expected is known of %v", there, err, incidents())
	}
	hub := s.connect(t, "playground").Stores
	now := follow(t, hub, store.Scope{}, 0)
	later := follow(t, hub, store.Scope{}, aWhile) // for what is an incident when it has been forgotten
	developer := follow(t, s.connect(t, "payments-dev").Stores, store.Scope{Namespace: "payments"}, 0)
	viewer := follow(t, s.connect(t, "viewer").Stores, store.Scope{}, 0)

	now.await(t, "the healthy shop", settled)
	t.Run("healthy", func(t *testing.T) { s.works(t, now) })
	t.Run("broken", func(t *testing.T) { s.breaks(t, now, later, developer, viewer) })
	t.Run("mended", func(t *testing.T) {
		s.incident(t, "clear", incidents()...)
		s.cordon(t, silentNode, false)
		now.await(t, "everything is mended", settled)
	})
}

// aWhile is longer than anything may be left as it is.
const aWhile = 26 * time.Hour

func (s shop) connect(t *testing.T, context string) *kube.Client {
	t.Helper()
	flags, kubeconfig := genericclioptions.NewConfigFlags(true), s.rig.Kubeconfig()
	flags.KubeConfig = &kubeconfig
	client, err := (&kube.Connector{Flags: flags}).Connect(context)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// incident adds or clears incidents.
func (s shop) incident(t *testing.T, verb string, names ...string) {
	t.Helper()
	if err := s.rig.Incident(t.Context(), verb, names...); err != nil {
		t.Fatal(err)
	}
}

// incidents returns the names of all incidents.
func incidents() []string {
	var names []string
	for _, e := range expectations() {
		names = append(names, e.incident)
	}
	return names
}

// follower keeps the newest report of a feed.
type follower struct {
	ahead time.Duration // what it takes for now is this much later

	mu     sync.Mutex
	report *triage.Report
	since  map[string]time.Time // when a rule found something at a root first, since forget
}

// follow opens a feed until the test ends. Its one goroutine ends before the
// client of the hub is closed.
func follow(t *testing.T, hub *store.Hub, scope store.Scope, ahead time.Duration) *follower {
	f := &follower{ahead: ahead, since: map[string]time.Time{}}
	ctx, stop := context.WithCancel(context.Background())
	feed := triage.Open(hub, scope)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer feed.Close()
		f.run(ctx, feed)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return f
}

func (f *follower) run(ctx context.Context, feed *triage.Feed) {
	for {
		f.take(feed.Take(time.Now().Add(f.ahead)))
		wake := 10 * time.Second
		if next := feed.Next(); !next.IsZero() {
			wake = max(0, time.Until(next.Add(-f.ahead)))
		}
		timer := time.NewTimer(wake)
		select {
		case <-feed.Changed():
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

func (f *follower) take(r *triage.Report) {
	at := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report = r
	for _, i := range r.Incidents {
		for _, rule := range i.Rules {
			if k := found(i.Root.Where(), rule); f.since[k].IsZero() {
				f.since[k] = at
			}
		}
	}
}

func found(root, rule string) string { return root + " | " + rule }

func (f *follower) current() *triage.Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.report
}

// at returns when a rule found something at a root first, zero if it has not.
func (f *follower) at(root, rule string) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.since[found(root, rule)]
}

// forget has what was found so far be found anew, and returns it.
func (f *follower) forget() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for k := range f.since {
		all = append(all, k)
	}
	slices.Sort(all)
	clear(f.since)
	return all
}

// await waits until a report has nothing wrong with it, and fails with what was
// wrong with the last one.
func (f *follower) await(t *testing.T, what string, wrong func(*triage.Report) []string) {
	t.Helper()
	began := time.Now()
	var last []string
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		if r := f.current(); r != nil {
			last = wrong(r)
			return len(last) == 0, nil
		}
		return false, nil
	})
	if err != nil {
		t.Fatalf("%s: still not after %v:\n%s", what, patience, strings.Join(last, "\n"))
	}
	t.Logf("%s: after %v", what, time.Since(began).Round(100*time.Millisecond))
}

// settled reports what keeps a report from saying that nothing is wrong and that
// everything was read.
func settled(r *triage.Report) []string {
	var wrong []string
	for _, i := range r.Incidents {
		wrong = append(wrong, rowOf(i))
	}
	if r.Loading {
		wrong = append(wrong, "it is being read")
	}
	for _, n := range r.NotRead {
		wrong = append(wrong, fmt.Sprintf("%s is not read: %v", n.Resource, n.Status.Phase))
	}
	return wrong
}

// rowOf is an incident in one line.
func rowOf(i *triage.Incident) string {
	first := ""
	if len(i.Actions) > 0 {
		first = i.Actions[0].Do.String()
	}
	return fmt.Sprintf("%s | %s | %s | %s | %s | %s", i.Root.Where(), strings.Join(i.Rules, " "), i.Title, i.Cause, first, i.Severity)
}
