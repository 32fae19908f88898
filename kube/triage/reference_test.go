package triage_test

import (
	"bytes"
	"os"
	"testing"

	"quarterdeck/kube/triage"
)

func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := triage.WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	onDisk, err := os.ReadFile("../../docs/triage-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(onDisk, b.Bytes()) {
		t.Error("docs/triage-rules.md is out of date: run go run ./kube/triage/reference > docs/triage-rules.md")
	}
}

// TestRulesAreDeclared: reports and filters rely on what a rule says of itself.
func TestRulesAreDeclared(t *testing.T) {
	checks := map[string]string{}
	for _, r := range triage.Rules() {
		if r.ID == "" || r.Checks == "" || r.On == "" {
			t.Errorf("%+v is not complete", r)
		}
		if before, ok := checks[r.ID]; ok && before != r.Checks {
			t.Errorf("%s checks both %q and %q", r.ID, before, r.Checks)
		}
		checks[r.ID] = r.Checks
	}
}
