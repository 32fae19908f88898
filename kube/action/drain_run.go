package action

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
)

// PodState is how far a drain is with a pod.
type PodState uint8

// The states of a pod that a drain moves.
const (
	PodEvicting PodState = iota
	PodWaiting           // it may not go yet; asked again every few seconds
	PodTerminating
	PodGone
	PodFailed // it will not go
)

// String returns what the pod does, or what is done with it.
func (s PodState) String() string {
	return [...]string{"evicting", "waiting", "terminating", "gone", "failed"}[s]
}

// PodProgress is news of a pod from a drain.
type PodProgress struct {
	Pod         kube.Ref
	State       PodState
	Why         string // it waits or failed, "" if there is nothing to say
	Gone, Total int    // pods of the whole drain
}

// Undrained is the error for a drain that did not come to its end.
type Undrained struct {
	Node kube.Ref
	// Gone pods have gone, Going ones are terminating, the others of Total are
	// still there.
	Gone, Going, Total int
	// Err is why: that of the context, or of the pods that failed.
	Err error
}

func (u *Undrained) Error() string {
	why := u.Err.Error()
	switch {
	case errors.Is(u.Err, context.Canceled):
		why = "it was cancelled"
	case errors.Is(u.Err, context.DeadlineExceeded):
		why = "its time is over"
	}
	return fmt.Sprintf("%s is not drained: %s; %d of %s gone, %d terminating, %d still there; the node stays cordoned",
		u.Node, why, u.Gone, counted(int64(u.Total), "pod"), u.Going, u.Total-u.Gone-u.Going)
}

func (u *Undrained) Unwrap() error { return u.Err }

const (
	// retryEvery is how long an eviction waits that was not possible, as kubectl
	// does.
	retryEvery = 5 * time.Second
	// refusesAtFirst is how long a server that has not answered may refuse what it
	// allowed before: one that has just started does not know anybody's rights.
	refusesAtFirst = 30 * time.Second
	// lookEvery is how often a drain looks which pods have gone.
	lookEvery = 900 * time.Millisecond // and not at the moment of a retry, which would find old news
)

// Run drains the node: it cordons it, evicts all pods that are to go and waits
// until they have gone. report is told of every pod, from one goroutine at a
// time. When ctx ends no further pod is evicted; the node stays cordoned.
//
// Pods that came to the node after the plan was made go as well.
func (p DrainPlan) Run(ctx context.Context, report func(PodProgress)) error {
	if err := blocked(p.Pods); err != nil {
		return fmt.Errorf("%s is not drained: %w; nothing was changed", p.Node, err)
	}
	if p.Cordon != nil {
		_, err := p.Cordon.Make(ctx)
		if moved := (*Moved)(nil); err != nil && (!errors.As(err, &moved) || moved.Now != true) { // else somebody else has cordoned it
			return fmt.Errorf("%s is not drained: %w", p.Node, err)
		}
	}
	if p.Options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Options.Timeout)
		defer cancel()
	}
	list, err := p.client.podsOn(ctx, p.Node, p.Options)
	if err != nil {
		return &Undrained{Node: p.Node, Err: err}
	}
	all := p.client.fates(ctx, list, p.Options)
	if err := blocked(all); err != nil {
		return &Undrained{Node: p.Node, Total: len(list), Err: err}
	}
	d := &drain{client: p.client, options: p.Options, node: p.Node, report: report, calls: make(chan struct{}, parallel)}
	for _, pod := range all {
		if pod.Fate == PodGoes {
			d.pods = append(d.pods, &leaver{ref: pod.Ref, gone: make(chan struct{})})
		}
	}
	return d.run(ctx)
}

// blocked returns why a drain cannot begin.
func blocked(all []DrainPod) error {
	var first *DrainPod
	n := 0
	for i := range all {
		if all[i].Fate == PodBlocks {
			if first == nil {
				first = &all[i]
			}
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s cannot go: %s", first.Ref.Where(), first.Why)
	}
	return fmt.Errorf("%d pods cannot go, such as %s: %s", n, first.Ref.Where(), first.Why)
}

// drain is a drain under way.
type drain struct {
	client  *Client
	options DrainOptions
	node    kube.Ref
	pods    []*leaver
	calls   chan struct{} // holds a token for each eviction under way

	mu     sync.Mutex // of what follows, and of what changes in pods
	report func(PodProgress)
}

// leaver is a pod that is to go.
type leaver struct {
	ref   kube.Ref
	gone  chan struct{} // closed when the node has it no more
	state PodState
	why   string
}

func (d *drain) run(ctx context.Context) error {
	looking, stop := context.WithCancel(ctx)
	var look, work sync.WaitGroup
	look.Go(func() {
		defer utilruntime.HandleCrash()
		d.look(looking)
	})
	errs := make([]error, len(d.pods))
	for i, p := range d.pods {
		work.Go(func() {
			defer utilruntime.HandleCrash()
			errs[i] = d.move(ctx, p)
		})
	}
	work.Wait()
	stop()
	look.Wait()

	result := &Undrained{Node: d.node, Total: len(d.pods), Err: ctx.Err()}
	failed := 0
	for i, p := range d.pods {
		switch p.state {
		case PodGone:
			result.Gone++
		case PodTerminating:
			result.Going++
		case PodFailed:
			if failed++; result.Err == nil {
				result.Err = errs[i]
			}
		}
	}
	if failed > 1 && ctx.Err() == nil {
		result.Err = fmt.Errorf("%d pods failed, such as %w", failed, result.Err)
	}
	if result.Gone == result.Total {
		return nil
	}
	return result
}

// move evicts a pod and waits until it has gone.
func (d *drain) move(ctx context.Context, p *leaver) error {
	var silent time.Time // when the server had a bad moment last, zero for never
	for {
		err := d.evict(ctx, p)
		budget := (*Blocked)(nil)
		switch {
		case err == nil:
			d.tell(p, PodTerminating, "")
			select {
			case <-p.gone:
				d.tell(p, PodGone, "")
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		case errors.Is(err, ErrGone), errors.Is(err, ErrReplaced):
			d.tell(p, PodGone, "")
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &budget):
			d.tell(p, PodWaiting, budget.Reason)
		case passing(err):
			silent = time.Now()
			d.tell(p, PodWaiting, cause(err))
		case apierrors.IsForbidden(err) && time.Since(silent) < refusesAtFirst:
			d.tell(p, PodWaiting, cause(err))
		default:
			d.tell(p, PodFailed, cause(err))
			return fmt.Errorf("%s: %w", p.ref.Where(), err)
		}
		select {
		case <-time.After(retryEvery):
		case <-p.gone:
			d.tell(p, PodGone, "")
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// evict asks the server to evict a pod, after the evictions that are under way.
func (d *drain) evict(ctx context.Context, p *leaver) error {
	select {
	case d.calls <- struct{}{}:
		defer func() { <-d.calls }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.state != PodWaiting { // which is shown until that is over
		d.tell(p, PodEvicting, "")
	}
	return d.client.remove(ctx, p.ref, d.options, false)
}

func (d *drain) tell(p *leaver, state PodState, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.state, p.why = state, why
	d.send(p)
}

// send reports a pod. d.mu must be held.
func (d *drain) send(p *leaver) {
	gone := 0
	for _, other := range d.pods {
		if other.state == PodGone {
			gone++
		}
	}
	d.report(PodProgress{Pod: p.ref, State: p.state, Why: p.why, Gone: gone, Total: len(d.pods)})
}

// look closes the channels of pods that have gone, until ctx ends.
func (d *drain) look(ctx context.Context) {
	left := map[types.UID]*leaver{}
	for _, p := range d.pods {
		left[p.ref.UID] = p
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for len(left) > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		list, err := d.client.metadata.Resource(pods()).List(ctx, metav1.ListOptions{FieldSelector: onNode(d.node.Name)})
		if ctx.Err() != nil {
			return
		}
		d.unseen(err)
		if err != nil {
			continue
		}
		there := map[types.UID]bool{}
		for i := range list.Items {
			there[list.Items[i].UID] = true
		}
		for uid, p := range left {
			if !there[uid] {
				close(p.gone)
				delete(left, uid)
			}
		}
	}
}

// unseen says of pods that terminate that err hides how far they are, and, when
// there is no error any more, that nothing does.
func (d *drain) unseen(err error) {
	why := ""
	if err != nil {
		why = "not seen now: " + cause(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pods {
		if p.state == PodTerminating && p.why != why {
			p.why = why
			d.send(p)
		}
	}
}
