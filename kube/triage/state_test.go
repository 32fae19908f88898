package triage

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestStateOf(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, test := range []struct{ name, object, want string }{
		{"no status", `{kind: Widget}`, "current: "},
		{"ready", `{status: {conditions: [{type: Ready, status: "True"}]}}`, "current: "},
		{"not ready", `{status: {conditions: [{type: Ready, status: "False", reason: NotIssued, message: pending}]}}`, "in progress: Ready=False NotIssued: pending"},
		{"unknown", `{status: {conditions: [{type: Ready, status: Unknown}]}}`, "in progress: Ready=Unknown"},
		{"stalled", `{status: {conditions: [{type: Ready, status: "False"}, {type: Stalled, status: "True", reason: NoSuch}]}}`, "failed: Stalled=True NoSuch"},
		{"reconciling", `{status: {conditions: [{type: Reconciling, status: "True", reason: Building}]}}`, "in progress: Reconciling=True Building"},
		{"behind", `{metadata: {generation: 4}, status: {observedGeneration: 3}}`, "in progress: its controller has seen generation 3 of 4"},
		{"seen", `{metadata: {generation: 4}, status: {observedGeneration: 4}}`, "current: "},
		{
			"deleted", `{metadata: {deletionTimestamp: "2027-01-15T07:58:00Z", finalizers: [example.com/hold]}}`,
			"terminating: deleted 2m0s ago, held by finalizers example.com/hold",
		},
		{"deadline", `{status: {conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded}]}}`, "failed: Progressing=False ProgressDeadlineExceeded"},
		{"node under pressure", `{status: {conditions: [{type: Ready, status: "True"}, {type: DiskPressure, status: "True"}]}}`, "current: "},
		{"odd", `{status: {conditions: [1, {}, {type: [2]}], observedGeneration: x}}`, "current: "},
	} {
		var obj unstructured.Unstructured
		data, err := yaml.YAMLToJSON([]byte(test.object))
		if err == nil {
			err = obj.UnmarshalJSON(append([]byte(`{"apiVersion":"v1","kind":"Widget",`), data[1:]...))
		}
		if err != nil && test.name != "no status" {
			t.Fatal(test.name, err)
		}
		s := stateOf(&obj, now)
		if got := string(s.Status) + ": " + s.Why; got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestBadConditions(t *testing.T) {
	for text, want := range map[string]bool{
		"Ready False": true, "Ready Unknown": true, "Ready True": false, "DiskPressure True": true, "DiskPressure False": false,
		"NetworkUnavailable True": true, "ReplicaFailure True": true, "ScalingLimited True": true, "ScalingActive False": true,
		"Suspended True": false, "Complete True": false, "Failed True": true, "Paused False": false,
	} {
		var c Condition
		for i := range text {
			if text[i] == ' ' {
				c.Type, c.Status = text[:i], text[i+1:]
			}
		}
		if got := isBad(c, ""); got != want {
			t.Errorf("%s is bad: %t", text, got)
		}
	}
	if isBad(Condition{Type: "Ready", Status: "False"}, "PodCompleted") {
		t.Error("a pod that is done is bad")
	}
}
