package action

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
)

func TestManager(t *testing.T) {
	type pairs = map[string]string
	for _, tt := range []struct {
		name                string
		labels, annotations pairs
		managers            []string
		want                string
	}{
		{"nobody", pairs{"app": "web"}, nil, []string{"kubectl-create"}, ""},
		{"argo by annotation", nil, pairs{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:web/storefront"}, nil, "Argo CD (shop)"},
		{"argo by label", pairs{"argocd.argoproj.io/instance": "shop"}, nil, nil, "Argo CD (shop)"},
		{"argo by manager", nil, nil, []string{"argocd-controller"}, "Argo CD"},
		{"argo by manager and instance", pairs{"app.kubernetes.io/instance": "shop"}, nil, []string{"argocd-controller"}, "Argo CD (shop)"},
		{"argo that installs a chart", pairs{"app.kubernetes.io/managed-by": "Helm"}, nil, []string{"argocd-controller"}, "Argo CD"},
		{"flux", pairs{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, nil, nil, "Flux (flux-system/apps)"},
		{"flux with a chart", pairs{"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop", "app.kubernetes.io/managed-by": "Helm"}, nil, nil, "Flux (shop/web)"},
		{"flux by manager", nil, nil, []string{"kustomize-controller"}, "Flux"},
		{"helm by annotation", nil, pairs{"meta.helm.sh/release-name": "redis"}, nil, "Helm (redis)"},
		{"helm by label", pairs{"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "redis"}, nil, nil, "Helm (redis)"},
		{"helm by manager", nil, nil, []string{"kubectl-edit", "helm"}, "Helm"},
		{"another manager", pairs{"app.kubernetes.io/managed-by": "my-operator"}, nil, nil, ""},
	} {
		obj := &unstructured.Unstructured{Object: map[string]any{}}
		obj.SetLabels(tt.labels)
		obj.SetAnnotations(tt.annotations)
		var fields []metav1.ManagedFieldsEntry
		for _, m := range tt.managers {
			fields = append(fields, metav1.ManagedFieldsEntry{Manager: m})
		}
		obj.SetManagedFields(fields)
		if got := manager(obj).String(); got != tt.want {
			t.Errorf("%s: managed by %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFits(t *testing.T) {
	for _, tt := range []struct {
		hard, used, each string
		want             int64
	}{
		{"300m", "0", "100m", 3},
		{"1", "700m", "100m", 3}, // 0.3/0.1 is less than 3 in binary
		{"1", "750m", "100m", 2},
		{"1", "1", "100m", 0},
		{"1", "2", "100m", 0},
		{"24Gi", "20Gi", "1Gi", 4},
		{"24Gi", "20Gi", "1.5Gi", 2},
		{"16Ei", "0", "1m", 1<<63 - 1},
	} {
		parse := apiresource.MustParse
		hard := parse(tt.hard)
		if got := fits(hard, parse(tt.used), parse(tt.each)); got != tt.want || hard.Cmp(parse(tt.hard)) != 0 {
			t.Errorf("%s of %s used, %s each: %d fit, want %d", tt.used, tt.hard, tt.each, got, tt.want)
		}
	}
}

func TestRequests(t *testing.T) {
	template := `{"spec":{
		"initContainers":[{"name":"i","resources":{"requests":{"cpu":"2","memory":"1Mi"}}},
			{"name":"s","restartPolicy":"Always","resources":{"requests":{"cpu":"100m"}}}],
		"containers":[{"name":"a","resources":{"requests":{"cpu":"250m","memory":"64Mi"},"limits":{"memory":"128Mi"}}},
			{"name":"b","resources":{"requests":{"cpu":"250m"}}}]}}`
	for _, text := range []string{`{"spec":{"template":` + template + `}}`, `{"spec":{"jobTemplate":{"spec":{"template":` + template + `}}}}`} {
		got := requests(objectOf(t, text))
		for name, want := range map[corev1.ResourceName]string{
			"cpu": "2", "requests.cpu": "2", "memory": "64Mi", "requests.memory": "64Mi", "limits.memory": "128Mi",
		} {
			if q := got[name]; q.Cmp(apiresource.MustParse(want)) != 0 {
				t.Errorf("%s is %s, want %s", name, &q, want)
			}
		}
	}
	if got := requests(objectOf(t, `{"spec":{"replicas":1}}`)); len(got) != 0 {
		t.Errorf("what has no template asks for %v", got)
	}
}

// newClient returns a Client of an API server for tests.
func newClient(t testing.TB, s *apitest.Server) *Client {
	t.Helper()
	transport := &http.Transport{DialContext: s.Dial}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := New(&rest.Config{Host: s.URL, QPS: -1}, &http.Client{Transport: transport}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func deployments() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}

func TestCheck(t *testing.T) {
	s := apitest.New(t)
	selector := func(app string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
	}
	in := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "web"} }
	hard := corev1.ResourceList{"requests.cpu": apiresource.MustParse("1"), "pods": apiresource.MustParse("10"), "count/jobs.batch": apiresource.MustParse("3")}
	s.Put(
		&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: in("web"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, MaxReplicas: 8,
		}, Status: autoscalingv2.HorizontalPodAutoscalerStatus{DesiredReplicas: 4}},
		&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: in("other"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "example.com/v1", Kind: "Deployment", Name: "web"},
		}},
		&policyv1.PodDisruptionBudget{
			ObjectMeta: in("tight"), Spec: policyv1.PodDisruptionBudgetSpec{Selector: selector("web")},
			Status: policyv1.PodDisruptionBudgetStatus{DesiredHealthy: 2, CurrentHealthy: 2},
		},
		&policyv1.PodDisruptionBudget{ObjectMeta: in("none"), Spec: policyv1.PodDisruptionBudgetSpec{}},
		&policyv1.PodDisruptionBudget{ObjectMeta: in("other"), Spec: policyv1.PodDisruptionBudgetSpec{Selector: selector("db")}},
		&corev1.ResourceQuota{ObjectMeta: in("quota"), Status: corev1.ResourceQuotaStatus{
			Hard: hard, Used: corev1.ResourceList{"requests.cpu": apiresource.MustParse("500m"), "pods": apiresource.MustParse("5"), "count/jobs.batch": apiresource.MustParse("3")},
		}},
		&corev1.ResourceQuota{
			ObjectMeta: in("scoped"), Spec: corev1.ResourceQuotaSpec{Scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}},
			Status: corev1.ResourceQuotaStatus{Hard: corev1.ResourceList{"pods": apiresource.MustParse("0")}},
		},
	)
	c := newClient(t, s)

	web := kube.Ref{GVR: deployments(), Kind: "Deployment", Namespace: "web", Name: "web"}
	pod := kube.Ref{GVR: pods(), Kind: "Pod", Namespace: "web", Name: "web-1"}
	cron := kube.Ref{GVR: schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, Kind: "CronJob", Namespace: "web", Name: "mail"}
	deploy := objectOf(t, `{"metadata":{"annotations":{"argocd.argoproj.io/tracking-id":"shop:x"}},
		"spec":{"template":{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"200m"}}}]}}}}`)
	running := objectOf(t, `{"metadata":{"labels":{"app":"web","app.kubernetes.io/managed-by":"Helm"},
		"ownerReferences":[{"kind":"ReplicaSet","name":"web-7f","controller":true}]}}`)
	job := objectOf(t, `{"spec":{"jobTemplate":{"spec":{"parallelism":6,"template":{"spec":{"containers":[{"name":"a"}]}}}}}}`)
	replicas := func(from, to int64) []Edit {
		return []Edit{{Path: []string{"spec", "replicas"}, Before: from, After: to}}
	}
	for _, tt := range []struct {
		name   string
		change Change
		want   []string // weight and text
	}{
		{"scale up", Change{Verb: "scale", Ref: web, Object: deploy, Edits: replicas(2, 5)}, []string{
			"2 quota/quota has room for 2 of 3 more pods: requests.cpu is 500m of 1, each needs 200m",
			"1 deploy/web is managed by Argo CD (shop), which will revert this when it heals or syncs: change it there",
			"1 hpa/web owns the replicas (1 to 8, wants 4 now) and will change them again",
		}},
		{"scale to none", Change{Verb: "scale", Ref: web, Object: deploy, Edits: replicas(2, 0), Warnings: []string{"mind"}}, []string{
			"1 deploy/web: mind",
			"1 deploy/web is managed by Argo CD (shop), which will revert this when it heals or syncs: change it there",
			"1 hpa/web stops working while deploy/web has 0 replicas",
		}},
		{"restart", Change{Verb: "restart", Ref: web, Object: deploy}, nil},
		{"trigger", Change{Verb: "trigger", Ref: cron, Object: job}, []string{
			"2 quota/quota allows no more jobs: 3 of 3 are there",
			"2 quota/quota has room for 5 of 6 more pods: pods is 5 of 10, each needs 1",
		}},
		{"evict", Change{Verb: "evict", Ref: pod, Object: running}, []string{
			"2 pdb/tight allows no disruption now: it needs 2 healthy pods, and has 2",
			"0 replicaset/web-7f owns pod/web-1 and will make another",
		}},
		{"delete", Change{Verb: "delete", Ref: pod, Object: running}, []string{
			"1 pdb/tight allows no disruption now, and a delete passes it by: evict asks it",
			"0 replicaset/web-7f owns pod/web-1 and will make another",
		}},
		{"set image of an owned one", Change{Verb: "set image", Ref: pod, Object: running}, []string{
			"1 replicaset/web-7f owns pod/web-1 and may undo this: change the owner",
		}},
	} {
		if got := inWords(c.Check(t.Context(), []Change{tt.change})); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}

	// What may not be read is named once, and hides nothing else.
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "horizontalpodautoscalers" {
			return r.Forbid("dev")
		}
		return nil
	})
	change := Change{Verb: "scale", Ref: web, Object: objectOf(t, `{"spec":{}}`), Edits: replicas(2, 9)}
	got := inWords(c.Check(t.Context(), []Change{change, change}))
	want := []string{
		"2 quota/quota has room for 5 of 7 more pods: pods is 5 of 10, each needs 1",
		`1 not looked at: horizontalpodautoscalers in web: horizontalpodautoscalers.autoscaling is forbidden: User "dev" cannot list resource "horizontalpodautoscalers" in API group "autoscaling" in the namespace "web"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("forbidden:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func inWords(notes []Note) []string {
	var words []string
	for _, n := range notes {
		words = append(words, string('0'+rune(n.Weight))+" "+n.Text)
	}
	return words
}
