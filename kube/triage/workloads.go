package triage

import "slices"

// workloadRules returns the rules about what makes pods.
func workloadRules() []Rule {
	return slices.Concat(
		[]Rule{rolloutStuck(), rolloutPaused()}, rolloutHeld(), createRefused(), replicasMissing(), notObserved(),
		[]Rule{
			jobFailed(), jobRetrying(), cronFailed(), cronMissed(), cronSuspended(),
			hpaAtMax(), hpaBlind(), hpaFights(), budgetBlocks(), budgetIdle(),
		},
	)
}
