//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/ui/uitest"
)

// rolloutPatience is how long a scenario waits for what controllers and kubelets
// have to do first.
const rolloutPatience = 3 * time.Minute

// What the pretended registry has, and what it has not.
const (
	goodImage = "registry.example.com/shop/toolbox:1.0"
	badImage  = "registry.example.com/shop/toolbox:never"
)

// rollingOut watches rollouts and takes them back.
func rollingOut() []scenario {
	in := func(namespace string) []string { return []string{"rollouts", "-n", namespace} }
	return []scenario{
		{
			name: "a stuck rollout of each kind is taken back", cluster: workshop, args: in("rolling"), size: size{100, 30},
			run: func(t *terminal) {
				t.workspace("rolling")
				workloads := []rolled{{t, "rolling", "deployments", "front"}, {t, "rolling", "statefulsets", "store"}, {t, "rolling", "daemonsets", "agent"}}
				for _, w := range workloads {
					w.create()
				}
				for _, w := range workloads {
					w.complete()
					w.setImage(badImage)
				}
				for _, w := range workloads {
					t.rolls(w.name, "stuck: image")
				}
				for _, w := range workloads {
					t.Select(w.name).Press("u").Sees("undo rollout of ", "- "+badImage, "+ "+goodImage, "the server would accept it", "y undo rollout")
					if got := w.image(); got != badImage {
						t.Errorf("the question has set the image %s", got)
					}
					t.Press("y").Header("rollout ", "/"+w.name)
					if w.resource == "statefulsets" {
						t.Sees("delete pod/store-", "The undo is made.", "the server would accept it").Press(uitest.Ctrl('y')).Footer("done: pod/store-")
					}
					t.within(rolloutPatience, "revision 3  complete", "taken back")
					if got := w.image(); got != goodImage {
						t.Errorf("%s has the image %s after the undo", w.name, got)
					}
					t.Press(uitest.Esc).Header("3 rollouts")
				}
				t.Press(":", "journal", uitest.Enter).Live()
				for _, w := range workloads {
					t.Row("undo rollout", "/"+w.name, "done")
				}
			},
		},
		{
			name: "revisions are compared, and one of them gone back to", cluster: workshop, args: in("revisions"), size: size{160, 50},
			run: func(t *terminal) {
				t.workspace("revisions")
				w := rolled{t, "revisions", "deployments", "front"}
				w.create()
				for _, mode := range []string{"slow", "fast"} {
					w.complete()
					w.patch(fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"MODE","value":%q}]}]}}}}`, mode))
				}
				w.complete()
				t.rolls("front", "complete").Select("front").Press(uitest.Enter).Sees("2 → 3", "containers[app].env[MODE]", "- slow", "+ fast")
				t.Press("G").Sees("1 → 3", "undo to rev 1").Press("u").Sees("undo to rev 1 of deploy/front?", "--to-revision=1", "y undo to rev 1").Press("y")
				t.within(rolloutPatience, "revision 4  complete", "was 1")
				if env := w.template().Spec.Containers[0].Env; len(env) != 0 {
					t.Errorf("it has the environment %v", env)
				}
				t.Press("g", uitest.Space, uitest.Down, uitest.Space, uitest.Enter).Header("3 → 4").Sees("@@", "MODE")
			},
		},
		{
			name: "a wait tells of the end in another view", cluster: workshop, args: in("awaited"), size: size{80, 24},
			run: func(t *terminal) {
				t.workspace("awaited")
				w := rolled{t, "awaited", "deployments", "late"}
				w.create()
				w.complete()
				w.setImage(badImage)
				t.rolls("late", "stuck: ").Select("late").Press("w").Footer("waiting for deploy/late")
				t.Press(":", "waits", uitest.Enter).Live().Row("deploy/late", "stuck: ", "waiting")
				t.Press(":", "nodes", uitest.Enter).Header("nodes").Live()
				w.setImage(goodImage)
				t.await("the end of the wait in the footer", rolloutPatience, func(screen string) bool {
					return strings.Contains(screen[strings.LastIndex(screen, "\n")+1:], "rollout of deploy/late in awaited: complete")
				})
				t.Press(":", "waits", uitest.Enter).Live().Row("deploy/late", "complete")
			},
		},
		{
			name: "viewer sees rollouts and is told that he may not take them back", cluster: workshop, context: "viewer", args: in("web"),
			run: func(t *terminal) {
				t.Live().Row("storefront", "complete").Select("storefront")
				for _, title := range []string{"undo rollout", "abort rollout", "restart"} {
					t.reason(title, "you may not patch deployments in web")
				}
				t.Press(uitest.Enter).Header("rollout deploy/storefront").Sees("revision", "current").Press("u").Footer("you may not patch deployments in web").Misses("esc cancel")
			},
		},
		{
			name: "payments-dev takes back what is his", cluster: workshop, context: "payments-dev", args: []string{"rollouts"},
			run: func(t *terminal) {
				w := rolled{t, "payments", "deployments", "mine"}
				w.create()
				w.complete()
				w.setImage(badImage)
				t.Header("payments").rolls("mine", "stuck: ").Select("mine").Press("u").Sees("+ "+goodImage, "y undo rollout").Press("y")
				t.within(rolloutPatience, "revision 3  complete")
				if got := w.image(); got != goodImage {
					t.Errorf("the image is %s", got)
				}
				t.must(t.api.AppsV1().Deployments("payments").Delete(t.Context(), "mine", metav1.DeleteOptions{}))
			},
		},
	}
}

// rolls waits until the row of a workload says how it is rolled out.
func (t *terminal) rolls(name string, state ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("%s to be %q", name, state), rolloutPatience, func(screen string) bool {
		for _, row := range rows(screen) {
			if strings.Contains(row, name) {
				return containsAll(row, state)
			}
		}
		return false
	})
}

// rolled is a workload of a scenario.
type rolled struct {
	t                         *terminal
	namespace, resource, name string
}

// create makes the workload with two pods, a DaemonSet with one on one node.
func (w rolled) create() {
	w.t.Helper()
	labels := map[string]string{"app": w.name}
	meta := metav1.ObjectMeta{Name: w.name}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
	template.Spec.Containers = []corev1.Container{{Name: "app", Image: goodImage}}
	template.Spec.TerminationGracePeriodSeconds = new(int64(1))
	var err error
	switch w.resource {
	case "deployments":
		d := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: new(int32(2)), Selector: selector, Template: template}}
		_, err = w.t.api.AppsV1().Deployments(w.namespace).Create(w.t.Context(), d, metav1.CreateOptions{})
	case "statefulsets":
		s := &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: new(int32(2)), Selector: selector, Template: template}}
		_, err = w.t.api.AppsV1().StatefulSets(w.namespace).Create(w.t.Context(), s, metav1.CreateOptions{})
	case "daemonsets":
		nodes, listed := w.t.api.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{LabelSelector: "pool=std", Limit: 1})
		w.t.must(listed)
		template.Spec.NodeSelector = map[string]string{corev1.LabelHostname: nodes.Items[0].Labels[corev1.LabelHostname]}
		d := &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}}
		_, err = w.t.api.AppsV1().DaemonSets(w.namespace).Create(w.t.Context(), d, metav1.CreateOptions{})
	}
	w.t.must(err)
}

// complete waits until the newest template is rolled out, as the API has it.
func (w rolled) complete() {
	w.t.Helper()
	w.t.await(w.name+" to be rolled out", rolloutPatience, func(string) bool { return w.isComplete() })
}

func (w rolled) isComplete() bool {
	w.t.Helper()
	ctx, apps := w.t.Context(), w.t.api.AppsV1()
	switch w.resource {
	case "statefulsets":
		s, err := apps.StatefulSets(w.namespace).Get(ctx, w.name, metav1.GetOptions{})
		w.t.must(err)
		return s.Status.ObservedGeneration == s.Generation && s.Status.CurrentRevision == s.Status.UpdateRevision && s.Status.AvailableReplicas == *s.Spec.Replicas
	case "daemonsets":
		d, err := apps.DaemonSets(w.namespace).Get(ctx, w.name, metav1.GetOptions{})
		w.t.must(err)
		return d.Status.ObservedGeneration == d.Generation && d.Status.DesiredNumberScheduled == 1 && d.Status.UpdatedNumberScheduled == 1 && d.Status.NumberAvailable == 1
	}
	d, err := apps.Deployments(w.namespace).Get(ctx, w.name, metav1.GetOptions{})
	w.t.must(err)
	return d.Status.ObservedGeneration == d.Generation && d.Status.Replicas == d.Status.UpdatedReplicas && d.Status.UpdatedReplicas == d.Status.AvailableReplicas &&
		d.Status.AvailableReplicas == *d.Spec.Replicas
}

func (w rolled) setImage(image string) {
	w.t.Helper()
	w.patch(fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image))
}

// patch changes the workload as somebody else does.
func (w rolled) patch(patch string) {
	w.t.Helper()
	var err error
	apps, kind := w.t.api.AppsV1(), types.StrategicMergePatchType
	switch w.resource {
	case "deployments":
		_, err = apps.Deployments(w.namespace).Patch(w.t.Context(), w.name, kind, []byte(patch), metav1.PatchOptions{})
	case "statefulsets":
		_, err = apps.StatefulSets(w.namespace).Patch(w.t.Context(), w.name, kind, []byte(patch), metav1.PatchOptions{})
	case "daemonsets":
		_, err = apps.DaemonSets(w.namespace).Patch(w.t.Context(), w.name, kind, []byte(patch), metav1.PatchOptions{})
	}
	w.t.must(err)
}

func (w rolled) template() *corev1.PodTemplateSpec {
	w.t.Helper()
	ctx, apps := w.t.Context(), w.t.api.AppsV1()
	switch w.resource {
	case "statefulsets":
		s, err := apps.StatefulSets(w.namespace).Get(ctx, w.name, metav1.GetOptions{})
		w.t.must(err)
		return &s.Spec.Template
	case "daemonsets":
		d, err := apps.DaemonSets(w.namespace).Get(ctx, w.name, metav1.GetOptions{})
		w.t.must(err)
		return &d.Spec.Template
	}
	d, err := apps.Deployments(w.namespace).Get(ctx, w.name, metav1.GetOptions{})
	w.t.must(err)
	return &d.Spec.Template
}

func (w rolled) image() string { w.t.Helper(); return w.template().Spec.Containers[0].Image }
