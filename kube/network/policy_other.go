package network

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// OtherPolicies returns which of the kinds that a server has are policies that
// may refuse, or allow, what network policies do not: KIND of GROUP. What they
// say is not modelled.
func OtherPolicies(kinds []metav1.APIResource) []string {
	known := otherPolicies()
	var found []string
	for _, k := range kinds {
		if known[schema.GroupResource{Group: k.Group, Resource: k.Name}] {
			found = append(found, k.Kind+" of "+k.Group)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func otherPolicies() map[schema.GroupResource]bool {
	all := map[schema.GroupResource]bool{}
	for group, resources := range map[string][]string{
		"policy.networking.k8s.io": {"adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"},
		"cilium.io":                {"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"},
		"crd.projectcalico.org":    {"networkpolicies", "globalnetworkpolicies"},
		"projectcalico.org":        {"networkpolicies", "globalnetworkpolicies"},
		"crd.antrea.io":            {"networkpolicies", "clusternetworkpolicies"},
		"k8s.ovn.org":              {"egressfirewalls"},
		"security.istio.io":        {"authorizationpolicies", "peerauthentications"},
		"policy.linkerd.io":        {"authorizationpolicies", "serverauthorizations"},
	} {
		for _, r := range resources {
			all[schema.GroupResource{Group: group, Resource: r}] = true
		}
	}
	return all
}
