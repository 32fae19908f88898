package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"

	"quarterdeck/kube/sanitize"
)

// Client is what a Reviewer asks through: a *kube.Client.
type Client interface {
	REST(gv schema.GroupVersion) (rest.Interface, error)
	Call(ctx context.Context) (context.Context, context.CancelFunc) // limits the time of one call
}

// Options are a reviewer's settings. Zero values are sensible.
type Options struct {
	TTL time.Duration    // how long an answer holds; default 60 s
	Now func() time.Time // for tests
}

// How long not to ask again after an error: twice as long each time.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// atOnce is how many reviews are under way at a time.
const atOnce = 8

// Reviewer knows what one user may do in one cluster. It is safe for many
// goroutines.
type Reviewer struct {
	client Client
	opts   Options
	slots  chan struct{} // filled by reviews under way

	mu       sync.Mutex
	rules    map[string]rules // by namespace
	answers  map[Need]answer  // asked for exactly
	flights  map[question]*flight
	failures map[question]failure
	changed  chan struct{} // closed when there is news
}

// rules are what the user may do in a namespace.
type rules struct {
	list []authorizationv1.ResourceRule
	all  bool // what is not in the list is forbidden
	at   time.Time
}

type answer struct {
	Answer
	at time.Time
}

// question is a review: of all rules in the need's namespace, or of the need.
type question struct {
	need  Need
	rules bool
}

// flight is a review under way.
type flight struct {
	done chan struct{} // closed at the end
	err  error         // set before that
}

// failure is why a question has no answer, and when to ask again.
type failure struct {
	err   error
	pause time.Duration
	until time.Time
}

// New returns a reviewer that knows nothing yet.
func New(client Client, opts Options) *Reviewer {
	if opts.TTL <= 0 {
		opts.TTL = time.Minute
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	r := &Reviewer{
		client: client, opts: opts, slots: make(chan struct{}, atOnce),
		flights: map[question]*flight{}, changed: make(chan struct{}),
	}
	r.Forget()
	return r
}

// Forget drops every answer and what is known of failures, as when the user has
// logged in anew or asks for everything again.
func (r *Reviewer) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules, r.answers, r.failures = map[string]rules{}, map[Need]answer{}, map[question]failure{}
	r.announce()
}

// Changed returns a channel that is closed when there are other answers than
// now. Who waits takes it before asking for what is Known.
func (r *Reviewer) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// announce tells those who wait. The caller holds mu.
func (r *Reviewer) announce() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Known returns the answer as far as it is known, and asks nobody: it can be
// called while a screen is drawn.
func (r *Reviewer) Known(n Need) Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lookup(n, r.opts.TTL)
}

// lookup returns an answer that is younger than age. The caller holds mu.
func (r *Reviewer) lookup(n Need, age time.Duration) Answer {
	since := r.opts.Now().Add(-age)
	if a, ok := r.answers[n]; ok && a.at.After(since) {
		return a.Answer
	}
	if known, ok := r.rules[n.Namespace]; ok && known.at.After(since) {
		switch {
		case slices.ContainsFunc(known.list, func(rule authorizationv1.ResourceRule) bool { return allows(rule, n) }):
			return Yes
		case known.all:
			return No
		}
	}
	if whichever := n.whichever(); whichever != n {
		if a, ok := r.answers[whichever]; ok && a.Answer == Yes && a.at.After(since) {
			return Yes
		}
	}
	return Unknown
}

// whichever is the right to do the same to any object.
func (n Need) whichever() Need {
	n.Name = ""
	return n
}

// Ask finds out what is not known of needs, and renews what is past half its
// time, so that who asks again and again always knows. It returns when all is
// answered or ctx ends, with an error for what could not be found out. After an
// error the same is not asked again for a while; until then the error is
// returned again.
func (r *Reviewer) Ask(ctx context.Context, needs ...Need) error {
	var namespaces []question
	for _, n := range r.open(needs) {
		if q := (question{need: Need{Namespace: n.Namespace}, rules: true}); n.Namespace != "" && !slices.Contains(namespaces, q) {
			namespaces = append(namespaces, q)
		}
	}
	if err := r.askAll(ctx, namespaces); err != nil {
		return err
	}
	// One answer for whichever object may be that for many objects.
	for _, form := range []func(Need) Need{Need.whichever, func(n Need) Need { return n }} {
		var exact []question
		for _, n := range r.open(needs) {
			if q := (question{need: form(n)}); !slices.Contains(exact, q) {
				exact = append(exact, q)
			}
		}
		if err := r.askAll(ctx, exact); err != nil {
			return err
		}
	}
	return nil
}

// open returns the needs to which there is no fresh answer.
func (r *Reviewer) open(needs []Need) []Need {
	r.mu.Lock()
	defer r.mu.Unlock()
	var open []Need
	for _, n := range needs {
		if r.lookup(n, r.opts.TTL/2) == Unknown {
			open = append(open, n)
		}
	}
	return open
}

// askAll asks several questions at a time and returns the first error.
func (r *Reviewer) askAll(ctx context.Context, questions []question) error {
	errs := make([]error, len(questions))
	var wg sync.WaitGroup
	for i, q := range questions {
		wg.Go(func() {
			defer utilruntime.HandleCrash()
			errs[i] = r.ask(ctx, q)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err // the others say the same of others
		}
	}
	return nil
}

// ask asks one question, or waits for who is asking it.
func (r *Reviewer) ask(ctx context.Context, q question) error {
	r.mu.Lock()
	if f, failed := r.failures[q]; failed && r.opts.Now().Before(f.until) {
		r.mu.Unlock()
		return f.err
	}
	if r.fresh(q) {
		r.mu.Unlock()
		return nil
	}
	f, under := r.flights[q]
	if !under {
		f = &flight{done: make(chan struct{})}
		r.flights[q] = f
		// Others may wait for the answer when this caller has given up.
		go r.fly(context.WithoutCancel(ctx), q, f)
	}
	r.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", q, context.Cause(ctx))
	}
}

// fresh reports whether a question needs no asking. The caller holds mu.
func (r *Reviewer) fresh(q question) bool {
	since := r.opts.Now().Add(-r.opts.TTL / 2)
	if q.rules {
		known, ok := r.rules[q.need.Namespace]
		return ok && known.at.After(since)
	}
	a, ok := r.answers[q.need]
	return ok && a.at.After(since)
}

// String says what is asked, in front of an error.
func (q question) String() string {
	if q.rules {
		return "ask what you may do in " + q.need.Namespace
	}
	return "ask whether you may " + q.need.String()
}

// fly asks the server and keeps what it says.
func (r *Reviewer) fly(ctx context.Context, q question, f *flight) {
	defer utilruntime.HandleCrash()
	r.slots <- struct{}{}
	ctx, cancel := r.client.Call(ctx)
	asked := r.opts.Now() // the answer is as old as the question
	keep, err := r.review(ctx, q)
	cancel()
	<-r.slots

	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		f.err = fmt.Errorf("%s: %w", q, err)
		pause := min(max(2*r.failures[q].pause, firstPause), lastPause)
		r.failures[q] = failure{err: f.err, pause: pause, until: r.opts.Now().Add(pause)}
	} else {
		delete(r.failures, q)
		r.prune()
		keep(asked)
		r.announce()
	}
	delete(r.flights, q)
	close(f.done)
}

// prune drops what has expired. The caller holds mu.
func (r *Reviewer) prune() {
	since := r.opts.Now().Add(-r.opts.TTL)
	for namespace, known := range r.rules {
		if !known.at.After(since) {
			delete(r.rules, namespace)
		}
	}
	for n, a := range r.answers {
		if !a.at.After(since) {
			delete(r.answers, n)
		}
	}
	for q, f := range r.failures {
		if !f.until.Add(lastPause).After(since) {
			delete(r.failures, q)
		}
	}
}

// review makes the request. The function it returns keeps the answer, with mu
// held.
func (r *Reviewer) review(ctx context.Context, q question) (keep func(time.Time), err error) {
	client, err := r.client.REST(authorizationv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	if q.rules {
		return r.reviewRules(ctx, client, q.need.Namespace)
	}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: q.need.Verb, Group: q.need.Group, Version: "*", Resource: q.need.Resource, Subresource: q.need.Subresource,
			Namespace: q.need.Namespace, Name: q.need.Name,
		},
	}}
	if err := client.Post().Resource("selfsubjectaccessreviews").Body(review).Do(ctx).Into(review); err != nil {
		return nil, err
	}
	found := No
	switch status := review.Status; {
	case status.Allowed:
		found = Yes
	case status.EvaluationError != "" && !status.Denied: // an authorizer could not be asked
		return nil, errors.New(sanitize.Line(status.EvaluationError))
	}
	return func(at time.Time) { r.answers[q.need] = answer{found, at} }, nil
}

func (r *Reviewer) reviewRules(ctx context.Context, client rest.Interface, namespace string) (keep func(time.Time), err error) {
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	err = client.Post().Resource("selfsubjectrulesreviews").Body(review).Do(ctx).Into(review)
	switch {
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		// Servers without this review, or who do not let users make it, are
		// asked exactly.
		return func(at time.Time) { r.rules[namespace] = rules{at: at} }, nil
	case err != nil:
		return nil, err
	}
	known := rules{list: review.Status.ResourceRules, all: !review.Status.Incomplete && review.Status.EvaluationError == ""}
	return func(at time.Time) { known.at = at; r.rules[namespace] = known }, nil
}
