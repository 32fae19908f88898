package sizing

import (
	"context"
	"fmt"

	"k8s.io/client-go/rest"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
)

// ReadAutoscaled reads which workloads of a namespace, or of all for "",
// HorizontalPodAutoscalers scale, through client, any REST client of the cluster:
// other requests make these have other counts of pods.
func ReadAutoscaled(ctx context.Context, client rest.Interface, namespace string) (map[headroom.Workload]bool, error) {
	kind := object.Autoscalers()
	req := client.Get().AbsPath("/apis/" + kind.GVR.GroupVersion().String()).Resource(kind.GVR.Resource)
	if namespace != "" {
		req = req.Namespace(namespace)
	}
	body, err := req.SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("list HorizontalPodAutoscalers: %w", err)
	}
	list, err := kind.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("read HorizontalPodAutoscalers: %w", err)
	}
	scaled := map[headroom.Workload]bool{}
	for _, a := range list {
		scaled[headroom.Workload{APIVersion: a.TargetAPI, Kind: a.TargetKind, Namespace: a.Namespace, Name: a.Target}] = true
	}
	return scaled, nil
}
