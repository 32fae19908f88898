package triage

// containerRules returns the rules about what happens to containers and their pods.
func containerRules() []Rule {
	return []Rule{
		imagePull(), missingConfig(), cannotStart(), noSandbox(), mountFailed(),
		crashLoop(), completes(), oomKilled(), probeKills(), restarting(),
		initStuck(), notReady(), evicted(), podFailed(), terminating(),
	}
}
