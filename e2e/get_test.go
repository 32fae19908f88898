//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// get checks that `qd get` prints what the API has.
func (s *stage) get(t *testing.T) {
	p := s.playground(t, shop)
	config, err := p.Config("")
	if err != nil {
		t.Fatal(err)
	}
	api, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	resource := func(group, version, name string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Group: group, Version: version, Resource: name}
	}
	for word, gvr := range map[string]schema.GroupVersionResource{
		"deploy":                resource("apps", "v1", "deployments"),
		"StatefulSet":           resource("apps", "v1", "statefulsets"),
		"nodes":                 resource("", "v1", "nodes"),
		"svc":                   resource("", "v1", "services"),
		"configmaps":            resource("", "v1", "configmaps"),
		"pvc":                   resource("", "v1", "persistentvolumeclaims"),
		"pdb":                   resource("policy", "v1", "poddisruptionbudgets"),
		"hpa":                   resource("autoscaling", "v2", "horizontalpodautoscalers"),
		"networkpolicies":       resource("networking.k8s.io", "v1", "networkpolicies"),
		"clusterroles":          resource("rbac.authorization.k8s.io", "v1", "clusterroles"),
		"csidrivers":            resource("storage.k8s.io", "v1", "csidrivers"),
		"databases":             resource("data.example.com", "v1", "databases"),
		"db":                    resource("data.example.com", "v1", "databases"),
		"Database":              resource("data.example.com", "v1", "databases"),
		"endpointslices":        resource("discovery.k8s.io", "v1", "endpointslices"),
		"priorityclasses":       resource("scheduling.k8s.io", "v1", "priorityclasses"),
		"cronjobs":              resource("batch", "v1", "cronjobs"),
		"daemonsets.apps":       resource("apps", "v1", "daemonsets"),
		"resourcequotas":        resource("", "v1", "resourcequotas"),
		"storageclasses":        resource("storage.k8s.io", "v1", "storageclasses"),
		"serviceaccounts":       resource("", "v1", "serviceaccounts"),
		"persistentvolumes":     resource("", "v1", "persistentvolumes"),
		"ingresses":             resource("networking.k8s.io", "v1", "ingresses"),
		"flowschemas":           resource("flowcontrol.apiserver.k8s.io", "v1", "flowschemas"),
		"customresourcedefinit": {}, // not a kind: see below
	} {
		t.Run(word, func(t *testing.T) {
			if gvr.Empty() {
				out := s.exec(t, p.Kubeconfig(), "get", word)
				oneSentence(t, out.stderr, []string{"no kind", "customresourcedefinitions"})
				return
			}
			list, err := api.Resource(gvr).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for i := range list.Items {
				want = append(want, list.Items[i].GetNamespace()+"/"+list.Items[i].GetName())
			}
			if got := s.names(t, p.Kubeconfig(), word, "-A"); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("qd get %s -A has\n%q\nthe API has\n%q", word, got, want)
			}
		})
	}
	t.Run("selected", func(t *testing.T) {
		for args, want := range map[string][]string{
			"pods -n data -l app=redis":                    {"data/redis-0", "data/redis-1", "data/redis-2"},
			"pods redis-1 -n data":                         {"data/redis-1"},
			"pods -n data --filter redis-0":                {"data/redis-0"},
			"statefulsets -A --filter namespace=payments":  {"payments/ledger"},
			"workloads -n payments --filter kind=cronjob":  {"payments/reconcile"},
			"deploy -A --filter name=catalog,image=nothin": nil,
		} {
			if got := s.names(t, p.Kubeconfig(), strings.Fields(args)...); !slices.Equal(got, want) {
				t.Errorf("qd get %s: %q, want %q", args, got, want)
			}
		}
	})
}

// names returns namespace/name of what `qd get` prints, in order.
func (s *stage) names(t *testing.T, kubeconfig string, args ...string) []string {
	t.Helper()
	out := s.exec(t, kubeconfig, append([]string{"get", "-o", "json"}, args...)...)
	var printed struct {
		Items []struct{ Namespace, Name string }
	}
	if err := json.Unmarshal([]byte(out.stdout), &printed); err != nil || out.stderr != "" || out.code != 0 {
		t.Fatalf("qd get %q: exit code %d, %s%v in %s", args, out.code, out.stderr, err, out.stdout)
	}
	var names []string
	for _, item := range printed.Items {
		names = append(names, item.Namespace+"/"+item.Name)
	}
	slices.Sort(names)
	return names
}
