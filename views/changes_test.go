package views

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/apitest"
)

// configured is troubled with objects that were written shortly before, one of
// which the broken workload takes something from.
func configured(answer func(apitest.Request) *apitest.Answer) func(*settings) {
	config := func(namespace, name string, age time.Duration) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID("config-" + name), CreationTimestamp: ago(90 * time.Hour),
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: new(ago(age)),
				FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:DB_URL":{}}}`),
			}},
		}}
	}
	return func(set *settings) {
		troubled(answer)(set)
		prepare := set.prepare
		set.prepare = func(s *apitest.Server) {
			prepare(s)
			s.Put(config("payments", "checkout", 8*time.Minute), config("payments", "unused", 9*time.Minute), config("web", "cart", 7*time.Minute))
		}
	}
}

func TestChanges(t *testing.T) {
	var seen screens
	pipe(t, configured(nil), func(b *bench) {
		b.catchUp()
		b.press("6")
		b.catchUp()
		seen.both(b, "all")
		b.want("seen since", "began: rollout stuck")
		b.mend() // in several steps, in which things look different
		b.want("over: ")
	})
	pipe(t, configured(forbidding("nodes", "secrets")), func(b *bench) {
		b.catchUp()
		b.press("6")
		b.catchUp()
		b.want("not read: ", "nodes: forbidden", "secrets: forbidden")
		seen.both(b, "partly-forbidden")
	})
	seen.compare(t)
}

// From an incident one comes to what was changed before it began.
func TestChangesBeforeAnIncident(t *testing.T) {
	var seen screens
	pipe(t, configured(nil), func(b *bench) {
		b.catchUp()
		b.press("t")
		b.catchUp()
		b.want("first failure ", "what failed", "it needs it", "its namespace", "elsewhere")
		seen.both(b, "list")
		b.press("esc", "enter")
		b.catchUp()
		b.press("t")
		b.catchUp()
		b.want("first failure ", "it needs it")
		b.press("enter")
		b.settle()
		b.want("revision 1 → 2", "checkout:v2")
		b.press("esc", "esc", "esc")
		b.want("rollout stuck")
	})
	seen.compare(t)
}
