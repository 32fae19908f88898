package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/sanitize"
	"quarterdeck/views"
)

// rolledKind is a kind that is rolled out, and what it is called.
type rolledKind struct {
	gvr         schema.GroupVersionResource
	kind, short string
}

// rolledKinds returns those that Kubernetes itself rolls out.
func rolledKinds() []rolledKind {
	return []rolledKind{
		{object.Deployments().GVR, rollout.Deployment, "deploy"},
		{object.StatefulSets().GVR, rollout.StatefulSet, "sts"},
		{object.DaemonSets().GVR, rollout.DaemonSet, "ds"},
	}
}

// findKind returns the kind that a word names: deploy, Deployment,
// deployments.apps, deployment.v1.apps.
func findKind(word string) (rolledKind, bool) {
	return findAmong(append(rolledKinds(), rolledKind{object.ArgoRollouts().GVR, rollout.ArgoRollout, "ro"}), word)
}

func findAmong(kinds []rolledKind, word string) (rolledKind, bool) {
	word, group, qualified := strings.Cut(strings.ToLower(word), ".")
	for _, k := range kinds {
		names := word == k.gvr.Resource || word == strings.ToLower(k.kind) || word == k.short
		if names && (!qualified || group == k.gvr.Group || group == k.gvr.Version+"."+k.gvr.Group) {
			return k, true
		}
	}
	return rolledKind{}, false
}

func (k rolledKind) ref(namespace, name string) kube.Ref {
	return kube.Ref{GVR: k.gvr, Kind: k.kind, Namespace: namespace, Name: name}
}

// parse reads KIND/NAME…, KIND NAME… or NAME…; for the last it asks the server
// what is called that.
func (w *workloads) parse(ctx context.Context, args []string) ([]kube.Ref, error) {
	if w.Namespace == "" && len(args) > 0 {
		return nil, fmt.Errorf("%s is in one namespace: name it with -n instead of -A", sanitize.Line(args[0]))
	}
	kind := ""
	if _, ok := findKind(args[0]); ok {
		if kind, args = args[0], args[1:]; len(args) == 0 {
			return nil, fmt.Errorf("which one? Type %s/NAME", kind)
		}
	}
	var refs []kube.Ref
	for _, arg := range args {
		of, name, slash := strings.Cut(arg, "/")
		if !slash {
			of, name = kind, arg
		}
		if slash && kind != "" || slash && of == "" || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%q is no workload: type KIND/NAME, such as deploy/web", sanitize.Line(arg))
		}
		ref, err := w.named(ctx, of, name)
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(refs, ref):
			return nil, fmt.Errorf("%s is named twice", sanitize.Line(ref.String()))
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// named returns the workload of a kind and a name.
func (w *workloads) named(ctx context.Context, kind, name string) (kube.Ref, error) {
	if kind == "" {
		return w.called(ctx, name)
	}
	if k, ok := findKind(kind); ok {
		return k.ref(w.Namespace, name), nil
	}
	o, err := w.Find(kind)
	if err != nil {
		return kube.Ref{}, err
	}
	return kube.Ref{}, fmt.Errorf("%s: %w", o.Names().Plural, rollout.ErrNotRolled)
}

// called returns the one workload of a name, whatever its kind.
func (w *workloads) called(ctx context.Context, name string) (kube.Ref, error) {
	ctx, cancel := w.Client.Call(ctx)
	defer cancel()
	var found []kube.Ref
	var words []string
	for _, k := range rolledKinds() {
		ref := k.ref(w.Namespace, name)
		_, err := w.changer.Objects().Resource(ref.GVR).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return kube.Ref{}, fmt.Errorf("what kind %s is could not be found out: %s", sanitize.Line(name), w.Explain(err, "get "+ref.GVR.Resource, ref.Namespace))
		default:
			found = append(found, ref)
			words = append(words, sanitize.Line(ref.String()))
		}
	}
	switch len(found) {
	case 0:
		return kube.Ref{}, fmt.Errorf("no deployment, statefulset or daemonset in %s is called %q: qd rollout list shows those there are",
			sanitize.Line(w.Namespace), sanitize.Line(name))
	case 1:
		return found[0], nil
	}
	return kube.Ref{}, fmt.Errorf("%d workloads in %s are called %s: say which, %s", len(found), sanitize.Line(w.Namespace), sanitize.Line(name), either(words))
}

// completeWorkload completes KIND/NAME, and NAME after KIND.
func (c *command) completeWorkload(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if cmd.Args(cmd, append(slices.Clone(args), "x")) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	prefix := func(k rolledKind) string { return k.short + "/" }
	kinds := rolledKinds()
	if kind, _, ok := strings.Cut(typed, "/"); ok { // as it was typed
		prefix = func(rolledKind) string { return kind + "/" }
		kinds = slices.DeleteFunc(kinds, func(k rolledKind) bool { found, _ := findKind(kind); return found != k })
	} else if len(args) > 0 {
		if k, ok := findKind(args[0]); ok {
			kinds, prefix = []rolledKind{k}, func(rolledKind) string { return "" }
		}
	}
	return c.complete(cmd.Context(), func(ctx context.Context, s *views.Session) []string {
		words := workloadWords(ctx, s, kinds, prefix)
		return slices.DeleteFunc(words, func(word string) bool { return slices.Contains(args, word) })
	})
}
