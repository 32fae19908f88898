package headroom

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/store"
)

func corePod(ns, name, cpu string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{
			Name: "app", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu)}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

// inCluster runs test with a feed from a small cluster, whose server refuses what
// refused says.
func inCluster(t *testing.T, namespace string, refused func(apitest.Request) bool, test func(*testing.T, *apitest.Server, *Feed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		s.Put(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("10")},
		}})
		s.Put(corePod("shop", "a", "1"), corePod("batch", "b", "1500m"))
		s.Put(&corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "all"},
			Status: corev1.ResourceQuotaStatus{
				Hard: corev1.ResourceList{"requests.cpu": resource.MustParse("4")}, Used: corev1.ResourceList{"requests.cpu": resource.MustParse("1")},
			},
		})
		const item = `{"metadata":{"name":%q,"namespace":%q},"window":"15s",%s}`
		list := func(items string) string { return `{"apiVersion":"metrics.k8s.io/v1beta1","items":[` + items + `]}` }
		s.Serve("/apis/metrics.k8s.io/v1beta1/nodes", list(fmt.Sprintf(item, "n1", "", `"usage":{"cpu":"700m","memory":"1Gi"}`)))
		podUse := list(fmt.Sprintf(item, "a", "shop", `"containers":[{"name":"app","usage":{"cpu":"300m","memory":"1Gi"}}]`))
		s.Serve("/apis/metrics.k8s.io/v1beta1/pods", podUse)
		s.Serve("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", podUse)
		s.OnRequest(func(r apitest.Request) *apitest.Answer {
			if refused(r) {
				return r.Forbid("dev")
			}
			return nil
		})
		hub := store.NewHub(s.REST, store.Options{Linger: -1})
		client, err := s.REST(schema.GroupVersion{Version: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		f := Open(Sources{Stores: hub, Metrics: metrics.New(client, time.Minute), Namespace: namespace, PodUse: true}, Options{})
		test(t, s, f)
		f.Close()
		hub.Close()
	})
}

func TestFeed(t *testing.T) {
	nothing := func(apitest.Request) bool { return false }
	inCluster(t, "shop", nothing, func(t *testing.T, s *apitest.Server, f *Feed) {
		l, err := f.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := row(t, l, ByNode, "n1")
		if r.Free == nil || r.Free.String() != "1500m 8Gi 8 pods" || r.Used == nil || r.Used.CPU != 700 || len(l.NotRead()) != 0 {
			t.Errorf("%+v; %q", r, l.NotRead())
		}
		shop := row(t, l, ByNamespace, "shop")
		if len(shop.Quotas) != 1 || shop.Quotas[0].Items[0].Hard != 4000 || shop.Used == nil || shop.Used.CPU != 300 {
			t.Errorf("%+v", shop)
		}
		s.Put(corePod("shop", "c", "250m"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for r := row(t, f.Take(), ByNode, "n1"); r.Free.CPU != 1250; r = row(t, f.Take(), ByNode, "n1") {
			select {
			case <-f.Changed():
			case <-ctx.Done():
				t.Fatalf("after one more pod %s is free", r.Free)
			}
		}
	})
}

// A user of one namespace sees his quota and his requests, and is told what is
// missing.
func TestFeedOfOneNamespace(t *testing.T) {
	refused := func(r apitest.Request) bool { return r.Namespace != "shop" }
	inCluster(t, "shop", refused, func(t *testing.T, _ *apitest.Server, f *Feed) {
		l, err := f.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		shop := row(t, l, ByNamespace, "shop")
		if shop.Requested.CPU != 1000 || len(shop.Quotas) != 1 || shop.Used == nil || shop.Used.CPU != 300 || shop.Partly || len(l.Rows(ByNamespace)) != 1 {
			t.Errorf("%+v", shop)
		}
		if n := row(t, l, ByNode, "n1"); n.Free != nil || n.Allocatable != nil || !n.Partly {
			t.Errorf("%+v", n)
		}
		want := []string{
			"nodes (forbidden: list nodes)",
			"pods of other namespaces than shop (forbidden: list pods of all)",
			"resource quotas of other namespaces than shop (forbidden: list resource quotas of all)",
			"use of nodes (forbidden)",
		}
		if got := l.NotRead(); !slices.Equal(got, want) {
			t.Errorf("not read: %q, want %q", got, want)
		}
	})
}

// A user who may read nothing is told so, and waits for nothing.
func TestFeedOfNothing(t *testing.T) {
	for _, namespace := range []string{"", "shop"} {
		inCluster(t, namespace, func(apitest.Request) bool { return true }, func(t *testing.T, _ *apitest.Server, f *Feed) {
			l, err := f.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r := l.Report(ByNode); len(r.Nodes) != 0 || r.Summary.Free != nil || r.Summary.Allocatable != nil || len(r.NotRead) < 5 {
				t.Errorf("%+v", r)
			}
		})
	}
}
