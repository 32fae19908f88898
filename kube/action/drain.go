package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// DrainOptions say what a drain may do. The zero value destroys nothing that
// does not come back elsewhere.
type DrainOptions struct {
	// Grace is how many seconds pods have to end, nil for their own wish.
	Grace *int64
	// Timeout is how long the drain may take, 0 for as long as it takes.
	Timeout time.Duration
	// RefuseDaemonSets does not drain a node with pods of DaemonSets. Else they
	// stay: their controller would start them again at once.
	RefuseDaemonSets bool
	// DeleteEmptyDir lets pods go whose emptyDir volumes are lost with them.
	DeleteEmptyDir bool
	// Force lets pods go that no controller starts again.
	Force bool
	// DisableEviction deletes the pods, past their disruption budgets.
	DisableEviction bool
	// PodSelector lets only the pods go whose labels it matches.
	PodSelector string
}

// flags are the options as kubectl drain takes them.
func (o DrainOptions) flags() []string {
	var flags []string
	add := func(on bool, flag string) {
		if on {
			flags = append(flags, flag)
		}
	}
	add(!o.RefuseDaemonSets, "--ignore-daemonsets")
	add(o.DeleteEmptyDir, "--delete-emptydir-data")
	add(o.Force, "--force")
	add(o.DisableEviction, "--disable-eviction")
	if o.Grace != nil {
		add(true, "--grace-period="+strconv.FormatInt(*o.Grace, 10))
	}
	add(o.Timeout > 0, "--timeout="+o.Timeout.String())
	add(o.PodSelector != "", "--pod-selector="+o.PodSelector)
	return flags
}

// Fate is what a drain makes of a pod.
type Fate uint8

// The fates of pods.
const (
	PodBlocks Fate = iota // the drain does not begin because of it
	PodWaits              // goes as soon as it may
	PodGoes
	PodStays
)

// String returns what the pod does.
func (f Fate) String() string { return [...]string{"blocks", "waits", "goes", "stays"}[f] }

// DrainPod is a pod of a node that is to be drained.
type DrainPod struct {
	Ref  kube.Ref
	Fate Fate
	Why  string // or what is lost with it, "" if there is nothing to say
}

// DrainPlan is what a drain would do. It is immutable.
type DrainPlan struct {
	Node    kube.Ref
	Options DrainOptions
	// Cordon is the first step, by which Undo takes the drain back as far as that
	// is possible; nil if the node is cordoned already.
	Cordon  *Change
	Pods    []DrainPod // those that block first, those that stay last
	Notes   []Note
	Kubectl string

	client *Client
}

// Count returns how many pods have a fate.
func (p DrainPlan) Count(f Fate) int {
	n := 0
	for _, pod := range p.Pods {
		if pod.Fate == f {
			n++
		}
	}
	return n
}

// Drain prepares to move the pods of a node elsewhere: it asks the server of
// each pod whether it may go. What goes and what does not is decided as kubectl
// drain does.
func (c *Client) Drain(ctx context.Context, ref kube.Ref, o DrainOptions) (DrainPlan, error) {
	if _, err := labels.Parse(o.PodSelector); err != nil {
		return DrainPlan{}, fmt.Errorf("%q selects no pods: %w; type one such as app=web", o.PodSelector, err)
	}
	node, err := c.get(ctx, ref)
	if err != nil {
		return DrainPlan{}, err
	}
	ref.UID = node.GetUID()
	plan := DrainPlan{Node: ref, Options: o, client: c, Kubectl: c.kubectl(ref, append([]string{"drain", ref.Name}, o.flags()...)...)}
	if cordoned, _ := At(node.Object, []string{"spec", "unschedulable"}); cordoned != true {
		cordon, err := c.Cordon(ctx, ref)
		if err != nil {
			return DrainPlan{}, err
		}
		plan.Cordon = &cordon
		if err := cordon.Try(ctx); err != nil {
			plan.Notes = append(plan.Notes, Note{Block, sanitize.Line(err.Error())})
		}
	}
	list, err := c.podsOn(ctx, ref, o)
	if err != nil {
		return DrainPlan{}, err
	}
	plan.Pods = c.fates(ctx, list, o)
	each(len(list), func(i int) DrainPod {
		if plan.Pods[i].Fate != PodGoes {
			return plan.Pods[i]
		}
		return c.ask(ctx, plan.Pods[i], o)
	}, func(i int, p DrainPod) { plan.Pods[i] = p })
	if err := ctx.Err(); err != nil {
		return DrainPlan{}, err
	}
	plan.Notes = append(plan.Notes, c.drainNotes(ctx, list, plan.Pods, o)...)
	slices.SortStableFunc(plan.Pods, func(a, b DrainPod) int {
		return cmp.Or(cmp.Compare(a.Fate, b.Fate), strings.Compare(a.Ref.Namespace, b.Ref.Namespace), strings.Compare(a.Ref.Name, b.Ref.Name))
	})
	return plan, nil
}

// podsOn returns the pods of a node that the options let go.
func (c *Client) podsOn(ctx context.Context, node kube.Ref, o DrainOptions) ([]corev1.Pod, error) {
	list, err := c.objects.Resource(pods()).List(ctx, metav1.ListOptions{FieldSelector: onNode(node.Name), LabelSelector: o.PodSelector})
	if err != nil {
		return nil, fmt.Errorf("list the pods of %s: %w", node, err)
	}
	found := make([]corev1.Pod, 0, len(list.Items))
	for i := range list.Items {
		pod, ok := typed[corev1.Pod](&list.Items[i])
		if !ok {
			return nil, fmt.Errorf("list the pods of %s: %s/%s is not as pods are", node, list.Items[i].GetNamespace(), list.Items[i].GetName())
		}
		found = append(found, pod)
	}
	return found, nil
}

func onNode(name string) string { return fields.OneTermEqualSelector("spec.nodeName", name).String() }

// fates decides about pods, before the server is asked.
func (c *Client) fates(ctx context.Context, list []corev1.Pod, o DrainOptions) []DrainPod {
	daemonSets := map[string]error{} // why each is not there, by namespace and name
	out := make([]DrainPod, len(list))
	for i := range list {
		pod := &list[i]
		var missing error
		if owner := daemonSetOf(pod); owner != nil {
			key := pod.Namespace + "/" + owner.Name
			if _, asked := daemonSets[key]; !asked {
				_, err := c.objects.Resource(appsv1.SchemeGroupVersion.WithResource("daemonsets")).Namespace(pod.Namespace).
					Get(ctx, owner.Name, metav1.GetOptions{})
				daemonSets[key] = err
			}
			missing = daemonSets[key]
		}
		out[i].Ref = kube.Ref{GVR: pods(), Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID}
		out[i].Fate, out[i].Why = o.fate(pod, missing)
	}
	return out
}

func daemonSetOf(pod *corev1.Pod) *metav1.OwnerReference {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "DaemonSet" || owner.APIVersion != appsv1.SchemeGroupVersion.String() {
		return nil
	}
	return owner
}

// fate decides about one pod. missing is why its DaemonSet could not be read.
func (o DrainOptions) fate(pod *corev1.Pod, missing error) (Fate, string) {
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	var blocks, loses []string
	judge := func(allowed bool, block, lose string) {
		if allowed {
			loses = append(loses, lose)
		} else {
			blocks = append(blocks, block)
		}
	}
	if owner := daemonSetOf(pod); owner != nil && !finished {
		switch {
		case apierrors.IsNotFound(missing):
			judge(o.Force, fmt.Sprintf("ds/%s, which owns it, is gone: nothing starts it again (force lets it go)", owner.Name),
				fmt.Sprintf("ds/%s, which owns it, is gone: nothing starts it again", owner.Name))
		case missing != nil:
			return PodBlocks, fmt.Sprintf("ds/%s, which owns it, cannot be read: %s", owner.Name, cause(missing))
		case o.RefuseDaemonSets:
			return PodBlocks, fmt.Sprintf("ds/%s would start it again at once", owner.Name)
		default:
			return PodStays, fmt.Sprintf("ds/%s would start it again at once", owner.Name)
		}
	}
	if _, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return PodStays, "static: the node runs it from a file of its own"
	}
	if finished {
		return PodGoes, "has finished"
	}
	if dirs := emptyDirs(pod); len(dirs) > 0 {
		what := "emptyDir " + strings.Join(dirs, ", ")
		judge(o.DeleteEmptyDir, "would lose what is in "+what, "loses what is in "+what)
	}
	if metav1.GetControllerOf(pod) == nil {
		judge(o.Force, "no controller would start it again (force lets it go)", "no controller starts it again")
	}
	switch {
	case len(blocks) > 0:
		return PodBlocks, strings.Join(blocks, "; ")
	case pod.DeletionTimestamp != nil:
		loses = append(loses, "is being deleted already")
	}
	return PodGoes, strings.Join(loses, "; ")
}

func emptyDirs(pod *corev1.Pod) []string {
	var names []string
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir != nil {
			names = append(names, v.Name)
		}
	}
	return names
}

// askTimeout is how long the server has to say whether a pod may go.
const askTimeout = 10 * time.Second

var errNoAnswer = errors.New("the server has not answered within " + askTimeout.String())

// ask asks the server whether a pod may go.
func (c *Client) ask(ctx context.Context, p DrainPod, o DrainOptions) DrainPod {
	err := c.remove(ctx, p.Ref, o, true)
	var blocked *Blocked
	switch {
	case err == nil, errors.Is(err, ErrGone), errors.Is(err, ErrReplaced):
		return p
	case errors.As(err, &blocked):
		p.Fate, p.Why = PodWaits, blocked.Reason
	case passing(err):
		p.Fate, p.Why = PodWaits, cause(err)
	default:
		p.Fate, p.Why = PodBlocks, cause(err)
	}
	return p
}

// remove evicts a pod, or deletes it if the options say so.
func (c *Client) remove(ctx context.Context, ref kube.Ref, o DrainOptions, dryRun bool) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, errNoAnswer)
	defer cancel()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), errNoAnswer) {
			err = errNoAnswer
		}
	}()
	opts := metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &ref.UID}, GracePeriodSeconds: o.Grace, DryRun: dry(dryRun),
	}
	if !o.DisableEviction {
		return c.evict(ctx, ref, opts)
	}
	err = c.resource(ref).Delete(ctx, ref.Name, opts)
	if apierrors.IsNotFound(err) {
		return ErrGone
	}
	return c.precondition(ctx, ref, err)
}

// passing reports whether what failed may succeed later: the server or the way
// to it has a bad moment, or a namespace is being deleted with its pods.
func passing(err error) bool {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return status.Status().Code >= 500 || apierrors.IsTooManyRequests(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	}
	return errors.Is(err, errNoAnswer) || utilnet.IsTimeout(err) || utilnet.IsConnectionRefused(err) ||
		utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
}

// drainNotes says what disruption budgets make of the drain as a whole: each pod
// was asked for as if it were the only one.
func (c *Client) drainNotes(ctx context.Context, list []corev1.Pod, fates []DrainPod, o DrainOptions) []Note {
	var notes []Note
	if o.DisableEviction {
		return []Note{{Warn, "pods are deleted, past their disruption budgets"}}
	}
	look := &surroundings{client: c, ctx: ctx, lists: map[string][]unstructured.Unstructured{}, failed: func(what string, err error) {
		notes = append(notes, Note{Warn, "not looked at: " + what + ": " + cause(err)})
	}}
	budgets := map[types.UID]policyv1.PodDisruptionBudget{}
	leaving := map[types.UID]int64{}
	for i := range list {
		if fates[i].Fate != PodGoes && fates[i].Fate != PodWaits {
			continue
		}
		of := look.budgetsOf(list[i].Namespace, list[i].Labels)
		for _, pdb := range of {
			budgets[pdb.UID] = pdb
			leaving[pdb.UID]++
		}
	}
	for _, pdb := range budgets {
		s, n := pdb.Status, leaving[pdb.UID]
		where := "pdb/" + pdb.Name + " in " + pdb.Namespace
		switch {
		case s.ExpectedPods > 0 && s.DesiredHealthy >= s.ExpectedPods:
			notes = append(notes, Note{Block, fmt.Sprintf("%s allows no disruption even while all its pods are healthy: its %s here would wait for ever", where, counted(n, "pod"))})
		case int64(s.DisruptionsAllowed) < n:
			notes = append(notes, Note{Warn, fmt.Sprintf("%s lets %d of its %s here go now: the others wait", where, s.DisruptionsAllowed, counted(n, "pod"))})
		}
	}
	slices.SortFunc(notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), strings.Compare(a.Text, b.Text))
	})
	for i := range notes {
		notes[i].Text = sanitize.Line(notes[i].Text)
	}
	return notes
}
