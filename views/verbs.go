package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// verbs returns everything that can be done to objects, in the order of the
// menu.
func verbs() []verb {
	pod := resources("pods")
	node := resources("nodes")
	deployment := resources("deployments.apps")
	rolling := resources("deployments.apps", "statefulsets.apps", "daemonsets.apps")
	return append(slices.Concat(shellVerbs(), []verb{forwardVerb(), probeVerb()}, undoVerbs()), []verb{
		{
			ID: keymap.ObjectScale, Level: guard.Confirmed, Shown: true,
			Kinds: resources("deployments.apps", "statefulsets.apps", "replicasets.apps", "replicationcontrollers"),
			Need:  patching("scale"), Start: askScale,
		},
		{
			ID: keymap.ObjectRestart, Level: guard.Confirmed, Shown: true, Kinds: rolling,
			Need: patching(""), Start: directly(func(c *action.Client) preparing { return c.Restart }),
		},
		{
			ID: keymap.ObjectImage, Level: guard.Confirmed, One: true, Kinds: append(rolling, resources("replicasets.apps", "cronjobs.batch")...),
			Need: patching(""), Start: askImage,
		},
		{
			ID: keymap.ObjectPause, Kinds: append(deployment, resources("cronjobs.batch", "jobs.batch")...),
			Need: patching(""), Title: pauseTitle, Start: startPause,
		},
		{
			ID: keymap.ObjectRun, Level: guard.Confirmed, Shown: true, Kinds: resources("cronjobs.batch", "jobs.batch"),
			Need: fixed(access.Need{Verb: "create", Group: "batch", Resource: "jobs"}),
			Title: func(sel chosen) string {
				if sel.targets[0].GVR.Resource == "jobs" {
					return "run again"
				}
				return "trigger"
			},
			Start: directly(func(c *action.Client) preparing {
				return func(ctx context.Context, ref kube.Ref) (action.Change, error) {
					if ref.GVR.Resource == "jobs" {
						return c.Rerun(ctx, ref)
					}
					return c.Trigger(ctx, ref)
				}
			}),
		},
		{
			ID: keymap.PodEvict, Level: guard.Confirmed, Kinds: pod,
			Need: fixed(access.Need{Verb: "create", Resource: "pods", Subresource: "eviction"}),
			Start: directly(func(c *action.Client) preparing {
				return func(ctx context.Context, ref kube.Ref) (action.Change, error) { return c.Evict(ctx, ref, nil) }
			}),
		},
		{
			ID: keymap.NodeCordon, Shown: true, Kinds: node, Need: patching(""), Title: cordonTitle, Start: startCordon,
		},
		drainVerb(),
		{
			ID: keymap.NodeTaint, Level: guard.Confirmed, Kinds: node, Need: patching(""), Start: askTaint,
		},
		editVerb(),
		{ID: keymap.ObjectLabel, Need: patching(""), Start: askPairs("labels of ", action.Pairs.CheckLabels, (*action.Client).Label)},
		{ID: keymap.ObjectAnnotate, Need: patching(""), Start: askPairs("annotations of ", action.Pairs.CheckAnnotations, (*action.Client).Annotate)},
		{ID: keymap.ObjectFinalizer, Level: guard.Typed, One: true, Need: patching(""), Start: askFinalizer},
		{
			ID: keymap.ObjectDelete, Level: guard.Confirmed, Shown: true,
			Need:  func(gvr schema.GroupVersionResource) access.Need { return needOf("delete", gvr, "") },
			Start: startDelete,
		},
	}...)
}

// preparing prepares a change of an object.
type preparing = func(context.Context, kube.Ref) (action.Change, error)

// resources reads words such as deployments.apps.
func resources(words ...string) []schema.GroupResource {
	list := make([]schema.GroupResource, len(words))
	for i, w := range words {
		list[i] = schema.ParseGroupResource(w)
	}
	return list
}

func needOf(verb string, gvr schema.GroupVersionResource, subresource string) access.Need {
	return access.Need{Verb: verb, Group: gvr.Group, Resource: gvr.Resource, Subresource: subresource}
}

// patching is the right to patch an object or a subresource of it.
func patching(subresource string) func(schema.GroupVersionResource) access.Need {
	return func(gvr schema.GroupVersionResource) access.Need { return needOf("patch", gvr, subresource) }
}

// fixed is a right that does not depend on the object's resource.
func fixed(need access.Need) func(schema.GroupVersionResource) access.Need {
	return func(schema.GroupVersionResource) access.Need { return need }
}

// directly proposes a change that needs to know nothing else.
func directly(prepare func(*action.Client) preparing) func(*verb, *Session, chosen) tea.Msg {
	return func(v *verb, s *Session, sel chosen) tea.Msg { return s.proposeChange(v, sel, prepare) }
}

// proposeChange proposes a change that a method of the client prepares.
func (s *Session) proposeChange(v *verb, sel chosen, prepare func(*action.Client) preparing) tea.Msg {
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	return s.propose(&proposal{verb: v, prepare: prepare(client)}, sel)
}

// workload returns what the list knows of a target that runs pods, nil if that
// is nothing.
func (t target) workload() *object.Workload {
	switch row := t.row.(type) {
	case *object.Workload:
		return row
	case *workloadRow:
		return row.work
	}
	if s, _, ok := t.rollout(); ok && s != nil {
		return &object.Workload{Meta: s.Meta, Kind: s.Kind, Desired: s.Counts.Desired, Paused: s.Paused}
	}
	return nil
}

// node returns what the list knows of a target that is a node, nil if that is
// nothing.
func (t target) node() *object.Node {
	switch row := t.row.(type) {
	case *object.Node:
		return row
	case *headroom.Row:
		return row.Node
	}
	return nil
}

func askScale(v *verb, s *Session, sel chosen) tea.Msg {
	now := "" // of all of them, if they have the same
	current := int64(-1)
	for i, t := range sel.targets {
		w := t.workload()
		if w == nil || i > 0 && int64(w.Desired) != current {
			current = -1
			break
		}
		current = int64(w.Desired)
	}
	if current >= 0 {
		now = fmt.Sprintf(" (now %d)", current)
	}
	return ui.Ask(ui.Prompt{
		Label: "replicas of " + countRefs(sel.refs()) + now + ": ", Hint: "a number, or +1, -1",
		Problem: func(text string) string {
			if text == "" || text == "+" || text == "-" {
				return ""
			}
			base := max(current, 0)
			if current < 0 && strings.HasPrefix(text, "-") { // each has its own count to subtract from
				base = action.MaxReplicas
			}
			if _, err := action.ParseReplicas(text, base); err != nil {
				return err.Error()
			}
			return ""
		},
		Note: func(text string) string {
			n, err := action.ParseReplicas(text, current)
			if err != nil || current < 0 {
				return ""
			}
			return scalePreview(current, n)
		},
		Accept: func(text string) tea.Msg {
			if strings.Trim(text, "+- ") == "" {
				return ui.Toast(theme.Muted, "nothing scaled: no number was typed")
			}
			client, err := s.changer()
			if err != nil {
				return ui.Toast(theme.Error, Cause(err))
			}
			return s.propose(&proposal{verb: v, foresee: foreseeScale(sel.refs(), text), prepare: func(ctx context.Context, ref kube.Ref) (action.Change, error) {
				return client.Scale(ctx, ref, strings.TrimSpace(text))
			}}, sel)
		},
	})
}

// scalePreview says what a count of replicas means.
func scalePreview(from, to int64) string {
	switch d := to - from; {
	case d == 0:
		return "as many as now"
	case d == 1:
		return fmt.Sprintf("%d → %d: 1 more pod", from, to)
	case d > 0:
		return fmt.Sprintf("%d → %d: %d more pods", from, to, d)
	case to == 0:
		return fmt.Sprintf("%d → 0: none is left", from)
	case d == -1:
		return fmt.Sprintf("%d → %d: 1 pod goes", from, to)
	default:
		return fmt.Sprintf("%d → %d: %d pods go", from, to, -d)
	}
}

func pauseTitle(sel chosen) string {
	w := sel.targets[0].workload()
	suspend, on := sel.targets[0].GVR.Group == "batch", w != nil && w.Paused
	switch {
	case suspend && w == nil:
		return "suspend or not"
	case w == nil:
		return "pause or resume"
	case suspend && on:
		return "unsuspend"
	case suspend:
		return "suspend"
	case on:
		return "resume"
	}
	return "pause"
}

// startPause pauses what runs and resumes what is paused; of several, all do
// what the first does.
func startPause(v *verb, s *Session, sel chosen) tea.Msg {
	w := sel.targets[0].workload()
	return s.proposeChange(v, sel, func(c *action.Client) preparing {
		pause := func(ctx context.Context, ref kube.Ref) (action.Change, error) {
			if ref.GVR.Group == "batch" {
				return c.Suspend(ctx, ref)
			}
			return c.Pause(ctx, ref)
		}
		resume := func(ctx context.Context, ref kube.Ref) (action.Change, error) {
			if ref.GVR.Group == "batch" {
				return c.Unsuspend(ctx, ref)
			}
			return c.Resume(ctx, ref)
		}
		switch {
		case w == nil:
			return either(pause, resume)
		case w.Paused:
			return resume
		}
		return pause
	})
}

// either prepares the first of two opposites, or the second for an object to
// which the first is done already.
func either(first, second preparing) preparing {
	return func(ctx context.Context, ref kube.Ref) (action.Change, error) {
		change, err := first(ctx, ref)
		if errors.Is(err, action.ErrNothingToDo) {
			return second(ctx, ref)
		}
		return change, err
	}
}

func cordonTitle(sel chosen) string {
	switch n := sel.targets[0].node(); {
	case n == nil:
		return "cordon or uncordon"
	case n.Cordoned:
		return "uncordon"
	}
	return "cordon"
}

func startCordon(v *verb, s *Session, sel chosen) tea.Msg {
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	p := &proposal{verb: v}
	switch n := sel.targets[0].node(); {
	case n == nil:
		p.prepare = either(client.Cordon, client.Uncordon)
	case n.Cordoned:
		p.prepare = client.Uncordon
	default:
		p.prepare, p.foresee = client.Cordon, foreseeDrain("drained afterwards: ", sel.refs())
	}
	return s.propose(p, sel)
}

func askTaint(v *verb, s *Session, sel chosen) tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: "taints of " + countRefs(sel.refs()) + ": ", Hint: "key=value:NoSchedule to set, key- to remove",
		Problem: func(text string) string {
			if _, err := action.ParseTaints(text); err != nil && text != "" {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg {
			taints, err := action.ParseTaints(text)
			if err != nil {
				return ui.Toast(theme.Muted, "no taint changed: "+err.Error())
			}
			return s.proposeChange(v, sel, func(c *action.Client) preparing {
				return func(ctx context.Context, ref kube.Ref) (action.Change, error) { return c.Taint(ctx, ref, taints, text) }
			})
		},
	})
}

// askPairs asks for labels or annotations.
func askPairs(label string, check func(action.Pairs) error, prepare func(*action.Client, context.Context, kube.Ref, action.Pairs) (action.Change, error)) func(*verb, *Session, chosen) tea.Msg {
	read := func(text string) (action.Pairs, error) {
		p, err := action.ParsePairs(text)
		if err == nil {
			err = check(p)
		}
		return p, err
	}
	return func(v *verb, s *Session, sel chosen) tea.Msg {
		return ui.Ask(ui.Prompt{
			Label: label + countRefs(sel.refs()) + ": ", Hint: "key=value to set, key- to remove",
			Problem: func(text string) string {
				if _, err := read(text); err != nil && text != "" {
					return err.Error()
				}
				return ""
			},
			Accept: func(text string) tea.Msg {
				pairs, err := read(text)
				if err != nil {
					return ui.Toast(theme.Muted, "nothing changed: "+err.Error())
				}
				return s.proposeChange(v, sel, func(c *action.Client) preparing {
					return func(ctx context.Context, ref kube.Ref) (action.Change, error) { return prepare(c, ctx, ref, pairs) }
				})
			},
		})
	}
}

func startDelete(v *verb, s *Session, sel chosen) tea.Msg { return askDelete(v, s, sel, "") }

// askDelete proposes to delete objects, after saying what makes it ask, if it was
// not the user.
func askDelete(v *verb, s *Session, sel chosen, intro string) tea.Msg {
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	var opts action.DeleteOptions
	p := &proposal{verb: v, intro: intro}
	// Questions that are under way keep the options that they began with.
	set := func(change func(*action.DeleteOptions)) tea.Cmd {
		change(&opts)
		o := opts
		p.prepare = func(ctx context.Context, ref kube.Ref) (action.Change, error) { return client.Delete(ctx, ref, o) }
		return nil
	}
	set(func(*action.DeleteOptions) {})
	policies := []metav1.DeletionPropagation{"", metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan}
	if slices.ContainsFunc(sel.targets, func(t target) bool { return t.GVR.Resource != "pods" }) {
		p.options = append(p.options, ui.Option{
			Title: "what it owns", Values: []string{"goes after it", "goes before it", "stays"},
			Changed: func(value int) tea.Cmd {
				return set(func(o *action.DeleteOptions) { o.Propagation = policies[value] })
			},
		})
	}
	if slices.ContainsFunc(sel.targets, func(t target) bool { return t.GVR.Resource == "pods" }) {
		graces := []*int64{nil, seconds(1), seconds(30), seconds(300)}
		p.options = append(p.options,
			ui.Option{Title: "grace", Values: []string{"its own", "1s", "30s", "5m"}, Changed: func(value int) tea.Cmd {
				return set(func(o *action.DeleteOptions) { o.Grace = graces[value] })
			}},
			ui.Option{Title: "force", Values: []string{"no", "yes"}, Changed: func(value int) tea.Cmd {
				return set(func(o *action.DeleteOptions) { o.Force = value == 1 })
			}})
	}
	return s.propose(p, sel)
}

func seconds(n int64) *int64 { return &n }

func askFinalizer(v *verb, s *Session, sel chosen) tea.Msg {
	t := sel.targets[0]
	return s.choose("finalizer of "+t.String(), sel, func(_ context.Context, _ *action.Client, obj *unstructured.Unstructured) ([]ui.Item, error) {
		var items []ui.Item
		for _, name := range obj.GetFinalizers() {
			items = append(items, ui.Item{Label: sanitize.Line(name), Run: func() tea.Msg {
				return s.proposeChange(v, sel, func(c *action.Client) preparing {
					return func(ctx context.Context, ref kube.Ref) (action.Change, error) {
						return c.RemoveFinalizer(ctx, ref, name)
					}
				})
			}})
		}
		return items, nil
	})
}

// choose lets the user choose among items made of the object as it is now. One
// item alone is chosen at once.
func (s *Session) choose(title string, sel chosen, items func(context.Context, *action.Client, *unstructured.Unstructured) ([]ui.Item, error)) tea.Msg {
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	return ui.Pick(&ui.Picker{Title: title, Loads: sel.targets[0].String(), Load: []tea.Cmd{func() tea.Msg {
		ctx, cancel := s.Client.Call(context.Background())
		defer cancel()
		obj, err := client.Object(ctx, sel.targets[0].Ref)
		if err != nil {
			return ui.Loaded{Problem: Cause(err)}
		}
		found, err := items(ctx, client, obj)
		if err != nil {
			return ui.Loaded{Items: found, Problem: Cause(err)}
		}
		return ui.Loaded{Items: found}
	}}})
}

// askImage asks for the container, then for its image.
func askImage(v *verb, s *Session, sel chosen) tea.Msg {
	return s.choose("container", sel, func(_ context.Context, _ *action.Client, obj *unstructured.Unstructured) ([]ui.Item, error) {
		var items []ui.Item
		for _, c := range action.Containers(obj) {
			detail := sanitize.Line(c.Image)
			if c.Init {
				detail += " (init)"
			}
			items = append(items, ui.Item{
				Label: sanitize.Line(c.Name), Detail: detail,
				Run: func() tea.Msg { return s.askImageOf(v, sel, c) },
			})
		}
		return items, nil
	})
}

// askImageOf asks for the image of a container. Those that it had before can be
// chosen, any other typed.
func (s *Session) askImageOf(v *verb, sel chosen, c action.Container) tea.Msg {
	item := func(image, detail string) ui.Item {
		it := ui.Item{Label: sanitize.Line(image), Detail: detail, Run: func() tea.Msg {
			return s.proposeChange(v, sel, func(client *action.Client) preparing {
				return func(ctx context.Context, ref kube.Ref) (action.Change, error) {
					return client.SetImage(ctx, ref, c.Name, image)
				}
			})
		}}
		if parsed, err := action.ParseImage(image, c.Image); err != nil {
			it.Disabled = err.Error()
		} else if parsed != image {
			it.Detail = parsed
		}
		return it
	}
	msg := s.choose("image of "+sanitize.Line(c.Name), sel, func(ctx context.Context, client *action.Client, obj *unstructured.Unstructured) ([]ui.Item, error) {
		images, err := client.Images(ctx, obj, c.Name)
		var items []ui.Item
		for _, image := range images {
			detail := "in its history"
			if image == c.Image {
				detail = "now"
			}
			items = append(items, item(image, detail))
		}
		return items, err
	})
	if pick, ok := msg.(ui.PickMsg); ok {
		pick.Picker.Free = func(text string) (ui.Item, bool) {
			it := item(text, "as typed")
			return it, strings.ContainsAny(text, ":@/")
		}
	}
	return msg
}
