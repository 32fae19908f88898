//go:build e2e

package headroom_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/sizing"
	"quarterdeck/kube/kubetest"
)

// room is a node that only the pods of this test, and those that go everywhere,
// come to.
const room = "room-1"

// cluster is the shop's cluster.
type cluster struct {
	kubeconfig string
	kubernetes.Interface
}

func TestAgainstTheShop(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "shop")
	c := &cluster{kubeconfig, kubernetes.NewForConfigOrDie(kubetest.Config(t, kubeconfig, ""))}
	c.furnish(t)
	t.Run("as kubectl describe node adds up", c.testDescribe)
	t.Run("as the scheduler counts", c.testScheduler)
	t.Run("as payments-dev", c.testDev)
	t.Run("patches", c.testPatches)
}

// feed begins to read the cluster as one of its users.
func (c *cluster) feed(t *testing.T, user, namespace string) (*headroom.Feed, *kube.Client) {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig = &c.kubeconfig
	client, err := (&kube.Connector{Flags: flags}).Connect(user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f := headroom.Open(headroom.Sources{Stores: client.Stores, Namespace: namespace}, headroom.Options{})
	t.Cleanup(f.Close)
	return f, client
}

func (c *cluster) ledger(t *testing.T, f *headroom.Feed) *headroom.Ledger {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	l, err := f.Wait(ctx)
	if err != nil {
		t.Fatal(err, l.NotRead())
	}
	return l
}

func amounts(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

func container(name string, requests, limits corev1.ResourceList) corev1.Container {
	return corev1.Container{Name: name, Image: "registry.example.com/app:v1", Resources: corev1.ResourceRequirements{Requests: requests, Limits: limits}}
}

// pod returns one that goes to room, whatever keeps others away.
func pod(name string, containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault},
		Spec: corev1.PodSpec{
			Containers: containers, NodeSelector: map[string]string{corev1.LabelHostname: room},
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		},
	}
}

// create makes a pod and waits until the scheduler has decided on it.
func (c *cluster) create(t *testing.T, p *corev1.Pod) *corev1.Pod {
	t.Helper()
	pods := c.CoreV1().Pods(p.Namespace)
	kubetest.Succeeds(t, func(ctx context.Context) error { // the namespace's service account may not be there yet
		_, err := pods.Create(ctx, p, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
	var got *corev1.Pod
	kubetest.Succeeds(t, func(ctx context.Context) (err error) {
		if got, err = pods.Get(ctx, p.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		for _, cond := range got.Status.Conditions {
			if cond.Type == corev1.PodScheduled {
				return nil
			}
		}
		return fmt.Errorf("the scheduler has not looked at %s", p.Name)
	})
	return got
}

// furnish makes a node, and pods on it of every kind that is hard to count.
func (c *cluster) furnish(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	capacity := amounts("cpu", "9", "memory", "17Gi", "ephemeral-storage", "11Gi", "pods", "30", "example.com/gpu", "4")
	node := &corev1.Node{
		// Without a kubelet, the playground's included, the status of its pods stays as
		// this test writes it.
		ObjectMeta: metav1.ObjectMeta{Name: room, Labels: map[string]string{corev1.LabelHostname: room, "unmanaged": "true"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "room", Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: amounts("cpu", "8", "memory", "16Gi", "ephemeral-storage", "10Gi", "pods", "30", "example.com/gpu", "4"),
		},
	}
	if _, err := c.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	class := &nodev1.RuntimeClass{
		ObjectMeta: metav1.ObjectMeta{Name: "heavy"}, Handler: "heavy", Overhead: &nodev1.Overhead{PodFixed: amounts("cpu", "250m", "memory", "120Mi")},
	}
	if _, err := c.NodeV1().RuntimeClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	always := corev1.ContainerRestartPolicyAlways
	sidecar := container("proxy", amounts("cpu", "200m", "memory", "100M"), nil)
	sidecar.RestartPolicy = &always

	steps := pod("steps", container("app", amounts("cpu", "1", "memory", "1Gi"), amounts("cpu", "2", "memory", "2Gi")))
	steps.Spec.InitContainers = []corev1.Container{sidecar, container("init", amounts("cpu", "1500m"), nil)}
	whole := pod("whole", container("a", amounts("cpu", "100m"), nil), container("b", amounts("cpu", "100m", "memory", "1Gi"), nil))
	whole.Spec.Resources = &corev1.ResourceRequirements{Requests: amounts("cpu", "700m"), Limits: amounts("cpu", "900m")}
	heavy, name := pod("heavy", container("app", amounts("cpu", "50m", "memory", "128974848000m"), amounts("cpu", "100m"))), "heavy"
	heavy.Spec.RuntimeClassName = &name
	gpu := pod("gpu", container("app", amounts("example.com/gpu", "2", "ephemeral-storage", "1Gi"), amounts("example.com/gpu", "2")))
	resized := pod("resized", container("app", amounts("cpu", "500m", "memory", "256Mi"), nil))
	for _, p := range []*corev1.Pod{steps, whole, heavy, gpu, resized, pod("nothing", container("app", nil, nil))} {
		c.create(t, p)
		kubetest.Succeeds(t, func(ctx context.Context) error { // the scheduler may not know the node yet
			got, err := c.CoreV1().Pods(p.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
			if err == nil && got.Spec.NodeName != room {
				err = fmt.Errorf("%s is not on %s: %+v", p.Name, room, got.Status.Conditions)
			}
			return err
		})
	}
	done := pod("done", container("app", amounts("cpu", "500m"), nil))
	done.Spec.RestartPolicy = corev1.RestartPolicyNever
	c.create(t, done)
	pods := c.CoreV1().Pods(metav1.NamespaceDefault)
	if _, err := pods.Patch(ctx, "done", types.MergePatchType, []byte(`{"status":{"phase":"Succeeded"}}`), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	// Resized to less: until the node has done it, what it had counts.
	status := `{"status":{"containerStatuses":[{"name":"app","image":"x","imageID":"x","ready":true,"restartCount":0,
		"allocatedResources":{"cpu":"500m","memory":"256Mi"},"resources":{"requests":{"cpu":"500m","memory":"256Mi"}}}]}}`
	if _, err := pods.Patch(ctx, "resized", types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	less := `{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"300m"}}}]}}`
	if _, err := pods.Patch(ctx, "resized", types.StrategicMergePatchType, []byte(less), metav1.PatchOptions{}, "resize"); err != nil {
		t.Fatal(err)
	}
}

// What is free is what the scheduler gives away: all of it fits, and nothing
// more.
func (c *cluster) testScheduler(t *testing.T) {
	f, _ := c.feed(t, "", "")
	c.ledger(t, f)
	free := func() headroom.Vector {
		for _, r := range f.Take().Rows(headroom.ByNode) {
			if r.Name == room && r.Free != nil {
				return *r.Free
			}
		}
		return headroom.Vector{}
	}
	pods := c.CoreV1().Pods(metav1.NamespaceDefault)
	// A pod that goes everywhere may come to the new node in between.
	for try := 0; ; try++ {
		room := free()
		rest := amounts("cpu", fmt.Sprintf("%dm", room.CPU), "memory", fmt.Sprint(room.Memory), "ephemeral-storage", fmt.Sprint(room.Ephemeral),
			"example.com/gpu", fmt.Sprint(room.Other("example.com/gpu")))
		got := c.create(t, pod(fmt.Sprint("rest-", try), container("app", rest, amounts("example.com/gpu", fmt.Sprint(room.Other("example.com/gpu"))))))
		if got.Spec.NodeName != "" {
			break
		}
		if try == 10 {
			t.Fatalf("%s is said to be free, but: %+v", room, got.Status.Conditions)
		}
		if err := pods.Delete(t.Context(), got.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	kubetest.Succeeds(t, func(context.Context) error {
		if left := free(); left.CPU != 0 || left.Memory != 0 || left.Ephemeral != 0 || left.Other("example.com/gpu") != 0 || left.Pods < 1 {
			return fmt.Errorf("after all was given away %s is free", left)
		}
		return nil
	})
	for name, amount := range map[string]string{"cpu": "1m", "memory": "1", "ephemeral-storage": "1", "example.com/gpu": "1"} {
		limits := corev1.ResourceList(nil)
		if name == "example.com/gpu" {
			limits = amounts(name, amount)
		}
		more := pod("more-"+strings.NewReplacer("/", "-", ".", "-").Replace(name), container("app", amounts(name, amount), limits))
		got := c.create(t, more)
		if got.Spec.NodeName != "" || !strings.Contains(fmt.Sprint(got.Status.Conditions), "Insufficient "+name) {
			t.Errorf("%s %s more: node %q, %+v", amount, name, got.Spec.NodeName, got.Status.Conditions)
		}
	}
	kubetest.Succeeds(t, func(context.Context) error {
		for _, r := range f.Take().Rows(headroom.ByNamespace) {
			if r.Name == metav1.NamespaceDefault && r.Pending == 4 && r.Waiting.CPU == 1 && r.Waiting.Other("example.com/gpu") == 1 {
				return nil
			}
		}
		return fmt.Errorf("the four pods that do not fit are not waiting")
	})
}

// A user of one namespace gets its table, and no numbers of nodes.
func (c *cluster) testDev(t *testing.T) {
	f, _ := c.feed(t, "payments-dev", "payments")
	r := c.ledger(t, f).Report(headroom.ByNamespace)
	missing := strings.Join(r.NotRead, "\n")
	if !strings.Contains(missing, "nodes (forbidden") || !strings.Contains(missing, "pods of other namespaces than payments (forbidden") {
		t.Errorf("not read: %s", missing)
	}
	if len(r.Groups) != 1 || r.Groups[0].Name != "payments" || r.Groups[0].Requested["cpu"] == 0 || r.Groups[0].Partly {
		t.Errorf("%+v", r.Groups)
	}
	if r.Summary.Free != nil || r.Summary.Allocatable != nil || r.Summary.LargestPod != nil {
		t.Errorf("%+v", r.Summary)
	}
	for _, n := range r.Nodes {
		if n.Free != nil || n.Allocatable != nil || !n.Partly {
			t.Errorf("%+v", n)
		}
	}
}

// What is proposed for the shop's workloads the server would take.
func (c *cluster) testPatches(t *testing.T) {
	f, client := c.feed(t, "", "")
	l := c.ledger(t, f)
	use := func(sizing.Key) []sizing.Use {
		u := sizing.Use{Source: sizing.Prometheus, Span: 48 * time.Hour, Samples: 500}
		u.P95.CPU, u.Max.Memory = 123, 100<<20
		return []sizing.Use{u}
	}
	tried := map[string]int{}
	for _, s := range sizing.Size(l.AllPods(), use, sizing.Options{}) {
		patch := s.Patch()
		if patch == "" || tried[s.Kind] == 2 {
			continue
		}
		tried[s.Kind]++
		gv, err := schema.ParseGroupVersion(s.APIVersion)
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.REST(gv)
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.Patch(types.StrategicMergePatchType).Namespace(s.Namespace).Resource(strings.ToLower(s.Kind)+"s").Name(s.Name).
			Param("dryRun", "All").Body([]byte(patch)).Do(t.Context()).Raw()
		if err != nil {
			t.Errorf("%s in %s: %v\n%s", s.Workload, s.Namespace, err, patch)
			continue
		}
		if !json.Valid(body) || !strings.Contains(string(body), `"cpu":"125m"`) {
			t.Errorf("%s is not changed by %s: %s", s.Workload, patch, body)
		}
	}
	if tried["Deployment"] == 0 || tried["StatefulSet"] == 0 {
		t.Errorf("tried %v", tried)
	}
	core, err := client.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	recommended, err := sizing.ReadRecommendations(t.Context(), core, "", time.Now())
	if err != nil || len(recommended) != 0 {
		t.Errorf("the shop has no VerticalPodAutoscalers, but %v, %v", recommended, err)
	}
	scaled, err := sizing.ReadAutoscaled(t.Context(), core, "web")
	if search := (headroom.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "web", Name: "search"}); err != nil || !scaled[search] {
		t.Errorf("an autoscaler scales web/search, but %v, %v", scaled, err)
	}
}
