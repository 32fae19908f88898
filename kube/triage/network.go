package triage

// networkRules returns the rules about how pods are reached.
func networkRules() []Rule {
	return []Rule{
		noEndpoints(), targetPort(), loadBalancerPending(), externalNameBroken(),
		ingressBackend(), ingressClass(), ingressTLS(), networkPolicyIsolates(),
	}
}
