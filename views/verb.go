package views

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
)

// verb declares something that can be done to objects. It is the one place that
// says so: the key, the menu, the palette, the help, what is dimmed and why, the
// dialog and the journal all come from it.
type verb struct {
	ID keymap.ActionID
	// Kinds are the resources that it is for; nil means every one.
	Kinds []schema.GroupResource
	// Need is the right that it takes, for an object of a resource.
	Need func(gvr schema.GroupVersionResource) access.Need
	// Also are rights that it takes besides, whatever it is done to.
	Also []access.Need
	// In is the namespace in which it is done, where that is not the object's.
	In func(*Session) string
	// Level is how sure the user has to be.
	Level guard.Level
	// Shown puts it into the footer.
	Shown bool
	// Containers says that it is for a container of a pod too. What is not would
	// be done to the whole pod, which is not what is shown.
	Containers bool
	// Rollouts says that it is for where rollouts are shown, not for every list
	// with workloads.
	Rollouts bool
	// One says that it is done to one object at a time.
	One bool
	// Title names it for these objects, where the binding's title does not.
	Title func(chosen) string
	// Start asks for what else it needs to know, then proposes it.
	Start func(*verb, *Session, chosen) tea.Msg
}

// target is an object that something is done to, as it was shown.
type target struct {
	kube.Ref
	row       any    // what the list knows of it, nil outside of lists
	container string // of a pod, "" for the pod itself
}

// chosen is what the verbs of a view would be done to: the marked objects, or the
// one under the cursor.
type chosen struct {
	targets []target
	hidden  int // how many of them the filter hides
}

func (s chosen) refs() []kube.Ref {
	refs := make([]kube.Ref, len(s.targets))
	for i, t := range s.targets {
		refs[i] = t.Ref
	}
	return refs
}

// group are targets that verbs treat alike: of one resource, in one namespace.
// Of many marked objects there are few groups, and every frame asks what can be
// done to them.
type group struct {
	target     // one of them
	count  int // how many they are
}

func (s chosen) groups() []group {
	type alike struct {
		gvr             schema.GroupVersionResource
		namespace, name string
		container       bool
	}
	var groups []group
	known := map[alike]int{}
	for i := range s.targets {
		t := &s.targets[i]
		k := alike{gvr: t.GVR, namespace: t.Namespace, container: t.container != ""}
		if t.GVR.Resource == "namespaces" {
			k.name = t.Name // rules for a namespace are for itself, too
		}
		at, ok := known[k]
		if !ok {
			at = len(groups)
			known[k] = at
			groups = append(groups, group{target: *t})
		}
		groups[at].count++
	}
	return groups
}

// is reports whether the verb is for a target.
func (v *verb) is(t target) bool {
	if _, _, shown := t.rollout(); v.Rollouts && !shown {
		return false
	}
	return (v.Kinds == nil || slices.Contains(v.Kinds, t.GVR.GroupResource())) && (v.Containers || t.container == "")
}

// actions are the verbs for a selection, with the reasons against them.
func (s *Session) actions(sel chosen) []ui.Action {
	if len(sel.targets) == 0 {
		return nil
	}
	var actions []ui.Action
	all, groups := verbs(), sel.groups()
	for i := range all {
		v := &all[i]
		if !slices.ContainsFunc(groups, func(g group) bool { return v.is(g.target) }) {
			continue
		}
		a := ui.Action{
			ID: v.ID, Quiet: !v.Shown, Disabled: s.againstAll(v, groups),
			Run: func() tea.Msg { return v.Start(v, s, sel) },
		}
		if v.Title != nil {
			a.Title = v.Title(sel)
		}
		actions = append(actions, a)
	}
	return actions
}

// against says why a verb cannot be done to a selection, "" if it can as far as
// is known.
func (s *Session) against(v *verb, sel chosen) string { return s.againstAll(v, sel.groups()) }

func (s *Session) againstAll(v *verb, groups []group) string {
	if why, on := s.Client.Guard.ReadOnly(); on {
		return "read-only: " + why
	}
	others, all := 0, 0
	for _, g := range groups {
		all += g.count
		if !v.is(g.target) {
			others += g.count
		}
	}
	if others > 0 {
		return fmt.Sprintf("%d of the %d marked are of a kind that this is not for", others, all)
	}
	if v.One && all > 1 {
		return fmt.Sprintf("one at a time: %d are marked", all)
	}
	if v.Need == nil {
		return ""
	}
	for _, need := range s.needs(v, groups) {
		verdict := s.Client.Guard.Judge(guard.Call(need))
		switch {
		case verdict.Denied:
			return "denied by a rule" + reason(verdict.Reason)
		case verdict.Max > 0 && all > verdict.Max:
			return fmt.Sprintf("a rule allows %d at once, not %d%s", verdict.Max, all, reason(verdict.MaxReason))
		case s.may(need) == access.No:
			return "you may not " + need.String()
		}
	}
	return ""
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// needs are the rights that a verb takes for all targets, each once.
func (s *Session) needs(v *verb, groups []group) []access.Need {
	var needs []access.Need
	for _, g := range groups {
		n := v.Need(g.GVR)
		switch {
		case v.In != nil:
			n.Namespace = v.In(s)
		case n.Resource == "namespaces":
			n.Name = g.Name
		default:
			n.Namespace = g.Namespace
		}
		if !slices.Contains(needs, n) {
			needs = append(needs, n)
		}
	}
	return append(needs, v.Also...)
}

// level is how sure the user has to be to do the verb to the targets: as sure as
// the verb, the context and the rules want.
func (s *Session) level(v *verb, targets []target) (level guard.Level, why string) {
	level = v.Level
	if v.ID == keymap.ObjectDelete && slices.ContainsFunc(targets, func(t target) bool { return precious(t.GVR) }) {
		level, why = guard.Typed, "what depends on it goes too"
	}
	var needs []access.Need
	if v.Need != nil {
		needs = s.needs(v, chosen{targets: targets}.groups())
	}
	return s.raise(level, why, needs)
}

// raise returns a level, and why it is that, or more if the context or the rules
// for some rights want more.
func (s *Session) raise(level guard.Level, why string, needs []access.Need) (guard.Level, string) {
	if s.Settings.Context(s.Client.Context).Protected && level < guard.Typed {
		level, why = level+1, "context "+s.Client.Context+" is protected"
	}
	for _, need := range needs {
		if verdict := s.Client.Guard.Judge(guard.Call(need)); verdict.Level > level {
			level, why = verdict.Level, "a rule wants it"+reason(verdict.Reason)
		}
	}
	return level, why
}

// precious reports whether much is lost with an object of a resource.
func precious(gvr schema.GroupVersionResource) bool {
	return slices.Contains([]schema.GroupResource{
		{Resource: "namespaces"},
		{Resource: "nodes"},
		{Resource: "persistentvolumes"},
		{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"},
	}, gvr.GroupResource())
}
