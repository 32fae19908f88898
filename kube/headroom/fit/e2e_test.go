//go:build e2e

package fit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Random clusters, all of them in one playground: each has nodes and a namespace
// of its own, and its pods want its nodes.
const (
	clusters    = 65
	podsEach    = 8
	defaultSeed = 20260718
)

// oracle is the playground's real scheduler.
type oracle struct {
	client kubernetes.Interface
	config *rest.Config
	nodes  []*object.Node

	placed, refused atomic.Int32
}

// TestAgainstScheduler creates pods one at a time, in many random clusters, and
// compares what the scheduler does with each, and says of each, with what this
// package would have answered just before. QD_SEED gives other clusters.
func TestAgainstScheduler(t *testing.T) {
	seed := uint64(defaultSeed)
	if s := os.Getenv("QD_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("QD_SEED=%d", seed)
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "1")
	config := kubetest.Config(t, kubeconfig, "playground")
	o := &oracle{client: kubernetes.NewForConfigOrDie(config), config: config}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute) // less than the 30 of go test, which would leave the playground behind
	defer cancel()
	ctx = klog.NewContext(ctx, logr.Discard())

	worlds := make([]*world, clusters)
	for i := range worlds {
		worlds[i] = newWorld(i, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	start := time.Now()
	o.build(ctx, t, worlds)
	t.Logf("%d nodes of %d clusters after %s", len(o.nodes), clusters, time.Since(start))
	t.Run("clusters", func(t *testing.T) {
		for _, w := range worlds {
			t.Run(fmt.Sprintf("%d-%d", seed, w.id), func(t *testing.T) {
				t.Parallel()
				for k := range podsEach {
					o.compare(ctx, t, w, w.pod(k))
				}
			})
		}
	})
	t.Logf("%d pods placed and %d refused in %s", o.placed.Load(), o.refused.Load(), time.Since(start))
	if few := int32(clusters * podsEach / 5); !t.Failed() && (o.placed.Load() < few || o.refused.Load() < few) {
		t.Error("the clusters are not of the kind that finds mistakes")
	}
}

// build makes all nodes and namespaces, and waits until nothing changes them any
// more.
func (o *oracle) build(ctx context.Context, t *testing.T, worlds []*world) {
	t.Helper()
	wanted := map[string]*corev1.Node{}
	classes := []*storagev1.StorageClass{waiting("local", "kubernetes.io/no-provisioner"), waiting("made", "csi.playground.example.com")}
	for _, c := range classes {
		if _, err := o.client.StorageV1().StorageClasses().Create(ctx, c, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range worlds {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace, Labels: map[string]string{"case": strconv.Itoa(w.id)}}}
		if _, err := o.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, n := range w.nodes {
			wanted[n.Name] = n
			if _, err := o.client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range w.volumes {
			if _, err := o.client.CoreV1().PersistentVolumes().Create(ctx, v, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	await(ctx, t, "nodes that are ready, accounts and volumes", func() (bool, error) {
		nodes, err := o.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for i := range nodes.Items {
			if n := &nodes.Items[i]; !settled(n, wanted[n.Name]) {
				return false, nil
			}
		}
		volumes, err := o.client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for i := range volumes.Items {
			if volumes.Items[i].Status.Phase != corev1.VolumeAvailable {
				return false, nil
			}
		}
		accounts, err := o.client.CoreV1().ServiceAccounts("").List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=default"})
		return err == nil && len(accounts.Items) >= len(worlds), err
	})
	o.nodes = listed(ctx, t, o, object.Nodes(), "")
}

// settled reports whether a node has the taints that it will have: those that it
// was made with and the one of a cordon.
func settled(n, made *corev1.Node) bool {
	ready := slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
	taints := 0
	if made != nil {
		taints = len(made.Spec.Taints)
		if made.Spec.Unschedulable {
			taints++
		}
	}
	return ready && len(n.Spec.Taints) == taints
}

func waiting(name, provisioner string) *storagev1.StorageClass {
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, VolumeBindingMode: &mode}
}

// compare asks both about one pod, and leaves it where the scheduler puts it.
func (o *oracle) compare(ctx context.Context, t *testing.T, w *world, p wish) {
	t.Helper()
	pods := o.client.CoreV1().Pods(w.namespace)
	for _, c := range p.claims {
		if _, err := o.client.CoreV1().PersistentVolumeClaims(w.namespace).Create(ctx, c, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	created, err := pods.Create(ctx, p.pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		t.Fatalf("pod %s: %v", p.pod.Name, err)
	}
	c := o.cluster(ctx, t, w)
	answer, err := c.WhatIf(ctx, Ask{Pods: []Want{{Pod: created, Count: 1}}})
	if err != nil {
		t.Fatalf("pod %s: %v", p.pod.Name, err)
	}
	if created, err = pods.Create(ctx, p.pod, metav1.CreateOptions{}); err != nil {
		t.Fatalf("pod %s: %v", p.pod.Name, err)
	}
	ours := ""
	if answer.Fit == 0 {
		ours = sentence(len(c.nodes), answer.Pending[0].Reasons)
	}
	var theirs string // what the scheduler says, "" if it has placed the pod
	var node string
	await(ctx, t, "the scheduler to agree about "+p.pod.Name, func() (bool, error) {
		got, err := pods.Get(ctx, p.pod.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		node, theirs = got.Spec.NodeName, ""
		for _, condition := range got.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				theirs = condition.Message
			}
		}
		if node != "" {
			return true, nil
		}
		// It may have looked before it knew of a claim, and looks again.
		return ours != "" && strings.HasPrefix(theirs, ours), nil
	}, func() string {
		return fmt.Sprintf("ours: %s\ntheirs: %s\npod: %s\nplacements: %v", ours, theirs, describe(created), answer.Placements)
	})
	switch {
	case node == "":
		o.refused.Add(1)
		zero := int64(0)
		if err := pods.Delete(ctx, p.pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero}); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		await(ctx, t, "pod "+p.pod.Name+" to be gone", func() (bool, error) {
			_, err := pods.Get(ctx, p.pod.Name, metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
	case ours != "":
		t.Errorf("the scheduler puts pod %s on %s; we say %s\n%s", p.pod.Name, node, ours, describe(created))
	default:
		o.placed.Add(1)
		fitsOn(ctx, t, c, created, node)
		for _, claim := range p.claims { // they are part of what the next question is about
			await(ctx, t, "claim "+claim.Name+" to be bound", func() (bool, error) {
				got, err := o.client.CoreV1().PersistentVolumeClaims(w.namespace).Get(ctx, claim.Name, metav1.GetOptions{})
				return err == nil && got.Status.Phase == corev1.ClaimBound, err
			})
		}
	}
}

// fitsOn wants the node that the scheduler has taken to be one that we would let
// it take.
func fitsOn(ctx context.Context, t *testing.T, c *Cluster, p *corev1.Pod, node string) {
	t.Helper()
	s, err := newScheduler(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	p = p.DeepCopy()
	p.Spec.NodeName = ""
	sh, err := newShape(p, "asked")
	if err != nil {
		t.Fatal(err)
	}
	q, err := s.search(ctx, sh)
	if err != nil {
		t.Fatal(err)
	}
	refusal, _, err := q.decide(ctx, c.nodes[c.index[node]], everything)
	if err != nil || refusal != nil || q.refused != nil {
		t.Errorf("the scheduler puts pod %s on %s; we say %v %v %v\n%s", p.Name, node, refusal, q.refused, err, describe(p))
	}
}

// sentence is how the scheduler says it.
func sentence(nodes int, reasons []Reason) string {
	words := make([]string, len(reasons))
	for i, r := range reasons {
		words[i] = r.String()
	}
	slices.Sort(words)
	return fmt.Sprintf("0/%d nodes are available: %s.", nodes, strings.Join(words, ", "))
}

// cluster is what we know: the nodes, and the pods and volumes of one namespace.
func (o *oracle) cluster(ctx context.Context, t *testing.T, w *world) *Cluster {
	t.Helper()
	storage, unread := ReadStorage(ctx, o, w.namespace)
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	return New(State{
		Nodes: o.nodes, Pods: listed(ctx, t, o, object.Occupants(), w.namespace), Storage: storage,
		Namespaces: []*object.Plain{{Meta: store.Meta{Name: w.namespace, Labels: store.NewLabels(map[string]string{
			"case": strconv.Itoa(w.id), corev1.LabelMetadataName: w.namespace,
		})}}},
		Budgets: []*object.Budget{}, Quotas: &Quotas{},
	})
}

func (o *oracle) REST(gv schema.GroupVersion) (rest.Interface, error) {
	switch gv {
	case corev1.SchemeGroupVersion:
		return o.client.CoreV1().RESTClient(), nil
	case storagev1.SchemeGroupVersion:
		return o.client.StorageV1().RESTClient(), nil
	}
	return nil, fmt.Errorf("no client of %s", gv)
}

// listed reads objects as a store does.
func listed[T store.Object](ctx context.Context, t *testing.T, o *oracle, kind store.Kind[T], namespace string) []T {
	t.Helper()
	body, err := o.client.CoreV1().RESTClient().Get().NamespaceIfScoped(namespace, namespace != "").Resource(kind.GVR.Resource).
		SetHeader("Accept", runtime.ContentTypeProtobuf).Do(ctx).Raw()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := kind.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func await(ctx context.Context, t *testing.T, what string, done func() (bool, error), but ...func() string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(ctx, 25*time.Millisecond, kubetest.Patience, true, func(context.Context) (bool, error) { return done() })
	if err != nil {
		said := ""
		for _, f := range but {
			said += "\n" + f()
		}
		t.Fatalf("wait for %s: %v%s", what, err, said)
	}
}

func describe(p *corev1.Pod) string {
	only := p.DeepCopy()
	only.ManagedFields, only.Status = nil, corev1.PodStatus{}
	return only.String()
}
