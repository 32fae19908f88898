package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"quarterdeck/kube"
)

// Taints are taints to set, and taints to remove.
type Taints struct {
	Set    []corev1.Taint
	Remove []corev1.Taint // an empty effect means every one
}

// ParseTaints reads taints as kubectl takes them: key=value:Effect or
// key:Effect to set, key:Effect- or key- to remove, separated by spaces.
func ParseTaints(text string) (Taints, error) {
	var t Taints
	for _, w := range strings.Fields(text) {
		spec, remove := strings.CutSuffix(w, "-")
		pair, effect, hasEffect := strings.Cut(spec, ":")
		key, value, _ := strings.Cut(pair, "=")
		taint := corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}
		for _, e := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute} {
			if strings.EqualFold(string(e), effect) {
				taint.Effect = e
			}
		}
		switch {
		case hasEffect && !slices.Contains([]corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}, taint.Effect):
			return Taints{}, fmt.Errorf("%q: the effect is NoSchedule, PreferNoSchedule or NoExecute", w)
		case !hasEffect && !remove:
			return Taints{}, fmt.Errorf("%q: type key=value:NoSchedule to set, key- to remove", w)
		}
		if errs := metavalidation.ValidateLabelName(key, field.NewPath("taint")); len(errs) > 0 {
			return Taints{}, errs.ToAggregate()
		}
		if errs := metavalidation.ValidateLabels(map[string]string{key: value}, field.NewPath("taint")); len(errs) > 0 {
			return Taints{}, errs.ToAggregate()
		}
		if remove {
			t.Remove = append(t.Remove, taint)
		} else {
			t.Set = append(t.Set, taint)
		}
	}
	if len(t.Set)+len(t.Remove) == 0 {
		return Taints{}, errors.New("type key=value:NoSchedule to set, key- to remove")
	}
	return t, nil
}

// Taint prepares taints of a node to be set and removed.
func (c *Client) Taint(ctx context.Context, ref kube.Ref, t Taints, text string) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	before, _ := at(obj.Object, []string{"spec", "taints"})
	list, _ := before.([]any)
	match := func(entry any, want corev1.Taint) bool {
		m, _ := entry.(map[string]any)
		return m["key"] == want.Key && (want.Effect == "" || m["effect"] == string(want.Effect))
	}
	after := slices.Clone(list)
	for _, r := range t.Remove {
		n := len(after)
		after = slices.DeleteFunc(after, func(e any) bool { return match(e, r) })
		if len(after) == n {
			return Change{}, fmt.Errorf("%s has no taint %s", where(ref), r.ToString())
		}
	}
	for _, s := range t.Set {
		entry := map[string]any{"key": s.Key, "effect": string(s.Effect)}
		if s.Value != "" {
			entry["value"] = s.Value
		}
		if i := slices.IndexFunc(after, func(e any) bool { return match(e, s) }); i >= 0 {
			after[i] = entry
		} else {
			after = append(after, entry)
		}
	}
	var value any
	if len(after) > 0 {
		value = after
	}
	change, err := c.edits("taint", ref, obj, "", set(obj, value, "spec", "taints"))
	if err != nil {
		return Change{}, err
	}
	if same(before, value) {
		return Change{}, fmt.Errorf("%s: %w: its taints are so already", where(ref), ErrNothingToDo)
	}
	change.Summary = "taints " + text
	for _, s := range t.Set {
		if s.Effect == corev1.TaintEffectNoExecute {
			change.Warnings = append(change.Warnings, "NoExecute evicts every pod there that does not tolerate it, past disruption budgets")
			break
		}
	}
	change.Kubectl = c.kubectl(ref, append([]string{"taint", "--overwrite", "nodes", ref.Name}, strings.Fields(text)...)...)
	return change, nil
}

// Cordon prepares that no new pods are placed on a node.
func (c *Client) Cordon(ctx context.Context, ref kube.Ref) (Change, error) {
	return c.schedulable(ctx, ref, false)
}

// Uncordon prepares that pods are placed on a node again.
func (c *Client) Uncordon(ctx context.Context, ref kube.Ref) (Change, error) {
	return c.schedulable(ctx, ref, true)
}

func (c *Client) schedulable(ctx context.Context, ref kube.Ref, on bool) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	now, _ := at(obj.Object, []string{"spec", "unschedulable"})
	if (now == true) != on {
		state := "cordoned already"
		if on {
			state = "not cordoned"
		}
		return Change{}, fmt.Errorf("%s: %w: it is %s", where(ref), ErrNothingToDo, state)
	}
	verb, edit := "cordon", Edit{Path: []string{"spec", "unschedulable"}, Before: now, After: true}
	if on {
		verb, edit.After = "uncordon", nil
	}
	change, err := c.edits(verb, ref, obj, "", edit)
	if err != nil {
		return Change{}, err
	}
	change.Summary = map[bool]string{false: "no new pods are placed here", true: "pods are placed here again"}[on]
	change.Kubectl = c.kubectl(ref, verb, ref.Name)
	return change, nil
}
