//go:build e2e

package e2e

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/ui/uitest"
)

// connecting follows ways in, and mends one.
func connecting() []scenario {
	return []scenario{
		{
			name: "a way that breaks is seen, traced and mended", cluster: workshop, args: []string{"-n", "reached"}, size: size{120, 40},
			run: func(t *terminal) {
				t.workspace("reached")
				w := rolled{t, "reached", "deployments", "front"}
				w.create()
				service := &corev1.Service{
					ObjectMeta: metav1.ObjectMeta{Name: "front"},
					Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "front"}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
				}
				services := t.api.CoreV1().Services("reached")
				_, err := services.Create(t.Context(), service, metav1.CreateOptions{})
				t.must(err)
				w.complete()
				t.Live().Press("5").Header("5 network")
				t.within(rolloutPatience, "front.reached.svc:80", "2/2")
				t.Row("reachable", "front.reached.svc:80")

				patch := []byte(`{"spec":{"selector":{"app":"frnt"}}}`)
				_, err = services.Patch(t.Context(), "front", types.MergePatchType, patch, metav1.PatchOptions{})
				t.must(err)
				t.within(rolloutPatience, "selector app=frnt matches no pod", "0/0")
				t.Row("broken", "front.reached.svc:80")

				t.Press("2").Select("front", "deploy", "2/2").Press("T").Header("trace deploy/front").Sees("nothing leads to deploy/front").Press(uitest.Esc)
				t.Press("5").Select("front.reached.svc:80").Press("T").Header("trace svc/front")
				t.within(rolloutPatience, "broken  front.reached.svc:80", "fix  change spec.selector.app of svc/front from frnt to front")
				t.Press("A").Sees("fix svc/front?", "- frnt", "+ front", "the server would accept it", "kubectl").Press("y")
				t.within(rolloutPatience, "reachable  front.reached.svc:80", "2 of 2 ready", "pod/front-")
				now, err := services.Get(t.Context(), "front", metav1.GetOptions{})
				t.must(err)
				if got := now.Spec.Selector["app"]; got != "front" {
					t.Errorf("the selector is app=%s after the fix", got)
				}

				t.Press(uitest.Esc, "2").Select("front", "deploy", "2/2").Press("T").Header("trace deploy/front")
				t.within(rolloutPatience, "reachable  front.reached.svc:80", "svc/front", "pod/front-")
			},
		},
		{
			name: "who may see little is told which part of the network was not read", context: "payments-dev", size: size{110, 40},
			run: func(t *terminal) {
				t.Press("5").within(rolloutPatience, "checkout.payments.svc:80", "you may not list ingressclasses, namespaces")
				t.Header("partial: ").Row("reachable", "checkout.payments.svc:80")
			},
		},
		{
			name: "nobody knows who is reachable where nothing may be read", context: "nobody", size: size{110, 40},
			run: func(t *terminal) {
				t.Press("5").within(rolloutPatience, "it is not known who is reachable", "not read, forbidden: ", "services").Misses("there is no way in")
			},
		},
	}
}
