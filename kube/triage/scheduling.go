package triage

import "slices"

// schedulingRules returns the rules about pods that find no node.
func schedulingRules() []Rule {
	return slices.Concat(
		[]Rule{noRoomFor(), tooBig(), untolerated(), cordonedOff()},
		unschedulable(),
		[]Rule{unboundClaim(), missingClaim(), schedulingGate(), schedulerSilent(), preempted()},
	)
}
