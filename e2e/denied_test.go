//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/ui/uitest"
)

// denying is what those see who may not do everything, or nothing.
func denying() []scenario {
	return []scenario{
		{
			name: "payments-dev does what it may, and is told what it may not", cluster: workshop, context: "payments-dev",
			args: []string{"configmaps"},
			run: func(t *terminal) {
				maps := t.api.CoreV1().ConfigMaps("payments")
				_, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "mine"}}, metav1.CreateOptions{})
				t.must(err)
				t.Header("payments").Live().Select("mine").menu("label").Press("acting=yes", uitest.Enter).Footer("done: cm/mine")
				m, err := maps.Get(t.Context(), "mine", metav1.GetOptions{})
				t.must(err)
				if m.Labels["acting"] != "yes" {
					t.Errorf("labels %v", m.Labels)
				}
				t.Press(uitest.Ctrl('d')).Sees("y delete").Press("y").Footer("done: cm/mine").Misses("mine ")
				t.Press(":", "resourcequotas", uitest.Enter).Header("resourcequotas").Live().Select("payments")
				t.reason("delete", "you may not delete resourcequotas in payments")
				t.reason("label", "you may not patch resourcequotas in payments")
				t.Press(uitest.Ctrl('d')).Footer("you may not delete resourcequotas in payments").Misses("esc cancel")
				_, err = t.api.CoreV1().ResourceQuotas("payments").Get(t.Context(), "payments", metav1.GetOptions{})
				t.must(err)
			},
		},
		{
			name: "viewer is told of everything that it may not do it", cluster: workshop, context: "viewer",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				before := t.state("web")
				t.Live().Select("storefront")
				for title, why := range map[string]string{
					"scale": "you may not patch deployments/scale in web", "restart": "you may not patch deployments in web",
					"set image": "you may not patch deployments in web", "pause": "you may not patch deployments in web",
					"delete": "you may not delete deployments in web", "forward": "you may not create pods/portforward in web",
				} {
					t.reason(title, why)
				}
				t.Press(":", "pods", uitest.Enter).Header("pods").Live().Select("storefront-")
				for title, why := range map[string]string{
					"shell": "you may not create pods/exec in web", "attach": "you may not create pods/attach in web",
					"copy from": "you may not create pods/exec in web", "copy to": "you may not create pods/exec in web",
					"debug": "you may not patch pods/ephemeralcontainers in web", "evict": "you may not create pods/eviction in web",
				} {
					t.reason(title, why)
				}
				t.Press("s").Footer("you may not create pods/exec in web")
				t.Press(":", "nodes", uitest.Enter).Header("nodes").Live().Select("std-a-01")
				t.reason("cordon", "you may not patch nodes").reason("taint", "you may not patch nodes").reason("shell", "you may not create pods in web")
				if now := t.state("web"); now != before {
					t.Errorf("the cluster was changed:\n%s\nbefore:\n%s", now, before)
				}
			},
		},
		{
			name: "with --readonly nothing is changed, and every key says why", cluster: workshop,
			args: []string{"deployments", "-n", "web", "--readonly"},
			run: func(t *terminal) {
				before := t.state("web")
				const why = "read-only: "
				refused := func(keys ...string) {
					t.Helper()
					for _, key := range keys {
						t.Press(uitest.Ctrl('l')).Misses(why).Press(key).Footer(why)
					}
				}
				t.Live().Header(" RO ").Select("storefront")
				refused("s", "r", "i", "z", "f", uitest.Ctrl('d'))
				t.reason("label", why).reason("annotate", why).reason("remove finalizer", why)
				t.Press(":", "pods", uitest.Enter).Header("pods").Live().Select("storefront-")
				refused("s", "f", uitest.Ctrl('d'))
				t.reason("attach", why).reason("debug", why).reason("copy from", why).reason("copy to", why).reason("evict", why)
				t.Press(":", "nodes", uitest.Enter).Header("nodes").Live().Select("std-a-01")
				refused("s", "C", uitest.Ctrl('d'))
				t.reason("taint", why)
				t.Press("!").Sees("read-only now", "--readonly", "type playground, the name of the context").Press(uitest.Ctrl('y'), uitest.Esc).Header(" RO ")
				if now := t.state("web"); now != before {
					t.Errorf("the cluster was changed:\n%s\nbefore:\n%s", now, before)
				}
			},
		},
	}
}

// reason looks an action up in the menu, where it stands with a reason against it.
func (t *terminal) reason(title, why string) *terminal {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		t.Press("a").Sees("actions›").Press(title).Sees("actions› " + title)
		// The menu says what was known when it was opened, and a review may be under way.
		known := t.soon(func(screen string) bool { return strings.Contains(screen, why) })
		t.Press(uitest.Esc).Misses("actions›")
		switch {
		case known:
			return t
		case time.Now().After(end):
			t.Fatalf("the menu does not say of %s: %s", title, why)
		}
	}
}

// state is which Deployments and nodes there are, and what qd has changed of them
// and of pods. What else happens to them is the cluster's own doing.
func (t *terminal) state(namespace string) string {
	t.Helper()
	var s strings.Builder
	note := func(o metav1.Object, always bool) {
		for _, f := range o.GetManagedFields() {
			if f.Manager == "quarterdeck" {
				fmt.Fprintf(&s, "%s %s %s\n", o.GetName(), f.Time, f.FieldsV1)
			}
		}
		if always {
			fmt.Fprintf(&s, "%s %s %v\n", o.GetName(), o.GetUID(), o.GetDeletionTimestamp())
		}
	}
	deployments, err := t.api.AppsV1().Deployments(namespace).List(t.Context(), metav1.ListOptions{})
	t.must(err)
	for i := range deployments.Items {
		note(&deployments.Items[i], true)
	}
	nodes, err := t.api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	t.must(err)
	for i := range nodes.Items {
		note(&nodes.Items[i], true)
	}
	pods, err := t.api.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	t.must(err)
	for i := range pods.Items {
		note(&pods.Items[i], false)
	}
	return s.String()
}
