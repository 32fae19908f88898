package sizing

import (
	"encoding/json"

	"quarterdeck/kube/object"
)

// MarshalJSON writes a Sizing for programs: CPU in millicores, memory in bytes,
// times in seconds.
func (s Sizing) MarshalJSON() ([]byte, error) {
	type observed struct {
		Source  Source            `json:"source"`
		Seconds int64             `json:"spanSeconds"`
		Samples int               `json:"samples,omitempty"`
		P95     *object.Resources `json:"p95,omitempty"`
		Max     *object.Resources `json:"max,omitempty"`
		Target  *object.Resources `json:"target,omitempty"`
	}
	var use *observed
	if u := s.Use; u != nil {
		use = &observed{Source: u.Source, Seconds: int64(u.Span.Seconds()), Samples: u.Samples, Target: u.Target}
		if u.Target == nil {
			use.P95, use.Max = &u.P95, &u.Max
		}
	}
	return json.Marshal(struct {
		Namespace  string            `json:"namespace"`
		Kind       string            `json:"kind"`
		Name       string            `json:"name"`
		Container  string            `json:"container"`
		Pods       int               `json:"pods"`
		Requests   object.Resources  `json:"requests"`
		Limits     object.Resources  `json:"limits"`
		Use        *observed         `json:"use,omitempty"`
		Proposed   *object.Resources `json:"proposed,omitempty"`
		TooShort   string            `json:"tooShort,omitempty"`
		Waste      object.Resources  `json:"waste"`
		Risks      []Risk            `json:"risks,omitempty"`
		Autoscaled bool              `json:"autoscaled,omitempty"`
		Command    string            `json:"command,omitempty"`
		Patch      string            `json:"patch,omitempty"`
	}{
		s.Namespace, s.Kind, s.Name, s.Container, s.Pods, s.Requests, s.Limits, use,
		s.Proposed, s.TooShort, s.Waste, s.Risks, s.Autoscaled, s.Command(""), s.Patch(),
	})
}
