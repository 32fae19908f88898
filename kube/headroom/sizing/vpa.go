package sizing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/rest"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
)

// Recommendations are what VerticalPodAutoscalers recommend.
type Recommendations map[Key]Use

// autoscalers is as much of a list of VerticalPodAutoscalers as matters here.
type autoscalers struct {
	Items []struct {
		Metadata struct {
			Namespace         string    `json:"namespace"`
			CreationTimestamp time.Time `json:"creationTimestamp"`
		} `json:"metadata"`
		Spec struct {
			TargetRef struct {
				APIVersion string `json:"apiVersion"`
				Kind       string `json:"kind"`
				Name       string `json:"name"`
			} `json:"targetRef"`
		} `json:"spec"`
		Status struct {
			Recommendation struct {
				ContainerRecommendations []struct {
					ContainerName string                       `json:"containerName"`
					Target        map[string]resource.Quantity `json:"target"`
				} `json:"containerRecommendations"`
			} `json:"recommendation"`
		} `json:"status"`
	} `json:"items"`
}

// ReadRecommendations reads the VerticalPodAutoscalers of a namespace, or of all
// for "", through client, any REST client of the cluster. Where the cluster has
// no such resource there are none.
//
// A recommendation does not say what time it rests on. It cannot be longer than
// the autoscaler's age, which is taken for it.
func ReadRecommendations(ctx context.Context, client rest.Interface, namespace string, now time.Time) (Recommendations, error) {
	req := client.Get().AbsPath("/apis/autoscaling.k8s.io/v1").Resource("verticalpodautoscalers")
	if namespace != "" {
		req = req.Namespace(namespace)
	}
	body, err := req.SetHeader("Accept", "application/json").Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list VerticalPodAutoscalers: %w", err)
	}
	var list autoscalers
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("read VerticalPodAutoscalers: %w", err)
	}
	out := Recommendations{}
	for _, v := range list.Items {
		t := v.Spec.TargetRef
		w := headroom.Workload{APIVersion: t.APIVersion, Kind: t.Kind, Namespace: v.Metadata.Namespace, Name: t.Name}
		for _, c := range v.Status.Recommendation.ContainerRecommendations {
			cpu, memory := c.Target["cpu"], c.Target["memory"]
			out[Key{w, c.ContainerName}] = Use{
				Source: VPA, Span: now.Sub(v.Metadata.CreationTimestamp),
				Target: &object.Resources{CPU: cpu.MilliValue(), Memory: memory.Value()},
			}
		}
	}
	return out, nil
}
