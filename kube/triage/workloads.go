package triage

// workloadRules returns the rules about what makes pods.
func workloadRules() []Rule {
	return append([]Rule{rolloutStuck(), createRefused()}, replicasMissing()...)
}
