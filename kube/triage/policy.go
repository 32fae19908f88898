package triage

import "slices"

// policyRules returns the rules about what a cluster itself is made of, and what it allows.
func policyRules() []Rule {
	return slices.Concat([]Rule{
		namespaceStuck(), quotaFull(), apiUnavailable(), definitionRefused(), deprecatedStored(), customResource(),
		certificateExpiry(), signingRequest(), leaseStale(),
	}, webhookUnreachable())
}
