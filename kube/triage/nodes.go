package triage

// nodeRules returns the rules about nodes.
func nodeRules() []Rule {
	return []Rule{nodeNotReady()}
}
