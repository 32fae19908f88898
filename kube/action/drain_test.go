package action

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
)

func nodes() schema.GroupVersionResource { return corev1.SchemeGroupVersion.WithResource("nodes") }

func nodeRef(name string) kube.Ref { return kube.Ref{GVR: nodes(), Kind: "Node", Name: name} }

func TestFate(t *testing.T) {
	notFound := apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "daemonsets"}, "agent")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "daemonsets"}, "agent", errors.New("no"))
	owned := func(kind string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: "agent", Controller: new(true)}}
		}
	}
	emptyDir := func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	}
	finished := func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }
	mirror := func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }
	rs, ds := owned("ReplicaSet"), owned("DaemonSet")
	type edits = []func(*corev1.Pod)
	for _, tt := range []struct {
		name    string
		pod     edits
		missing error
		o       DrainOptions
		want    Fate
		why     string
	}{
		{"of a workload", edits{rs}, nil, DrainOptions{}, PodGoes, ""},
		{"bare", nil, nil, DrainOptions{}, PodBlocks, "no controller would start it again (force lets it go)"},
		{"bare, by force", nil, nil, DrainOptions{Force: true}, PodGoes, "no controller starts it again"},
		{"bare, finished", edits{finished}, nil, DrainOptions{}, PodGoes, "has finished"},
		{"emptyDir", edits{rs, emptyDir}, nil, DrainOptions{}, PodBlocks, "would lose what is in emptyDir cache"},
		{"emptyDir, allowed", edits{rs, emptyDir}, nil, DrainOptions{DeleteEmptyDir: true}, PodGoes, "loses what is in emptyDir cache"},
		{"emptyDir, finished", edits{rs, emptyDir, finished}, nil, DrainOptions{}, PodGoes, "has finished"},
		{"bare with emptyDir", edits{emptyDir}, nil, DrainOptions{Force: true}, PodBlocks, "would lose what is in emptyDir cache"},
		{"daemon", edits{ds, emptyDir}, nil, DrainOptions{}, PodStays, "ds/agent would start it again at once"},
		{"daemon, refused", edits{ds}, nil, DrainOptions{RefuseDaemonSets: true}, PodBlocks, "ds/agent would start it again at once"},
		{"daemon, finished", edits{ds, finished}, nil, DrainOptions{RefuseDaemonSets: true}, PodGoes, "has finished"},
		{"daemon without its set", edits{ds}, notFound, DrainOptions{}, PodBlocks, "ds/agent, which owns it, is gone: nothing starts it again (force lets it go)"},
		{"daemon without its set, by force", edits{ds}, notFound, DrainOptions{Force: true}, PodGoes, "ds/agent, which owns it, is gone: nothing starts it again"},
		{"daemon whose set is secret", edits{ds}, forbidden, DrainOptions{Force: true}, PodBlocks, `ds/agent, which owns it, cannot be read: daemonsets.apps "agent" is forbidden: no`},
		{"static", edits{mirror}, nil, DrainOptions{}, PodStays, "static: the node runs it from a file of its own"},
		{"static, finished", edits{mirror, finished}, nil, DrainOptions{}, PodStays, "static: the node runs it from a file of its own"},
	} {
		pod := &corev1.Pod{}
		for _, edit := range tt.pod {
			edit(pod)
		}
		if got, why := tt.o.fate(pod, tt.missing); got != tt.want || why != tt.why {
			t.Errorf("%s: %s, %q; want %s, %q", tt.name, got, why, tt.want, tt.why)
		}
	}
}

func TestDrainFlags(t *testing.T) {
	for want, o := range map[string]DrainOptions{
		"--ignore-daemonsets": {},
		"--delete-emptydir-data --force --disable-eviction --grace-period=0 --timeout=1m30s --pod-selector=a=b": {
			RefuseDaemonSets: true, DeleteEmptyDir: true, Force: true, DisableEviction: true,
			Grace: new(int64(0)), Timeout: 90 * time.Second, PodSelector: "a=b",
		},
	} {
		if got := strings.Join(o.flags(), " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// site is a node with pods, on a server whose evictions a test decides about.
type site struct {
	server *apitest.Server
	client *Client

	mu      sync.Mutex
	said    map[string][]string // by pod: the states that the drain reported
	evicted []string
	refuse  map[string]*apitest.Answer // to evictions, by pod
	keep    map[string]bool            // pods that take their time to go
}

func newSite(t *testing.T, names ...string) *site {
	s := apitest.NewPipe(t)
	s.Put(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}})
	for _, name := range names {
		s.Put(podOn("n", name))
	}
	b := &site{
		server: s, client: newClient(t, s), said: map[string][]string{},
		refuse: map[string]*apitest.Answer{}, keep: map[string]bool{},
	}
	s.OnRequest(b.answer)
	return b
}

func podOn(node, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "web", Labels: map[string]string{"app": "web"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", Controller: new(true)}},
		},
		Spec: corev1.PodSpec{NodeName: node},
	}
}

const success = `{"kind":"Status","apiVersion":"v1","status":"Success"}`

func (b *site) answer(r apitest.Request) *apitest.Answer {
	ok := &apitest.Answer{Body: success, ContentType: "application/json"}
	name, eviction := strings.CutSuffix(r.Name, "/eviction")
	switch {
	case r.Verb == "PATCH":
		if r.Query.Get("dryRun") == "" {
			b.server.Put(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Spec: corev1.NodeSpec{Unschedulable: true}})
		}
		return &apitest.Answer{Body: `{"kind":"Node","apiVersion":"v1","metadata":{"name":"n"}}`, ContentType: "application/json"}
	case r.Verb == "POST" && eviction:
		b.mu.Lock()
		defer b.mu.Unlock()
		if a := b.refuse[name]; a != nil {
			return a
		}
		if r.Query.Get("dryRun") == "" {
			b.evicted = append(b.evicted, name)
			if !b.keep[name] {
				b.server.Delete(podOn("n", name))
			}
		}
		return ok
	}
	return nil
}

func (b *site) set(name string, a *apitest.Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse[name] = a
}

func (b *site) report(p PodProgress) { // called by one goroutine at a time
	text := p.State.String()
	if p.Why != "" {
		text += ": " + p.Why
	}
	b.said[p.Pod.Name] = append(b.said[p.Pod.Name], text)
}

func (b *site) plan(t *testing.T, o DrainOptions) DrainPlan {
	t.Helper()
	plan, err := b.client.Drain(t.Context(), nodeRef("n"), o)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func overBudget() *apitest.Answer {
	err := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: policyv1.DisruptionBudgetCause, Message: "The disruption budget web needs 2 healthy pods and has 2 currently"}}
	return apitest.Fail(err)
}

func forbidden(what string) *apitest.Answer {
	return apitest.Fail(apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New(what)))
}

func TestDrainRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, "a", "b", "c", "d")
		b.server.Put(&policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "web"},
			Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
			Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: 1, ExpectedPods: 4, DesiredHealthy: 3},
		})
		b.set("b", overBudget())
		plan := b.plan(t, DrainOptions{})
		if plan.Cordon == nil || plan.Count(PodGoes) != 3 || plan.Count(PodWaits) != 1 || plan.Pods[0].Ref.Name != "b" {
			t.Fatalf("plan: %+v", plan)
		}
		if got, want := inWords(plan.Notes), []string{"1 pdb/web in web lets 1 of its 4 pods here go now: the others wait"}; !slices.Equal(got, want) {
			t.Errorf("notes: %q, want %q", got, want)
		}
		if want := "kubectl drain n --ignore-daemonsets"; plan.Kubectl != want {
			t.Errorf("kubectl: %s, want %s", plan.Kubectl, want)
		}
		b.set("c", apitest.Unavailable())
		b.set("d", &apitest.Answer{Cut: true})
		began := time.Now()
		time.AfterFunc(time.Second, func() { b.set("d", forbidden("nobody's rights are known yet")) })
		time.AfterFunc(6*time.Second, func() { b.set("d", nil) })
		time.AfterFunc(7*time.Second, func() { b.set("b", nil) })
		time.AfterFunc(8*time.Second, func() { b.set("c", nil) })
		b.server.Put(podOn("n", "late"), podOn("m", "elsewhere"))
		if err := plan.Run(t.Context(), b.report); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("it took %s", took)
		}
		budget := "waiting: The disruption budget web needs 2 healthy pods and has 2 currently"
		broken := "waiting: etcdserver: request timed out"
		for name, want := range map[string][]string{
			"a":    {"evicting", "terminating", "gone"},
			"b":    {"evicting", budget, budget, "terminating", "gone"},
			"c":    {"evicting", broken, broken, "terminating", "gone"},
			"d":    {"evicting", "waiting: no answer from the server: EOF", "waiting: pods is forbidden: nobody's rights are known yet", "terminating", "gone"},
			"late": {"evicting", "terminating", "gone"},
		} {
			if !slices.Equal(b.said[name], want) {
				t.Errorf("pod %s: %q, want %q", name, b.said[name], want)
			}
		}
		if len(b.said) != 5 {
			t.Errorf("told of %v", b.said)
		}
	})
}

func TestDrainDoesNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, "a", "b")
		b.set("b", forbidden("quota of evictions is over"))
		plan := b.plan(t, DrainOptions{})
		err := plan.Run(t.Context(), b.report)
		want := `node/n is not drained: pod/b in web cannot go: pods is forbidden: quota of evictions is over; nothing was changed`
		if !says(err, want) || len(b.evicted) > 0 || b.server.Count("PATCH", "nodes") != 1 { // the dry run
			t.Errorf("%v; evicted %v", err, b.evicted)
		}
	})
}

func TestDrainFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, "a", "b")
		plan := b.plan(t, DrainOptions{})
		b.set("b", forbidden("the policy changed"))
		err := plan.Run(t.Context(), b.report)
		undrained := (*Undrained)(nil)
		if !errors.As(err, &undrained) || undrained.Gone != 1 || undrained.Total != 2 || !apierrors.IsForbidden(err) {
			t.Errorf("drain: %v", err)
		}
		if got, want := b.said["b"], []string{"evicting", "failed: pods is forbidden: the policy changed"}; !slices.Equal(got, want) {
			t.Errorf("pod b: %q, want %q", got, want)
		}
	})
}

func TestDrainEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    DrainOptions
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		why  string
		is   error
	}{
		{"cancelled", DrainOptions{}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(30*time.Second, cancel)
			return ctx, cancel
		}, "it was cancelled", context.Canceled},
		{"timeout", DrainOptions{Timeout: 30 * time.Second}, context.WithCancel, "its time is over", context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, "a", "b", "c", "d")
				plan := b.plan(t, tt.o)
				b.set("b", overBudget())
				b.keep["c"] = true // terminates for longer
				b.set("d", &apitest.Answer{Until: t.Context().Done()})
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				began := time.Now()
				err := plan.Run(ctx, b.report)
				want := "node/n is not drained: " + tt.why + "; 1 of 4 pods gone, 1 terminating, 2 still there; the node stays cordoned"
				if !errors.Is(err, tt.is) || err.Error() != want || time.Since(began) != 30*time.Second {
					t.Errorf("after %s: %v, want %s", time.Since(began), err, want)
				}
				if last := b.said["d"]; len(last) < 2 || last[1] != "waiting: the server has not answered within 10s" {
					t.Errorf("pod d: %q", last)
				}
				evicted := len(b.evicted)
				time.Sleep(time.Minute) // in the time of the bubble
				if len(b.evicted) != evicted {
					t.Errorf("evicted after the end: %v", b.evicted)
				}
			})
		})
	}
}
