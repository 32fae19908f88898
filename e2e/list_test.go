//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/kubetest"
	"quarterdeck/ui/uitest"
)

// listing arranges the rows.
func listing() []scenario {
	return []scenario{
		{
			name: "sort by a column and turn it around",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Rows("cart", "catalog", "search", "storefront", "wishlist")
				t.Press("R").Sees("NAME↓").Rows("wishlist", "storefront", "search", "catalog", "cart")
				t.Press("S").Sees("sort by›").Press("age", uitest.Enter).Sees("AGE↑")
				t.Press("S", "name", uitest.Enter).Sees("NAME↑").Rows("cart", "catalog", "search", "storefront", "wishlist")
			},
		},
		{
			name: "sort by the next column",
			args: []string{"statefulsets", "-n", "data"},
			run: func(t *terminal) {
				t.Live().Rows("postgres", "redis").Press(">").Sees("READY↑").Misses("NAME↑").
					Rows("postgres", "redis").Press("R").Sees("READY↓").Rows("redis", "postgres").
					Press("<").Sees("NAME↑").Rows("postgres", "redis")
			},
		},
		{
			name: "wide columns",
			args: []string{"pods", "-n", "data"},
			run: func(t *terminal) {
				t.Live().Row("redis-0").Misses("CPU/LIM").Press("w").Sees("CPU/LIM", "LAST").Press("w").Misses("CPU/LIM").Row("redis-0")
			},
		},
	}
}

// following watches rows change.
func following() []scenario {
	return []scenario{
		{
			name: "cursor and marks stay on their objects",
			args: []string{"pods", "-n", "watched"},
			run: func(t *terminal) {
				pods := t.pods("watched")
				for _, name := range []string{"pod-b", "pod-d", "pod-f"} {
					pods.create(name)
				}
				t.Live().Rows("pod-b", "pod-d", "pod-f").Select("pod-b").Press(uitest.Space, uitest.Down).Cursor("pod-d").Header("1 marked")
				for _, name := range []string{"pod-a", "pod-c", "pod-e", "pod-g"} {
					pods.create(name)
				}
				t.Rows("pod-a", "●pod-b", "pod-c", "pod-d", "pod-e", "pod-f", "pod-g").Cursor("pod-d").Header("1 marked")
				pods.delete("pod-a")
				pods.delete("pod-c")
				t.Rows("●pod-b", "pod-d", "pod-e", "pod-f", "pod-g").Cursor("pod-d")
				pods.delete("pod-d") // the cursor has to go somewhere near
				t.Misses("pod-d").Cursor("pod-e").Header("1 marked")
			},
		},
		{
			name: "pods come and go under the cursor",
			args: []string{"pods", "-n", "churning"},
			run: func(t *terminal) {
				const herd = 20
				pods := t.pods("churning")
				pods.create("in-the-middle")
				t.Live().Row("in-the-middle").Press("G").Cursor("in-the-middle")
				for i := range herd {
					pods.create(fmt.Sprintf("first-%02d", i))
					pods.create(fmt.Sprintf("last-%02d", i))
				}
				t.Header(fmt.Sprint(2*herd + 1)).Cursor("in-the-middle")
				for i := range herd {
					pods.delete(fmt.Sprintf("first-%02d", i))
				}
				t.Misses("first-").Cursor("in-the-middle").Row("last-00")
			},
		},
		{
			name: "what qd get prints is what the list shows",
			args: []string{"services", "-n", "web"},
			run: func(t *terminal) {
				services, err := t.api.CoreV1().Services("web").List(t.Context(), metav1.ListOptions{})
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				for i := range services.Items {
					names = append(names, services.Items[i].Name)
				}
				slices.Sort(names)
				t.Live().Rows(names...)
				out := t.stage.exec(t.T, t.playground.Kubeconfig(), "get", "services", "-n", "web")
				lines := strings.Split(strings.TrimSpace(out.stdout), "\n")
				for i, row := range rows(t.screen.Text()) {
					shown, printed := strings.Fields(row), strings.Fields(lines[i+1])
					if n := len(shown) - 1; !slices.Equal(shown[:n], printed[:n]) { // the last is the age
						t.Errorf("the list shows %q, qd get prints %q", shown, printed)
					}
				}
			},
		},
	}
}

// podsIn makes pods in a namespace of the scenario's own.
type podsIn struct {
	*terminal
	namespace string
}

// pods creates a namespace and waits until pods can be made in it.
func (t *terminal) pods(namespace string) *podsIn {
	t.Helper()
	namespaces := t.api.CoreV1().Namespaces()
	if _, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.ReadyForPods(t, t.api, namespace)
	t.Cleanup(func() { // at once: other scenarios count on seeing the shop
		at := int64(0)
		err := t.api.CoreV1().Pods(namespace).DeleteCollection(context.Background(), metav1.DeleteOptions{GracePeriodSeconds: &at}, metav1.ListOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	return &podsIn{t, namespace}
}

func (p *podsIn) create(name string) {
	p.Helper()
	_, err := p.api.CoreV1().Pods(p.namespace).Create(p.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/shop/toolbox:1.0"}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		p.Fatal(err)
	}
}

func (p *podsIn) delete(name string) {
	p.Helper()
	at := int64(0)
	if err := p.api.CoreV1().Pods(p.namespace).Delete(p.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &at}); err != nil {
		p.Fatal(err)
	}
}
