package kube

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Workload is what all objects that select pods have in common, whatever their
// kind: services among them, and custom resources that do as the built-in ones.
type Workload struct {
	UID    types.UID
	Owners []metav1.OwnerReference
	Pods   labels.Selector // nil if it selects none
}

// Workload reads the object that ref names. An error of the server is returned
// as it is.
func (c *Client) Workload(ctx context.Context, ref Ref) (Workload, error) {
	r, err := c.REST(ref.GVR.GroupVersion())
	if err != nil {
		return Workload{}, err
	}
	body, err := r.Get().Namespace(ref.Namespace).Resource(ref.GVR.Resource).Name(ref.Name).SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return Workload{}, err
	}
	var o struct {
		Metadata struct {
			UID             types.UID               `json:"uid"`
			OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
		} `json:"metadata"`
		Spec struct {
			Selector json.RawMessage `json:"selector"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return Workload{}, fmt.Errorf("decode %s: %w", ref, err)
	}
	return Workload{UID: o.Metadata.UID, Owners: o.Metadata.OwnerReferences, Pods: podSelector(o.Spec.Selector)}, nil
}

// podSelector reads spec.selector, of which there are two kinds: a label
// selector, and the plain labels of services and ReplicationControllers. It is
// nil if no pods are selected, or something else is.
func podSelector(raw json.RawMessage) labels.Selector {
	if len(raw) == 0 {
		return nil
	}
	var plain map[string]string
	if json.Unmarshal(raw, &plain) == nil {
		if len(plain) == 0 {
			return nil
		}
		return labels.SelectorFromSet(plain)
	}
	var selector metav1.LabelSelector
	if json.Unmarshal(raw, &selector) != nil {
		return nil
	}
	s, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil || s.Empty() {
		return nil
	}
	return s
}
