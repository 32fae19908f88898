package access

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"quarterdeck/kube/guard"
)

// cluster answers reviews without a network, so that time can be faked.
type cluster struct {
	mu    sync.Mutex
	asked []string // "rules pay", "patch nodes"

	rules map[string]authorizationv1.SubjectRulesReviewStatus // by namespace
	exact map[string]authorizationv1.SubjectAccessReviewStatus
	fail  int           // a status of HTTP for everything
	wait  chan struct{} // until which nothing is answered
}

func (c *cluster) RoundTrip(req *http.Request) (*http.Response, error) {
	var review struct {
		Kind string
		Spec struct {
			Namespace          string
			ResourceAttributes *authorizationv1.ResourceAttributes
		}
	}
	if err := json.NewDecoder(req.Body).Decode(&review); err != nil {
		return nil, err
	}
	var status any
	c.mu.Lock()
	if a := review.Spec.ResourceAttributes; a != nil {
		n := Need{a.Verb, a.Group, a.Resource, a.Subresource, a.Namespace, a.Name}.String()
		c.asked, status = append(c.asked, n), c.exact[n]
	} else {
		c.asked, status = append(c.asked, "rules "+review.Spec.Namespace), c.rules[review.Spec.Namespace]
	}
	fail, wait := c.fail, c.wait
	c.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		}
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	body := map[string]any{"kind": review.Kind, "apiVersion": authorizationv1.SchemeGroupVersion.String(), "status": status}
	if fail != 0 {
		body = map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": fail, "reason": metav1.StatusReason(http.StatusText(fail)), "message": "broken"}
		w.WriteHeader(fail)
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

func (c *cluster) REST(gv schema.GroupVersion) (rest.Interface, error) {
	return rest.RESTClientFor(&rest.Config{
		Host: "http://server", APIPath: "/apis", Transport: c, QPS: -1,
		ContentConfig: rest.ContentConfig{GroupVersion: &gv, NegotiatedSerializer: scheme.Codecs.WithoutConversion(), ContentType: "application/json"},
	})
}

func (c *cluster) Call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 15*time.Second)
}

// requests returns what was asked since the last time, in order.
func (c *cluster) requests() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.asked)
	s := strings.Join(c.asked, ", ")
	c.asked = nil
	return s
}

func (c *cluster) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// edit is what somebody has who may change pods and deployments.
func edit() authorizationv1.SubjectRulesReviewStatus {
	return authorizationv1.SubjectRulesReviewStatus{ResourceRules: []authorizationv1.ResourceRule{
		{Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"pods"}},
		{Verbs: []string{"patch"}, APIGroups: []string{"apps"}, Resources: []string{"deployments/scale"}},
	}}
}

var ( // which nobody changes
	deletePod   = Need{Verb: "delete", Resource: "pods", Namespace: "pay", Name: "p"}
	scaleDeploy = Need{Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "pay"}
	readSecret  = Need{Verb: "get", Resource: "secrets", Namespace: "pay"}
	cordon      = Need{Verb: "patch", Resource: "nodes", Name: "n1"}
)

func ask(t *testing.T, r *Reviewer, needs ...Need) {
	t.Helper()
	if err := r.Ask(t.Context(), needs...); err != nil {
		t.Fatal(err)
	}
}

func answers(r *Reviewer, needs ...Need) string {
	var all []string
	for _, n := range needs {
		all = append(all, r.Known(n).String())
	}
	return strings.Join(all, " ")
}

func TestRulesAnswerForANamespace(t *testing.T) {
	c := &cluster{rules: map[string]authorizationv1.SubjectRulesReviewStatus{"pay": edit()}}
	r := New(c, Options{})
	if got := answers(r, deletePod, readSecret); got != "unknown unknown" {
		t.Errorf("before: %s", got)
	}
	changed := r.Changed()
	ask(t, r, deletePod, scaleDeploy, readSecret)
	if got := answers(r, deletePod, scaleDeploy, readSecret); got != "yes yes no" {
		t.Errorf("after: %s", got)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	ask(t, r, deletePod, Need{Verb: "create", Resource: "configmaps", Namespace: "pay"})
	if got := c.requests(); got != "rules pay" {
		t.Errorf("asked %q", got)
	}
	if got := r.Known(Need{Verb: "get", Resource: "pods", Namespace: "other"}); got != Unknown {
		t.Errorf("another namespace: %s", got)
	}
}

func TestWhatRulesLeaveOpen(t *testing.T) {
	partly := edit()
	partly.Incomplete = true
	broken := edit()
	broken.EvaluationError = "a role is missing"
	yes := authorizationv1.SubjectAccessReviewStatus{Allowed: true}
	c := &cluster{
		rules: map[string]authorizationv1.SubjectRulesReviewStatus{"pay": partly, "lab": broken},
		exact: map[string]authorizationv1.SubjectAccessReviewStatus{"get secrets in pay": yes, "get pods/log p in lab": yes},
	}
	r := New(c, Options{})
	open := []Need{
		deletePod, // in the rules
		readSecret,
		{Verb: "get", Resource: "secrets", Namespace: "pay", Name: "s"}, // as of every secret
		{Verb: "get", Resource: "pods", Subresource: "log", Namespace: "lab", Name: "p"},
		{Verb: "get", Resource: "pods", Subresource: "log", Namespace: "lab", Name: "q"},
	}
	ask(t, r, open...)
	if got := answers(r, open...); got != "yes yes yes yes no" {
		t.Error(got)
	}
	if got, want := c.requests(), "get pods/log in lab, get pods/log p in lab, get pods/log q in lab, get secrets in pay, rules lab, rules pay"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	ask(t, r, open...)
	if got := c.requests(); got != "" {
		t.Errorf("asked again %q", got)
	}
}

func TestClusterScope(t *testing.T) {
	c := &cluster{exact: map[string]authorizationv1.SubjectAccessReviewStatus{"patch nodes": {Allowed: true}}}
	r := New(c, Options{})
	other := Need{Verb: "patch", Resource: "nodes", Name: "n2"}
	ask(t, r, cordon, other, Need{Verb: "delete", Resource: "nodes"})
	if got := answers(r, cordon, other, Need{Verb: "delete", Resource: "nodes"}); got != "yes yes no" {
		t.Error(got)
	}
	if got, want := c.requests(), "delete nodes, patch nodes"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
}

func TestServersWithoutRulesReviews(t *testing.T) {
	for _, code := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed} {
		c := &cluster{fail: code}
		r := New(c, Options{})
		if err := r.Ask(t.Context(), readSecret); err == nil || r.Known(readSecret) != Unknown {
			t.Errorf("%d: %v, %s", code, err, r.Known(readSecret))
		}
		if got := c.requests(); got != "get secrets in pay, rules pay" {
			t.Errorf("%d: asked %q", code, got)
		}
	}
}

func TestAnswersExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{
			rules: map[string]authorizationv1.SubjectRulesReviewStatus{"pay": edit()},
			exact: map[string]authorizationv1.SubjectAccessReviewStatus{"patch nodes": {Allowed: true}},
		}
		r := New(c, Options{})
		needs := []Need{deletePod, readSecret, cordon}
		ask(t, r, needs...)
		c.requests()

		time.Sleep(29 * time.Second)
		ask(t, r, needs...)
		if got := c.requests(); got != "" {
			t.Errorf("asked %q too early", got)
		}
		time.Sleep(2 * time.Second) // half its time is over
		c.set(func() { c.rules, c.exact = nil, nil })
		ask(t, r, needs...)
		if got, want := c.requests(), "patch nodes, patch nodes n1, rules pay"; got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
		if got := answers(r, needs...); got != "no no no" {
			t.Errorf("after the rights were lost: %s", got)
		}
		time.Sleep(time.Minute)
		if got := answers(r, needs...); got != "unknown unknown unknown" {
			t.Errorf("after their time: %s", got)
		}
		ask(t, r, deletePod)
		if len(r.answers) != 0 || len(r.rules) != 1 {
			t.Errorf("what has expired is kept: %v", r.answers)
		}
	})
}

func TestAnErrorIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{rules: map[string]authorizationv1.SubjectRulesReviewStatus{"pay": edit()}, fail: http.StatusInternalServerError}
		r := New(c, Options{})
		for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
			err := r.Ask(t.Context(), deletePod, scaleDeploy)
			if err == nil || !strings.HasPrefix(err.Error(), "ask what you may do in pay: ") || c.requests() != "rules pay" {
				t.Fatalf("error %v", err)
			}
			if got := answers(r, deletePod, readSecret); got != "unknown unknown" {
				t.Fatalf("after an error: %s", got)
			}
			time.Sleep(pause - time.Millisecond)
			if again := r.Ask(t.Context(), readSecret); !errors.Is(again, err) || c.requests() != "" {
				t.Fatalf("%s after the error: %v", pause, again)
			}
			time.Sleep(time.Millisecond)
		}
		c.set(func() { c.fail = 0 })
		ask(t, r, deletePod)
		if r.Known(deletePod) != Yes || len(r.failures) != 0 {
			t.Errorf("after the server is well: %s, %v", r.Known(deletePod), r.failures)
		}
	})
}

func TestAnEvaluationErrorIsNoNo(t *testing.T) {
	c := &cluster{exact: map[string]authorizationv1.SubjectAccessReviewStatus{
		"patch nodes":  {EvaluationError: "webhook\x1b[2J timed out"},
		"delete nodes": {EvaluationError: "webhook timed out", Denied: true},
		"get nodes":    {EvaluationError: "webhook timed out", Allowed: true},
	}}
	r := New(c, Options{})
	if err := r.Ask(t.Context(), cordon); err == nil || err.Error() != "ask whether you may patch nodes: webhook timed out" {
		t.Errorf("error %v", err)
	}
	denied, allowed := Need{Verb: "delete", Resource: "nodes"}, Need{Verb: "get", Resource: "nodes"}
	ask(t, r, denied, allowed)
	if got := answers(r, cordon, denied, allowed); got != "unknown no yes" {
		t.Error(got)
	}
}

func TestOneQuestionForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := make(chan struct{})
		c := &cluster{rules: map[string]authorizationv1.SubjectRulesReviewStatus{"pay": edit()}, wait: wait}
		r := New(c, Options{})
		hasty, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- r.Ask(hasty, deletePod) }()
		synctest.Wait()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { ask(t, r, deletePod, readSecret) })
		}
		synctest.Wait()
		cancel() // who asked first gives up; the others get their answer
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if r.Known(deletePod) != Unknown { // and nobody waits here
			t.Error("known before it is answered")
		}
		close(wait)
		wg.Wait()
		if got := c.requests(); got != "rules pay" {
			t.Errorf("asked %q", got)
		}
		if got := answers(r, deletePod, readSecret); got != "yes no" {
			t.Error(got)
		}
	})
}

// TestADeadServer: a review ends by itself, and is no no.
func TestADeadServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{wait: make(chan struct{})}
		r := New(c, Options{})
		if err := r.Ask(t.Context(), deletePod); !errors.Is(err, context.DeadlineExceeded) || r.Known(deletePod) != Unknown {
			t.Errorf("%v, %s", err, r.Known(deletePod))
		}
	})
}

func TestForget(t *testing.T) {
	c := &cluster{rules: map[string]authorizationv1.SubjectRulesReviewStatus{"pay": edit()}}
	r := New(c, Options{})
	ask(t, r, deletePod)
	changed := r.Changed()
	r.Forget()
	if <-changed; r.Known(deletePod) != Unknown {
		t.Error("not forgotten")
	}
}

// TestNeedsAreCalls: one declaration asks for the right and for the rules.
func TestNeedsAreCalls(t *testing.T) {
	if got := guard.Call(deletePod).String(); got != "delete pods/p in pay" {
		t.Error(got)
	}
}

func BenchmarkKnown(b *testing.B) {
	c := &cluster{rules: map[string]authorizationv1.SubjectRulesReviewStatus{"pay": edit()}}
	r := New(c, Options{})
	if err := r.Ask(b.Context(), readSecret); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Known(readSecret)
	}
}
