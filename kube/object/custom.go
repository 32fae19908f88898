package object

import (
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

type conditionFields struct {
	Type    string      `json:"type"`
	Status  string      `json:"status"`
	Reason  string      `json:"reason"`
	Message string      `json:"message"`
	Changed metav1.Time `json:"lastTransitionTime"`
}

func (c *conditionFields) compact(clean func(string) string) *Condition {
	return &Condition{Type: clean(c.Type), Status: clean(c.Status), Reason: clean(c.Reason), Message: clean(c.Message), Changed: unix(&c.Changed)}
}

// CustomKind is a kind of custom resources.
type CustomKind struct {
	GVR  schema.GroupVersionResource
	Kind string
}

// Custom is a custom resource of which its controller says that something is
// wrong. Those that are as they should be are not kept.
type Custom struct {
	store.Meta
	Of          *CustomKind
	Bad         Condition // the worst
	Where       string    // it is in the object: "status.conditions[Ready]"
	Reconciling bool      // its controller is at work on it
}

type customFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Suspend bool `json:"suspend"`
		Paused  bool `json:"paused"`
	} `json:"spec"`
	Status struct {
		Observed   int64             `json:"observedGeneration"`
		Conditions []conditionFields `json:"conditions"`
		Parents    []struct {
			Ref struct {
				Name string `json:"name"`
			} `json:"parentRef"`
			Conditions []conditionFields `json:"conditions"`
		} `json:"parents"`
	} `json:"status"`
}

// gatewayGroup is the API group of the Gateway API.
const gatewayGroup = "gateway.networking.k8s.io"

// ReadCustoms returns what is wrong among the custom resources of a list in
// JSON, and how many there are in it.
func ReadCustoms(of *CustomKind, body []byte) (bad []*Custom, n int, list metav1.ListMeta, err error) {
	var page struct {
		Metadata metav1.ListMeta   `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, 0, list, fmt.Errorf("decode a list of %s: %w", of.Kind, err)
	}
	for _, raw := range page.Items {
		var c customFields
		// A custom resource may hold anything: what is of another type than most
		// have is left out, and the rest is read.
		var other *json.UnmarshalTypeError
		if err := json.Unmarshal(raw, &c); err != nil && !errors.As(err, &other) {
			return nil, 0, list, fmt.Errorf("decode %s: %w", of.Kind, err)
		}
		if b := c.bad(of); b != nil {
			bad = append(bad, b)
		}
	}
	return bad, len(page.Items), page.Metadata, nil
}

// bad returns the resource with the condition that says that it does not work,
// nil if there is none. The conditions are those of kstatus,
// https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md,
// and those of the Gateway API, https://gateway-api.sigs.k8s.io/geps/gep-1364/.
func (c *customFields) bad(of *CustomKind) *Custom {
	if c.DeletionTimestamp != nil || c.Spec.Suspend || c.Spec.Paused || c.Status.Observed != 0 && c.Status.Observed < c.Generation {
		return nil
	}
	var worst *Condition
	where, reconciling := "", false
	note := func(k *conditionFields, in string) {
		if worst == nil || severe(k.Type) > severe(worst.Type) {
			worst = k.compact(sanitize.Line)
			where = in + "conditions[" + worst.Type + "]"
		}
	}
	gateway := of.GVR.Group == gatewayGroup
	for i := range c.Status.Conditions {
		k := &c.Status.Conditions[i]
		switch {
		case k.Type == "Reconciling":
			reconciling = k.Status == "True"
		case k.Type == "Stalled" && k.Status == "True", k.Type == "Ready" && k.Status == "False",
			gateway && refusal(k):
			note(k, "status.")
		}
	}
	for p := range c.Status.Parents {
		for i := range c.Status.Parents[p].Conditions {
			if k := &c.Status.Parents[p].Conditions[i]; gateway && refusal(k) {
				note(k, "status.parents["+sanitize.Line(c.Status.Parents[p].Ref.Name)+"].")
			}
		}
	}
	if worst == nil {
		return nil
	}
	out := &Custom{Of: of, Bad: *worst, Where: where, Reconciling: reconciling, Meta: store.Meta{
		UID: c.UID, Namespace: sanitize.Line(c.Namespace), Name: sanitize.Line(c.Name), Created: c.CreationTimestamp.Unix(),
	}}
	if o := metav1.GetControllerOfNoCopy(&c.ObjectMeta); o != nil {
		out.Owner = &store.Owner{APIVersion: sanitize.Line(o.APIVersion), Kind: sanitize.Line(o.Kind), Name: sanitize.Line(o.Name), UID: o.UID}
	}
	return out
}

// refusal reports whether a condition of the Gateway API says that something is
// not as it was asked for.
func refusal(c *conditionFields) bool {
	switch c.Type {
	case "Accepted", "ResolvedRefs", "Programmed":
		return c.Status == "False"
	}
	return false
}

// severe orders the conditions of one resource by how much they say.
func severe(condition string) int {
	switch condition {
	case "Stalled":
		return 4
	case "Accepted":
		return 3
	case "ResolvedRefs":
		return 2
	case "Programmed":
		return 1
	}
	return 0
}
