package triage

import "slices"

// Rules returns every rule, in the order of the catalogue in docs/triage.md.
func Rules() []Rule {
	return slices.Concat(
		containerRules(), schedulingRules(), workloadRules(), nodeRules(), networkRules(), storageRules(), policyRules(),
	)
}

func containerRules() []Rule { return []Rule{crashLoop(), oomKilled(), notReady()} }

func schedulingRules() []Rule { return nil }

func workloadRules() []Rule {
	return append([]Rule{rolloutStuck(), createRefused()}, replicasMissing()...)
}

func nodeRules() []Rule { return []Rule{nodeNotReady()} }

func networkRules() []Rule { return []Rule{noEndpoints()} }

func storageRules() []Rule { return nil }

func policyRules() []Rule { return nil }
