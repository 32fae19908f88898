package object

import (
	"slices"
	"testing"

	"quarterdeck/kube/store"
)

func TestSynced(t *testing.T) {
	const second = 1_600_000_000 // 2020-09-13T12:26:40Z
	for name, test := range map[string]struct {
		kind store.Kind[*Synced]
		body string
		want []Sync
	}{
		"Argo CD": {
			ArgoApplications(),
			`{"history":[{"revision":"abc","deployedAt":"2020-09-13T12:26:40Z","initiatedBy":{"username":"ann"}},{"revisions":["a","b"],"deployedAt":"2020-09-13T12:26:41Z"}],
			"operationState":{"phase":"Failed","finishedAt":"2020-09-13T12:26:42Z","syncResult":{"revision":"bad"}}}`,
			[]Sync{{second, "abc", "", "ann"}, {second + 1, "a, b", "", ""}, {second + 2, "bad", "Failed", ""}},
		},
		"Argo CD that is done": {
			ArgoApplications(),
			`{"operationState":{"phase":"Succeeded","finishedAt":"2020-09-13T12:26:42Z","syncResult":{"revision":"abc"}}}`,
			nil, // its history has it
		},
		"Kustomization": {
			FluxKustomizations(),
			`{"lastAppliedRevision":"main@sha1:abc","conditions":[{"type":"Ready","status":"True","reason":"ReconciliationSucceeded","lastTransitionTime":"2020-09-13T12:26:40Z"}]}`,
			[]Sync{{second, "main@sha1:abc", "", ""}},
		},
		"Kustomization that fails": {
			FluxKustomizations(),
			`{"lastAppliedRevision":"main@sha1:abc","conditions":[{"type":"Ready","status":"False","reason":"BuildFailed","lastTransitionTime":"2020-09-13T12:26:40Z"}]}`,
			[]Sync{{second, "main@sha1:abc", "failed: BuildFailed", ""}},
		},
		"HelmRelease": {
			FluxReleases(),
			`{"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2020-09-13T12:26:50Z"}],
			"history":[{"chartName":"shop","chartVersion":"1.2.3","status":"deployed","lastDeployed":"2020-09-13T12:26:40Z"}]}`,
			[]Sync{{second, "shop 1.2.3", "deployed", ""}},
		},
		"nothing yet": {FluxReleases(), `{}`, nil},
	} {
		got, err := test.kind.Decode([]byte(`{"metadata":{},"items":[{"metadata":{"name":"a","namespace":"b","uid":"c"},"status":` + test.body + `}]}`))
		if err != nil || len(got) != 1 || got[0].Name != "a" || !slices.Equal(got[0].Syncs, test.want) {
			t.Errorf("%s: %v %+v", name, err, got)
		}
	}
}
