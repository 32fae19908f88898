package kubelet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
)

// workers advance pods at the same time; one pod is with one of them at most.
const workers = 12

// byNode is the index of pods by the node they are bound to.
const byNode = "node"

// agent runs the pods of all nodes.
type agent struct {
	client   kubernetes.Interface
	pods     cache.SharedIndexInformer
	nodes    cache.SharedIndexInformer
	queue    workqueue.TypedRateLimitingInterface[string]
	events   record.EventBroadcaster
	site     *site
	mu       sync.Mutex
	scratch  map[string]*scratch // by pod UID
	shutdown sync.WaitGroup
}

// Run starts and stops containers, and serves the kubelet API and the
// provisioner of volumes, until ctx is done. cfg must be allowed everything.
// All goroutines it starts have ended when it returns.
func (c Config) Run(ctx context.Context, cfg *rest.Config) error {
	defer c.listener.Close() //nolint:errcheck // it may be closed already
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = -1, -1
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.UserAgent = "kubelet"
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("build client of the kubelets: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	a, err := newAgent(client)
	if err != nil {
		return err
	}
	server, err := newServer(c, a)
	if err != nil {
		return err
	}
	group.Go(func() error { return a.run(ctx) })
	group.Go(func() error { return server.run(ctx, c.listener) })
	group.Go(func() error { return newProvisioner(client).run(ctx) })
	return group.Wait()
}

func newAgent(client kubernetes.Interface) (*agent, error) {
	// Nothing here reads managedFields, and they are most of a pod's size.
	strip := func(obj any) (any, error) {
		if accessor, err := meta.Accessor(obj); err == nil {
			accessor.SetManagedFields(nil)
		}
		return obj, nil
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(strip))
	a := &agent{
		client: client,
		pods:   factory.Core().V1().Pods().Informer(),
		nodes:  factory.Core().V1().Nodes().Informer(),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 10*time.Second)),
		events:  record.NewBroadcaster(),
		scratch: map[string]*scratch{},
	}
	a.site = newSite(client, a.nodes.GetStore())
	err := a.pods.AddIndexers(cache.Indexers{byNode: func(obj any) ([]string, error) {
		if pod, ok := obj.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
			return []string{pod.Spec.NodeName}, nil
		}
		return nil, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("index pods by node: %w", err)
	}
	if _, err := a.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    a.podChanged,
		UpdateFunc: func(_, obj any) { a.podChanged(obj) },
		DeleteFunc: a.podGone,
	}); err != nil {
		return nil, fmt.Errorf("watch pods: %w", err)
	}
	if _, err := a.nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: a.nodeChanged}); err != nil {
		return nil, fmt.Errorf("watch nodes: %w", err)
	}
	return a, nil
}

func (a *agent) run(ctx context.Context) error {
	defer a.shutdown.Wait()
	defer a.queue.ShutDown()
	a.events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: a.client.CoreV1().Events("")})
	defer a.events.Shutdown()
	for _, informer := range []cache.SharedIndexInformer{a.nodes, a.pods} {
		a.shutdown.Go(func() { informer.Run(ctx.Done()) })
	}
	if !cache.WaitForCacheSync(ctx.Done(), a.nodes.HasSynced, a.pods.HasSynced) {
		return nil // ctx is done
	}
	for range workers {
		a.shutdown.Go(func() {
			for a.work(ctx) {
			}
		})
	}
	<-ctx.Done()
	return nil
}

func (a *agent) podChanged(obj any) {
	pod := obj.(*corev1.Pod)
	if pod.Spec.NodeName == "" {
		return
	}
	a.site.remember(pod)
	a.queue.Add(pod.Namespace + "/" + pod.Name)
}

func (a *agent) podGone(obj any) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	a.site.forget(pod)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.scratch, string(pod.UID))
}

// nodeChanged looks after the pods of a node whose kubelet came back.
func (a *agent) nodeChanged(before, after any) {
	old, node := before.(*corev1.Node), after.(*corev1.Node)
	if !stopped(old) || stopped(node) {
		return
	}
	for _, pod := range a.podsOn(node.Name) {
		a.queue.Add(pod.Namespace + "/" + pod.Name)
	}
}

// podsOn lists the pods bound to a node. The pods are shared and read-only.
func (a *agent) podsOn(node string) []*corev1.Pod {
	objects, err := a.pods.GetIndexer().ByIndex(byNode, node)
	if err != nil {
		return nil // the index exists
	}
	pods := make([]*corev1.Pod, 0, len(objects))
	for _, obj := range objects {
		pods = append(pods, obj.(*corev1.Pod))
	}
	return pods
}

func (a *agent) pod(key string) (*corev1.Pod, bool) {
	obj, found, err := a.pods.GetStore().GetByKey(key)
	if err != nil || !found {
		return nil, false
	}
	return obj.(*corev1.Pod), true
}

func (a *agent) work(ctx context.Context) bool {
	key, quit := a.queue.Get()
	if quit {
		return false
	}
	defer a.queue.Done(key)
	if err := a.sync(ctx, key); err != nil && ctx.Err() == nil {
		a.queue.AddRateLimited(key)
		return true
	}
	a.queue.Forget(key)
	return true
}

// sync brings one pod a step further.
func (a *agent) sync(ctx context.Context, key string) error {
	pod, ok := a.pod(key)
	if !ok {
		return nil
	}
	if node, known := a.site.node(pod.Spec.NodeName); !known || stopped(node) {
		return nil
	}
	now := time.Now()
	todo := advance(pod, visit{site: a.site, ctx: ctx}, a.memo(pod), now)
	if differs(&pod.Status, &todo.status) {
		next := pod.DeepCopy()
		next.Status = todo.status
		if _, err := a.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{FieldManager: "kubelet"}); err != nil {
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
				// The informer will bring what we have not seen yet. The wait
				// makes up for an update that it brought before this one failed.
				a.queue.AddAfter(key, time.Second)
				return nil
			}
			return err
		}
	}
	a.record(pod, todo.events)
	if todo.remove {
		zero := int64(0)
		err := a.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &zero, Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return err
		}
		return nil
	}
	if !todo.again.IsZero() {
		a.queue.AddAfter(key, max(todo.again.Sub(now), 10*time.Millisecond))
	}
	return nil
}

func (a *agent) memo(pod *corev1.Pod) *scratch {
	a.mu.Lock()
	defer a.mu.Unlock()
	memo := a.scratch[string(pod.UID)]
	if memo == nil {
		memo = newScratch()
		a.scratch[string(pod.UID)] = memo
	}
	return memo
}

// record sends events as the kubelet of the pod's node.
func (a *agent) record(pod *corev1.Pod, events []event) {
	if len(events) == 0 {
		return
	}
	recorder := a.events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: pod.Spec.NodeName})
	for _, e := range events {
		ref := &corev1.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID,
			ResourceVersion: pod.ResourceVersion,
		}
		switch {
		case e.init:
			ref.FieldPath = fmt.Sprintf("spec.initContainers{%s}", e.container)
		case e.container != "":
			ref.FieldPath = fmt.Sprintf("spec.containers{%s}", e.container)
		}
		recorder.Event(ref, e.kind, e.reason, e.message)
	}
}

// differs reports whether a status is worth an update. Details that only a
// first start writes do not count: pods that were seeded running lack them.
func differs(have, want *corev1.PodStatus) bool {
	if have.Phase != want.Phase || have.PodIP != want.PodIP || (have.StartTime == nil) != (want.StartTime == nil) ||
		!equality.Semantic.DeepEqual(have.InitContainerStatuses, want.InitContainerStatuses) ||
		!equality.Semantic.DeepEqual(have.ContainerStatuses, want.ContainerStatuses) ||
		!equality.Semantic.DeepEqual(have.EphemeralContainerStatuses, want.EphemeralContainerStatuses) {
		return true
	}
	values := make(map[corev1.PodConditionType]corev1.PodCondition, len(have.Conditions))
	for _, c := range have.Conditions {
		values[c.Type] = c
	}
	for _, c := range want.Conditions {
		if old, ok := values[c.Type]; ok && (old.Status != c.Status || old.Reason != c.Reason) {
			return true
		}
	}
	return false
}

func stopped(node *corev1.Node) bool {
	_, ok := node.Labels[StoppedLabel]
	return ok
}

// errUnknownPod answers requests about pods that no node runs.
var errUnknownPod = errors.New("no such pod on this node")
