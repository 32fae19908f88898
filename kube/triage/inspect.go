package triage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/detail"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
)

// Options say how an incident is inspected. The zero value asks for everything
// but metrics.
type Options struct {
	Metrics *metrics.Source // nil: what pods use is not asked for
	// Wait is how long each question may take, 5 s if it is not positive.
	Wait time.Duration
	// Before is how long before the first failure changes are looked for, a day if
	// it is not positive.
	Before time.Duration
	// LogLines is how many of the last lines of a log are read, 200 if it is not
	// positive.
	LogLines int
	NoLog    bool             // logs are not read
	Now      func() time.Time // time.Now if nil
}

func (o Options) complete() Options {
	if o.Wait <= 0 {
		o.Wait = 5 * time.Second
	}
	if o.Before <= 0 {
		o.Before = 24 * time.Hour
	}
	if o.LogLines <= 0 {
		o.LogLines = 200
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Inspection is what the server told about one incident when it was asked. It
// never changes, and its texts are safe to show.
type Inspection struct {
	ID string // of the incident
	At time.Time
	// Evidence is what says most about the cause first: errors of the log, how
	// containers ended, what the scheduler said, conditions, use against limits.
	Evidence []Evidence
	// Events are what happened to the root, what is affected and what belongs to
	// them, warnings first, each once with how often.
	Events []Evidence
	Log    *LogTail // of the container that fails; nil if none does
	// Changes are those since ChangesFrom, the newest first. Those after
	// FirstFailure may be answers to it.
	Changes      []Alteration
	ChangesFrom  time.Time
	FirstFailure time.Time // of the incident; At if it is not known
	// Needs are the ConfigMaps and Secrets that pods of the root, and of what else
	// is a part of the incident, take something from.
	Needs   []kube.Ref
	NotRead []Unread
}

// Unread is a question that got no answer, so that something may be missing.
type Unread struct {
	Verb      string // "list"
	Resource  string // "events", "pods/log"
	Namespace string // "" for what is in none, or all
	Name      string // "" for a list
	Err       error
}

// String says what was not read and why: "list events in shop: forbidden".
func (u Unread) String() string {
	what := u.Verb + " " + u.Resource
	if u.Name != "" {
		what += " " + u.Name
	}
	if u.Namespace != "" {
		what += " in " + u.Namespace
	}
	return sanitize.Line(what + ": " + u.Why())
}

// Why says in a few words why there was no answer.
func (u Unread) Why() string {
	switch {
	case apierrors.IsForbidden(u.Err):
		return "forbidden"
	case apierrors.IsUnauthorized(u.Err):
		return "unauthorized"
	case apierrors.IsNotFound(u.Err):
		return "not found"
	case errors.Is(u.Err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return sanitize.Line(u.Err.Error())
}

// All returns the evidence of the incident and of the inspection, each once, the
// inspection's first: it is newer, and tells more of the same field.
func (n *Inspection) All(i *Incident) []Evidence {
	known := i.Evidence()
	if n == nil {
		return known
	}
	known = slices.DeleteFunc(known, func(e Evidence) bool {
		return slices.ContainsFunc(n.Evidence, func(o Evidence) bool { return o.Where == e.Where && o.Source == e.Source && keyOf(o.On) == keyOf(e.On) })
	})
	return distinct(slices.Concat(n.Evidence, known, n.Events))
}

// distinct drops what says the same, of whatever object: pods of one workload say
// it in chorus.
func distinct(list []Evidence) []Evidence {
	seen := map[string]bool{}
	var kept []Evidence
	for _, e := range list {
		id := e.Source + "\x00" + e.Text
		if !seen[id] {
			seen[id] = true
			kept = append(kept, e)
		}
	}
	return kept
}

// Inspect asks the server about one incident: several questions at once, each
// with its own deadline. What gets no answer is in NotRead, everything else is
// there. It needs nothing of the Engine, so it may run beside it.
func Inspect(ctx context.Context, c *kube.Client, i *Incident, o Options) *Inspection {
	o = o.complete()
	n := &inspector{Options: o, client: c, incident: i, now: o.Now()}
	n.out = &Inspection{ID: i.ID, At: n.now, FirstFailure: n.now}
	if i.Since != 0 {
		n.out.FirstFailure = time.Unix(i.Since, 0)
	}
	n.out.ChangesFrom = n.out.FirstFailure.Add(-o.Before)
	var err error
	if n.objects, err = action.New(c.Config(), c.HTTP(), c.Context); err == nil {
		n.details, err = detail.New(c.Config(), c.HTTP())
	}
	if err != nil { // of the configuration alone: nothing can be asked
		n.miss("get", i.Root.GVR.Resource, i.Root.Namespace, i.Root.Name, err)
		return n.out
	}
	var all sync.WaitGroup
	for _, question := range []func(context.Context){n.pod, n.events, n.changes} {
		all.Go(func() {
			defer utilruntime.HandleCrash()
			question(ctx)
		})
	}
	all.Wait()
	n.finish()
	return n.out
}

// inspector asks about one incident. Its questions run at once; what they find
// they put into out by add, tell and miss.
type inspector struct {
	Options
	client   *kube.Client
	objects  *action.Client
	details  *detail.Reader
	incident *Incident
	now      time.Time

	mu  sync.Mutex
	out *Inspection
}

// ask calls do with the time that one question may take.
func (n *inspector) ask(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, n.Wait)
	defer cancel()
	err := do(ctx)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

func (n *inspector) add(list ...Evidence) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out.Evidence = append(n.out.Evidence, list...)
}

func (n *inspector) changed(list ...Alteration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out.Changes = append(n.out.Changes, list...)
}

// need notes what pods take something from.
func (n *inspector) need(refs []rollout.Reference) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range refs {
		if !slices.Contains(n.out.Needs, r.Ref) {
			n.out.Needs = append(n.out.Needs, r.Ref)
		}
	}
}

// miss notes a question that got no answer, unless that is because what it asks
// of is gone.
func (n *inspector) miss(verb, resource, namespace, name string, err error) {
	if err == nil || apierrors.IsNotFound(err) || errors.Is(err, action.ErrGone) || errors.Is(err, action.ErrReplaced) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	u := Unread{Verb: verb, Resource: resource, Namespace: namespace, Name: name, Err: err}
	same := func(o Unread) bool { return o.String() == u.String() }
	if !slices.ContainsFunc(n.out.NotRead, same) {
		n.out.NotRead = append(n.out.NotRead, u)
	}
}

// finish puts what was found into order.
func (n *inspector) finish() {
	out := n.out
	slices.SortStableFunc(out.Evidence, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(weight(a.Source), weight(b.Source)), -cmp.Compare(a.At, b.At))
	})
	out.Evidence = distinct(out.Evidence)
	from := out.ChangesFrom.Unix()
	out.Changes = slices.DeleteFunc(out.Changes, func(c Alteration) bool { return c.At < from })
	slices.SortStableFunc(out.Changes, func(a, b Alteration) int {
		return cmp.Or(-cmp.Compare(a.At, b.At), cmp.Compare(a.On.String(), b.On.String()))
	})
	out.Changes = slices.CompactFunc(out.Changes, func(a, b Alteration) bool { // one manager may have made it in parts
		return a.At == b.At && a.On == b.On && a.String() == b.String() && len(a.Fields)+len(b.Fields) == 0
	})
	slices.SortFunc(out.Needs, func(a, b kube.Ref) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(out.NotRead, func(a, b Unread) int { return cmp.Compare(a.String(), b.String()) })
}

// weight orders evidence by how much it says about a cause.
func weight(source string) int {
	return slices.Index([]string{FromLog, FromField, FromCondition, FromMetrics, FromEvent}, source)
}
