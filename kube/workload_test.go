package kube

import (
	"encoding/json"
	"testing"
)

func TestPodSelector(t *testing.T) {
	for raw, want := range map[string]string{
		`{"matchLabels":{"app":"web"}}`:                                           "app=web",
		`{"matchExpressions":[{"key":"app","operator":"In","values":["a","b"]}]}`: "app in (a,b)",
		`{"app":"web"}`:                      "app=web", // of a service or a ReplicationController
		`{}`:                                 "",
		``:                                   "",
		`null`:                               "",
		`"app=web"`:                          "",
		`{"matchLabels":{"app":"/?"}}`:       "",
		`{"matchLabels":{}}`:                 "",
		`{"matchLabels":"app=web"}`:          "matchLabels=app=web", // plain labels of an odd name
		`{"matchExpressions":[{"key":"a"}]}`: "",
	} {
		got := ""
		if s := podSelector(json.RawMessage(raw)); s != nil {
			got = s.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}
