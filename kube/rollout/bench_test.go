package rollout_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
)

// many returns a Fleet of Deployments that are complete, each with a ReplicaSet
// and its pods, and the pods.
func many(b *testing.B, workloads, replicas int) (*rollout.Fleet, []*object.Pod) {
	b.Helper()
	var s scene
	for i := range workloads {
		name := fmt.Sprintf("web-%d", i)
		uid := types.UID(name)
		n := int32(replicas)
		s.deployments = append(s.deployments, deployment(progressing("True", "NewReplicaSetAvailable", 100), func(d *appsv1.Deployment) {
			d.Name, d.UID, d.Spec.Replicas = name, uid, &n
			d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = n, n, n, n
		}))
		rs := set(2, n, n)
		rs.Name, rs.UID, rs.OwnerReferences = name+"-h2", uid+"-h2", controlledBy(rollout.Deployment, name, uid)
		s.replicaSets = append(s.replicaSets, rs)
		owner := controlledBy("ReplicaSet", rs.Name, rs.UID)
		labels := map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "h2"}
		for j := range replicas {
			s.pods = append(s.pods, pod(fmt.Sprintf("%s-h2-%d", name, j), owner, labels))
		}
	}
	pods := compact(b, object.Pods(), s.pods...)
	s.pods = nil
	f := s.fleet(b)
	f.Pods(all(pods))
	f.List(clock)
	return f, pods
}

// BenchmarkChange is what one change of a pod costs a list of 1,000 workloads
// with 50,000 pods that somebody looks at.
func BenchmarkChange(b *testing.B) {
	f, pods := many(b, 1000, 50)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		old := pods[i%len(pods)]
		changed := *old
		changed.Restarts++
		pods[i%len(pods)] = &changed
		f.Pods(store.Delta[*object.Pod]{Removed: []*object.Pod{old}, Added: []*object.Pod{&changed}})
		f.List(clock)
	}
}

// BenchmarkFirst is the first list of that many.
func BenchmarkFirst(b *testing.B) {
	f, pods := many(b, 1000, 50)
	b.ReportAllocs()
	for b.Loop() {
		f.Pods(all(pods)) // everything is judged again
		f.List(clock)
	}
}

// BenchmarkRollout is one look at a rollout of 500 replicas under way, in the
// list and in all detail, of which some pods have changed.
func BenchmarkRollout(b *testing.B) {
	var s scene
	n := int32(500)
	s.deployments = []any{deployment(func(d *appsv1.Deployment) {
		d.Spec.Replicas = &n
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: 5, Replicas: 625, UpdatedReplicas: 250, ReadyReplicas: 400, AvailableReplicas: 400}
	})}
	s.replicaSets = []any{set(1, 375, 375), set(2, 250, 25)}
	changes := []func(*corev1.Pod){func(*corev1.Pod) {}, notReady, waiting("ContainerCreating", ""), deleted(-10)}
	for i := range 625 {
		name := fmt.Sprint(i)
		revision := 1
		if i < 250 {
			revision = 2
		}
		s.pods = append(s.pods, replica(revision, name, changes[i%len(changes)]))
		s.events = append(s.events, about("Pod", name, types.UID("pod-web-h1-"+name), "Started", "Container started", int64(i)))
	}
	s.services = []any{&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "svc"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}}}
	f := s.fleet(b)
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			f.List(clock.Add(time.Duration(i) * time.Second))
		}
	})
	b.Run("detail", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := f.Detail("deploy", clock); !ok {
				b.Fatal("it is not there")
			}
		}
	})
}
