package triage

// policyRules returns the rules about what a cluster itself is made of, and what it allows.
func policyRules() []Rule {
	return nil
}
