package network

import (
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

func reachPod(namespace, name, app string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name), Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

// letIn makes a policy of shop that lets a peer reach the pods of an app.
func letIn(name, app string, peers ...networkingv1.NetworkPolicyPeer) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": app}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: peers}},
		},
	}
}

func appPeer(app string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}
}

func teamPeer(team string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": team}}}
}

// withReach runs f with a server and a feed about the pod cart of shop.
func withReach(t *testing.T, answer func(apitest.Request) *apitest.Answer, f func(t *testing.T, s *apitest.Server, take func() *Reach)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		s.Put(reachPod("shop", "cart", "cart"), reachPod("shop", "web-1", "web"), reachPod("shop", "web-2", "web"), reachPod("ops", "probe", "web"))
		s.Put(
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: "shop"}},
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ops", UID: "ops", Labels: map[string]string{"team": "ops"}}},
			letIn("other", "web", appPeer("cart")),
		)
		s.OnRequest(answer)
		hub := store.NewHub(s.REST, store.Options{})
		defer hub.Close()
		feed := OpenReach(hub, kube.Ref{GVR: object.Pods().GVR, Kind: "Pod", Namespace: "shop", Name: "cart", UID: "shopcart"})
		defer feed.Close()
		f(t, s, func() *Reach {
			time.Sleep(5 * time.Second) // stores collect changes
			synctest.Wait()
			return feed.Take()
		})
	})
}

func pass(apitest.Request) *apitest.Answer { return nil }

func TestReach(t *testing.T) {
	withReach(t, pass, func(t *testing.T, s *apitest.Server, take func() *Reach) {
		r := take()
		if r.Loading || r.Gone || r.Pod == nil || len(r.NotRead) > 0 || r.In.Isolated != No || r.Out.Isolated != No {
			t.Fatalf("open: %+v", r)
		}
		if want := (PartyPort{Name: "dns", Protocol: "UDP", Number: 53}); len(r.Pod.Ports) != 2 || r.Pod.Ports[1] != want {
			t.Errorf("ports %+v", r.Pod.Ports)
		}
		if s.Count("list", "namespaces") > 0 {
			t.Error("namespaces were read, of which no policy speaks")
		}

		s.Put(letIn("web", "cart", appPeer("web")))
		r = take()
		if r.In.Isolated != Yes || r.Out.Isolated != No || len(r.In.Lines) != 1 || r.In.Lines[0].Pods != 2 || !r.In.Lines[0].AboutPods() {
			t.Errorf("isolated: %+v", r.In)
		}

		s.Put(letIn("ops", "cart", teamPeer("ops")))
		take() // which sees that more is needed
		if r = take(); len(r.In.Lines) != 2 || r.In.Lines[0].Pods != 1 || r.In.Lines[1].Pods != 2 {
			t.Errorf("from other namespaces: %+v", r.In)
		}

		s.Delete(reachPod("shop", "web-2", "web"), letIn("ops", "cart"))
		if r = take(); len(r.In.Lines) != 1 || r.In.Lines[0].Pods != 1 {
			t.Errorf("one pod and one policy less: %+v", r.In)
		}

		s.Delete(reachPod("shop", "cart", "cart"))
		if r = take(); !r.Gone || r.Pod == nil || r.In.Isolated != Yes {
			t.Errorf("gone: %+v", r)
		}
	})
}

// What may not be read is named, and nothing is taken for allowed or counted
// without it.
func TestReachUnread(t *testing.T) {
	refuse := func(namespace string, resources ...string) func(apitest.Request) *apitest.Answer {
		return func(r apitest.Request) *apitest.Answer {
			for _, name := range resources {
				if r.GVR.Resource == name && r.Namespace == namespace {
					return r.Forbid("eve")
				}
			}
			return nil
		}
	}
	withReach(t, refuse("shop", "networkpolicies"), func(t *testing.T, _ *apitest.Server, take func() *Reach) {
		r := take()
		if r.Loading || r.Pod == nil || r.In.Isolated != Unclear || r.Out.Isolated != Unclear || len(r.In.Lines) > 0 {
			t.Errorf("%+v", r)
		}
		if len(r.NotRead) != 1 || r.NotRead[0].Resource != NetworkPolicies || r.NotRead[0].Namespace != "shop" {
			t.Errorf("not read: %+v", r.NotRead)
		}
	})
	withReach(t, refuse("shop", "pods"), func(t *testing.T, _ *apitest.Server, take func() *Reach) {
		if r := take(); r.Loading || r.Gone || r.Pod != nil || len(r.NotRead) != 1 {
			t.Errorf("%+v", r)
		}
	})
	withReach(t, refuse("", "pods", "namespaces"), func(t *testing.T, s *apitest.Server, take func() *Reach) {
		s.Put(letIn("web", "cart", appPeer("web"), teamPeer("ops")))
		take()
		r := take()
		if len(r.In.Lines) != 2 || r.In.Lines[0].Pods != -1 || r.In.Lines[1].Pods != 2 || !r.In.Lines[0].AboutPods() {
			t.Errorf("%+v", r.In)
		}
		if len(r.NotRead) != 2 {
			t.Errorf("not read: %+v", r.NotRead)
		}
	})
}
