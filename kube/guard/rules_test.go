package guard

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport/spdy"
)

func TestRulesMatch(t *testing.T) {
	deletePod := Call{Verb: "delete", Resource: "pods", Namespace: "pay", Name: "p"}
	patch := Call{Verb: "patch", Group: "apps", Resource: "deployments", Namespace: "pay", Name: "d"}
	scale := Call{Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "pay", Name: "d"}
	exec := Call{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "pay", Name: "p"}
	evict := Call{Verb: "create", Resource: "pods", Subresource: "eviction", Namespace: "pay", Name: "p"}
	debug := Call{Verb: "update", Resource: "pods", Subresource: "ephemeralcontainers", Namespace: "pay", Name: "p"}
	node := Call{Verb: "patch", Resource: "nodes", Name: "n"}
	namespace := Call{Verb: "delete", Resource: "namespaces", Name: "pay"}
	policy := Call{Verb: "delete", Group: "networking.k8s.io", Resource: "networkpolicies", Namespace: "pay", Name: "x"}
	all := map[string]Call{
		"delete": deletePod, "patch": patch, "scale": scale, "exec": exec, "evict": evict, "debug": debug,
		"delete-all": {Verb: "deletecollection", Group: "x.io", Resource: "widgets", Namespace: "lab"},
		"node":       node, "namespace": namespace, "policy": policy,
	}
	for _, tc := range []struct {
		name string
		rule Rule
		want string // names of the calls it is for, in order
	}{
		{"everything", Rule{}, "debug delete delete-all evict exec namespace node patch policy scale"},
		{"this context", Rule{Contexts: []string{"dev", "prod-*"}}, "debug delete delete-all evict exec namespace node patch policy scale"},
		{"another context", Rule{Contexts: []string{"prod"}}, ""},
		{"a context has a case", Rule{Contexts: []string{"Prod-*"}}, ""},
		{"a namespace", Rule{Namespaces: []string{"pay"}}, "debug delete evict exec namespace patch policy scale"},
		{"some namespaces", Rule{Namespaces: []string{"p?y", "kube-*"}}, "debug delete evict exec namespace patch policy scale"},
		{"all namespaces and none", Rule{Namespaces: []string{"*"}}, "debug delete delete-all evict exec namespace node patch policy scale"},
		{"a namespace is matched whole", Rule{Namespaces: []string{"pa"}}, ""},
		{"a resource", Rule{Kinds: []string{"deployments"}}, "patch scale"},
		{"a kind", Rule{Kinds: []string{"Deployment"}}, "patch scale"},
		{"a kind with a y", Rule{Kinds: []string{"NetworkPolicy"}}, "policy"},
		{"a resource with its group", Rule{Kinds: []string{"deployments.apps"}}, "patch scale"},
		{"a kind with its group", Rule{Kinds: []string{"NetworkPolicy.networking.k8s.io"}}, "policy"},
		{"another group", Rule{Kinds: []string{"deployments.extensions"}}, ""},
		{"a whole group", Rule{Kinds: []string{"*.apps"}}, "patch scale"},
		{"a glob of kinds", Rule{Kinds: []string{"*Polic*", "node"}}, "node policy"},
		{"a dot is no wildcard", Rule{Kinds: []string{"networkpolicies.networking-k8s.io"}}, ""},
		{"delete", Rule{Verbs: []string{"delete"}}, "delete delete-all namespace policy"},
		{"delete in capitals", Rule{Verbs: []string{"DELETE"}}, "delete delete-all namespace policy"},
		{"deletecollection", Rule{Verbs: []string{"deletecollection"}}, "delete-all"},
		{"create is not exec", Rule{Verbs: []string{"create"}}, ""},
		{"exec", Rule{Verbs: []string{"exec"}}, "exec"},
		{"evict", Rule{Verbs: []string{"ev*"}}, "evict"},
		{"patch", Rule{Verbs: []string{"patch"}}, "node patch scale"},
		{"scale", Rule{Verbs: []string{"scale"}}, "scale"},
		{"debug", Rule{Verbs: []string{"debug"}}, "debug"},
		{"update", Rule{Verbs: []string{"update"}}, "debug"},
		{"several lists", Rule{Contexts: []string{"prod-*"}, Namespaces: []string{"pay"}, Kinds: []string{"pods"}, Verbs: []string{"delete", "evict"}}, "delete evict"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var g Guard
			tc.rule.Deny = true
			g.SetRules("prod-eu", []Rule{tc.rule})
			var got []string
			for name, call := range all {
				if g.Judge(call).Denied {
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != tc.want {
				t.Errorf("is for %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTheStrictestRuleWins(t *testing.T) {
	call := Call{Verb: "delete", Resource: "pods", Namespace: "pay", Name: "p"}
	for _, tc := range []struct {
		name  string
		rules []Rule
		want  Verdict
	}{
		{"none", nil, Verdict{}},
		{"one for others", []Rule{{Kinds: []string{"nodes"}, Deny: true}}, Verdict{}},
		{"the higher level", []Rule{{Level: Confirmed, Reason: "a"}, {Level: Typed, Reason: "b"}, {Level: Confirmed, Reason: "c"}}, Verdict{Level: Typed, Reason: "b"}},
		{"the first of equals", []Rule{{Level: Confirmed, Reason: "a"}, {Level: Confirmed, Reason: "b"}}, Verdict{Level: Confirmed, Reason: "a"}},
		{"deny over typed", []Rule{{Level: Typed, Reason: "a"}, {Deny: true, Reason: "b"}, {Deny: true, Reason: "c"}, {Level: Typed, Reason: "d"}}, Verdict{Denied: true, Level: Typed, Reason: "b"}},
		{"the lower limit", []Rule{{Max: 5, Reason: "a"}, {Max: 2, Reason: "b"}, {Max: 3, Reason: "c"}}, Verdict{Max: 2, MaxReason: "b"}},
		{"a limit beside a level", []Rule{{Max: 5, Reason: "a"}, {Level: Typed, Reason: "b"}}, Verdict{Level: Typed, Reason: "b", Max: 5, MaxReason: "a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var g Guard
			g.SetRules("prod", tc.rules)
			if got := g.Judge(call); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
	g := refusing()
	if got, want := g.Judge(call), (Verdict{Denied: true, Reason: "read-only: started with --readonly"}); got != want {
		t.Errorf("read-only: got %+v, want %+v", got, want)
	}
}

func TestApprovals(t *testing.T) {
	rules := []Rule{
		{Namespaces: []string{"locked"}, Deny: true, Reason: "the pipeline does it"},
		{Namespaces: []string{"pay"}, Level: Confirmed, Reason: "money"},
		{Kinds: []string{"Namespace"}, Level: Typed},
		{Kinds: []string{"Secret"}, Max: 2, Reason: "one by one"},
		{Kinds: []string{"ConfigMap"}, Max: 1},
	}
	yes, typed := Approval{Level: Confirmed}, Approval{Level: Typed}
	for _, tc := range []struct {
		name, method, target string
		approval             Approval
		refused              string // "" = sent
	}{
		{"a read", "GET", pod, Approval{}, ""},
		{"a read of what is locked", "GET", "/api/v1/namespaces/locked/pods", Approval{}, ""},
		{"a dry run of what is locked", "PATCH", "/api/v1/namespaces/locked/pods/p?dryRun=All", Approval{}, ""},
		{"a review", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Approval{}, ""},
		{"no rule", "DELETE", "/api/v1/nodes/n", Approval{}, ""},
		{"denied", "DELETE", "/api/v1/namespaces/locked/pods/p", typed, "refused to delete pods/p in locked: a rule denies it (the pipeline does it): leave it, or change the rule"},
		{"denied exec by GET", "GET", "/api/v1/namespaces/locked/pods/p/exec", typed, "refused to exec into pods/p in locked: a rule denies it (the pipeline does it): leave it, or change the rule"},
		{"not confirmed", "DELETE", pod, Approval{}, "refused to delete pods/p in pay: a rule wants it confirmed (money): confirm it where you are asked to"},
		{"confirmed", "DELETE", pod, yes, ""},
		{"more than confirmed", "DELETE", pod, typed, ""},
		{"port-forward not confirmed", "GET", pod + "/portforward", Approval{}, "refused to forward a port of pods/p in pay: a rule wants it confirmed (money): confirm it where you are asked to"},
		{"port-forward confirmed", "GET", pod + "/portforward", yes, ""},
		{"not typed", "DELETE", "/api/v1/namespaces/x", yes, "refused to delete namespaces/x: a rule wants the name typed: type it where you are asked to"},
		{"typed", "DELETE", "/api/v1/namespaces/x", typed, ""},
		{"few", "DELETE", "/api/v1/namespaces/x/secrets/s", Approval{Objects: 2}, ""},
		{"one unsaid", "DELETE", "/api/v1/namespaces/x/secrets/s", Approval{}, ""},
		{"too many", "DELETE", "/api/v1/namespaces/x/secrets/s", Approval{Level: Typed, Objects: 3}, "refused to delete secrets/s in x: a rule allows 2 objects at once, not 3 (one by one): take fewer at a time"},
		{"all there are", "DELETE", "/api/v1/namespaces/x/configmaps", typed, "refused to delete all configmaps in x: a rule allows 1 object at once: name the objects"},
		{"a path that hides", "DELETE", "/api/v1//namespaces/locked/pods/p", typed, "denies it (its path hides what it is for)"},
		{"not a resource", "POST", "/somewhere", Approval{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var g Guard
			g.SetRules("prod", rules)
			req := httptest.NewRequestWithContext(Approve(t.Context(), tc.approval), tc.method, "https://server"+tc.target, nil)
			var next sent
			_, err := g.Wrap(&next).RoundTrip(req) // the fake's body is empty
			if (len(next.bodies) == 1) != (tc.refused == "") {
				t.Fatalf("sent %d, %v", len(next.bodies), err)
			}
			if tc.refused == "" {
				return
			}
			var blocked *Blocked
			if !errors.As(err, &blocked) || errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("got  %v\nwant %s", err, tc.refused)
			}
		})
	}
}

// TestRulesOfOtherContexts: a guard without rules is as fast as the zero Guard.
func TestRulesOfOtherContexts(t *testing.T) {
	var g Guard
	g.SetRules("prod", []Rule{{Deny: true}})
	g.SetRules("dev", []Rule{{Contexts: []string{"prod"}, Deny: true}})
	if g.rules.Load() != nil {
		t.Error("rules of another context are kept")
	}
	if ok, err := try(t, &g, "DELETE", pod, "", ""); !ok {
		t.Error(err)
	}
}

// TestApprovalApply goes the way of port-forward, whose dialer makes requests
// without the caller's context.
func TestApprovalApply(t *testing.T) {
	var g Guard
	g.SetRules("prod", []Rule{{Verbs: []string{"portforward"}, Level: Confirmed}})
	reached := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		reached <- req.URL.Path
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	dial := func(approve bool) error {
		cfg := &rest.Config{Host: server.URL}
		if err := g.Apply(cfg); err != nil {
			t.Fatal(err)
		}
		if approve {
			Approval{Level: Confirmed}.Apply(cfg)
		}
		rt, upgrader, err := spdy.RoundTripperFor(cfg)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+pod+"/portforward", nil)
		_, _, err = spdy.NewDialer(upgrader, &http.Client{Transport: rt}, req.Method, req.URL).Dial("portforward.k8s.io")
		return err
	}
	if err := dial(false); err == nil || !strings.Contains(err.Error(), "wants it confirmed") || len(reached) != 0 {
		t.Errorf("not approved: %v", err)
	}
	if err := dial(true); err == nil || strings.Contains(err.Error(), "refused") || len(reached) != 1 {
		t.Errorf("approved: %v", err)
	}
}

func TestObserve(t *testing.T) {
	var g Guard
	var writes []Write
	g.Observe(func(w Write) { writes = append(writes, w) })
	g.SetRules("prod", []Rule{{Verbs: []string{"create"}, Deny: true}})
	long := `{"dryRun":[]}` + strings.Repeat(" ", maxDeleteOptions)
	for _, r := range []struct{ method, target, body string }{
		{"GET", pod, ""},
		{"PATCH", pod + "?dryRun=All", "{}"},
		{"POST", pods, "{}"}, // refused
		{"PATCH", pod, "{}"},
		{"DELETE", pods, long},
		{"GET", pod + "/exec", ""},
	} {
		_, _ = try(t, &g, r.method, r.target, "", r.body)
	}
	var got []string
	for _, w := range writes {
		if w.Status != http.StatusOK || w.Err != nil || w.Start.IsZero() {
			t.Errorf("%+v", w)
		}
		got = append(got, w.Call.String())
	}
	if want := []string{"patch pods/p in pay", "delete all pods in pay", "exec into pods/p in pay"}; !slices.Equal(got, want) {
		t.Errorf("observed %q, want %q", got, want)
	}

	writes = nil
	broken := errors.New("connection refused")
	req := httptest.NewRequestWithContext(Approve(t.Context(), Approval{Level: Typed, Objects: 3}), http.MethodPatch, "https://server"+pod, nil)
	if _, err := g.Wrap(failing{broken}).RoundTrip(req); !errors.Is(err, broken) { // failing has no response
		t.Errorf("error %v", err)
	}
	if len(writes) != 1 || !errors.Is(writes[0].Err, broken) || writes[0].Status != 0 || writes[0].Approval != (Approval{Level: Typed, Objects: 3}) {
		t.Errorf("observed %+v", writes)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// TestChangedWhileUsed is for the race detector.
func TestChangedWhileUsed(t *testing.T) {
	var g Guard
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				req := httptest.NewRequestWithContext(ctx, http.MethodPatch, "https://server"+pod, http.NoBody)
				if resp, err := g.Wrap(ok{}).RoundTrip(req); err == nil {
					_ = resp.Body.Close()
				}
			}
		})
	}
	for i := range 1000 {
		g.SetRules("prod", []Rule{{Level: Level(i % 3)}})
		g.Observe(func(Write) {})
		if i%2 == 0 {
			g.Refuse("x")
		} else {
			g.Permit()
		}
		g.Judge(Call{Verb: "patch", Resource: "pods"})
	}
	cancel()
	wg.Wait()
}

type ok struct{}

func (ok) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
}
