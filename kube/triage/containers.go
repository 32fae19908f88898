package triage

// containerRules returns the rules about what happens to containers and their pods.
func containerRules() []Rule {
	return []Rule{crashLoop(), oomKilled(), notReady()}
}
