package logs

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"

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
	ctx, cancel := c.Call(ctx)
	defer cancel()
	w, err := c.Workload(ctx, ref)
	switch {
	case apierrors.IsNotFound(err):
		return Selection{}, fmt.Errorf("%s is not in %s (any more): choose what is there (%w)", ref, ref.Namespace, err)
	case err != nil:
		return Selection{}, fmt.Errorf("read %s in %s to find its pods: %w", ref, ref.Namespace, err)
	case w.Pods == nil:
		return Selection{}, fmt.Errorf("%s in %s selects no pods: choose a pod, a service or a workload", ref, ref.Namespace)
	}
	return Selection{Namespace: ref.Namespace, Labels: w.Pods.String()}, nil
}
