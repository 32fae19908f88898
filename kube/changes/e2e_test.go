//go:build e2e

package changes

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/store"
)

// shopper changes things in a playground under names of other programs.
type shopper struct {
	t   *testing.T
	api kubernetes.Interface
	cfg *rest.Config
	own *action.Client // as the program itself changes things
}

// recorder returns one that follows values only, until it is deepened.
func (s *shopper) recorder(kubeconfig, user, namespace string) *Recorder {
	cfg := s.cfg
	if user != "" {
		cfg = kubetest.Config(s.t, kubeconfig, user)
	}
	hub := store.NewHub(func(gv schema.GroupVersion) (rest.Interface, error) {
		c := rest.CopyConfig(cfg)
		c.GroupVersion, c.APIPath, c.NegotiatedSerializer = &gv, "/apis", scheme.Codecs.WithoutConversion()
		if gv.Group == "" {
			c.APIPath = "/api"
		}
		return rest.RESTClientFor(c)
	}, store.Options{})
	s.t.Cleanup(hub.Close)
	r := Open(hub, store.Scope{Namespace: namespace}, Options{Pause: 50 * time.Millisecond})
	s.t.Cleanup(r.Close)
	return r
}

// until waits until a report is as ok wants it, and returns it.
func (s *shopper) until(r *Recorder, what string, ok func(*Report) bool) *Report {
	s.t.Helper()
	changed := store.NewSignal()
	r.Listen(changed)
	defer r.Forget(changed)
	over := time.After(kubetest.Patience)
	for {
		if report := r.Report(); report != nil && ok(report) {
			return report
		}
		select {
		case <-changed:
		case <-over:
			report := r.Report()
			for _, h := range Heads(report.Entries)[:min(40, len(Heads(report.Entries)))] {
				s.t.Logf("%d %s %s by %q: %s%s", h.At, h.Certainty(), h.On, h.Manager, h.What(), h.Words())
			}
			s.t.Fatalf("waited in vain for %s; not read: %v", what, report.NotRead)
		}
	}
}

func deploymentIn(namespace, name string) kube.Ref {
	r := deploymentRef(name)
	r.Namespace, r.UID = namespace, ""
	return r
}

// write is one change, made under a name.
type write struct {
	what    string
	manager string
	on      string // kind/name
	fields  []string
	is      string // the new value, where it is known of what is seen
	valued  bool   // lists keep the value: it is seen also where metadata are not read
	undated bool   // of the time before the server does not keep when it was
	do      func(ctx context.Context, o metav1.PatchOptions, round string) error
}

func (s *shopper) writes() []write {
	merge := types.StrategicMergePatchType
	deploy := func(name, patch string) func(context.Context, metav1.PatchOptions, string) error {
		return func(ctx context.Context, o metav1.PatchOptions, round string) error {
			_, err := s.api.AppsV1().Deployments("web").Patch(ctx, name, merge, []byte(strings.ReplaceAll(patch, "ROUND", round)), o)
			return err
		}
	}
	return []write{
		{
			"image", "kubectl-set", "Deployment/wares",
			[]string{"image"},
			"registry.local/wares:ROUND", true, false,
			deploy("wares", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.local/wares:ROUND"}]}}}}`),
		},
		{
			"env", "terraform", "Deployment/settings",
			[]string{"env"},
			"", false, false,
			deploy("settings", `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"ROUND","value":"x"}]}]}}}}`),
		},
		{
			"replicas", "kubectl-scale", "Deployment/counted",
			[]string{"replicas"},
			"", true, false,
			func(ctx context.Context, o metav1.PatchOptions, round string) error {
				n := map[string]string{"before": "2", "after": "3"}[round]
				_, err := s.api.AppsV1().Deployments("web").Patch(ctx, "counted", merge, []byte(`{"spec":{"replicas":`+n+`}}`), o)
				return err
			},
		},
		{
			"replicas by this program", action.FieldManager, "Deployment/own",
			[]string{"replicas"},
			"", true, true,
			func(ctx context.Context, _ metav1.PatchOptions, round string) error {
				change, err := s.own.Scale(ctx, deploymentIn("web", "own"), map[string]string{"before": "2", "after": "3"}[round])
				if err != nil {
					return err
				}
				_, err = change.Make(ctx)
				return err
			},
		},
		{
			"replicas by a controller", "keda-operator", "Deployment/scaled",
			[]string{"replicas"},
			"", true, true,
			func(ctx context.Context, o metav1.PatchOptions, round string) error {
				n := map[string]string{"before": "2", "after": "3"}[round]
				_, err := s.api.AppsV1().Deployments("web").Patch(ctx, "scaled", merge, []byte(`{"spec":{"replicas":`+n+`}}`), o, "scale")
				return err
			},
		},
		{
			"labels", "kubectl-label", "Deployment/labelled",
			[]string{"labels[ROUND]"},
			"yes", true, false,
			deploy("labelled", `{"metadata":{"labels":{"ROUND":"yes"}}}`),
		},
		{
			"data", "kubectl-edit", "ConfigMap/knobs",
			[]string{"data.ROUND"},
			"", false, false,
			func(ctx context.Context, o metav1.PatchOptions, round string) error {
				_, err := s.api.CoreV1().ConfigMaps("web").Patch(ctx, "knobs", merge, []byte(`{"data":{"`+round+`":"s3cret"}}`), o)
				return err
			},
		},
		{
			"secret", "vault", "Secret/keys",
			[]string{"data.ROUND"},
			"", false, false,
			func(ctx context.Context, o metav1.PatchOptions, round string) error {
				_, err := s.api.CoreV1().Secrets("web").Patch(ctx, "keys", merge, []byte(`{"stringData":{"`+round+`":"s3cret"}}`), o)
				return err
			},
		},
		{
			"quota", "argocd-controller", "ResourceQuota/budget",
			[]string{"hard"},
			"", true, false,
			func(ctx context.Context, o metav1.PatchOptions, round string) error {
				n := map[string]string{"before": "370", "after": "380"}[round]
				_, err := s.api.CoreV1().ResourceQuotas("web").Patch(ctx, "budget", merge, []byte(`{"spec":{"hard":{"pods":"`+n+`"}}}`), o)
				return err
			},
		},
		{
			"node labels", "kubectl-node-ROUND", "Node/std-b-03",
			[]string{"labels[ROUND]"},
			"yes", true, false,
			func(ctx context.Context, o metav1.PatchOptions, round string) error {
				_, err := s.api.CoreV1().Nodes().Patch(ctx, "std-b-03", merge, []byte(`{"metadata":{"labels":{"`+round+`":"yes"}}}`), o)
				return err
			},
		},
		{
			"taints", "kubectl-taint-ROUND", "Node/std-b-02",
			[]string{"taints"},
			present, true, false,
			func(ctx context.Context, o metav1.PatchOptions, round string) error {
				_, err := s.api.CoreV1().Nodes().Patch(ctx, "std-b-02", merge, []byte(`{"spec":{"taints":[{"key":"`+round+`","effect":"PreferNoSchedule"}]}}`), o)
				return err
			},
		},
	}
}

// prepare makes what is changed later.
func (s *shopper) prepare() {
	ctx, o := s.t.Context(), metav1.CreateOptions{FieldManager: "helm"}
	fail := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for _, name := range []string{"wares", "settings", "counted", "labelled", "own", "scaled", "fleet"} {
		replicas := int32(1)
		labels := map[string]string{"app": name}
		_, err := s.api.AppsV1().Deployments("web").Create(ctx, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: appsv1.DeploymentSpec{
				Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.local/" + name + ":made"}}},
				},
			},
		}, o)
		fail(err)
	}
	_, err := s.api.CoreV1().ConfigMaps("web").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "knobs"}, Data: map[string]string{"made": "x"}}, o)
	fail(err)
	_, err = s.api.CoreV1().Secrets("web").Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys"}, StringData: map[string]string{"made": "x"}}, o)
	fail(err)
	_, err = s.api.CoreV1().ResourceQuotas("web").Create(ctx, &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "budget"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse("360")}},
	}, o)
	fail(err)
}

// pass waits until the server's clock, which counts seconds, has gone on: what was
// made and what was changed in the same second cannot be told apart afterwards.
func (s *shopper) pass() {
	start := time.Now().Unix()
	kubetest.Until(s.t, "the next seconds", func() bool { return time.Now().Unix() > start+together+2 })
}

// round makes every change and returns when.
func (s *shopper) round(name string) (from, to int64) {
	from = time.Now().Unix()
	for _, w := range s.writes() {
		if err := w.do(s.t.Context(), metav1.PatchOptions{FieldManager: strings.ReplaceAll(w.manager, "ROUND", name)}, name); err != nil {
			s.t.Fatalf("%s: %v", w.what, err)
		}
	}
	return from, time.Now().Unix()
}

// of returns the entries that are w, as far as manager, object and time tell.
func (w write) of(r *Report, exact bool, round string, from, to int64) []*Entry {
	var found []*Entry
	to++ // what followed may be of the next second
	switch {
	case !exact:
		to += together // a revision is as old as what its controller made
	case w.undated:
		to = time.Now().Unix() // it is as old as the look that saw it, which may be late
	}
	for _, e := range r.Entries {
		if e.Verb == Changed && e.Exact == exact && e.Manager == strings.ReplaceAll(w.manager, "ROUND", round) && e.On.Kind+"/"+e.On.Name == w.on && (e.At >= from-1 && e.At <= to || !exact && w.undated) {
			found = append(found, e)
		}
	}
	return found
}

// says reports whether an entry names all fields of w, and the values if they
// must be known.
func (w write) says(e *Entry, round string) bool {
	for _, f := range w.fields {
		f = strings.ReplaceAll(f, "ROUND", round)
		if !slices.ContainsFunc(e.Fields, func(o Field) bool { return strings.Contains(o.Name(), f) || strings.Contains(o.Path, f) }) {
			return false
		}
	}
	if is := strings.ReplaceAll(w.is, "ROUND", round); e.Exact && is != "" {
		return slices.ContainsFunc(e.Fields, func(o Field) bool { return o.Known && o.Is == is })
	}
	return true
}

// TestAgainstTheShop changes objects of every kind before and while changes are
// recorded: each is listed once, with who made it and when.
func TestAgainstTheShop(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "shop")
	cfg := kubetest.Config(t, kubeconfig, "")
	own, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &shopper{t: t, api: kubernetes.NewForConfigOrDie(cfg), cfg: cfg}
	if s.own, err = action.New(cfg, own, "playground"); err != nil {
		t.Fatal(err)
	}
	s.prepare()
	s.pass()
	from, to := s.round("before")
	s.pass()
	r, shallow := s.recorder(kubeconfig, "", ""), s.recorder(kubeconfig, "", "")
	r.Deepen()
	s.until(shallow, "what lists keep to be read", func(r *Report) bool { return !r.Loading && r.Read > 10 })
	before := s.until(r, "everything to be read", func(r *Report) bool { return !r.Loading && r.Read > 20 && len(r.NotRead) == 0 })
	t.Run("before", func(t *testing.T) {
		for _, w := range s.writes() {
			if found := w.of(before, false, "before", from, to); len(found) != 1 || !w.says(found[0], "before") {
				t.Errorf("%s by %s is listed %d times: %v", w.what, w.manager, len(found), told(before, w.on))
			}
		}
	})
	from2, to2 := s.round("after")
	t.Run("after", func(t *testing.T) { s.after(t, r, from2, to2) })
	t.Run("seen before it was read by whom", func(*testing.T) {
		shallow.Deepen()
		for _, w := range s.writes() {
			if !w.valued {
				continue
			}
			s.until(shallow, w.what+" by "+w.manager, func(r *Report) bool {
				found := w.of(r, true, "after", from2, to2)
				return len(found) == 1 && w.says(found[0], "after")
			})
		}
	})
	t.Run("a rollout is one burst", func(t *testing.T) { s.burst(t, r) })
	t.Run("with few rights", func(t *testing.T) {
		dev := s.recorder(kubeconfig, "payments-dev", "payments")
		dev.Deepen()
		report := s.until(dev, "what may be read", func(r *Report) bool { return !r.Loading && r.Read > 0 })
		refused := false
		for _, n := range report.NotRead {
			refused = refused || n.Words() == "nodes: forbidden"
		}
		if !refused || len(report.Entries) == 0 {
			t.Errorf("%d entries, not read: %v", len(report.Entries), report.NotRead)
		}
	})
}

// after has every change of a round listed once, exactly.
func (s *shopper) after(t *testing.T, r *Recorder, from, to int64) {
	var late *Report
	for _, w := range s.writes() {
		late = s.until(r, w.what+" by "+w.manager, func(r *Report) bool {
			found := w.of(r, true, "after", from, to)
			return len(found) == 1 && w.says(found[0], "after")
		})
	}
	for _, w := range s.writes() {
		if n := len(w.of(late, true, "after", from, to)); n != 1 {
			t.Errorf("%s by %s is listed %d times: %v", w.what, w.manager, n, told(late, w.on))
		}
		for _, e := range late.Entries {
			if e.On.Kind+"/"+e.On.Name == w.on && e.Exact && e.Verb == Changed && e.Manager == "" && !slices.ContainsFunc(e.Fields, func(f Field) bool { return strings.HasPrefix(f.Path, "status.") }) {
				t.Errorf("%s: nobody knows who: %s", w.on, e.What())
			}
		}
	}
}

// burst rolls out several pods: there is one line, which has all of them.
func (s *shopper) burst(t *testing.T, r *Recorder) {
	const pods = 100
	scale := []byte(`{"spec":{"replicas":100,"strategy":{"rollingUpdate":{"maxSurge":"100%"}}}}`)
	if _, err := s.api.AppsV1().Deployments("web").Patch(t.Context(), "fleet", types.StrategicMergePatchType, scale, metav1.PatchOptions{FieldManager: "kubectl-scale"}); err != nil {
		t.Fatal(err)
	}
	made := func(r *Report, image string) (heads []*Head) {
		for _, h := range Heads(r.Entries) {
			if h.Of.Name == "fleet" && slices.ContainsFunc(h.Fields, func(f Field) bool { return f.Is == image }) {
				heads = append(heads, h)
			}
		}
		return heads
	}
	s.until(r, "the pods", func(r *Report) bool {
		n := 0
		for _, e := range r.Entries {
			if e.On.Kind == "Pod" && e.Of.Name == "fleet" && e.Verb == Made {
				n++
			}
		}
		return n >= pods-1
	})
	image := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.local/fleet:next"}]}}}}`)
	if _, err := s.api.AppsV1().Deployments("web").Patch(t.Context(), "fleet", types.StrategicMergePatchType, image, metav1.PatchOptions{FieldManager: "kubectl-set"}); err != nil {
		t.Fatal(err)
	}
	s.until(r, "one burst with all pods", func(r *Report) bool {
		heads := made(r, "registry.local/fleet:next")
		if len(heads) != 1 || heads[0].Manager != "kubectl-set" {
			return false
		}
		pod := map[Verb]int{}
		for _, e := range heads[0].Echoes {
			if e.On.Kind == "Pod" {
				pod[e.Verb]++
			}
		}
		return pod[Made] >= pods && pod[Deleted] >= pods
	})
}

func told(r *Report, on string) []string {
	var words []string
	for _, e := range r.Entries {
		if e.On.Kind+"/"+e.On.Name == on {
			words = append(words, e.Certainty()+" "+e.Manager+": "+e.What())
		}
	}
	return words
}
