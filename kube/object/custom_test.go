package object

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestReadCustoms(t *testing.T) {
	const bad = `{"type":"Ready","status":"False","reason":"NoDisk","lastTransitionTime":"2020-01-01T00:00:00Z"}`
	status := func(conditions string) string {
		return `,"status":{"observedGeneration":3,"conditions":[` + conditions + `]}`
	}
	parents := func(conditions string) string {
		return `,"status":{"parents":[{"parentRef":{"name":"edge"},"conditions":[` + conditions + `]}]}`
	}
	for name, test := range map[string]struct{ group, more, want string }{
		"ready":           {"", status(`{"type":"Ready","status":"True"}`), ""},
		"not ready":       {"", status(bad), "Ready NoDisk 1577836800 status.conditions[Ready] false"},
		"reconciling":     {"", status(bad + `,{"type":"Reconciling","status":"True"}`), "Ready NoDisk 1577836800 status.conditions[Ready] true"},
		"stalled":         {"", status(bad + `,{"type":"Stalled","status":"True","reason":"BadSpec"}`), "Stalled BadSpec 0 status.conditions[Stalled] false"},
		"unknown":         {"", status(`{"type":"Ready","status":"Unknown"}`), ""},
		"not observed":    {"", `,"status":{"observedGeneration":2,"conditions":[` + bad + `]}`, ""},
		"never observed":  {"", `,"status":{"conditions":[` + bad + `]}`, "Ready NoDisk 1577836800 status.conditions[Ready] false"},
		"suspended":       {"", `,"spec":{"suspend":true}` + status(bad), ""},
		"another status":  {"", `,"spec":"none","status":{"conditions":{"Ready":false}}`, ""},
		"no status":       {"", "", ""},
		"words of others": {"", status(`{"type":"Accepted","status":"False"}`), ""},
		"gateway":         {gatewayGroup, status(`{"type":"Programmed","status":"False","reason":"Invalid"},{"type":"Accepted","status":"False","reason":"Taken"}`), "Accepted Taken 0 status.conditions[Accepted] false"},
		"route":           {gatewayGroup, parents(`{"type":"Accepted","status":"True"},{"type":"ResolvedRefs","status":"False","reason":"RefNotPermitted"}`), "ResolvedRefs RefNotPermitted 0 status.parents[edge].conditions[ResolvedRefs] false"},
	} {
		t.Run(name, func(t *testing.T) {
			of := &CustomKind{GVR: schema.GroupVersionResource{Group: test.group, Version: "v1", Resource: "things"}, Kind: "Thing"}
			items := `{"metadata":{"name":"fine"}},{"metadata":{"name":"a","uid":"a","generation":3}` + test.more + `}`
			got, n, list, err := ReadCustoms(of, []byte(`{"metadata":{"continue":"next"},"items":[`+items+`]}`))
			if err != nil || n != 2 || list.Continue != "next" {
				t.Fatal(n, list, err)
			}
			words := ""
			for _, o := range got {
				words += fmt.Sprint(o.Bad.Type, " ", o.Bad.Reason, " ", o.Bad.Changed, " ", o.Where, " ", o.Reconciling)
			}
			if words != test.want {
				t.Errorf("got %q, want %q", words, test.want)
			}
		})
	}
	if _, _, _, err := ReadCustoms(&CustomKind{Kind: "Thing"}, []byte(`{"items":[`)); err == nil {
		t.Error("half a list was taken for whole")
	}
}
