package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubectl/pkg/polymorphichelpers"

	"quarterdeck/kube/apitest"
)

// rollout runs a command of qd rollout in the namespace of the fixtures.
func rolloutQD(t *testing.T, args string) result {
	t.Helper()
	return qd(t, append([]string{"rollout", "--context", "shop"}, strings.Fields(args)...)...)
}

// ends checks how a run ended and what it said.
func (r result) ends(t *testing.T, code int, out []string, errOut ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d: %s%s", r.code, code, r.out, r.errOut)
	}
	for _, want := range out {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in the output\n%s", want, r.out)
		}
	}
	for _, want := range errOut {
		if !strings.Contains(r.errOut, want) {
			t.Errorf("%q is not in the errors\n%s", want, r.errOut)
		}
	}
	if len(errOut) == 0 && r.errOut != "" {
		t.Errorf("errors: %s", r.errOut)
	}
	if strings.ContainsAny(r.out+r.errOut, "\x1b\x07\r") {
		t.Errorf("control characters: %q %q", r.out, r.errOut)
	}
}

// items reads what -o json printed.
func items(t *testing.T, r result) []map[string]any {
	t.Helper()
	var printed struct {
		GeneratedAt, Context string
		Items                []map[string]any
	}
	if err := json.Unmarshal([]byte(r.out), &printed); err != nil || printed.GeneratedAt == "" || printed.Context != "shop" {
		t.Fatalf("%v: %+v", err, r)
	}
	return printed.Items
}

// at follows keys and indexes into JSON.
func at(t *testing.T, value any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := value.(map[string]any)
			if _, ok := m[p]; !ok {
				t.Fatalf("there is no %q in %v", p, value)
			}
			value = m[p]
		case int:
			list, _ := value.([]any)
			if p >= len(list) {
				t.Fatalf("there is no element %d in %v", p, value)
			}
			value = list[p]
		}
	}
	return value
}

func TestRolloutList(t *testing.T) {
	s := fleet(t)
	rolloutQD(t, "list").prints(t, `
NAME         REV  NEW  READY  AVAIL  STARTED  BY           STATE
deploy/web     3  1/4    3/4      3      15m  kubectl-set  stuck: image cannot be pulled: web:v3
ds/agent     n/a  2/2    2/2      2      n/a  n/a          complete
sts/db       n/a  3/3    3/3      3      n/a  n/a          complete
deploy/done  n/a  1/1    1/1      1      n/a  n/a          complete`)
	rolloutQD(t, "list deploy/done -o table").prints(t, `
NAME         REV  NEW  READY  AVAIL  STARTED  BY   STATE
deploy/done  n/a  1/1    1/1      1      n/a  n/a  complete`)
	rolloutQD(t, "list -A").ends(t, 0, []string{"NAMESPACE  NAME", "shop       deploy/web"})
	rolloutQD(t, "list -n default").prints(t, "NAME  REV  NEW  READY  AVAIL  STARTED  BY  STATE")

	list := items(t, rolloutQD(t, "list -o json"))
	if len(list) != 4 {
		t.Fatalf("%d items", len(list))
	}
	for _, want := range []struct {
		value any
		path  []any
	}{
		{"Deployment", []any{"kind"}},
		{"deployments.apps", []any{"resource"}},
		{"web", []any{"name"}},
		{"web", []any{"uid"}},
		{"stuck", []any{"state"}},
		{false, []any{"done"}},
		{4.0, []any{"pods", "desired"}},
		{1.0, []any{"pods", "new"}},
		{0.0, []any{"pods", "newReady"}},
		{"3", []any{"revision"}},
		{"registry.example/web:v3", []any{"images", 0}},
		{"kubectl-set", []any{"started", "by"}},
		{"ImagePull", []any{"blockers", 0, "reason"}},
		{true, []any{"blockers", 0, "hard"}},
		{"field", []any{"blockers", 0, "evidence", 0, "source"}},
		{false, []any{"deadline", "passed"}},
	} {
		if got := at(t, list[0], want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}

	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "pods" || r.GVR.Resource == "daemonsets" {
			return r.Forbid("eve")
		}
		return nil
	})
	rolloutQD(t, "list").ends(t, 1, []string{"deploy/web"}, "this is not all: you may not list daemonsets, pods in namespace shop")
	r := rolloutQD(t, "list -o json")
	if got := at(t, items(t, r)[0], "pods", "terminating"); got != nil || r.code != 1 {
		t.Errorf("pods that could not be read are %v, exit code %d", got, r.code)
	}
	s.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("eve") })
	rolloutQD(t, "list").fails(t, "you (eve) may not list deployments in namespace shop")
}

func TestRolloutWrongUse(t *testing.T) {
	s := fleet(t)
	twin := statefulSet("web")
	s.Put(twin)
	for args, want := range map[string][]string{
		"stat":                                {`qd rollout has no command "stat"`, "abort|diff|history|list|pause|restart|resume|status|undo"},
		"status":                              {"needs a KIND/NAME", "type qd rollout status KIND/NAME…"},
		"status deploy":                       {"which one? Type deploy/NAME"},
		"status deploy sts/db":                {`"sts/db" is no workload`},
		"status deploy/":                      {`"deploy/" is no workload`},
		"status /web":                         {`"/web" is no workload`},
		"status deploy/a/b":                   {`"deploy/a/b" is no workload`},
		"status deploy/web deployments/web":   {"deploy/web is named twice"},
		"status pods/web":                     {"pods: only deployments, statefulsets and daemonsets"},
		"status podz/web":                     {`no kind "podz"`, "did you mean pods?"},
		"status deploy/nope":                  {"there is no deploy/nope in shop", "qd rollout list"},
		"status nope":                         {`no deployment, statefulset or daemonset in shop is called "nope"`},
		"status web":                          {"2 workloads in shop are called web: say which, deploy/web or sts/web"},
		"status deploy/web -A":                {"is in one namespace", "-n"},
		"status deploy/web -o yaml":           {`-o "yaml"`, "table or json"},
		"status deploy/web --timeout -1s":     {"--timeout -1s is over already"},
		"history deploy/nope":                 {"there is no deploy/nope in shop"},
		"history deploy/web --revision 9":     {"there is no revision 9", "kept are 3, 2, 1"},
		"history deploy/web --revision -1":    {"--revision -1 is none"},
		"diff deploy/web deploy/done":         {`"deploy/done" is one word too many`},
		"diff deploy/web --revisions 1,2,3":   {"is not two numbers of revisions"},
		"diff deploy/web --revisions 0":       {"is not two numbers of revisions"},
		"diff deploy/web --revisions 2,9":     {"there is no revision 9"},
		"diff deploy/done":                    {"no revision to go back to", "its revisionHistoryLimit is 0"},
		"undo deploy/done --yes":              {"no revision to go back to", "its revisionHistoryLimit is 0"},
		"undo deploy/web --to-revision 0":     {"--to-revision 0 is none"},
		"undo deploy/web --to-revision 9":     {"there is no revision 9"},
		"undo deploy/web --to-revision 3":     {"nothing to do", "revision 3 already"},
		"pause sts/db --yes":                  {"sts/db in shop cannot be paused: only deployments can"},
		"resume ds/agent --yes":               {"ds/agent in shop cannot be resumed: only deployments can"},
		"resume deploy/web --yes":             {"nothing to do: it is not paused"},
		"restart rollouts.argoproj.io/x":      {"rollout/x in shop is made by Argo Rollouts"},
		"restart rollouts.example.com/x":      {"no kind"},
		"undo deploy/web --context nonsense":  {`context "nonsense" is not in the kubeconfig`},
		"undo deploy/nope --yes -o json":      {"there is no deploy/nope"},
		"status deploy/web --watch=perchance": {"invalid argument"},
	} {
		t.Run(args, func(t *testing.T) { rolloutQD(t, args).fails(t, want...) })
	}
	if n := len(s.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestRolloutNames: a workload is named in all the ways in which kubectl takes it.
func TestRolloutNames(t *testing.T) {
	fleet(t)
	for _, args := range []string{
		"deploy/done", "deployment/done", "Deployments/done", "deployments.apps/done", "deployment.apps/done", "deployments.v1.apps/done",
		"deploy done", "deployment.apps done", "done",
	} {
		rolloutQD(t, "status --watch=false "+args).prints(t, `deployment "done" successfully rolled out`)
	}
	rolloutQD(t, "status --watch=false sts/db agent").prints(t, `
sts/db: partitioned roll out complete: 3 new pods have been updated...
ds/agent: daemon set "agent" successfully rolled out`)
}

// TestRolloutWords: what is said is what kubectl says, where it means the same.
func TestRolloutWords(t *testing.T) {
	s := apitest.New(t)
	home(t, s.URL, "", "token: t")
	r := rand.New(rand.NewPCG(1, 2))
	args, want := []string{}, map[string]string{}
	note := func(name string, o apitest.Object) {
		s.Put(o)
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}
		kind := map[string]string{"deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet"}[strings.Split(name, "/")[0]]
		viewer, err := polymorphichelpers.StatusViewerFor(appsv1.SchemeGroupVersion.WithKind(kind).GroupKind())
		if err != nil {
			t.Fatal(err)
		}
		words, _, err := viewer.Status(&unstructured.Unstructured{Object: fields}, 0)
		if err != nil {
			t.Fatal(err)
		}
		args, want[name] = append(args, name), strings.TrimSpace(words)
	}
	// part returns two counts, the second of which is part of the first.
	part := func() (int32, int32) { n := r.Int32N(5); return n, r.Int32N(n + 1) }
	for i := range 60 {
		name := fmt.Sprintf("x%d", i)
		d := doneDeployment()
		d.Name, d.UID, d.Generation, d.Spec.Replicas = name, "", r.Int64N(3), new(r.Int32N(5))
		d.Status.Replicas, d.Status.UpdatedReplicas = part()
		d.Status.AvailableReplicas, d.Status.ObservedGeneration = r.Int32N(5), r.Int64N(3)+1
		note("deploy/"+name, d)
		ss := statefulSet(name)
		ss.UID, ss.Generation, ss.Spec.Replicas = "", r.Int64N(3), new(r.Int32N(5))
		ss.Spec.UpdateStrategy.RollingUpdate.Partition = new(r.Int32N(3))
		ss.Status.Replicas, ss.Status.UpdatedReplicas = part()
		ss.Status.ReadyReplicas, ss.Status.ObservedGeneration, ss.Status.UpdateRevision = r.Int32N(5), r.Int64N(3), "another"
		note("sts/"+name, ss)
		ds := daemonSet(name)
		ds.UID, ds.Generation, ds.Status.DesiredNumberScheduled = "", r.Int64N(3), r.Int32N(5)
		ds.Status.CurrentNumberScheduled, ds.Status.UpdatedNumberScheduled = part()
		ds.Status.NumberAvailable, ds.Status.ObservedGeneration = r.Int32N(5), r.Int64N(3)+1
		note("ds/"+name, ds)
	}
	out := qd(t, append([]string{"rollout", "status", "--watch=false", "--context", "shop"}, args...)...)
	said := map[string]string{}
	for line := range strings.SplitSeq(out.out, "\n") {
		name, words, _ := strings.Cut(line, ": ")
		if _, ok := said[name]; !ok { // what it waits for may follow
			said[name] = words
		}
	}
	for name, words := range want {
		if said[name] != words {
			t.Errorf("%s: %q, kubectl says %q", name, said[name], words)
		}
	}
}

func TestRolloutCompletion(t *testing.T) {
	s := fleet(t)
	for args, want := range map[string]string{
		"rollout status ":           "deploy/done deploy/web sts/db ds/agent",
		"rollout status deploy/":    "deploy/done deploy/web",
		"rollout undo statefulset/": "statefulset/db",
		"rollout undo deploy ":      "done web",
		"rollout undo sts/db d":     "deploy/done deploy/web ds/agent",
		"rollout diff sts/db d":     "",
		"rollout status pods/":      "",
		"rollout list -o ":          "table json",
		"rollout diff -o ":          "table json yaml",
	} {
		r := qd(t, append([]string{"__complete", "--context", "shop"}, strings.Split(args, " ")...)...)
		words := strings.Fields(r.out)
		if r.code != 0 || len(words) == 0 || strings.Join(words[:len(words)-1], " ") != want { // the last is a directive
			t.Errorf("%q: %q, want %q", args, r.out, want)
		}
	}
	s.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("eve") })
	if r := qd(t, "__complete", "--context", "shop", "rollout", "status", ""); r.code != 0 || strings.Contains(r.out, "web") {
		t.Errorf("%+v", r)
	}
}
