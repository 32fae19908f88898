package triage

// storageRules returns the rules about volumes and their claims.
func storageRules() []Rule {
	return []Rule{claimPending(), claimLost(), claimResize(), volumeFailed(), volumeReleased()}
}
