package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

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
	words := strings.Fields(text)
	if len(words) == 0 {
		return Taints{}, errors.New("nothing typed: key=value:NoSchedule sets, key- removes")
	}
	seen := map[string]bool{} // key and effect
	for _, w := range words {
		taint, remove, err := parseTaint(w)
		if err != nil {
			return Taints{}, err
		}
		id := taint.Key + ":" + string(taint.Effect)
		if seen[id] {
			return Taints{}, fmt.Errorf("%s stands here twice: say once what becomes of it", strings.TrimSuffix(id, ":"))
		}
		seen[id] = true
		if remove {
			t.Remove = append(t.Remove, taint)
		} else {
			t.Set = append(t.Set, taint)
		}
	}
	return t, nil
}

func effects() []corev1.TaintEffect {
	return []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
}

func parseTaint(word string) (taint corev1.Taint, remove bool, err error) {
	spec, remove := strings.CutSuffix(word, "-")
	pair, effect, hasEffect := strings.Cut(spec, ":")
	taint.Key, taint.Value, _ = strings.Cut(pair, "=")
	i := slices.IndexFunc(effects(), func(e corev1.TaintEffect) bool { return strings.EqualFold(string(e), effect) })
	switch {
	case i >= 0:
		taint.Effect = effects()[i]
	case hasEffect:
		return taint, remove, fmt.Errorf("%q: the effect is NoSchedule, PreferNoSchedule or NoExecute", word)
	case !remove:
		return taint, remove, fmt.Errorf("%q says no effect: key=value:NoSchedule sets, key- removes", word)
	}
	if errs := validation.IsQualifiedName(taint.Key); len(errs) > 0 {
		return taint, remove, fmt.Errorf("%q is no key of a taint: %s", taint.Key, errs[0])
	}
	if errs := validation.IsValidLabelValue(taint.Value); len(errs) > 0 {
		return taint, remove, fmt.Errorf("%q is no value of a taint: %s", taint.Value, errs[0])
	}
	return taint, remove, nil
}

// Taint prepares taints of a node to be set and removed.
func (c *Client) Taint(ctx context.Context, ref kube.Ref, t Taints, text string) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	before, _ := At(obj.Object, []string{"spec", "taints"})
	list, _ := before.([]any)
	after := slices.Clone(list)
	for _, r := range t.Remove {
		n := len(after)
		after = slices.DeleteFunc(after, func(e any) bool { return matches(e, r) })
		if len(after) == n {
			return Change{}, fmt.Errorf("%s has no taint %s to remove", ref.Where(), r.ToString())
		}
	}
	for _, s := range t.Set {
		entry := map[string]any{"key": s.Key, "effect": string(s.Effect)}
		if s.Value != "" {
			entry["value"] = s.Value
		}
		i := slices.IndexFunc(after, func(e any) bool { return matches(e, s) })
		switch {
		case i < 0:
			after = append(after, entry)
		case !tainted(after[i], s): // else it keeps the time since when it is there
			after[i] = entry
		}
	}
	var value any
	if len(after) > 0 {
		value = after
	}
	if same(before, value) {
		return Change{}, fmt.Errorf("%s: %w: its taints are so already", ref.Where(), ErrNothingToDo)
	}
	change, err := c.edits("taint", ref, obj, "", set(obj, value, "spec", "taints"))
	if err != nil {
		return Change{}, err
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

// matches reports whether an entry of a node's taints has key and effect of want.
func matches(entry any, want corev1.Taint) bool {
	m, _ := entry.(map[string]any)
	return m["key"] == want.Key && (want.Effect == "" || m["effect"] == string(want.Effect))
}

// tainted is matches with the value.
func tainted(entry any, want corev1.Taint) bool {
	value, _ := At(entry, []string{"value"})
	return matches(entry, want) && line(value) == want.Value
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
	now, _ := At(obj.Object, []string{"spec", "unschedulable"})
	if (now == true) != on {
		state := "cordoned already"
		if on {
			state = "not cordoned"
		}
		return Change{}, fmt.Errorf("%s: %w: it is %s", ref.Where(), ErrNothingToDo, state)
	}
	edit := Edit{Path: []string{"spec", "unschedulable"}, Before: now, After: true}
	verb, effect := "cordon", "no new pods are placed here"
	if on {
		edit.After = nil
		verb, effect = "uncordon", "pods are placed here again"
	}
	change, err := c.edits(verb, ref, obj, "", edit)
	if err != nil {
		return Change{}, err
	}
	change.Summary = effect
	change.Kubectl = c.kubectl(ref, verb, ref.Name)
	return change, nil
}
