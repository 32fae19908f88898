package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"quarterdeck/playground/cluster"
)

const (
	// pollInterval between two looks at something that a controller has to do,
	// and patience before it counts as failed.
	pollInterval = 30 * time.Millisecond
	patience     = 4 * time.Minute
	// parallel requests while objects are applied.
	parallel = 8
)

// applier puts the shop into one cluster.
type applier struct {
	client  kubernetes.Interface
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

// Apply puts the shop into a cluster and returns when everything was created;
// pods start afterwards. It may be repeated on a cluster that has the shop,
// whose workloads then go through their history once more.
func Apply(ctx context.Context, cfg *rest.Config, progress func(string)) error {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = -1, -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("build client: %w", err)
	}
	dynamicClient, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("build client: %w", err)
	}
	all, err := items()
	if err != nil {
		return err
	}
	pasts, err := history()
	if err != nil {
		return err
	}
	a := &applier{
		client: client, dynamic: dynamicClient,
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery())),
	}
	progress("creating the shop")
	if err := a.foundations(ctx, all); err != nil {
		return err
	}
	progress("replaying its history")
	if err := each(pasts, func(p past) error { return a.replay(ctx, p) }); err != nil {
		return err
	}
	progress("adding its nodes")
	if err := a.nodes(ctx); err != nil {
		return err
	}
	progress("starting its workloads")
	return a.open(ctx, all)
}

// foundations creates everything that can exist before there are nodes.
// Workloads that have a history, which no pod should live through, are created
// without replicas.
func (a *applier) foundations(ctx context.Context, all []item) error {
	for _, it := range all {
		if it.object.GetNamespace() != "" {
			continue
		}
		if err := a.apply(ctx, it.object, it.manager); err != nil {
			return err
		}
		if it.object.GetKind() == "CustomResourceDefinition" {
			if err := a.established(ctx, it.object.GetName()); err != nil {
				return err
			}
		}
	}
	if err := a.serviceAccounts(ctx, all); err != nil {
		return err
	}
	if err := a.tlsSecret(ctx); err != nil {
		return err
	}
	var early []item
	for _, it := range all {
		if it.object.GetNamespace() == "" || needsNodes(it.object) {
			continue
		}
		if scalable(it.object) {
			it.object = it.object.DeepCopy()
			if err := unstructured.SetNestedField(it.object.Object, int64(0), "spec", "replicas"); err != nil {
				return fmt.Errorf("hold back %s: %w", it.object.GetName(), err)
			}
		}
		early = append(early, it)
	}
	return each(early, func(it item) error { return a.apply(ctx, it.object, it.manager) })
}

// needsNodes tells what would only wait, and complain, without nodes.
func needsNodes(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case "Pod", "Job", "CronJob", "HorizontalPodAutoscaler":
		return true
	}
	return false
}

func scalable(object *unstructured.Unstructured) bool {
	return object.GetKind() == "Deployment" || object.GetKind() == "StatefulSet"
}

// replay takes a workload through its history, each step visible to its
// controller so that it becomes a revision.
func (a *applier) replay(ctx context.Context, p past) error {
	resource := a.dynamic.Resource(workload(p.Target.Kind)).Namespace(p.Target.Namespace)
	observed := func(generation int64) error {
		return poll(ctx, p.Target.String()+" to be seen by its controller", func(ctx context.Context) (bool, error) {
			object, err := resource.Get(ctx, p.Target.Name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			seen, _, err := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
			return seen >= max(generation, object.GetGeneration()), err
		})
	}
	if err := observed(1); err != nil {
		return err
	}
	for _, s := range p.Steps {
		data, err := json.Marshal(s.patch())
		if err != nil {
			return fmt.Errorf("encode a change of %s: %w", p.Target, err)
		}
		object, err := resource.Patch(ctx, p.Target.Name, types.StrategicMergePatchType, data, metav1.PatchOptions{FieldManager: s.Manager})
		if err != nil {
			return fmt.Errorf("change %s (%s): %w", p.Target, s.Cause, err)
		}
		if err := observed(object.GetGeneration()); err != nil {
			return err
		}
	}
	return nil
}

// nodes adds the nodes and waits until all are ready.
func (a *applier) nodes(ctx context.Context) error {
	want := nodes()
	if err := each(want, func(node *corev1.Node) error {
		_, err := a.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{FieldManager: "kubelet"})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create node %s: %w", node.Name, err)
		}
		return nil
	}); err != nil {
		return err
	}
	return cluster.AwaitNodes(ctx, a.client, len(want))
}

// open gives the workloads their replicas and creates what had to wait.
func (a *applier) open(ctx context.Context, all []item) error {
	if err := a.quotas(ctx); err != nil {
		return err
	}
	scaled := autoscaled(all)
	if err := each(all, func(it item) error {
		switch {
		case needsNodes(it.object):
			return a.apply(ctx, it.object, it.manager)
		case scalable(it.object):
			return a.scale(ctx, it, scaled)
		}
		return nil
	}); err != nil {
		return err
	}
	return a.statuses(ctx, all)
}

// quotas waits until each was counted for the first time: until then the API
// server refuses some of what it limits, and forgets to count the rest.
func (a *applier) quotas(ctx context.Context) error {
	return poll(ctx, "the quotas to be counted", func(ctx context.Context) (bool, error) {
		list, err := a.client.CoreV1().ResourceQuotas("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		return !slices.ContainsFunc(list.Items, func(q corev1.ResourceQuota) bool { return len(q.Status.Hard) < len(q.Spec.Hard) }), nil
	})
}

// autoscaled returns the minimum of each workload that has an autoscaler.
func autoscaled(all []item) map[target]int64 {
	minimum := map[target]int64{}
	for _, it := range all {
		if it.object.GetKind() != "HorizontalPodAutoscaler" {
			continue
		}
		kind, _, _ := unstructured.NestedString(it.object.Object, "spec", "scaleTargetRef", "kind")
		name, _, _ := unstructured.NestedString(it.object.Object, "spec", "scaleTargetRef", "name")
		n, _, _ := unstructured.NestedInt64(it.object.Object, "spec", "minReplicas")
		minimum[target{kind, it.object.GetNamespace(), name}] = n
	}
	return minimum
}

// scale sets the replicas that the manifest asks for, or as the autoscaler
// would where it asks for none.
func (a *applier) scale(ctx context.Context, it item, minimum map[target]int64) error {
	who := target{it.object.GetKind(), it.object.GetNamespace(), it.object.GetName()}
	manager := it.manager
	replicas, given, err := unstructured.NestedInt64(it.object.Object, "spec", "replicas")
	if err != nil {
		return fmt.Errorf("read replicas of %s: %w", who, err)
	}
	if !given {
		manager, replicas = "kube-controller-manager", max(1, minimum[who])
	}
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	_, err = a.dynamic.Resource(workload(who.Kind)).Namespace(who.Namespace).
		Patch(ctx, who.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: manager}, "scale")
	if err != nil {
		return fmt.Errorf("scale %s: %w", who, err)
	}
	return nil
}

func workload(kind string) schema.GroupVersionResource {
	resource := map[string]string{"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}[kind]
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}
}

// apply applies an object on the server's side. While a quota is counted anew,
// what it limits may be refused.
func (a *applier) apply(ctx context.Context, object *unstructured.Unstructured, manager string) error {
	resource, err := a.resource(object)
	if err != nil {
		return err
	}
	return poll(ctx, fmt.Sprintf("%s %s/%s to be applied", object.GetKind(), object.GetNamespace(), object.GetName()), func(ctx context.Context) (bool, error) {
		_, err := resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: manager, Force: true})
		if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			return true, err // no time will mend it
		}
		return err == nil, err
	})
}

func (a *applier) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, fmt.Errorf("find the resource of kind %s: %w", kind, err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return a.dynamic.Resource(mapping.Resource), nil
	}
	return a.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
}

// each calls do for all elements, some at the same time.
func each[T any](elements []T, do func(T) error) error {
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, element := range elements {
		group.Go(func() error { return do(element) })
	}
	return group.Wait()
}

// poll waits for a condition and says what for if it does not come. An error is
// one only if it lasts, or if the condition says that it is done.
func poll(ctx context.Context, what string, condition wait.ConditionWithContextFunc) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		done, err := condition(ctx)
		if done {
			return true, err
		}
		if ctx.Err() == nil {
			last = err
		}
		return false, nil
	})
	if last != nil && wait.Interrupted(err) && ctx.Err() == nil {
		err = last // why it took too long
	}
	if err != nil {
		return fmt.Errorf("wait for %s: %w", what, err)
	}
	return nil
}
