package seed

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// Size of a seeded cluster. Pods need at least one node to run on.
type Size struct {
	Nodes, Pods int
}

// workloads is the number of Deployments, each with one ReplicaSet.
func (s Size) workloads() int { return (s.Pods + podsPerWorkload - 1) / podsPerWorkload }

// namespaces grow with the workloads, up to a hundred.
func (s Size) namespaces() int { return min(100, max(1, s.workloads()/20)) }

func namespaceName(i int) string { return fmt.Sprintf("team-%03d", i) }

// workloadName is different for every i.
func workloadName(i int) string {
	subjects := []string{
		"orders", "payments", "catalog", "search", "users", "inventory", "shipping", "pricing", "reviews", "carts",
		"invoices", "coupons", "sessions", "media", "reports", "alerts", "geo",
	}
	roles := []string{"api", "worker", "web", "consumer", "cache", "gateway", "sync"}
	return fmt.Sprintf("%s-%s-%05d", subjects[i%len(subjects)], roles[i%len(roles)], i)
}

// Write puts a cluster of the given size into an etcd that no API server uses
// yet. progress is told the pods written so far, from several goroutines.
func Write(ctx context.Context, client *clientv3.Client, size Size, now time.Time, progress func(pods int)) error {
	if size.Nodes < 1 {
		return fmt.Errorf("seed %d pods: there must be a node for them", size.Pods)
	}
	w := writer{client: client, serializer: protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4 * runtime.GOMAXPROCS(0)) // they wait for etcd half of the time
	for i := range size.namespaces() {
		group.Go(func() error { return w.put(ctx, "namespaces", namespace(namespaceName(i), now)) })
	}
	for i := range size.Nodes {
		group.Go(func() error { return w.put(ctx, "minions", readyNode(i, now)) })
	}
	var written atomic.Int64
	for i := range size.workloads() {
		first := i * podsPerWorkload
		count := min(podsPerWorkload, size.Pods-first)
		group.Go(func() error {
			workload, err := newWorkload(size, i, first, count, now)
			if err != nil {
				return fmt.Errorf("make workload %d: %w", i, err)
			}
			if err := w.workload(ctx, workload); err != nil {
				return err
			}
			progress(int(written.Add(int64(count))))
			return nil
		})
	}
	return group.Wait()
}

func namespace(name string, now time.Time) *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, UID: newSource(name).uid(), CreationTimestamp: metav1.NewTime(now.Add(-250 * 24 * time.Hour)),
			Labels: map[string]string{corev1.LabelMetadataName: name},
		},
		Spec:   corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}
}

// writer stores objects where the API server of this version looks for them:
// /registry/RESOURCE[/NAMESPACE]/NAME, as protobuf.
type writer struct {
	client     *clientv3.Client
	serializer kruntime.Encoder
}

type object interface {
	kruntime.Object
	metav1.Object
}

func (w writer) workload(ctx context.Context, workload workload) error {
	ops := make([]clientv3.Op, 0, 2+len(workload.pods))
	add := func(resource string, o object) error {
		op, err := w.op(resource, o)
		ops = append(ops, op)
		return err
	}
	if err := add("deployments", workload.deployment); err != nil {
		return err
	}
	if err := add("replicasets", workload.replicaSet); err != nil {
		return err
	}
	for _, pod := range workload.pods {
		if err := add("pods", pod); err != nil {
			return err
		}
	}
	if _, err := w.client.Txn(ctx).Then(ops...).Commit(); err != nil {
		return fmt.Errorf("write deployment %s and its pods to etcd: %w", workload.deployment.Name, err)
	}
	return nil
}

func (w writer) put(ctx context.Context, resource string, o object) error {
	op, err := w.op(resource, o)
	if err != nil {
		return err
	}
	if _, err := w.client.Do(ctx, op); err != nil {
		return fmt.Errorf("write %s to etcd: %w", o.GetName(), err)
	}
	return nil
}

func (w writer) op(resource string, o object) (clientv3.Op, error) {
	var value bytes.Buffer
	if err := w.serializer.Encode(o, &value); err != nil {
		return clientv3.Op{}, fmt.Errorf("encode %s: %w", o.GetName(), err)
	}
	key := "/registry/" + resource + "/"
	if namespace := o.GetNamespace(); namespace != "" {
		key += namespace + "/"
	}
	return clientv3.OpPut(key+o.GetName(), value.String()), nil
}
