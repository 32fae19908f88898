package sizing

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

const mib = 1 << 20

func amounts(cpu, memory int64) object.Resources {
	return object.Resources{CPU: cpu, Memory: memory * mib}
}

// pod returns a running pod of the StatefulSet owner with one container.
func pod(owner string, requests, limits object.Resources, change ...func(*object.Pod)) *object.Pod {
	p := &object.Pod{
		Meta: store.Meta{Namespace: "shop", Name: owner + "-0", Owner: &store.Owner{APIVersion: "apps/v1", Kind: "StatefulSet", Name: owner}},
		Node: "n1", Phase: "Running",
		Demand:     &object.Demand{Requests: object.Amounts{Resources: requests}, Limits: object.Amounts{Resources: limits}},
		Containers: []object.Container{{Name: "app", Requests: requests, Limits: limits}},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func key(owner string) Key {
	return Key{headroom.Workload{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "shop", Name: owner}, "app"}
}

// of returns a use of which enough is known, of one pod.
func of(p95, most object.Resources) Use {
	return Use{Source: Seen, Span: 30 * time.Hour, Samples: 5000, P95: p95, Max: most}
}

// size sizes the one container of some pods.
func size(t *testing.T, use []Use, pods ...*object.Pod) Sizing {
	t.Helper()
	all := Size(slices.Values(pods), func(Key) []Use { return use }, Options{})
	if len(all) != 1 {
		t.Fatalf("%d containers, want one: %+v", len(all), all)
	}
	return all[0]
}

func TestProposal(t *testing.T) {
	asks, limit := amounts(1000, 1024), amounts(2000, 2048)
	killed := func(p *object.Pod) { p.Containers[0].Last = &object.Termination{Reason: "OOMKilled", Exit: 137} }
	for name, test := range map[string]struct {
		use      []Use
		pods     []*object.Pod
		proposed object.Resources // none if zero
		tooShort string
		waste    object.Resources
	}{
		"CPU by what was mostly enough, memory by the most, with a margin": {
			[]Use{of(amounts(212, 300), amounts(900, 400))}, []*object.Pod{pod("a", asks, limit)}, amounts(215, 460), "", amounts(785, 564),
		},
		"more margin after it was killed for want of memory": {
			[]Use{of(amounts(212, 300), amounts(900, 400))}, []*object.Pod{pod("a", asks, limit, killed)}, amounts(215, 500), "", amounts(785, 524),
		},
		"of all pods":                        {[]Use{of(amounts(500, 1), amounts(500, 400))}, []*object.Pod{pod("a", asks, limit), pod("a", asks, limit)}, amounts(500, 460), "", amounts(1000, 1128)},
		"never less than a pod can start in": {[]Use{of(amounts(0, 0), amounts(0, 0))}, []*object.Pod{pod("a", asks, limit)}, amounts(10, 32), "", amounts(990, 992)},
		"more than it asks for is no waste":  {[]Use{of(amounts(1500, 1500), amounts(1500, 2000))}, []*object.Pod{pod("a", asks, limit)}, amounts(1500, 2300), "", amounts(0, 0)},
		"nothing from minutes": {
			[]Use{{Source: Seen, Span: 4 * time.Minute, Samples: 160, P95: amounts(100, 100), Max: amounts(100, 100)}},
			[]*object.Pod{pod("a", asks, limit)},
			amounts(0, 0), "4m of 24h", amounts(900, 909),
		},
		"nothing from a few samples over days": {
			[]Use{{Source: Seen, Span: 72 * time.Hour, Samples: 99, P95: amounts(100, 100), Max: amounts(100, 100)}},
			[]*object.Pod{pod("a", asks, limit)},
			amounts(0, 0), "3d of 24h", amounts(900, 909),
		},
		"nothing from nothing": {nil, []*object.Pod{pod("a", asks, limit)}, amounts(0, 0), "0s of 24h", amounts(0, 0)},
		"the longest history counts": {
			[]Use{of(amounts(1, 1), amounts(1, 1)), {Source: Prometheus, Span: 7 * 24 * time.Hour, Samples: 2016, P95: amounts(400, 1), Max: amounts(400, 400)}},
			[]*object.Pod{pod("a", asks, limit)},
			amounts(400, 460), "", amounts(600, 564),
		},
		"a recommendation is taken as it is": {
			[]Use{{Source: VPA, Span: 48 * time.Hour, Target: &object.Resources{CPU: 323, Memory: 250 * mib}}},
			[]*object.Pod{pod("a", asks, limit)},
			amounts(323, 250), "", amounts(677, 774),
		},
		"what it says nothing of stays": {
			[]Use{{Source: VPA, Span: 48 * time.Hour, Target: &object.Resources{Memory: 250 * mib}}},
			[]*object.Pod{pod("a", asks, limit)},
			amounts(1000, 250), "", amounts(0, 774),
		},
		"one of a young autoscaler is none": {
			[]Use{{Source: VPA, Span: time.Hour, Target: &object.Resources{CPU: 323, Memory: 250 * mib}}},
			[]*object.Pod{pod("a", asks, limit)},
			amounts(0, 0), "1h of 24h", amounts(677, 774),
		},
		"the newest pod says what is asked for": {
			[]Use{of(amounts(500, 1), amounts(500, 400))},
			[]*object.Pod{
				pod("a", asks, limit, func(p *object.Pod) { p.Created = 1 }),
				pod("a", amounts(600, 460), limit, func(p *object.Pod) { p.Created = 2 }),
				pod("a", asks, limit, func(p *object.Pod) { p.Created = 1 }),
			},
			amounts(500, 460), "", amounts(300, 0),
		},
		"pods that do not run do not count": {
			[]Use{of(amounts(500, 1), amounts(500, 400))},
			[]*object.Pod{
				pod("a", asks, limit), pod("a", asks, limit, func(p *object.Pod) { p.Phase = "Succeeded" }), pod("a", asks, limit, func(p *object.Pod) { p.Node = "" }),
			},
			amounts(500, 460), "", amounts(500, 564),
		},
	} {
		s := size(t, test.use, test.pods...)
		var proposed object.Resources
		if s.Proposed != nil {
			proposed = *s.Proposed
		}
		if near(proposed, test.proposed) || s.TooShort != test.tooShort || near(s.Waste, test.waste) {
			t.Errorf("%s: proposed %+v, want %+v; %q, want %q; waste %+v, want %+v", name, proposed, test.proposed, s.TooShort, test.tooShort, s.Waste, test.waste)
		}
		if (s.Proposed == nil) == (s.TooShort == "") {
			t.Errorf("%s: a proposal %v and %q", name, s.Proposed, s.TooShort)
		}
	}
}

// near reports whether two amounts differ by more than the rounding of memory to
// whole MiB, two for each pod.
func near(a, b object.Resources) bool {
	return a.CPU != b.CPU || a.Memory-b.Memory > 2*mib || b.Memory-a.Memory > 2*mib
}

func TestRisks(t *testing.T) {
	asks, limit := amounts(1000, 1000), amounts(2000, 2000)
	calm := []Use{of(amounts(500, 500), amounts(600, 600))}
	for name, test := range map[string]struct {
		use  []Use
		pod  *object.Pod
		want string
	}{
		"none":                           {calm, pod("a", asks, limit), ""},
		"near its memory limit":          {[]Use{of(amounts(1, 1), amounts(1, 1800))}, pod("a", asks, limit), "near-memory-limit above-memory-request"},
		"not so near":                    {[]Use{of(amounts(1, 1), amounts(1, 999))}, pod("a", asks, limit), ""},
		"held back":                      {[]Use{of(amounts(1900, 1), amounts(2000, 1))}, pod("a", asks, limit), "near-cpu-limit"},
		"a peak of CPU is none":          {[]Use{of(amounts(500, 1), amounts(2000, 1))}, pod("a", asks, limit), ""},
		"no requests":                    {calm, pod("a", object.Resources{}, limit), "no-memory-request no-cpu-request"},
		"no limits cannot be reached":    {[]Use{of(amounts(9000, 1), amounts(9000, 900))}, pod("a", asks, object.Resources{}), ""},
		"nobody knows its use":           {nil, pod("a", amounts(0, 1000), limit), "no-cpu-request"},
		"killed":                         {calm, pod("a", asks, limit, func(p *object.Pod) { p.Containers[0].Reason = "OOMKilled" }), "oom-killed"},
		"a recommendation is no use":     {[]Use{{Source: VPA, Span: time.Hour, Target: &object.Resources{CPU: 9000, Memory: 9000 * mib}}}, pod("a", asks, limit), ""},
		"observed for minutes, but seen": {[]Use{{Source: Seen, Span: time.Minute, Samples: 4, Max: amounts(1, 1999)}}, pod("a", asks, limit), "near-memory-limit above-memory-request"},
	} {
		var got []string
		for _, r := range size(t, test.use, test.pod).Risks {
			got = append(got, r.Kind.String())
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
	}
}

// The most waste is first, as a share of what there is; the worst risk is first.
func TestOrder(t *testing.T) {
	pods := []*object.Pod{
		pod("much-memory", amounts(100, 9000), amounts(0, 0)), pod("some-cpu", amounts(2000, 100), amounts(0, 0)),
		pod("none", amounts(100, 100), amounts(0, 0)), pod("careless", amounts(0, 0), amounts(0, 0)), pod("full", amounts(100, 100), amounts(0, 100)),
	}
	uses := map[Key][]Use{}
	for _, p := range pods {
		uses[key(p.Owner.Name)] = []Use{of(amounts(100, 80), amounts(100, 80))}
	}
	uses[key("full")] = []Use{of(amounts(100, 100), amounts(100, 100))}
	order := func(opts Options) (names []string, all []Sizing) {
		all = Size(slices.Values(pods), func(k Key) []Use { return uses[k] }, opts)
		for _, s := range all {
			names = append(names, s.Name)
		}
		return names, all
	}
	names, all := order(Options{Whole: amounts(4000, 1<<20)})
	if names[0] != "some-cpu" || names[1] != "much-memory" {
		t.Errorf("where CPU is short: %v", names)
	}
	if names, _ := order(Options{Whole: amounts(1<<20, 16<<10)}); names[0] != "much-memory" {
		t.Errorf("where memory is short: %v", names)
	}
	if names, _ := order(Options{}); len(names) != 5 || names[0] != "much-memory" {
		t.Errorf("by what is asked for: %v", names)
	}
	var risky []string
	for _, s := range ByRisk(all) {
		risky = append(risky, s.Name)
	}
	if !slices.Equal(risky, []string{"full", "careless"}) {
		t.Errorf("by risk: %v", risky)
	}
}

func TestContainersThatRun(t *testing.T) {
	p := pod("a", amounts(100, 100), amounts(0, 0))
	p.Containers = []object.Container{{Name: "init", Type: object.Init}, {Name: "proxy", Type: object.Sidecar}, {Name: "app"}, {Name: "debug", Type: object.Ephemeral}}
	scaled := map[headroom.Workload]bool{key("a").Workload: true}
	var got []string
	for _, s := range Size(slices.Values([]*object.Pod{p}), func(Key) []Use { return nil }, Options{Autoscaled: scaled}) {
		got = append(got, s.Container)
		if s.Sidecar != (s.Container == "proxy") || !s.Autoscaled {
			t.Errorf("%+v", s)
		}
	}
	if slices.Sort(got); !slices.Equal(got, []string{"app", "proxy"}) {
		t.Errorf("%v", got)
	}
}

func TestCommandAndPatch(t *testing.T) {
	s := Sizing{Key: key("web"), Proposed: &object.Resources{CPU: 1500, Memory: 1536 * mib}}
	if got, want := s.Command("prod"), "kubectl --context prod -n shop set resources statefulset/web -c app --requests=cpu=1500m,memory=1536Mi"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s.Limits = amounts(1000, 4096)
	if got := s.Command(""); !strings.HasSuffix(got, " --requests=cpu=1500m,memory=1536Mi --limits=cpu=1500m") {
		t.Errorf("a request above the limit: %s", got)
	}
	for kind, ok := range map[string]bool{"Pod": false, "Job": false, "Rollout": false, "StatefulSet": true} {
		s.Kind = kind
		if got := s.Command(""); (got != "") != ok || (s.Patch() != "") != ok {
			t.Errorf("%s: %q, %q", kind, got, s.Patch())
		}
	}
	s.APIVersion = "apps.kruise.io/v1"
	if got := s.Command(""); got != "" {
		t.Errorf("somebody else's StatefulSet: %s", got)
	}
	if s := (Sizing{Key: key("web"), TooShort: "4m of 24h"}); s.Command("") != "" || s.Patch() != "" {
		t.Error("a command without a proposal")
	}
}

// The patch changes the requests of its container, and nothing else.
func TestPatchApplies(t *testing.T) {
	spec := corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "proxy", Image: "p"}},
		Containers:     []corev1.Container{{Name: "other", Image: "o"}, {Name: "app", Image: "a"}},
	}
	s := Sizing{Key: key("web"), Proposed: &object.Resources{CPU: 150, Memory: 64 * mib}, Limits: amounts(100, 128)}
	patched := func(o, into any) {
		t.Helper()
		before, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		after, err := strategicpatch.StrategicMergePatch(before, []byte(s.Patch()), into)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(after, into); err != nil {
			t.Fatal(err)
		}
	}
	check := func(c corev1.Container, n int) {
		t.Helper()
		if c.Resources.Requests.Cpu().MilliValue() != 150 || c.Resources.Requests.Memory().Value() != 64*mib ||
			c.Resources.Limits.Cpu().MilliValue() != 150 || len(c.Resources.Limits) != 1 || c.Image == "" || n != 2 {
			t.Errorf("%+v of %d", c, n)
		}
	}
	var sts appsv1.StatefulSet
	patched(&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}, &sts)
	got := sts.Spec.Template.Spec.Containers
	check(got[slices.IndexFunc(got, func(c corev1.Container) bool { return c.Name == "app" })], len(got))

	s.Sidecar, s.Container = true, "proxy"
	sts = appsv1.StatefulSet{}
	patched(&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}, &sts)
	check(sts.Spec.Template.Spec.InitContainers[0], len(sts.Spec.Template.Spec.Containers))

	s.Sidecar, s.Container, s.Kind, s.APIVersion = false, "app", "CronJob", "batch/v1"
	var cron batchv1.CronJob
	var with batchv1.CronJob
	with.Spec.JobTemplate.Spec.Template.Spec = spec
	patched(&with, &cron)
	got = cron.Spec.JobTemplate.Spec.Template.Spec.Containers
	check(got[slices.IndexFunc(got, func(c corev1.Container) bool { return c.Name == "app" })], len(got))
}

func TestJSON(t *testing.T) {
	s := size(t, []Use{{Source: Seen, Span: 4 * time.Minute, Samples: 16, P95: amounts(100, 100), Max: amounts(100, 1000)}}, pod("a", amounts(500, 512), amounts(0, 1024)))
	b, err := json.Marshal([]Sizing{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"namespace":"shop","kind":"StatefulSet","name":"a","container":"app","pods":1,"requests":{"cpu":500,"memory":536870912}`,
		`"use":{"source":"seen","spanSeconds":240,"samples":16,"p95":{"cpu":100,`, `"tooShort":"4m of 24h"`, `"risks":[{"kind":"near-memory-limit","text":"used up to 98% `,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if strings.Contains(string(b), "proposed") || strings.Contains(string(b), "command") {
		t.Errorf("a proposal in %s", b)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m", 90 * time.Minute: "1h", 24 * time.Hour: "24h", 47 * time.Hour: "47h", 7 * 24 * time.Hour: "7d",
	} {
		if got := short(d); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
}
