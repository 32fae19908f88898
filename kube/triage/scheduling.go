package triage

// schedulingRules returns the rules about pods that find no node.
func schedulingRules() []Rule {
	return nil
}
