package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Selection is some pods, and which of their containers.
type Selection struct {
	Namespace string                 // "" for all
	Labels    string                 // label selector
	Fields    string                 // field selector
	Pod       string                 // the one of that name, if not ""
	Match     func(*object.Pod) bool // further condition, nil for none
	Container string                 // "" for all
}

func (s Selection) scope() store.Scope {
	terms := s.Fields
	if s.Pod != "" {
		terms = strings.Trim(fields.OneTermEqualSelector("metadata.name", s.Pod).String()+","+terms, ",")
	}
	return store.Scope{Namespace: s.Namespace, Labels: s.Labels, Fields: terms}
}

func (s Selection) wants(p *object.Pod) bool { return s.Match == nil || s.Match(p) }

// Select returns the pods of an object: a pod itself, those of a node or a
// namespace, those that a service or a workload selects.
func Select(ctx context.Context, c *kube.Client, ref kube.Ref) (Selection, error) {
	switch gr := ref.GVR.GroupResource().String(); gr {
	case "pods":
		return Selection{Namespace: ref.Namespace, Pod: ref.Name}, nil
	case "namespaces":
		return Selection{Namespace: ref.Name}, nil
	case "nodes":
		return Selection{Fields: fields.OneTermEqualSelector("spec.nodeName", ref.Name).String()}, nil
	case "cronjobs.batch":
		// Its Jobs are named after it and the minute they were due in.
		job := regexp.MustCompile("^" + regexp.QuoteMeta(ref.Name) + "-[0-9]+$")
		return Selection{Namespace: ref.Namespace, Labels: "batch.kubernetes.io/job-name", Match: func(p *object.Pod) bool {
			return p.Owner != nil && p.Owner.Kind == "Job" && job.MatchString(p.Owner.Name)
		}}, nil
	}
	selector, err := selectorOf(ctx, c, ref)
	if err != nil {
		return Selection{}, err
	}
	return Selection{Namespace: ref.Namespace, Labels: selector}, nil
}

// selectorOf reads which pods a service or a workload of any kind selects.
func selectorOf(ctx context.Context, c *kube.Client, ref kube.Ref) (string, error) {
	ctx, cancel := c.Call(ctx)
	defer cancel()
	r, err := c.REST(ref.GVR.GroupVersion())
	if err != nil {
		return "", err
	}
	body, err := r.Get().Namespace(ref.Namespace).Resource(ref.GVR.Resource).Name(ref.Name).SetHeader("Accept", "application/json").Do(ctx).Raw()
	switch {
	case apierrors.IsNotFound(err):
		return "", fmt.Errorf("%s is gone from %s: choose what is there (%w)", ref, ref.Namespace, err)
	case err != nil:
		return "", fmt.Errorf("read %s in %s to find its pods: %w", ref, ref.Namespace, err)
	}
	var o struct {
		Spec struct {
			Selector json.RawMessage `json:"selector"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return "", fmt.Errorf("read %s in %s to find its pods: %w", ref, ref.Namespace, err)
	}
	selector, ok := parseSelector(o.Spec.Selector)
	if !ok {
		return "", fmt.Errorf("%s in %s selects no pods: choose a pod, a service or a workload", ref, ref.Namespace)
	}
	return selector, nil
}

// parseSelector reads spec.selector, of which there are two kinds: a label
// selector, and the plain labels of services and ReplicationControllers.
func parseSelector(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 {
		return "", false
	}
	var plain map[string]string
	if json.Unmarshal(raw, &plain) == nil {
		return labels.Set(plain).String(), len(plain) > 0
	}
	var selector metav1.LabelSelector
	if json.Unmarshal(raw, &selector) != nil {
		return "", false
	}
	s, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return "", false
	}
	return s.String(), !s.Empty()
}
