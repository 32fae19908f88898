package triage_test

import (
	"fmt"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// judged checks scenes by name: their only incident, or none.
func judged(t *testing.T, scenes map[string]scenery) {
	t.Helper()
	for name, test := range scenes {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, test.objects...)
			if test.want == "" {
				s.none()
				return
			}
			is(t, s.one(), test.want)
		})
	}
}

// scenery is a scene and the row of its incident, "" if there is none.
type scenery struct {
	objects []runtime.Object
	want    string
}

func TestNamespaceStuck(t *testing.T) {
	leaving := func(seconds int64, conditions ...corev1.NamespaceCondition) []runtime.Object {
		return []runtime.Object{&corev1.Namespace{
			ObjectMeta: meta("", "old", func(m *metav1.ObjectMeta) { m.DeletionTimestamp = ref(ago(seconds)) }),
			Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceTerminating, Conditions: conditions},
		}}
	}
	remains := []corev1.NamespaceCondition{
		{Type: corev1.NamespaceContentRemaining, Status: corev1.ConditionTrue, Message: "Some resources are remaining: databases.data.example.com has 1 resource instances"},
		{Type: corev1.NamespaceFinalizersRemaining, Status: corev1.ConditionTrue, Message: "Some content in the namespace has finalizers remaining: example.com/backup in 1 resource instances"},
		{Type: corev1.NamespaceDeletionDiscoveryFailure, Status: corev1.ConditionFalse, Message: "All resources successfully discovered"},
	}
	judged(t, map[string]scenery{
		"held": {
			leaving(120, remains...),
			"warn | namespace stuck Terminating | ns/old | Some content in the namespace has finalizers remaining: example.com/backup in 1 resource instances; " +
				"Some resources are remaining: databases.data.example.com has 1 resource instances | namespace-stuck",
		},
		"nobody says": {leaving(500), "warn | namespace stuck Terminating | ns/old |  | namespace-stuck"},
		"on its way":  {leaving(119, remains...), ""},
	})
}

// A namespace that waits for an API belongs to that API, and that to its service.
func TestUnavailableAPIIsOneIncident(t *testing.T) {
	s := newScene(t, &corev1.Namespace{
		ObjectMeta: meta("", "old", func(m *metav1.ObjectMeta) { m.DeletionTimestamp = ref(ago(200)) }),
		Status: corev1.NamespaceStatus{Conditions: []corev1.NamespaceCondition{{
			Type: corev1.NamespaceDeletionDiscoveryFailure, Status: corev1.ConditionTrue, Message: "Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1",
		}}},
	})
	read(s, triage.APIServices, object.APIServices(), apiService("False", 14))
	if got := s.report().Incidents; len(got) != 1 || got[0].Root.Kind != "Namespace" {
		t.Error(describe(s.report()))
	}
	read(s, triage.APIServices, object.APIServices(), apiService("False", 60))
	i := s.one()
	is(t, i, "warn | API metrics.k8s.io/v1beta1 unavailable | apiservice/v1beta1.metrics.k8s.io | MissingEndpoints: endpoints for service/metrics-server in \"shop\" have no addresses | "+
		"namespace-stuck api-unavailable")
	down := service("metrics-server", "app", "metrics")
	s.put(down, pod("metrics", "a", unready))
	if i = s.one(); i.Root.Kind == "APIService" || i.Services != 1 {
		t.Error(line(i), i.Affected)
	}
	drop[*object.Service](s, triage.Services, "metrics-server")
	drop[*object.Pod](s, triage.Pods, "a")
	drop[*object.Plain](s, triage.Namespaces, "old")
	read(s, triage.APIServices, object.APIServices(), apiService("True", 60))
	s.none()
}

func apiService(available string, since int64) string {
	return fmt.Sprintf(`{"metadata":{"name":"v1beta1.metrics.k8s.io","uid":"api"},"spec":{"service":{"namespace":"shop","name":"metrics-server"}},
		"status":{"conditions":[{"type":"Available","status":%q,"reason":"MissingEndpoints","message":"endpoints for service/metrics-server in \"shop\" have no addresses",
		"lastTransitionTime":%q}]}}`, available, at(since))
}

func at(seconds int64) string { return ago(seconds).UTC().Format(time.RFC3339) }

// read replaces the objects of a resource by those in JSON.
func read[T store.Object](s *scene, r triage.Resource, kind store.Kind[T], objects ...string) {
	s.t.Helper()
	list := `{"metadata":{},"items":[`
	for i, o := range objects {
		if i > 0 {
			list += ","
		}
		list += o
	}
	got, err := kind.Decode([]byte(list + "]}"))
	if err != nil {
		s.t.Fatal(err)
	}
	triage.Change(s.engine, r, store.Delta[T]{Reset: true, Added: got})
}

func TestQuotaFull(t *testing.T) {
	quota := func(seconds int64, name corev1.ResourceName, used, hard string) []runtime.Object {
		q := &corev1.ResourceQuota{ObjectMeta: meta("shop", "team"), Status: corev1.ResourceQuotaStatus{
			Hard: corev1.ResourceList{name: resource.MustParse(hard)}, Used: corev1.ResourceList{name: resource.MustParse(used)},
		}}
		q.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kube-controller-manager", Subresource: "status", Time: ref(ago(seconds))}}
		return []runtime.Object{q}
	}
	judged(t, map[string]scenery{
		"exhausted":        {quota(40, "limits.memory", "4Gi", "4Gi"), "warn | quota exhausted | resourcequota/team in shop | limits.memory 4Gi/4Gi | quota-full"},
		"cut":              {quota(40, "requests.cpu", "3", "2"), "warn | quota exhausted | resourcequota/team in shop | requests.cpu 3/2 | quota-full"},
		"nearly":           {quota(40, "requests.cpu", "1950m", "2"), "info | quota above 90 % | resourcequota/team in shop | requests.cpu 1950m/2 | quota-full"},
		"room":             {quota(40, "requests.cpu", "1800m", "2"), ""},
		"for a moment":     {quota(10, "limits.memory", "4Gi", "4Gi"), ""},
		"of objects":       {quota(40, "count/jobs.batch", "5", "5"), ""},
		"of devices":       {quota(40, "requests.nvidia.com/gpu", "8", "8"), ""},
		"none are allowed": {quota(40, "pods", "0", "0"), ""},
	})
}

func TestWebhookUnreachable(t *testing.T) {
	hook := func(policy admissionv1.FailurePolicyType, namespace, service string) *admissionv1.ValidatingWebhookConfiguration {
		return &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: meta("", "images"), Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "images.example.com", FailurePolicy: &policy,
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: namespace, Name: service}},
		}}}
	}
	byURL := hook(admissionv1.Fail, "shop", "nobody")
	byURL.Webhooks[0].ClientConfig = admissionv1.WebhookClientConfig{URL: ref("https://hooks.example.com")}
	young := hook(admissionv1.Fail, "shop", "nobody")
	young.CreationTimestamp = ago(5)
	judged(t, map[string]scenery{
		"no service": {
			append(served(), hook(admissionv1.Fail, "shop", "crat")),
			"crit | webhook refuses everything it is asked | validatingwebhookconfiguration/images | there is no service crat in shop: did you mean cart? | webhook-unreachable",
		},
		"open":      {[]runtime.Object{hook(admissionv1.Ignore, "shop", "nobody")}, ""},
		"answered":  {append(served(), hook(admissionv1.Fail, "shop", "cart")), ""},
		"by URL":    {[]runtime.Object{byURL}, ""},
		"just made": {[]runtime.Object{young}, ""},
	})
	s := newScene(t, hook(admissionv1.Fail, "guards", "nobody"))
	s.engine.Within = "shop" // nothing is known of guards
	s.none()
	s = newScene(t, append(deployment("guard", 1, 0), service("guard", "app", "guard"), pod("guard", "a", crashes("Error", 1, "no key")), hook(admissionv1.Fail, "shop", "guard"))...)
	if i := s.one(); i.Root.Kind != "Deployment" || i.Severity != triage.Crit {
		t.Error(line(i), i.Affected)
	}
}

func definition(conditions, versions string) string {
	return `{"metadata":{"name":"databases.data.example.com","uid":"crd","creationTimestamp":"` + at(3600) + `"},
		"spec":{"group":"data.example.com","scope":"Namespaced","names":{"plural":"databases","kind":"Database"},"versions":[` + versions + `]},
		"status":{"conditions":[` + conditions + `]}}`
}

func TestDefinitions(t *testing.T) {
	const (
		established = `{"type":"NamesAccepted","status":"True"},{"type":"Established","status":"True"}`
		taken       = `{"type":"NamesAccepted","status":"False","reason":"PluralConflict","message":"databases is taken"},{"type":"Established","status":"False","reason":"NotAccepted"}`
		v1          = `{"name":"v1","served":true,"storage":true}`
	)
	for name, test := range map[string][2]string{
		"fine":       {definition(established, v1), ""},
		"taken":      {definition(taken, v1), "warn | not served | crd/databases.data.example.com | PluralConflict: databases is taken | crd-not-established"},
		"nobody did": {definition("", v1), "warn | not served | crd/databases.data.example.com | the API server has not taken it up | crd-not-established"},
		"deprecated": {
			definition(established, `{"name":"v1","served":true},{"name":"v1beta1","served":true,"storage":true,"deprecated":true}`),
			"info | objects are stored in a deprecated version | crd/databases.data.example.com | v1beta1 of data.example.com is deprecated | deprecated-stored",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			read(s, triage.Definitions, object.Definitions(), test[0])
			if test[1] == "" {
				s.none()
				return
			}
			is(t, s.one(), test[1])
		})
	}
}

// custom puts the custom resources of a list in JSON into a scene.
func (s *scene) custom(of *object.CustomKind, items string) {
	s.t.Helper()
	bad, _, _, err := object.ReadCustoms(of, []byte(`{"metadata":{},"items":[`+items+`]}`))
	if err != nil {
		s.t.Fatal(err)
	}
	triage.Change(s.engine, triage.CustomResources, store.Delta[*object.Custom]{Reset: true, Added: bad})
}

func databases() *object.CustomKind {
	return &object.CustomKind{GVR: schema.GroupVersionResource{Group: "data.example.com", Version: "v1", Resource: "databases"}, Kind: "Database"}
}

func database(name, more, conditions string) string {
	return `{"metadata":{"namespace":"shop","name":"` + name + `","uid":"` + name + `","generation":2,"creationTimestamp":"` + at(3600) + `"` + more + `},
		"status":{"observedGeneration":2,"conditions":[` + conditions + `]}}`
}

func TestCustomResource(t *testing.T) {
	unready := func(seconds int64) string {
		return `{"type":"Ready","status":"False","reason":"NoDisk","message":"the volume is full","lastTransitionTime":"` + at(seconds) + `"}`
	}
	const working = `,{"type":"Reconciling","status":"True"}`
	s := newScene(t)
	s.custom(databases(), database("orders", "", unready(60)))
	is(t, s.one(), "warn | not ready | database/orders in shop | NoDisk: the volume is full | custom-resource")
	s.custom(databases(), database("orders", "", unready(10)))
	s.none()
	if len(s.after(50).Incidents) != 1 {
		t.Error("not found when it has lasted")
	}
	s = newScene(t)
	s.custom(databases(), database("orders", "", unready(300)+working))
	s.none()
	s.custom(databases(), database("orders", "", unready(600)+working))
	s.one()
	s.custom(databases(), database("orders", "", unready(10)+`,{"type":"Stalled","status":"True","reason":"BadSpec"}`))
	is(t, s.one(), "warn | stalled | database/orders in shop | BadSpec | custom-resource")
}

// What a custom resource owns and is in trouble is why it is not ready; who owns
// it and is not ready is because of it.
func TestCustomResourceOfOthers(t *testing.T) {
	const unready = `{"type":"Ready","status":"False","lastTransitionTime":"2020-01-01T00:00:00Z"}`
	owner := `,"ownerReferences":[{"apiVersion":"data.example.com/v1","kind":"Database","name":"cluster","uid":"cluster","controller":true}]`
	s := newScene(t)
	s.custom(databases(), database("cluster", "", unready)+","+database("member", owner, unready))
	if i := s.one(); i.Root.Name != "cluster" || len(i.Affected) != 1 {
		t.Error(line(i))
	}
	d := deployment("orders", 1, 0)
	d[0].(metav1.Object).SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "data.example.com/v1", Kind: "Database", Name: "orders", UID: "orders-db", Controller: ref(true)}})
	s = newScene(t, append(d, pod("orders", "a", crashes("Error", 1, "no disk")))...)
	s.custom(databases(), `{"metadata":{"namespace":"shop","name":"orders","uid":"orders-db"},"status":{"conditions":[`+unready+`]}}`)
	if i := s.one(); i.Root.Kind != "Deployment" || len(i.Affected) != 2 {
		t.Error(line(i), i.Affected)
	}
}

func TestGateway(t *testing.T) {
	s := newScene(t)
	of := &object.CustomKind{GVR: schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}, Kind: "HTTPRoute"}
	s.custom(of, `{"metadata":{"namespace":"shop","name":"cart","uid":"cart"},"status":{"parents":[{"parentRef":{"name":"edge"},"conditions":[
		{"type":"Accepted","status":"True"},{"type":"ResolvedRefs","status":"False","reason":"BackendNotFound","message":"service crat not found"}]}]}}`)
	i := s.one()
	is(t, i, "warn | refers to what is not there | httproute/cart in shop | BackendNotFound: service crat not found | custom-resource")
	if got := i.Evidence()[0].Where; got != "httproute/cart status.parents[edge].conditions[ResolvedRefs]" {
		t.Error(got)
	}
}

func TestSigningRequests(t *testing.T) {
	request := func(name string, age int64, conditions ...certificatesv1.CertificateSigningRequestCondition) *certificatesv1.CertificateSigningRequest {
		return &certificatesv1.CertificateSigningRequest{
			ObjectMeta: meta("", name, func(m *metav1.ObjectMeta) { m.CreationTimestamp = ago(age) }),
			Spec:       certificatesv1.CertificateSigningRequestSpec{SignerName: certificatesv1.KubeletServingSignerName, Username: "system:node:node-1"},
			Status:     certificatesv1.CertificateSigningRequestStatus{Conditions: conditions},
		}
	}
	cond := func(typ certificatesv1.RequestConditionType, message string) certificatesv1.CertificateSigningRequestCondition {
		return certificatesv1.CertificateSigningRequestCondition{Type: typ, Status: corev1.ConditionTrue, Reason: "Why", Message: message, LastTransitionTime: ago(700)}
	}
	issued := request("a", 900, cond(certificatesv1.CertificateApproved, ""))
	issued.Status.Certificate = []byte("certificate")
	judged(t, map[string]scenery{
		"waiting": {
			[]runtime.Object{request("a", 900), request("b", 700), request("c", 10)},
			"warn | certificate request waits for approval | certificatesigningrequest/a | kubernetes.io/kubelet-serving asked for by system:node:node-1 | signing-request",
		},
		"failed":     {[]runtime.Object{request("a", 10, cond(certificatesv1.CertificateApproved, ""), cond(certificatesv1.CertificateFailed, "bad key"))}, "warn | certificate request failed | certificatesigningrequest/a | Why: bad key | signing-request"},
		"denied":     {[]runtime.Object{request("a", 10, cond(certificatesv1.CertificateDenied, "no"))}, "info | certificate request denied | certificatesigningrequest/a | Why: no | signing-request"},
		"not issued": {[]runtime.Object{request("a", 900, cond(certificatesv1.CertificateApproved, ""))}, "warn | approved certificate is not issued | certificatesigningrequest/a | signer kubernetes.io/kubelet-serving has not answered | signing-request"},
		"issued":     {[]runtime.Object{issued}, ""},
		"young":      {[]runtime.Object{request("a", 599)}, ""},
	})
}

func TestLeaseStale(t *testing.T) {
	lease := func(name string, renewed int64) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: meta("kube-system", name), Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ref("master-1"), LeaseDurationSeconds: ref(int32(15)), RenewTime: ref(metav1.NewMicroTime(ago(renewed).Time)),
		}}
	}
	const row = "crit | scheduler does not work: nothing new gets a node | lease/kube-scheduler in kube-system | master-1 has not renewed its lease | lease-stale"
	judged(t, map[string]scenery{
		"alone":         {[]runtime.Object{lease("kube-scheduler", 31)}, row},
		"among others":  {[]runtime.Object{lease("kube-scheduler", 60), lease("apiserver-1", 3)}, row},
		"renewed":       {[]runtime.Object{lease("kube-scheduler", 29)}, ""},
		"other clock":   {[]runtime.Object{lease("kube-scheduler", 100), lease("apiserver-1", 98)}, ""},
		"another lease": {[]runtime.Object{lease("somebody", 1000)}, ""},
	})
	s := newScene(t, lease("kube-scheduler", 1))
	s.none()
	if len(s.after(30).Incidents) != 1 {
		t.Error("nobody looked when its time was over")
	}
	s = newScene(t, lease("kube-scheduler", 31))
	s.engine.Read(triage.Leases, store.Status{Phase: store.Stale, Since: clock})
	s.none()
}
