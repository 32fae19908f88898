package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// server answers a Client: each get with the object that live makes of how
// often it was asked, each patch with refuse.
func server(t *testing.T, live func(asked int) *unstructured.Unstructured, refuse func(patch clienttesting.PatchAction) error) *Client {
	t.Helper()
	api := fake.NewSimpleDynamicClient(runtime.NewScheme())
	asked := 0
	api.PrependReactor("get", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
		asked++
		return true, live(asked), nil
	})
	api.PrependReactor("patch", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if err := refuse(a.(clienttesting.PatchAction)); err != nil {
			return true, nil, err
		}
		return true, live(asked), nil
	})
	return &Client{objects: api, context: "prod-eu"}
}

// TestRefits shows that an edit is fitted to each version of an object that
// changes elsewhere, and that it gives up in the end.
func TestRefits(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		kind     types.PatchType
		refusal  error
	}{
		"apply": {"replicas: 3", "replicas: 4", types.ApplyPatchType, apierrors.NewConflict(deploymentRef().GVR.GroupResource(), "checkout", errors.New("the object has been modified"))},
		"patch": {"  replicas: 3\n", "", types.JSONPatchType, apierrors.NewGenericServerResponse(422, "patch", deploymentRef().GVR.GroupResource(), "checkout", "testing path failed", 0, true)},
	} {
		for _, tries := range []int{1, 3, attempts + 1} {
			t.Run(fmt.Sprint(name, tries), func(t *testing.T) {
				sent := 0
				client := server(t, func(asked int) *unstructured.Unstructured {
					obj := object(t, manifest)
					obj.SetResourceVersion(fmt.Sprint(asked))
					obj.SetLabels(map[string]string{"app": "checkout", "asked": fmt.Sprint(asked)})
					return obj
				}, func(patch clienttesting.PatchAction) error {
					sent++
					if patch.GetPatchType() != test.kind || !strings.Contains(string(patch.GetPatch()), fmt.Sprintf("%q", fmt.Sprint(sent+1))) {
						t.Errorf("try %d is %s %s", sent, patch.GetPatchType(), patch.GetPatch())
					}
					if sent < tries {
						return test.refusal
					}
					return nil
				})
				e, err := client.Open(t.Context(), deploymentRef())
				if err != nil {
					t.Fatal(err)
				}
				p, err := e.Plan(strings.Replace(e.Text, test.old, test.new, 1))
				if err != nil {
					t.Fatal(err)
				}
				_, err = p.Make(t.Context(), true)
				if tries <= attempts && err != nil {
					t.Error(err)
				}
				if tries > attempts && (err == nil || !strings.Contains(err.Error(), "it changes faster than it can be edited")) {
					t.Error(err)
				}
			})
		}
	}
}

// TestLostConnection shows that an error that is no refusal is not tried again,
// and that the text is kept.
func TestLostConnection(t *testing.T) {
	lost := fmt.Errorf("read tcp: %w", context.DeadlineExceeded)
	sent := 0
	client := server(t, func(int) *unstructured.Unstructured { return object(t, manifest) }, func(clienttesting.PatchAction) error {
		sent++
		return lost
	})
	e, err := client.Open(t.Context(), deploymentRef())
	if err != nil {
		t.Fatal(err)
	}
	text := "# mine\n" + strings.Replace(e.Text, "replicas: 3", "replicas: 4 # four", 1)
	p, err := e.Plan(text)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Try(t.Context(), false)
	if !errors.Is(err, context.DeadlineExceeded) || sent != 1 {
		t.Errorf("%v after %d", err, sent)
	}
	again := e.Again(t.Context(), text, err)
	if !strings.Contains(again.Text, "replicas: 4 # four") || !strings.Contains(again.Text, "## edit deploy/checkout in payments: read tcp: context deadline exceeded\n") {
		t.Error(again.Text)
	}
}

// TestInsists shows who stops an edit and who does not.
func TestInsists(t *testing.T) {
	for message, stops := range map[string]bool{
		`conflict with "argocd-controller"`:                                  true,
		`conflict with "kubectl"`:                                            true,
		`conflict with "quarterdeck"`:                                        true,
		`conflict with "quarterdeck" using apps/v1 at 2026-01-02T03:04:05Z`:  false,
		`conflict with "quarterdeck-edit"`:                                   false,
		`conflict with "quarterdeck-edit" using apps/v1`:                     false,
		`conflict with "kubectl-edit" using apps/v1 at 2026-01-02T03:04:05Z`: false,
		`conflict with "kubectl-client-side-apply" using apps/v1`:            true,
		`conflict with "helm" using apps/v1`:                                 true,
		`conflict with "before-first-apply" using apps/v1`:                   false,
		`conflict with "kube-controller-manager" with subresource "scale" using autoscaling/v1 at 2026-01-02T03:04:05Z`:     true,
		`conflict with "a \"quoted\" name" with subresource "scale" using autoscaling/v1 at 2026-01-02T03:04:05Z and so on`: true,
		"conflict with \"\x1b]0;owned\x07\" using v1": true,
	} {
		o := parseOwner(message)
		if got := len(insist([]Owner{o})) > 0; got != stops {
			t.Errorf("%s: %v of %+v", message, got, o)
		}
		if strings.Contains(message, "scale") && (o.Subresource != "scale" || o.Applies) {
			t.Errorf("%s: %+v", message, o)
		}
		if strings.Contains(message, ":05Z") && !strings.Contains(message, "so on") && o.Time.IsZero() {
			t.Errorf("%s: %+v", message, o)
		}
		if strings.Contains(o.String(), "\x1b") {
			t.Errorf("%q", o.String())
		}
	}
}

// TestJSONPatch shows what a patch rests on.
func TestJSONPatch(t *testing.T) {
	e := opened(t)
	p, err := e.Plan(strings.Replace(e.Text, "  labels:\n    app: checkout\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	body, err := jsonPatch(e.live, p.Edits)
	if err != nil {
		t.Fatal(err)
	}
	var ops []operation
	if err := json.Unmarshal(body, &ops); err != nil {
		t.Fatal(err)
	}
	want := []operation{{"test", "/metadata/uid", "u-1"}, {"test", "/metadata/resourceVersion", "7"}, {"remove", "/metadata/labels", nil}}
	if fmt.Sprint(ops) != fmt.Sprint(want) {
		t.Error(ops)
	}
}
