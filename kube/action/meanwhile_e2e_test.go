//go:build e2e

package action

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
)

func (s *cluster) testMoved(t *testing.T) {
	m := s.newMap(t, "contested")
	pairs := Pairs{Set: map[string]string{"team": "a"}}
	change := prepared(t)(s.admin.Label(t.Context(), m, pairs))
	// Another field of the same parent, which was not there, hinders nothing.
	s.patch(t, m, `{"metadata":{"labels":{"other":"x"}}}`, "kubectl-label")
	if _, err := change.Make(t.Context()); err != nil {
		t.Errorf("after another field changed: %v", err)
	}
	pairs.Set["team"] = "b"
	change = prepared(t)(s.admin.Label(t.Context(), m, pairs))
	s.patch(t, m, `{"metadata":{"labels":{"team":"c"}}}`, "kubectl-label")
	moved := (*Moved)(nil)
	if _, err := change.Make(t.Context()); !errors.As(err, &moved) || moved.By.Manager != "kubectl-label" || moved.Now != "c" {
		t.Errorf("after the same field changed: %v", err)
	}
	if got := s.raw(t, m); !strings.Contains(got, `"team":"c"`) {
		t.Errorf("it was changed nevertheless: %s", got)
	}

	// The same through a subresource, which knows no managers.
	cart := deployRef("web", "cart")
	change = prepared(t)(s.admin.Scale(t.Context(), cart, "3"))
	s.patch(t, cart, `{"spec":{"replicas":4}}`, "autopilot")
	if _, err := change.Make(t.Context()); !errors.As(err, &moved) || !says(err, "scale deploy/cart in web: spec.replicas is 4 now, not 2: autopilot changed it at ") {
		t.Errorf("scale after somebody else: %v", err)
	}
	s.patch(t, cart, `{"spec":{"replicas":2}}`, "autopilot")
}

func (s *cluster) testReplaced(t *testing.T) {
	again := func(ref kube.Ref, create func()) {
		now := int64(0)
		if err := s.admin.resource(ref).Delete(t.Context(), ref.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Fatal(err)
		}
		create()
	}
	m := s.newMap(t, "twin")
	label := prepared(t)(s.admin.Label(t.Context(), m, Pairs{Set: map[string]string{"a": "b"}}))
	done, _ := s.made(t)(s.admin.Annotate(t.Context(), m, Pairs{Set: map[string]string{"a": "b"}}))
	del := prepared(t)(s.admin.Delete(t.Context(), m, DeleteOptions{}))
	again(m, func() { s.newMap(t, "twin") })

	p := s.newPod(t, "twin", "", nil)
	evict := prepared(t)(s.admin.Evict(t.Context(), p, nil))
	pod := prepared(t)(s.admin.Delete(t.Context(), p, DeleteOptions{}))
	again(p, func() { s.newPod(t, "twin", "", nil) })

	for _, change := range []Change{label, del, evict, pod} {
		_, err := change.Make(t.Context())
		if tried := change.Try(t.Context()); !errors.Is(err, ErrReplaced) || !errors.Is(tried, ErrReplaced) {
			t.Errorf("%s of what was replaced: %v; tried: %v", change.Verb, err, tried)
		}
	}
	if _, err := s.admin.Undo(t.Context(), done); !errors.Is(err, ErrReplaced) {
		t.Errorf("undo on what was replaced: %v", err)
	}
	if _, err := s.admin.Label(t.Context(), m, Pairs{Set: map[string]string{"a": "b"}}); !errors.Is(err, ErrReplaced) {
		t.Errorf("label what was replaced: %v", err)
	}
	if now := s.raw(t, mapRef("web", "twin")); strings.Contains(now, `"labels"`) || strings.Contains(now, "deletionTimestamp") {
		t.Errorf("the other one was hit: %s", now)
	}
}

func (s *cluster) testGone(t *testing.T) {
	m := s.newMap(t, "shortlived")
	pairs := Pairs{Set: map[string]string{"a": "b"}}
	change := prepared(t)(s.admin.Label(t.Context(), m, pairs))
	done, _ := s.made(t)(s.admin.Annotate(t.Context(), m, pairs))
	if err := s.kube.CoreV1().ConfigMaps("web").Delete(t.Context(), m.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, made := change.Make(t.Context())
	_, undone := s.admin.Undo(t.Context(), done)
	_, again := s.admin.Label(t.Context(), m, pairs)
	for _, err := range []error{made, undone, again} {
		if !errors.Is(err, ErrGone) || !says(err, "cm/shortlived in web") {
			t.Errorf("of what was deleted: %v", err)
		}
	}
	scale := prepared(t)(s.admin.Scale(t.Context(), deployRef("web", "wishlist"), "3"))
	if err := s.kube.AppsV1().Deployments("web").Delete(t.Context(), "wishlist", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := scale.Make(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("scale of what was deleted: %v", err)
	}
	// Its pods go in the background; the drains must not meet them.
	kubetest.Eventually(t, "the pods of wishlist to be gone", func(ctx context.Context) (bool, error) {
		pods, err := s.kube.CoreV1().Pods("web").List(ctx, metav1.ListOptions{LabelSelector: "app=wishlist"})
		return err == nil && len(pods.Items) == 0, err
	})
}

func (s *cluster) testDenied(t *testing.T) {
	policies := s.kube.AdmissionregistrationV1()
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "no-frost"},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: `!has(object.metadata.labels) || !("frost" in object.metadata.labels)`, Message: "no frost in this shop"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "no-frost"},
		Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: "no-frost", ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
	}
	if _, err := policies.ValidatingAdmissionPolicies().Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := policies.ValidatingAdmissionPolicyBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	m := s.newMap(t, "warm")
	change := prepared(t)(s.admin.Label(t.Context(), m, Pairs{Set: map[string]string{"frost": "yes"}}))
	kubetest.Eventually(t, "the policy", func(ctx context.Context) (bool, error) { return change.Try(ctx) != nil, nil })
	for _, err := range []error{change.Try(t.Context()), func() error { _, err := change.Make(t.Context()); return err }()} {
		if !says(err, "no frost in this shop") || !says(err, "label cm/warm in web: ") || errors.As(err, new(*Moved)) {
			t.Errorf("denied by a policy: %v", err)
		}
	}
	if got := s.raw(t, m); strings.Contains(got, "frost") {
		t.Errorf("changed nevertheless: %s", got)
	}
}

func (s *cluster) testForbidden(t *testing.T) {
	// At home everything works.
	checkout := deployRef("payments", "checkout")
	done, _ := s.made(t)(s.dev.Scale(t.Context(), checkout, "+1"))
	s.made(t)(s.dev.Undo(t.Context(), done))

	ctx := t.Context()
	pairs := Pairs{Set: map[string]string{"a": "b"}}
	cart, cleanup, pod := deployRef("web", "cart"), refOf("batch", "cronjobs", "CronJob", "batch", "cleanup"), podRef("batch", "toolbox")
	verbs := map[string]func() (Change, error){
		"scale":     func() (Change, error) { return s.dev.Scale(ctx, cart, "3") },
		"restart":   func() (Change, error) { return s.dev.Restart(ctx, cart) },
		"pause":     func() (Change, error) { return s.dev.Pause(ctx, cart) },
		"set image": func() (Change, error) { return s.dev.SetImage(ctx, cart, "app", ":v2") },
		"label":     func() (Change, error) { return s.dev.Label(ctx, cart, pairs) },
		"annotate":  func() (Change, error) { return s.dev.Annotate(ctx, cart, pairs) },
		"delete":    func() (Change, error) { return s.dev.Delete(ctx, cart, DeleteOptions{}) },
		"evict":     func() (Change, error) { return s.dev.Evict(ctx, pod, nil) },
		"trigger":   func() (Change, error) { return s.dev.Trigger(ctx, cleanup) },
		"suspend":   func() (Change, error) { return s.dev.Suspend(ctx, cleanup) },
		"cordon":    func() (Change, error) { return s.dev.Cordon(ctx, nodeRef("std-a-01")) },
		"taint":     func() (Change, error) { return s.dev.Taint(ctx, nodeRef("std-a-01"), Taints{}, "") },
	}
	for name, prepare := range verbs {
		if _, err := prepare(); !apierrors.IsForbidden(err) || !says(err, `User "payments-dev" cannot get resource`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who may read but not write learns it from the try.
	viewer := s.user(t, "viewer")
	change := prepared(t)(viewer.Label(ctx, cart, pairs))
	if err := change.Try(ctx); !apierrors.IsForbidden(err) || !says(err, `cannot patch resource "deployments"`) {
		t.Errorf("label as viewer: %v", err)
	}
}

func (s *cluster) testMany(t *testing.T) {
	var refs []kube.Ref
	for _, name := range []string{"one", "two", "three", "four"} {
		refs = append(refs, s.newMap(t, "bulk-"+name))
	}
	pairs := Pairs{Set: map[string]string{"bulk": "yes"}}
	prepared := Prepare(t.Context(), append(refs, mapRef("web", "bulk-absent")), func(ctx context.Context, ref kube.Ref) (Change, error) {
		return s.admin.Label(ctx, ref, pairs)
	})
	var changes []Change
	for i, p := range prepared {
		if (p.Err != nil) != (i == 4) {
			t.Fatalf("%s: %v", p.Ref, p.Err)
		}
		if p.Err == nil {
			changes = append(changes, p.Change)
		}
	}
	for i, err := range Try(t.Context(), changes) {
		if err != nil {
			t.Errorf("%s: %v", changes[i].Ref, err)
		}
	}
	if err := s.kube.CoreV1().ConfigMaps("web").Delete(t.Context(), "bulk-two", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.patch(t, refs[2], `{"metadata":{"labels":{"bulk":"no"}}}`, "another")
	outcomes := make([]Outcome, len(changes))
	Make(t.Context(), changes, func(i int, o Outcome) { outcomes[i] = o })
	for i, want := range []string{"", "it was deleted since it was shown", "is no now, not unset: another changed it", ""} {
		if err := outcomes[i].Err; !says(err, want) || outcomes[i].Took <= 0 {
			t.Errorf("%s: %v, want %q", changes[i].Ref, err, want)
		}
	}
	if got := s.raw(t, refs[3]); !strings.Contains(got, `"bulk":"yes"`) {
		t.Errorf("the last one is %s", got)
	}
}

// podOf returns a pod of an app that is not on its way out.
func (s *cluster) podOf(t *testing.T, namespace, app string) (ref kube.Ref) {
	t.Helper()
	kubetest.Eventually(t, "a pod of "+app+" that stays", func(ctx context.Context) (bool, error) {
		list, err := s.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp == nil })
		if i < 0 {
			return false, nil
		}
		ref = podRef(namespace, list.Items[i].Name)
		return true, nil
	})
	return ref
}

func (s *cluster) testNotes(t *testing.T) {
	ctx := t.Context()
	has := func(c *Client, want string, change Change, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
			return
		}
		if got := inWords(c.Check(ctx, []Change{change})); !slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, want) }) {
			t.Errorf("%s of %s: %q, want %q", change.Verb, change.Ref, got, want)
		}
	}
	scale := func(ref kube.Ref, text, want string) {
		t.Helper()
		change, err := s.admin.Scale(ctx, ref, text)
		has(s.admin, want, change, err)
	}
	scale(deployRef("web", "storefront"), "+1", "1 hpa/storefront owns the replicas (3 to 8, wants ")
	scale(deployRef("web", "search"), "0", "1 hpa/search stops working while deploy/search has 0 replicas")
	scale(deployRef("web", "catalog"), "+1", "1 deploy/catalog is managed by Argo CD, which will revert this when it heals or syncs: change it there")
	scale(deployRef("data", "queue"), "+1", "1 deploy/queue is managed by Helm, whose next upgrade may revert this: change it there")
	scale(deployRef("payments", "fraud-check"), "40", "2 quota/payments has room for ")
	s.patch(t, deployRef("web", "cart"), `{"metadata":{"labels":{"kustomize.toolkit.fluxcd.io/name":"shop","kustomize.toolkit.fluxcd.io/namespace":"flux-system"}}}`, "test")
	s.patch(t, deployRef("web", "cart"), `{"metadata":{"managedFields":[{}]}}`, "test") // whoever managed it before
	change, err := s.admin.SetImage(ctx, deployRef("web", "cart"), "app", ":v9")
	has(s.admin, "1 deploy/cart is managed by Flux (flux-system/shop), which will revert this when it reconciles", change, err)

	kubetest.Eventually(t, "pdb/checkout to allow a disruption", func(ctx context.Context) (bool, error) {
		b, err := s.kube.PolicyV1().PodDisruptionBudgets("payments").Get(ctx, "checkout", metav1.GetOptions{})
		return err == nil && b.Status.DisruptionsAllowed > 0, err
	})
	change, err = s.admin.Delete(ctx, s.podOf(t, "payments", "checkout"), DeleteOptions{})
	has(s.admin, "0 replicaset/checkout-", change, err)
	has(s.admin, "0 pdb/checkout allows ", change, err)

	// What may not be looked at is named.
	nobody := s.user(t, "nobody")
	change, err = s.admin.Scale(ctx, deployRef("web", "search"), "+1")
	has(nobody, `1 not looked at: horizontalpodautoscalers in web: horizontalpodautoscalers.autoscaling is forbidden: User "nobody" cannot list`, change, err)
	has(nobody, `1 not looked at: resourcequotas in web: resourcequotas is forbidden: User "nobody" cannot list`, change, err)

	// The quota is the server's word in the end: no pod above it is made.
	done, _ := s.made(t)(s.admin.Scale(ctx, deployRef("payments", "fraud-check"), "14"))
	kubetest.Eventually(t, "the quota to refuse pods", func(context.Context) (bool, error) {
		return slices.ContainsFunc(s.deployment(t, "payments", "fraud-check").Status.Conditions, func(c appsv1.DeploymentCondition) bool {
			return c.Type == appsv1.DeploymentReplicaFailure && strings.Contains(c.Message, "exceeded quota")
		}), nil
	})
	s.undone(t, done)
}
