package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/headroom/fit"
)

// headroomQD runs a command of qd headroom in the namespace of the fixtures.
func headroomQD(t *testing.T, args string) result {
	t.Helper()
	return qd(t, append([]string{"headroom", "--context", "shop"}, strings.Fields(args)...)...)
}

func quantities(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

func roomNode(name, zone, cpu string, taints ...corev1.Taint) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelTopologyZone: zone, corev1.LabelHostname: name, "pool": "std",
		}},
		Spec: corev1.NodeSpec{Taints: taints},
		Status: corev1.NodeStatus{
			Allocatable: quantities("cpu", cpu, "memory", "8Gi", "ephemeral-storage", "100Gi", "pods", "10"),
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

func roomPod(namespace, name, node, cpu string) *corev1.Pod {
	p := pod(namespace, name, "Running", true)
	p.Spec.NodeName = node
	p.OwnerReferences = controlled("ReplicaSet", "web-3", "web-3")
	p.Spec.Containers[0].Resources = corev1.ResourceRequirements{Requests: quantities("cpu", cpu, "memory", "1Gi"), Limits: quantities("cpu", "3")}
	return p
}

// space is a server with three nodes in two zones and pods in two namespaces.
func space(t *testing.T) *apitest.Server {
	t.Helper()
	s := apitest.New(t)
	home(t, s.URL, "", "token: t")
	web := webDeployment()
	web.Spec.Template.Spec.Containers[0].Resources.Requests = quantities("cpu", "1500m", "memory", "1Gi")
	s.Put(
		roomNode("n1", "a", "4"), roomNode("n2", "b", "4"),
		roomNode("big", "b", "16", corev1.Taint{Key: "dedicated", Value: "batch", Effect: corev1.TaintEffectNoSchedule}),
		roomPod("shop", "web-1", "n1", "1500m"), roomPod("batch", "etl-1", "n2", "3"),
		web, doneDeployment(),
		&corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "all"},
			Status: corev1.ResourceQuotaStatus{
				Hard: quantities("requests.cpu", "6", "pods", "20"), Used: quantities("requests.cpu", "1500m", "pods", "1"),
			},
		},
	)
	s.Serve("/apis/metrics.k8s.io/v1beta1/nodes", `{"apiVersion":"metrics.k8s.io/v1beta1","items":[
		{"metadata":{"name":"n1"},"window":"15s","usage":{"cpu":"400m","memory":"2Gi"}}]}`)
	return s
}

func TestHeadroomTable(t *testing.T) {
	space(t)
	r := headroomQD(t, "")
	r.ends(t, 0, []string{`
NODE  CPU FREE  REQ  USE  MEM FREE  REQ  USE  PODS  STATE
big      16/16   0%  n/a   8Gi/8Gi   0%  n/a  0/10  tainted
n1       2.5/4  38%  10%   7Gi/8Gi  13%  25%  1/10  open
n2         1/4  75%  n/a   7Gi/8Gi  13%  n/a  1/10  open

nodes     3, 1 only for pods that tolerate a taint
pods      2 on nodes
requested cpu 19%, memory 8%, ephemeral-storage 0%
limits    cpu 25%, memory 0%, ephemeral-storage 0% where they are set
free      cpu 19.5/24, memory 22Gi/24Gi, ephemeral-storage 300Gi/300Gi
used      ≥ cpu 400m, memory 2Gi, of 1 of 3 nodes; over 15s, `[1:], `
largest   pod that fits now without a toleration: cpu 2.5, memory 7Gi on n1; cpu binds
typical   pod (the median): `})
	headroomQD(t, "-o wide").ends(t, 0, []string{
		"NODE  ZONE  POOL  CPU FREE  REQ  LIM  USE  MEM FREE  REQ  LIM  USE    DISK FREE  PODS  BESTEFFORT  STATE",
		"n1    a     std      2.5/4  38%  75%  10%   7Gi/8Gi  13%   0%  25%  100Gi/100Gi  1/10           0  open",
	})
	headroomQD(t, "--by zone").ends(t, 0, []string{"ZONE  NODES  CPU FREE", "\nb         2     17/20  15%"})
	headroomQD(t, "--by namespace").ends(t, 0, []string{"shop          1      1.5", "requests.cpu 1500m/6 (25%)", "batch         1        3", "none\n"})
	if r := headroomQD(t, "--by namespace -n shop"); strings.Contains(r.out, "batch") {
		t.Errorf("another namespace than that of -n is shown:\n%s", r.out)
	}
	headroomQD(t, "--by workload").ends(t, 0, []string{"replicaset/web-3     1      1.5"})
	headroomQD(t, "--by workload -A").ends(t, 0, []string{"NAMESPACE  WORKLOAD", "batch      replicaset/web-3"})
}

func TestHeadroomJSON(t *testing.T) {
	s := space(t)
	r := headroomQD(t, "-o json --by namespace -n shop --survive")
	var printed map[string]any
	if err := json.Unmarshal([]byte(r.out), &printed); err != nil || r.code != exitFailed || r.errOut != "" {
		t.Fatalf("%v: %+v", err, r)
	}
	for _, want := range []struct {
		value any
		path  []any
	}{
		{"n1", []any{"nodes", 1, "name"}},
		{"a", []any{"nodes", 1, "zone"}},
		{"std", []any{"nodes", 1, "pool"}},
		{true, []any{"nodes", 1, "schedulable"}},
		{4000.0, []any{"nodes", 1, "allocatable", "cpu"}},
		{1500.0, []any{"nodes", 1, "requested", "cpu"}},
		{3000.0, []any{"nodes", 1, "limits", "cpu"}},
		{400.0, []any{"nodes", 1, "used", "cpu"}},
		{float64(7 << 30), []any{"nodes", 1, "free", "memory"}},
		{9.0, []any{"nodes", 1, "free", "pods"}},
		{"shop", []any{"groups", 0, "name"}},
		{6000.0, []any{"groups", 0, "quotas", 0, "hard", "requests.cpu"}},
		{"a", []any{"summary", "survival", "zones", 0, "name"}},
		{3.0, []any{"summary", "nodes"}},
	} {
		if got := at(t, printed, want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}
	if used := printed["nodes"].([]any)[0].(map[string]any)["used"]; used != nil {
		t.Errorf("the use of a node that the metrics API does not know is %v", used)
	}
	if n := len(printed["groups"].([]any)); n != 1 || len(printed["notRead"].([]any)) != 1 { // use of pods
		t.Errorf("%d groups, not read: %v", n, printed["notRead"])
	}
	asYAML := headroomQD(t, "-o yaml --by namespace -n shop --survive")
	var same map[string]any
	if err := yaml.Unmarshal([]byte(asYAML.out), &same); err != nil || asYAML.code != exitFailed || at(t, same, "nodes", 1, "free", "cpu") != 2500.0 {
		t.Errorf("%v: %+v", err, asYAML)
	}
	headroomQD(t, "--survive").ends(t, exitFailed, []string{"survival  not everything: without zone a, 1 of 1 pods stay pending", "\nnot modelled:\n"})
	s.Delete(roomPod("batch", "etl-1", "n2", "3")) // so that either node takes what is on the other
	headroomQD(t, "--survive").ends(t, 0, []string{"survival  any one node or zone can be lost (5 tried)"})
}

func TestHeadroomOfFewRights(t *testing.T) {
	s := space(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.Namespace != "shop" {
			return r.Forbid("dev")
		}
		return nil
	})
	r := headroomQD(t, "")
	r.ends(t, 1, []string{"NAMESPACE  PODS  CPU REQ", "shop          1      1.5", "requests.cpu 1500m/6 (25%)", "nodes     n/a: they could not be read", "pods      ≥1 on nodes"},
		"this is not all, not read: nodes (forbidden: list nodes); pods of other namespaces than shop")
	if strings.Contains(r.out, "free ") || strings.Contains(r.out, "largest") {
		t.Errorf("it says what nobody knows:\n%s", r.out)
	}
	var printed map[string]any
	r = headroomQD(t, "-o json")
	if err := json.Unmarshal([]byte(r.out), &printed); err != nil || r.code != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	if _, free := printed["summary"].(map[string]any)["free"]; free || at(t, printed, "groups", 0, "requested", "cpu") != 1500.0 {
		t.Errorf("%v", printed)
	}
	headroomQD(t, "whatif drain n1").fails(t, "nobody can say what would fit: you (dev) may not list nodes in the cluster")
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "pods" && r.Namespace != "shop" {
			return r.Forbid("dev")
		}
		return nil
	})
	headroomQD(t, "--survive").ends(t, 1, []string{"survival  n/a: not all pods could be read"}, "this is not all, not read: pods of other namespaces than shop")
	headroomQD(t, "whatif place --cpu 2").ends(t, 1, []string{"1 of 1 pods fit", "not read: pods of other namespaces than shop"}, "this is not sure: you may not list pods of other namespaces than shop")
	headroomQD(t, "whatif place --cpu 4500m").ends(t, exitFailed, []string{"0 of 1 pods fit", "2 Insufficient cpu"})
	s.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("eve") })
	headroomQD(t, "").fails(t, "you (eve) may not list nodes in the cluster: ask for that right\n")
	headroomQD(t, "sizes").fails(t, "you (eve) may not list nodes")
}

func TestWhatIf(t *testing.T) {
	s := space(t)
	for _, test := range []struct {
		args string
		code int
		want []string
	}{
		{"scale deploy/web --replicas +1", 0, []string{"scale deploy/web in namespace shop by 1 replica", "1 of 1 pods fit", "NODE  PODS\nn1    1\n"}},
		{"scale deploy/web --replicas 6", 2, []string{
			"to 6 replicas", "1 of 2 pods fit", "1 would stay pending:\n  shop/web+2\n    2 Insufficient cpu\n    1 node(s) had untolerated taint(s)\n", "not modelled:\n",
		}},
		{"scale deploy/web --replicas +9", 2, []string{"8 would stay pending:", "stopped first: ResourceQuota shop/all stops it after 3"}},
		{"scale deploy/web --replicas 2", 0, []string{"to 2 replicas\n\nno pod has to find a place\n"}},
		{"scale deploy/done --replicas 3", 2, []string{"0 of 2 pods fit", "must specify requests.cpu for: app", "they ask for neither cpu nor memory"}},
		{"place --cpu 1 --memory 1Gi --count 3", 0, []string{"place 3 pods in namespace shop of cpu 1 and memory 1Gi", "n1    2\nn2    1\n"}},
		{"place --cpu 8 -n batch", 2, []string{"0 of 1 pods fit", "2 Insufficient cpu"}},
		{"place --cpu 4 --toleration dedicated=batch:NoSchedule -n batch", 0, []string{"big   1\n"}},
		{"place --cpu 1 --node-selector topology.kubernetes.io/zone=a", 0, []string{"n1    1\n"}},
		{"place --cpu 1 --node-selector a=b", 2, []string{"node(s) didn't match Pod's node affinity/selector"}},
		{"place --like deploy/web --cpu 100m --count 2", 0, []string{"like deploy/web of cpu 100m", "2 of 2 pods fit"}},
		{"place --like deploy/web --count 4", 2, []string{"1 of 4 pods fit"}},
		{"place --cpu 1 --request example.com/gpu=1", 2, []string{"2 Insufficient example.com/gpu"}},
		{"place --cpu 1 -A", 0, []string{"place 1 pod in namespace shop of cpu 1"}},
		{"drain n1", 2, []string{"drain n1", "0 of 1 pods fit", "shop/web-1\n    1 Insufficient cpu"}},
		{"drain big", 0, []string{"no pod has to find a place"}},
		{"lose n2", 2, []string{"batch/etl-1"}},
		{"lose --zone a", 2, []string{"lose zone a", "shop/web-1"}},
		{"add n1 --count 2", 0, []string{"add 2 like n1", "no pod has to find a place"}},
	} {
		headroomQD(t, "whatif "+test.args).ends(t, test.code, test.want)
	}
	if n := len(s.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
	var a fit.Answer
	r := headroomQD(t, "whatif scale deploy/web --replicas +2 -o json")
	if err := json.Unmarshal([]byte(r.out), &a); err != nil || r.code != 2 || r.errOut != "" {
		t.Fatalf("%v: %+v", err, r)
	}
	if a.Asked != 2 || a.Fit != 1 || len(a.Pending) != 1 || a.Pending[0].Reasons[0] != (fit.Reason{Reason: "Insufficient cpu", Nodes: 2}) ||
		!slices.Equal(a.Placements, []fit.Placement{{Node: "n1", Count: 1}}) || a.BlockedFirst != nil || !strings.Contains(r.out, `"blockedFirstBy": null`) {
		t.Errorf("%s", r.out)
	}
	r = headroomQD(t, "whatif drain big -o yaml")
	if r.code != 0 || !strings.Contains(r.out, "placements: []\n") || !strings.Contains(r.out, "pending: []\n") {
		t.Errorf("%+v", r)
	}
}

func TestWhatIfOfManifest(t *testing.T) {
	space(t)
	path := filepath.Join(t.TempDir(), "pod.yaml")
	for text, want := range map[string]struct {
		code int
		says string
	}{
		"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, resources: {requests: {cpu: 2}}}]}}": {0, "1 of 1 pods fit"},
		"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nodeName: n2, containers: [{name: a}]}}":                    {0, "neither cpu nor memory"},
		"{apiVersion: v1, kind: Pod, metadata: {name: a}}":                                                                   {1, "has no containers"},
		"{apiVersion: v1, kind: Service}": {1, "has no pods to place"},
		"":                                {1, "there is nothing in it"},
		"{":                               {1, "read the manifest"},
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := headroomQD(t, "whatif place -n batch -f "+path)
		if r.code != want.code || !strings.Contains(r.out+r.errOut, want.says) {
			t.Errorf("%q: %+v, want %d with %q", text, r, want.code, want.says)
		}
	}
	headroomQD(t, "whatif place -f -").fails(t, "there is nothing in it") // the tests' standard input is empty
	headroomQD(t, "whatif place --cpu 3 --like deploy/web -f "+path).fails(t, "choose one")
}

func TestHeadroomWrongUse(t *testing.T) {
	s := space(t)
	for args, want := range map[string][]string{
		"zones":                                  {`qd headroom has no command "zones"`, "sizes|whatif"},
		"--by zome":                              {`--by "zome" is no grouping`, "node, zone, pool, namespace or workload", "did you mean zone?"},
		"-o xml":                                 {`-o "xml"`, "table, wide, json or yaml"},
		"whatif explode":                         {`no command "explode"`, "add|drain|lose|place|scale"},
		"whatif scale":                           {"needs a KIND/NAME"},
		"whatif scale deploy/web":                {"how many replicas?", "--replicas 20"},
		"whatif scale deploy/web --replicas -3":  {`--replicas "-3" is not how many`},
		"whatif scale deploy/web --replicas +0":  {`--replicas "+0" is not how many`},
		"whatif scale deploy/web --replicas 1e3": {`--replicas "1e3"`},
		"whatif scale web --replicas 9":          {`"web" is no workload`, "KIND/NAME"},
		"whatif scale svc/web --replicas 9":      {`"svc"`},
		"whatif scale ds/agent --replicas 9":     {"daemonset/agent"},
		"whatif scale deploy/wob --replicas 9":   {"there is no deploy/wob in namespace shop: did you mean web?"},
		"whatif scale deploy/w --replicas 9 -A":  {"name it with -n instead of -A"},
		"whatif place":                           {"which pods?", "--cpu 500m"},
		"whatif place --cpu -4":                  {`cpu "-4" is less than nothing`},
		"whatif place --cpu 4x":                  {`cpu "4x" is not an amount`},
		"whatif place --memory 9e30":             {`memory "9e30" is more than any node can have`},
		"whatif place --cpu 1 --count 0":         {"--count 0 is not how many pods"},
		"whatif place --cpu 1 --count 9999999":   {"100000", "ask for fewer"},
		"whatif place --cpu 1 --toleration =x":   {`--toleration "=x" names no taint`},
		"whatif place --cpu 1 --toleration a:b":  {`--toleration "a:b" has no effect of taints`},
		"whatif place -f /nowhere/pod.yaml":      {"read the manifest: open /nowhere/pod.yaml"},
		"whatif place --like deploy/wob":         {"did you mean web?"},
		"whatif drain":                           {"needs a NODE"},
		"whatif drain n3":                        {"node n3 is not in the cluster: did you mean n"},
		"whatif lose":                            {"lose what?", "--zone ZONE"},
		"whatif lose --zone c":                   {"zone c is not in the cluster: did you mean a?"},
		"whatif add n1 --count -1":               {"--count -1 is not how many nodes"},
		"whatif add n9":                          {"node n9 is not in the cluster"},
	} {
		t.Run(args, func(t *testing.T) { headroomQD(t, args).fails(t, want...) })
	}
	s.OnRequest(func(apitest.Request) *apitest.Answer { return apitest.Unavailable() })
	headroomQD(t, "").fails(t, "cannot list nodes in the cluster: Internal error occurred: etcdserver")
	headroomQD(t, "whatif drain n1").fails(t, "nobody can say what would fit: cannot list nodes and pods in the cluster: Internal error occurred: etcdserver")
	headroomQD(t, "whatif scale deploy/web --replicas +1").fails(t, "cannot get deployments in namespace shop: Internal error occurred: etcdserver")
}

func TestHeadroomCompletion(t *testing.T) {
	s := space(t)
	s.Put(&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "old"}})
	for args, want := range map[string]string{
		"headroom --by ":                               "node\nzone\npool\nnamespace\nworkload\n",
		"headroom whatif drain ":                       "big\nn1\nn2\n",
		"headroom whatif drain n1 ":                    "big\nn2\n",
		"headroom whatif lose --zone ":                 "a\nb\n",
		"headroom whatif add n1 ":                      "",
		"headroom whatif scale -n shop ":               "deploy/done\ndeploy/web\n",
		"headroom whatif scale -n shop deployment/w":   "deployment/done\ndeployment/web\n",
		"headroom whatif place -n shop --like rs/":     "rs/old\n",
		"headroom whatif scale -n shop deploy/web dep": "",
	} {
		r := qd(t, append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if names, _, _ := strings.Cut(r.out, ":4"); r.code != 0 || names != want {
			t.Errorf("%s: %q, want %q", args, names, want)
		}
	}
}
