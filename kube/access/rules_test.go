package access

import (
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
)

func TestAllows(t *testing.T) {
	rule := func(verbs, groups, resources, names []string) authorizationv1.ResourceRule {
		return authorizationv1.ResourceRule{Verbs: verbs, APIGroups: groups, Resources: resources, ResourceNames: names}
	}
	list := func(s ...string) []string { return s }
	get := Need{Verb: "get", Resource: "pods", Namespace: "pay"}
	named := Need{Verb: "get", Resource: "pods", Namespace: "pay", Name: "p"}
	scale := Need{Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "pay"}
	for _, tc := range []struct {
		name string
		rule authorizationv1.ResourceRule
		need Need
		want bool
	}{
		{"exactly", rule(list("get"), list(""), list("pods"), nil), get, true},
		{"one of several", rule(list("list", "get"), list("apps", ""), list("nodes", "pods"), nil), get, true},
		{"everything", rule(list("*"), list("*"), list("*"), nil), scale, true},
		{"another verb", rule(list("list"), list(""), list("pods"), nil), get, false},
		{"another group", rule(list("get"), list("metrics.k8s.io"), list("pods"), nil), get, false},
		{"no group", rule(list("get"), nil, list("pods"), nil), get, false},
		{"another resource", rule(list("get"), list(""), list("services"), nil), get, false},
		{"a resource is not its subresource", rule(list("patch"), list("apps"), list("deployments"), nil), scale, false},
		{"a subresource", rule(list("patch"), list("apps"), list("deployments/scale"), nil), scale, true},
		{"a subresource is not its resource", rule(list("get"), list(""), list("pods/log"), nil), get, false},
		{"a subresource of all", rule(list("patch"), list("apps"), list("*/scale"), nil), scale, true},
		{"another subresource of all", rule(list("patch"), list("apps"), list("*/status"), nil), scale, false},
		{"all subresources of one mean nothing", rule(list("patch"), list("apps"), list("deployments/*"), nil), scale, false},
		{"*/ is for subresources", rule(list("get"), list(""), list("*/"), nil), get, false},
		{"all resources are their subresources too", rule(list("patch"), list("apps"), list("*"), nil), scale, true},
		{"globs mean nothing", rule(list("g*"), list(""), list("po*"), nil), get, false},
		{"a name", rule(list("get"), list(""), list("pods"), list("q", "p")), named, true},
		{"another name", rule(list("get"), list(""), list("pods"), list("q")), named, false},
		{"a name is not whichever", rule(list("get"), list(""), list("pods"), list("p")), get, false},
		{"a name * is a name", rule(list("get"), list(""), list("pods"), list("*")), named, false},
		{"whichever is every name", rule(list("get"), list(""), list("pods"), nil), named, true},
	} {
		if got := allows(tc.rule, tc.need); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestNeedString(t *testing.T) {
	for want, n := range map[string]Need{
		"patch deployments/scale in payments":     {Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "payments"},
		"delete pods p in payments":               {Verb: "delete", Resource: "pods", Namespace: "payments", Name: "p"},
		"patch nodes":                             {Verb: "patch", Resource: "nodes"},
		"create pods/exec p in payments":          {Verb: "create", Resource: "pods", Subresource: "exec", Name: "p", Namespace: "payments"},
		"get widgets.example.com/status w in lab": {Verb: "get", Group: "example.com", Resource: "widgets", Subresource: "status", Name: "w", Namespace: "lab"},
		"delete networkpolicies in lab":           {Verb: "delete", Group: "networking.k8s.io", Resource: "networkpolicies", Namespace: "lab"},
	} {
		if got := n.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
