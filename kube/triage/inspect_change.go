package triage

import (
	"context"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
)

// changes asks what was changed of the root and of what else is a part of the
// incident, and which of the conditions of these are not as they should be.
func (n *inspector) changes(ctx context.Context) {
	var all sync.WaitGroup
	for _, ref := range n.subjects() {
		all.Go(func() {
			defer utilruntime.HandleCrash()
			n.changesOf(ctx, ref)
		})
	}
	all.Wait()
}

func (n *inspector) changesOf(ctx context.Context, ref kube.Ref) {
	if secretive(ref) {
		n.changesOfData(ctx, ref)
		return
	}
	var told []Alteration
	var obj *unstructured.Unstructured
	var template rollout.Template
	if hasRevisions(ref) {
		var h *rollout.History
		err := n.ask(ctx, func(ctx context.Context) (err error) {
			h, err = rollout.ReadHistory(ctx, n.objects, ref)
			return err
		})
		if err == nil {
			obj, template = h.Object, h.Current
			told = releases(h, n.out.ChangesFrom.Unix())
			n.changed(told...)
		} else {
			n.miss("list", "revisions of "+ref.String(), ref.Namespace, "", err)
		}
	}
	if obj == nil {
		err := n.ask(ctx, func(ctx context.Context) (err error) {
			obj, err = n.objects.Objects().Resource(ref.GVR).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
			return err
		})
		if err != nil {
			n.miss("get", ref.GVR.Resource, ref.Namespace, ref.Name, err)
			return
		}
		template = templateOf(obj)
	}
	n.add(troubles(ref, obj)...)
	n.changed(writes(ref, obj, n.out.ChangesFrom.Unix(), told)...)
	n.changed(turned(ref, obj, n.out.ChangesFrom.Unix())...)
	n.referents(ctx, ref, template)
}

func hasRevisions(ref kube.Ref) bool {
	return ref.GVR.Group == "apps" && slices.Contains([]string{"deployments", "statefulsets", "daemonsets"}, ref.GVR.Resource)
}

// templateOf returns the template of the pods of an object of any kind that has
// one; a pod is its own.
func templateOf(obj *unstructured.Unstructured) rollout.Template {
	spec := map[string]any{"template": map[string]any{"spec": obj.Object["spec"]}}
	switch obj.GetKind() {
	case "Pod":
	case "CronJob":
		job, _ := action.At(obj.Object, []string{"spec", "jobTemplate", "spec"})
		spec, _ = job.(map[string]any)
	default:
		t, _ := rollout.TemplateOf(obj)
		return t
	}
	t, _ := rollout.TemplateOf(&unstructured.Unstructured{Object: map[string]any{"spec": spec}})
	return t
}

// changesOfData asks when the contents of a ConfigMap or Secret were written. The
// contents themselves are never read.
func (n *inspector) changesOfData(ctx context.Context, ref kube.Ref) {
	found := rollout.ReadReferents(ctx, n.objects, []rollout.Reference{{Ref: ref}}, n.out.ChangesFrom)
	n.noteReferents(found, ref)
}

// referents asks for the ConfigMaps and Secrets that pods of a template need.
func (n *inspector) referents(ctx context.Context, of kube.Ref, t rollout.Template) {
	refs := t.References(of.Namespace)
	if len(refs) == 0 {
		return
	}
	n.need(refs)
	var found []rollout.Referent
	_ = n.ask(ctx, func(ctx context.Context) error { // each of them tells its own error
		found = rollout.ReadReferents(ctx, n.objects, refs, n.out.ChangesFrom)
		return nil
	})
	n.noteReferents(found, of)
}

func (n *inspector) noteReferents(found []rollout.Referent, of kube.Ref) {
	for _, r := range found {
		name := sanitize.Line(r.Ref.String())
		switch r.State {
		case rollout.Missing:
			if !r.Optional {
				n.add(Evidence{Text: name + " is not there; " + of.String() + " needs it", Source: FromField, Where: of.String() + " spec", On: of})
			}
		case rollout.Unreadable:
			n.miss("get", r.Ref.GVR.Resource, r.Ref.Namespace, name, r.Err)
		case rollout.Changed:
			text := "contents written"
			if r.Made {
				text = "was made"
			}
			n.changed(Alteration{At: r.Since.Unix(), By: r.By, Text: text, Source: FromManaged, On: r.Ref})
		case rollout.Untold, rollout.Same:
		}
	}
}

// troubles returns the conditions of an object that are not as they should be.
func troubles(ref kube.Ref, obj *unstructured.Unstructured) []Evidence {
	var found []Evidence
	for _, c := range conditionsOf(obj) {
		if c.Bad {
			found = append(found, c.evidence(ref))
		}
	}
	return found
}

// turned returns the conditions of a node that turned since a time. Those of
// other kinds follow what happens to their pods; a node's are what happens to
// it.
func turned(ref kube.Ref, obj *unstructured.Unstructured, since int64) []Alteration {
	if ref.GVR.Resource != string(Nodes) {
		return nil
	}
	var found []Alteration
	for _, c := range conditionsOf(obj) {
		if c.Changed >= since && c.Changed > obj.GetCreationTimestamp().Unix()+int64(time.Minute/time.Second) {
			by := "kubelet"
			if c.Status == string(corev1.ConditionUnknown) {
				by = "kube-controller-manager" // which does so in place of a kubelet that is silent
			}
			found = append(found, Alteration{At: c.Changed, By: by, Text: c.String(), Source: FromCondition, On: ref})
		}
	}
	return found
}
