package whatif

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube/headroom/fit"
	"quarterdeck/nearest"
)

// Question is what somebody asks. One of its fields is set.
type Question struct {
	Scale *Scale
	Place *Place
	Drain []string // nodes
	Lose  []string // nodes
	Zone  string   // to be lost
	Add   *fit.Like
}

// Scale asks for another count of replicas.
type Scale struct {
	Kind, Namespace, Name string
	Replicas              int
	More                  bool // Replicas is how many more there would be
}

// Place asks for pods of a size.
type Place struct {
	Namespace   string
	CPU, Memory resource.Quantity
	Count       int
}

// Usage is how questions are written.
const Usage = "scale KIND/NAME +N, place CPU MEMORY xN, drain NODE…, lose NODE… or lose zone ZONE, add N like NODE"

// Parse reads a question. Workloads and pods are those of a namespace.
func Parse(text, namespace string) (Question, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return Question{}, fmt.Errorf("what would happen if what? Ask %s", Usage)
	}
	verb, words := strings.ToLower(words[0]), words[1:]
	switch verb {
	case "scale":
		return parseScale(words, namespace)
	case "place":
		return parsePlace(words, namespace)
	case "drain":
		if len(words) == 0 {
			return Question{}, fmt.Errorf("drain which nodes? drain NODE…")
		}
		return Question{Drain: words}, nil
	case "lose":
		switch {
		case len(words) == 0:
			return Question{}, fmt.Errorf("lose what? lose NODE… or lose zone ZONE")
		case words[0] != "zone":
			return Question{Lose: words}, nil
		case len(words) != 2:
			return Question{}, fmt.Errorf("lose which zone? lose zone ZONE")
		}
		return Question{Zone: words[1]}, nil
	case "add":
		return parseAdd(words)
	}
	return Question{}, fmt.Errorf("%q is no question%s; ask %s", verb, nearest.Hint(verb, []string{"scale", "place", "drain", "lose", "add"}), Usage)
}

func parseScale(words []string, namespace string) (Question, error) {
	const form = "scale KIND/NAME +N, or N for how many in all"
	if len(words) != 2 {
		return Question{}, fmt.Errorf("scale what to how many? %s", form)
	}
	kind, name, ok := strings.Cut(words[0], "/")
	if !ok || kind == "" || name == "" {
		return Question{}, fmt.Errorf("%q names no workload: %s", words[0], form)
	}
	n, more := strings.CutPrefix(words[1], "+")
	replicas, err := number(n)
	if err != nil {
		return Question{}, err
	}
	return Question{Scale: &Scale{Kind: kind, Namespace: namespace, Name: name, Replicas: replicas, More: more}}, nil
}

func parsePlace(words []string, namespace string) (Question, error) {
	p := Place{Namespace: namespace, Count: 1}
	if n := len(words); n > 0 {
		if count, ok := strings.CutPrefix(words[n-1], "x"); ok {
			var err error
			if p.Count, err = number(count); err != nil {
				return Question{}, err
			}
			words = words[:n-1]
		}
	}
	sizes := words[:0:0]
	for _, w := range words {
		if w != "cpu" && w != "memory" {
			sizes = append(sizes, w)
		}
	}
	if len(sizes) != 2 {
		return Question{}, fmt.Errorf("place how large a pod? place CPU MEMORY xN, such as place 4 8Gi x10")
	}
	for i, to := range []*resource.Quantity{&p.CPU, &p.Memory} {
		q, err := size(sizes[i], [...]string{"cpu", "memory"}[i])
		if err != nil {
			return Question{}, err
		}
		*to = q
	}
	return Question{Place: &p}, nil
}

func parseAdd(words []string) (Question, error) {
	if len(words) != 3 || words[1] != "like" {
		return Question{}, fmt.Errorf("add which nodes? add N like NODE")
	}
	n, err := number(words[0])
	if err != nil {
		return Question{}, err
	}
	return Question{Add: &fit.Like{Node: words[2], Count: n}}, nil
}

// number reads a count of pods or nodes.
func number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > fit.Most {
		return 0, fmt.Errorf("%q is not how many: type a number from 1 to %d", text, fit.Most)
	}
	return n, nil
}

func size(text, what string) (resource.Quantity, error) {
	q, err := resource.ParseQuantity(text)
	switch {
	case err != nil:
		return q, fmt.Errorf("%q is no amount of %s: write it as in a manifest, such as 500m or 8Gi", text, what)
	case q.Sign() < 0:
		return q, fmt.Errorf("%q of %s is less than nothing", text, what)
	case q.CmpInt64(math.MaxInt64/1000) > 0:
		return q, fmt.Errorf("%q of %s is more than any node has", text, what)
	}
	return q, nil
}

// Ask makes the question one for a fit.Cluster. It reads the workload that would
// be scaled.
func (q *Question) Ask(ctx context.Context, server fit.Server) (fit.Ask, error) {
	switch {
	case q.Scale != nil:
		want, err := q.Scale.want(ctx, server)
		return fit.Ask{Pods: []fit.Want{want}}, err
	case q.Place != nil:
		return fit.Ask{Pods: []fit.Want{q.Place.want()}}, nil
	case q.Add != nil:
		return fit.Ask{Add: []fit.Like{*q.Add}, Waiting: true}, nil
	}
	return fit.Ask{Drain: q.Drain, Lose: q.Lose, Zone: q.Zone}, nil
}

// String returns the question as it is typed.
func (q *Question) String() string {
	switch {
	case q.Scale != nil:
		plus := ""
		if q.Scale.More {
			plus = "+"
		}
		return fmt.Sprintf("scale %s/%s %s%d", q.Scale.Kind, q.Scale.Name, plus, q.Scale.Replicas)
	case q.Place != nil:
		return fmt.Sprintf("place %s cpu %s x%d", q.Place.CPU.String(), q.Place.Memory.String(), q.Place.Count)
	case len(q.Drain) > 0:
		return "drain " + strings.Join(q.Drain, " ")
	case len(q.Lose) > 0:
		return "lose " + strings.Join(q.Lose, " ")
	case q.Zone != "":
		return "lose zone " + q.Zone
	case q.Add != nil:
		return fmt.Sprintf("add %d like %s", q.Add.Count, q.Add.Node)
	}
	return ""
}

func (p *Place) want() fit.Want {
	size := corev1.ResourceList{}
	if !p.CPU.IsZero() {
		size[corev1.ResourceCPU] = p.CPU
	}
	if !p.Memory.IsZero() {
		size[corev1.ResourceMemory] = p.Memory
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "pod"}}
	pod.Spec.Containers = []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{Requests: size}}}
	return fit.Want{Pod: pod, Name: "pod", Count: p.Count}
}

// ErrNoPods says that a question is about no new pod.
var ErrNoPods = errors.New("no new pod would be needed")

// want reads the workload.
func (s *Scale) want(ctx context.Context, server fit.Server) (fit.Want, error) {
	var replicas *int32
	var template *corev1.PodTemplateSpec
	w := fit.Want{Name: s.Name}
	var err error
	switch kind := strings.ToLower(s.Kind); kind {
	case "deployment", "deployments", "deploy", "deployments.apps":
		var d appsv1.Deployment
		err = s.get(ctx, server, "deployments", &d)
		replicas, template = d.Spec.Replicas, &d.Spec.Template
	case "statefulset", "statefulsets", "sts", "statefulsets.apps":
		var d appsv1.StatefulSet
		err = s.get(ctx, server, "statefulsets", &d)
		replicas, template, w.Claims = d.Spec.Replicas, &d.Spec.Template, d.Spec.VolumeClaimTemplates
		if d.Spec.Ordinals != nil {
			w.First = int(d.Spec.Ordinals.Start)
		}
	case "replicaset", "replicasets", "rs", "replicasets.apps":
		var d appsv1.ReplicaSet
		err = s.get(ctx, server, "replicasets", &d)
		replicas, template = d.Spec.Replicas, &d.Spec.Template
	case "daemonset", "daemonsets", "ds":
		return w, fmt.Errorf("daemonset/%s has a pod on every node that it may have one on: it is not scaled", s.Name)
	default:
		return w, fmt.Errorf("%q is no kind that is scaled%s", s.Kind, nearest.Hint(kind, []string{"deployment", "statefulset", "replicaset"}))
	}
	if err != nil {
		return w, fmt.Errorf("read %s/%s in namespace %s: %w", s.Kind, s.Name, s.Namespace, err)
	}
	now := 1
	if replicas != nil {
		now = int(*replicas)
	}
	w.Count = s.Replicas
	if !s.More {
		w.Count -= now
	}
	if w.Count < 1 {
		return w, fmt.Errorf("%w: %s/%s has %d replicas", ErrNoPods, s.Kind, s.Name, now)
	}
	w.First += now
	w.Pod = &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	w.Pod.Namespace = s.Namespace
	return w, nil
}

func (s *Scale) get(ctx context.Context, server fit.Server, plural string, into runtime.Object) error {
	client, err := server.REST(appsv1.SchemeGroupVersion)
	if err != nil {
		return err
	}
	return client.Get().Namespace(s.Namespace).Resource(plural).Name(s.Name).Do(ctx).Into(into)
}

// Count says in a few words how many pods fit.
func Count(a *fit.Answer) string {
	switch {
	case a.Asked == 0:
		return "no pod has to find a place"
	case a.Fit == a.Asked && a.Asked == 1:
		return "the pod fits"
	case a.Fit == a.Asked:
		return fmt.Sprintf("all %d pods fit", a.Asked)
	case a.Asked == 1:
		return "the pod does not fit, it would stay pending"
	}
	return fmt.Sprintf("%d of %d pods fit, %d would stay pending", a.Fit, a.Asked, a.Asked-a.Fit)
}

// Line says an answer in one line.
func Line(a *fit.Answer) string {
	line := Count(a)
	if len(a.Pending) > 0 && (a.BlockedFirst == nil || !blockedBy(a.Pending[0].Reasons, a.BlockedFirst)) {
		reasons := make([]string, len(a.Pending[0].Reasons))
		for i, r := range a.Pending[0].Reasons {
			reasons[i] = r.String()
		}
		line += ": " + strings.Join(reasons, ", ")
	}
	if n := len(a.NotReplaced); n > 0 {
		line += fmt.Sprintf("; %d without a controller would be gone", n)
	}
	if a.BlockedFirst != nil {
		line += "; " + a.BlockedFirst.String()
	}
	return line
}

// blockedBy reports whether the reasons say what the rule says.
func blockedBy(reasons []fit.Reason, b *fit.Block) bool {
	return len(reasons) == 1 && reasons[0].Reason == b.Why
}
