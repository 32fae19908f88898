package action

import (
	"fmt"
	"slices"
	"testing"

	"quarterdeck/kube/apitest"
)

func TestImages(t *testing.T) {
	s := apitest.New(t)
	put := func(kind string, n int, owner, image string) {
		template := fmt.Sprintf(`"spec":{"template":{"spec":{"containers":[{"name":"a","image":"%s"},{"name":"b","image":"b:%d"}]}}}`, image, n)
		if kind == "ControllerRevision" {
			template = fmt.Sprintf(`"revision":%d,"data":{%s}`, n, template)
		}
		s.Put(objectOf(t, fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"%s","metadata":{"name":"%s-%d","namespace":"web","labels":{"app":"x"},
			"creationTimestamp":"2026-11-%02dT10:00:00Z","annotations":{"deployment.kubernetes.io/revision":"%d"},
			"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"x","uid":"%s","controller":true}]},%s}`, kind, owner, n, 28-n, n, owner, template)))
	}
	for _, kind := range []string{"ReplicaSet", "ControllerRevision"} {
		put(kind, 9, "mine", "a:1") // rolled back to: the oldest, and the newest revision
		put(kind, 7, "mine", "a:2")
		put(kind, 8, "mine", "a:3")
		put(kind, 10, "mine", "a:3")
		put(kind, 11, "other", "a:9")
	}
	c := newClient(t, s)
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		obj := objectOf(t, `{"kind":"`+kind+`","metadata":{"name":"x","namespace":"web","uid":"mine"},"spec":{"selector":{"matchLabels":{"app":"x"}}}}`)
		got, err := c.Images(t.Context(), obj, "a")
		if want := []string{"a:3", "a:1", "a:2"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("images of a %s: %q, %v; want %q", kind, got, err, want)
		}
		s.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("dev") })
		if _, err := c.Images(t.Context(), obj, "a"); !says(err, "list the revisions of x in web: ") {
			t.Errorf("forbidden: %v", err)
		}
		s.OnRequest(nil)
	}
}
