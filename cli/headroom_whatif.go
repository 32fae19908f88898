package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/component-helpers/resource"

	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/headroom/whatif"
	"quarterdeck/kube/sanitize"
)

// headroomWhatIf groups the questions.
func (c *command) headroomWhatIf() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "whatif COMMAND",
		Short: "Print how many pods would fit, and where, if something happened",
		Long: `Prints what would become of pods if something happened, and changes nothing. Whether
a pod fits a node is decided by the filters of Kubernetes' own scheduler, over what can
be read of the cluster; what it would take into account and we cannot is listed.

The exit code is 0 if all pods fit, 2 if not all do, and 1 if it cannot be told.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("%s has no command %q: type %s", cmd.CommandPath(), args[0], subcommands(cmd))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.whatIfScale(), c.whatIfPlace(), c.whatIfDrain(), c.whatIfLose(), c.whatIfAdd())
	return cmd
}

// whatIf adds the format to a question, and has it asked. ask makes the question
// of the words and flags; what it returns is called with the cluster.
func (c *command) whatIf(cmd *cobra.Command, ask func(args []string) (question, error)) *cobra.Command {
	var output string
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := ask(args)
		if err != nil {
			return err
		}
		return c.withRoom(cmd.Context(), func(ctx context.Context, r *room) error { return r.whatIf(ctx, q, output) })
	}
	format(cmd, &output, "table", "json", "yaml")
	return cmd
}

// question makes what is asked of a cluster, and says it in words.
type question func(context.Context, *room) (words string, ask fit.Ask, err error)

func (c *command) whatIfScale() *cobra.Command {
	var replicas string
	cmd := &cobra.Command{
		Use:     "scale KIND/NAME --replicas N|+N",
		Short:   "Give a workload more replicas",
		Example: `  qd headroom whatif scale deploy/checkout --replicas +10 -n payments`,
		Args:    words(1, 1, "a KIND/NAME, such as deploy/web"), ValidArgsFunction: c.completeScaled,
	}
	cmd.Flags().StringVar(&replicas, "replicas", "", "how many in all, or +N how many more")
	return c.whatIf(cmd, func(args []string) (question, error) {
		n, more := strings.CutPrefix(replicas, "+")
		count, err := strconv.Atoi(n)
		switch {
		case replicas == "":
			return nil, errors.New("how many replicas? Say --replicas 20, or --replicas +5 for so many more")
		case err != nil || count < 0 || count == 0 && more:
			return nil, fmt.Errorf("--replicas %q is not how many: use 20, or +5 for so many more", replicas)
		}
		return func(ctx context.Context, r *room) (string, fit.Ask, error) {
			want, err := r.like(ctx, args[0], count, more)
			how := "to"
			if more {
				how = "by"
			}
			return fmt.Sprintf("scale %s in namespace %s %s %s", args[0], r.Namespace, how, plural(count, "replica")), fit.Ask{Pods: []fit.Want{want}}, err
		}, nil
	})
}

// placeFlags say which pods to place.
type placeFlags struct {
	cpu, memory  string
	requests     map[string]string
	like, file   string
	nodeSelector map[string]string
	tolerations  []string
	count        int
}

func (c *command) whatIfPlace() *cobra.Command {
	var f placeFlags
	cmd := &cobra.Command{
		Use:   "place",
		Short: "Run new pods of a size",
		Long: `Asks for new pods: of a size, as a workload or a manifest describes them, or as those
but of another size. The size of a pod is that of all its containers together.`,
		Example: `  qd headroom whatif place --cpu 4 --memory 8Gi --count 10
  qd headroom whatif place --cpu 500m --node-selector disk=ssd --toleration dedicated=batch:NoSchedule
  qd headroom whatif place --like deploy/checkout --memory 4Gi --count 3 -n payments
  qd headroom whatif place -f pod.yaml --request nvidia.com/gpu=2`,
		Args: words(0, 0, ""),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.cpu, "cpu", "", "cores that each pod asks for, as in 4 or 500m")
	flags.StringVar(&f.memory, "memory", "", "memory that each pod asks for, as in 8Gi")
	flags.StringToStringVar(&f.requests, "request", nil, "another resource that each pod asks for, as `NAME=AMOUNT`")
	flags.StringVar(&f.like, "like", "", "a workload whose pods these are like, as `KIND/NAME`")
	flags.StringVarP(&f.file, "filename", "f", "", "a manifest of a pod or workload, - for the standard input")
	flags.StringToStringVar(&f.nodeSelector, "node-selector", nil, "labels that their nodes must have, as `KEY=VALUE`")
	flags.StringArrayVar(&f.tolerations, "toleration", nil, "a taint that they tolerate, as `KEY[=VALUE][:EFFECT]`")
	flags.IntVar(&f.count, "count", 1, "how many pods")
	_ = cmd.RegisterFlagCompletionFunc("like", c.completeScaled)
	return c.whatIf(cmd, func([]string) (question, error) { return c.place(f) })
}

func (c *command) place(f placeFlags) (question, error) {
	amounts := maps.Clone(f.requests)
	if amounts == nil {
		amounts = map[string]string{}
	}
	for name, amount := range map[string]string{"cpu": f.cpu, "memory": f.memory} {
		if amount != "" {
			amounts[name] = amount
		}
	}
	switch {
	case f.count < 1:
		return nil, fmt.Errorf("--count %d is not how many pods: use 1 or more", f.count)
	case f.like != "" && f.file != "":
		return nil, errors.New("--like and -f are two kinds of pods: choose one")
	case len(amounts) == 0 && f.like == "" && f.file == "":
		return nil, errors.New("which pods? Say --cpu 500m --memory 1Gi, --like KIND/NAME, or -f FILE")
	}
	var size corev1.ResourceList
	if len(amounts) > 0 {
		p, err := fit.OfSize("", amounts)
		if err != nil {
			return nil, err
		}
		size = p.Spec.Containers[0].Resources.Requests
	}
	tolerations, err := parseTolerations(f.tolerations)
	if err != nil {
		return nil, err
	}
	var manifest []byte
	if f.file != "" {
		if manifest, err = c.manifest(f.file); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, r *room) (string, fit.Ask, error) {
		want := fit.Want{Count: f.count}
		var err error
		switch {
		case f.like != "":
			want, err = r.like(ctx, f.like, f.count, true)
		case f.file != "":
			want.Pod, err = fit.FromManifest(manifest, r.home())
		default:
			want.Pod, err = fit.OfSize(r.home(), amounts)
		}
		if err != nil {
			return "", fit.Ask{}, err
		}
		if len(want.Pod.Spec.Containers) == 0 {
			return "", fit.Ask{}, errors.New("the pod has no containers: a manifest needs spec.containers")
		}
		resize(&want.Pod.Spec, size)
		if len(f.nodeSelector) > 0 && want.Pod.Spec.NodeSelector == nil {
			want.Pod.Spec.NodeSelector = map[string]string{}
		}
		maps.Copy(want.Pod.Spec.NodeSelector, f.nodeSelector)
		want.Pod.Spec.Tolerations = append(want.Pod.Spec.Tolerations, tolerations...)
		return f.words(want.Pod.Namespace, amounts), fit.Ask{Pods: []fit.Want{want}}, nil
	}, nil
}

// home is the namespace of pods that name none.
func (r *room) home() string {
	return cmp.Or(r.Namespace, r.Client.Namespace, corev1.NamespaceDefault)
}

func (f *placeFlags) words(namespace string, amounts map[string]string) string {
	words := []string{"place", plural(f.count, "pod"), "in namespace " + namespace}
	switch {
	case f.like != "":
		words = append(words, "like", f.like)
	case f.file != "":
		words = append(words, "of", f.file)
	}
	for i, name := range slices.Sorted(maps.Keys(amounts)) {
		join := "and"
		if i == 0 {
			join = "of"
		}
		words = append(words, join, name, amounts[name])
	}
	return strings.Join(words, " ")
}

// manifest reads a file, or the standard input.
func (c *command) manifest(name string) ([]byte, error) {
	if name == "-" {
		text, err := io.ReadAll(c.streams.In)
		if err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
		return text, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	return text, nil
}

// resize gives a pod another size: the first container asks for it all, and the
// others for nothing of these resources.
func resize(spec *corev1.PodSpec, size corev1.ResourceList) {
	for name, amount := range size {
		if spec.Resources != nil {
			delete(spec.Resources.Requests, name)
		}
		for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
			for i := range list {
				delete(list[i].Resources.Requests, name)
				delete(list[i].Resources.Limits, name)
			}
		}
		first := &spec.Containers[0].Resources
		if first.Requests == nil {
			first.Requests = corev1.ResourceList{}
		}
		first.Requests[name] = amount
	}
}

func parseTolerations(texts []string) ([]corev1.Toleration, error) {
	var out []corev1.Toleration
	for _, text := range texts {
		rest, effect, _ := strings.Cut(text, ":")
		key, value, equal := strings.Cut(rest, "=")
		t := corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffect(effect)}
		if equal {
			t.Operator, t.Value = corev1.TolerationOpEqual, value
		}
		switch t.Effect {
		case "", corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute:
		default:
			return nil, fmt.Errorf("--toleration %q has no effect of taints: use NoSchedule, PreferNoSchedule or NoExecute", text)
		}
		if wrong := validation.IsQualifiedName(key); len(wrong) > 0 && key != "" || key == "" && equal {
			return nil, fmt.Errorf("--toleration %q names no taint: use KEY[=VALUE][:EFFECT], as in dedicated=batch:NoSchedule", text)
		}
		out = append(out, t)
	}
	return out, nil
}

func (c *command) whatIfDrain() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drain NODE…", Short: "Drain nodes: what can move is evicted", Args: words(1, fit.Most, "a NODE"),
		ValidArgsFunction: c.completeNodes,
	}
	return c.whatIf(cmd, func(args []string) (question, error) {
		return asked("drain "+strings.Join(args, " "), fit.Ask{Drain: args}), nil
	})
}

func (c *command) whatIfLose() *cobra.Command {
	var zone string
	cmd := &cobra.Command{
		Use: "lose NODE…|--zone ZONE", Short: "Lose nodes, or a zone: they stop answering", Args: cobra.ArbitraryArgs,
		ValidArgsFunction: c.completeNodes,
	}
	cmd.Flags().StringVar(&zone, "zone", "", "lose all nodes of this zone")
	_ = cmd.RegisterFlagCompletionFunc("zone", c.completeZones)
	return c.whatIf(cmd, func(args []string) (question, error) {
		text := "lose " + strings.Join(args, " ")
		switch {
		case len(args) == 0 && zone == "":
			return nil, errors.New("lose what? Say qd headroom whatif lose NODE…, or --zone ZONE")
		case len(args) == 0:
			text = "lose zone " + zone
		case zone != "":
			text += " and zone " + zone
		}
		return asked(text, fit.Ask{Lose: args, Zone: zone}), nil
	})
}

func (c *command) whatIfAdd() *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use: "add NODE --count N", Short: "Add nodes like this one, for the pods that wait", Args: words(1, 1, "a NODE"),
		ValidArgsFunction: c.completeNodes,
	}
	cmd.Flags().IntVar(&count, "count", 1, "how many nodes")
	return c.whatIf(cmd, func(args []string) (question, error) {
		if count < 1 {
			return nil, fmt.Errorf("--count %d is not how many nodes: use 1 or more", count)
		}
		return asked(fmt.Sprintf("add %d like %s", count, args[0]), fit.Ask{Add: []fit.Like{{Node: args[0], Count: count}}, Waiting: true}), nil
	})
}

// asked is a question that needs nothing of the cluster to be asked.
func asked(words string, ask fit.Ask) question {
	return func(context.Context, *room) (string, fit.Ask, error) { return words, ask, nil }
}

// like returns new pods of a workload: count more, or so many that it has count.
func (r *room) like(ctx context.Context, workload string, count int, more bool) (fit.Want, error) {
	kind, name, ok := strings.Cut(workload, "/")
	switch {
	case !ok || kind == "" || name == "" || strings.Contains(name, "/"):
		return fit.Want{}, fmt.Errorf("%q is no workload: type KIND/NAME, such as deploy/web", sanitize.Line(workload))
	case r.Namespace == "":
		return fit.Want{}, fmt.Errorf("%s is in one namespace: name it with -n instead of -A", sanitize.Line(workload))
	}
	ctx, cancel := r.Client.Call(ctx)
	defer cancel()
	q := whatif.Question{Scale: &whatif.Scale{Kind: kind, Namespace: r.Namespace, Name: name, Replicas: count, More: more}}
	ask, err := q.Ask(ctx, r.Client)
	if err != nil {
		return fit.Want{}, r.notLike(ctx, q.Scale, err)
	}
	return ask.Pods[0], nil
}

// whatIf answers a question.
func (r *room) whatIf(ctx context.Context, q question, output string) error {
	words, ask, err := q(ctx, r)
	if errors.Is(err, whatif.ErrNoPods) {
		return r.show(words, &fit.Answer{Placements: []fit.Placement{}, Pending: []fit.Pending{}, NotModelled: []string{}}, output)
	}
	if err != nil {
		return err
	}
	cluster, podsOf, err := r.cluster(ctx)
	if err != nil {
		return err
	}
	a, err := cluster.WhatIf(ctx, ask)
	if err != nil {
		return err
	}
	for _, want := range ask.Pods {
		if asksNothing(want.Pod) {
			a.NotModelled = append(a.NotModelled, "what these pods use: they ask for neither cpu nor memory, so only rules and slots for pods keep them from a node")
		}
	}
	err = r.show(words, &a, output)
	switch {
	case err != nil:
		return err
	case a.Fit < a.Asked:
		return &exitError{code: exitFailed}
	case podsOf != "":
		return fmt.Errorf("this is not sure: you may not list pods of other namespaces than %s, and they take room too", podsOf)
	}
	return nil
}

// show prints an answer.
func (r *room) show(words string, a *fit.Answer, output string) error {
	if output == "table" {
		return r.printAnswer(words, a)
	}
	return encode(r.out, output, a)
}

func asksNothing(p *corev1.Pod) bool {
	asks := resource.PodRequests(p, resource.PodResourcesOptions{})
	return asks.Cpu().IsZero() && asks.Memory().IsZero()
}
