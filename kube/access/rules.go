package access

import (
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
)

// allows reports whether a rule gives the right, as RBAC decides it.
func allows(rule authorizationv1.ResourceRule, n Need) bool {
	return anyOr(rule.Verbs, n.Verb) && anyOr(rule.APIGroups, n.Group) && allowsResource(rule.Resources, n) &&
		(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, n.Name))
}

func anyOr(list []string, s string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, s)
}

// allowsResource: * is for subresources too, */scale for those of every
// resource, and there is nothing like deployments/*.
func allowsResource(list []string, n Need) bool {
	if n.Subresource == "" {
		return anyOr(list, n.Resource)
	}
	return anyOr(list, n.Resource+"/"+n.Subresource) || slices.ContainsFunc(list, func(r string) bool {
		of, found := strings.CutPrefix(r, "*/")
		return found && of == n.Subresource
	})
}
