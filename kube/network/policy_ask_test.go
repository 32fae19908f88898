package network

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
)

// served is the square on a server, with policies.
func served(t *testing.T, policies ...*networkingv1.NetworkPolicy) (*apitest.Server, *kube.Client) {
	t.Helper()
	s := apitest.New(t)
	l, hosts := squareCluster()
	for name, its := range l.namespaces {
		s.Put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: its}})
	}
	for _, h := range hosts {
		s.Put(h.pod)
	}
	for _, p := range policies {
		s.Put(p)
	}
	flags := genericclioptions.NewConfigFlags(false)
	none, cache := "", t.TempDir()
	flags.APIServer, flags.KubeConfig, flags.CacheDir = &s.URL, &none, &cache
	client, err := (&kube.Connector{Flags: flags}).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return s, client
}

// fromY lets pods of namespaces with ns=y in.
func fromY() *networkingv1.NetworkPolicy {
	return aboutA("from-y", []networkingv1.NetworkPolicyIngressRule{
		{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"ns": "y"}}}}},
	})
}

func TestAsk(t *testing.T) {
	s, client := served(t, fromY())
	s.Define(schema.GroupVersionResource{Group: "cilium.io", Version: "v2", Resource: "ciliumnetworkpolicies"}, apitest.Kind{Kind: "CiliumNetworkPolicy", Namespaced: true})
	for _, c := range []struct {
		from End
		port string
		want Answer
		with string
	}{
		{End{Namespace: "y", Pod: "b"}, "serve-81-udp", Yes, "networkpolicy/from-y allows 81/UDP from pod y/b"},
		{End{Namespace: "x", Pod: "b"}, "80", No, "networkpolicy/from-y isolates pod x/a for ingress, and no policy allows 80/TCP from pod x/b"},
		{End{Address: netip.MustParseAddr("192.0.2.1")}, "80", No, "from 192.0.2.1"},
	} {
		r, err := Ask(t.Context(), client, Question{From: c.from, To: End{Namespace: "x", Pod: "a"}, Port: c.port})
		if err != nil {
			t.Fatal(err)
		}
		if r.Allowed != c.want || !strings.Contains(r.Why, c.with) || len(r.DecidedBy) != 1 || r.DecidedBy[0].UID == "" || len(r.Unread) > 0 {
			t.Errorf("%+v: %+v", c, r)
		}
		if !slices.Contains(r.NotModelled, "CiliumNetworkPolicy of cilium.io") {
			t.Errorf("what is not modelled is not told: %q", r.NotModelled)
		}
	}
}

func TestAskForbidden(t *testing.T) {
	s, client := served(t, fromY())
	ask := func(hidden string) (*Reply, error) {
		s.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == hidden {
				return r.Forbid("dev")
			}
			return nil
		})
		return Ask(context.Background(), client, Question{From: End{Namespace: "y", Pod: "b"}, To: End{Namespace: "x", Pod: "a"}, Port: "80"})
	}
	for _, hidden := range []string{"namespaces", "networkpolicies"} {
		r, err := ask(hidden)
		if err != nil {
			t.Fatal(err)
		}
		if r.Allowed != Unclear || len(r.Unread) != 2 || r.Unread[0].Resource != hidden || !apierrors.IsForbidden(r.Unread[0]) || r.Why == "" {
			t.Errorf("without %s: %+v", hidden, r)
		}
	}
	_, err := ask("pods")
	var unread *UnreadError
	if !errors.As(err, &unread) || unread.Error() == "" || unread.Verb != "get" || unread.Namespace != "y" {
		t.Errorf("without pods: %v", err)
	}
}

func TestAskMistakes(t *testing.T) {
	_, client := served(t)
	a, outside := End{Namespace: "x", Pod: "a"}, End{Address: netip.MustParseAddr("192.0.2.1")}
	for want, q := range map[string]Question{
		"there is no pod d in namespace x":     {From: a, To: End{Namespace: "x", Pod: "d"}, Port: "80"},
		`pod x/a has no port named "http"`:     {From: a, To: a, Port: "http"},
		"serve-80-udp":                         {From: a, To: a, Port: "0"},
		"has to be a number from 1 to 65535":   {From: a, To: outside, Port: "http"},
		`no port named "serve-80-tcp": it has`: {From: a, To: a, Port: "serve-80-tcp", Protocol: "UDP"},
	} {
		if _, err := Ask(t.Context(), client, q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v does not say %q", q, err, want)
		}
	}
}
