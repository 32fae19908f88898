package triage

import "slices"

// Rules returns every rule, in the order of the catalogue in docs/triage.md.
func Rules() []Rule {
	return slices.Concat(
		containerRules(), schedulingRules(), workloadRules(), nodeRules(), networkRules(), storageRules(), policyRules(),
	)
}
