package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
)

// autoscaler gives the server VerticalPodAutoscalers, and one so old for the
// containers of web-3.
func autoscaler(s *apitest.Server, age time.Duration) {
	gvr := schema.GroupVersionResource{Group: "autoscaling.k8s.io", Version: "v1", Resource: "verticalpodautoscalers"}
	s.Define(gvr, apitest.Kind{Kind: "VerticalPodAutoscaler", Namespaced: true})
	s.Put(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": gvr.GroupVersion().String(), "kind": "VerticalPodAutoscaler",
		"metadata": map[string]any{"namespace": "shop", "name": "web", "creationTimestamp": time.Now().Add(-age).UTC().Format(time.RFC3339)},
		"spec":     map[string]any{"targetRef": map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-3"}},
		"status": map[string]any{"recommendation": map[string]any{"containerRecommendations": []any{
			map[string]any{"containerName": "app", "target": map[string]any{"cpu": "250m", "memory": "512Mi"}},
		}}},
	}})
}

func TestHeadroomSizes(t *testing.T) {
	s := space(t)
	headroomQD(t, "sizes").ends(t, 0, []string{"Nobody knows of the use of before: there are no VerticalPodAutoscalers, and headroom.prometheus names no server."})
	careless := pod("shop", "careless", "Running", true)
	careless.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
	s.Put(careless)
	headroomQD(t, "sizes").ends(t, 0, []string{"may go wrong\n", "pod/careless app     1        0       n/a        0       n/a  asks for no memory: among the first to be evicted (and 1 more)"})

	autoscaler(s, 72*time.Hour)
	headroomQD(t, "sizes").ends(t, 0, []string{
		"asks for more than it uses\n",
		"replicaset/web-3 app     1      1.5      250m      1Gi     512Mi  cpu 1.2, memory 512Mi", // 1.25 cores
		"By VerticalPodAutoscaler, where the use is known for 24h0m0s.",
	})
	headroomQD(t, "sizes --commands").prints(t, "kubectl --context shop -n shop set resources replicaset/web-3 -c app --requests=cpu=250m,memory=512Mi")
	var printed map[string]any
	r := headroomQD(t, "sizes -o json -A")
	if err := json.Unmarshal([]byte(r.out), &printed); err != nil || r.code != 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	if n := len(printed["containers"].([]any)); n != 3 || at(t, printed, "containers", 0, "proposed", "cpu") != 250.0 || at(t, printed, "sources", 0) != "VerticalPodAutoscaler" {
		t.Errorf("%d containers: %s", n, r.out)
	}

	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "verticalpodautoscalers" {
			return r.Forbid("eve")
		}
		return nil
	})
	headroomQD(t, "sizes").ends(t, 1, []string{"may go wrong"}, "may not list verticalpodautoscalers in namespace shop")
}

// From a short history nothing is proposed.
func TestHeadroomSizesTooEarly(t *testing.T) {
	s := space(t)
	autoscaler(s, time.Hour)
	headroomQD(t, "sizes").ends(t, 0, []string{"replicaset/web-3 app     1      1.5       n/a      1Gi       n/a", "No use is known for 24h0m0s, so nothing is proposed."})
	headroomQD(t, "sizes --commands").prints(t, "")
}

func TestHeadroomSizesOfPrometheus(t *testing.T) {
	space(t)
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer prometheus.Close()
	configured(t, "headroom:\n  prometheus: "+prometheus.URL+"\n")
	headroomQD(t, "sizes").ends(t, 1, []string{"Asked: prometheus."}, "this is not all, not read: read CPU use of replicaset/web-3 in shop: ", "502")
}
