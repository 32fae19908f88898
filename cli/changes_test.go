package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
)

func changesQD(t *testing.T, args ...string) result {
	t.Helper()
	return qd(t, append([]string{"changes", "--context", "shop"}, args...)...)
}

// edited is a server with a ConfigMap that somebody edited a minute ago.
func edited(t *testing.T) *apitest.Server {
	t.Helper()
	s := apitest.New(t)
	home(t, s.URL, "", "token: t")
	wrote := metav1.NewTime(time.Now().Add(-time.Minute))
	s.Put(&corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "knobs", UID: "cm-knobs", CreationTimestamp: metav1.NewTime(time.Now().Add(-10 * time.Hour)),
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, Time: &wrote,
				FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:level":{}}}`),
			}},
		},
		Data: map[string]string{"level": "hunter2"},
	})
	return s
}

func TestChangesTable(t *testing.T) {
	edited(t)
	r := changesQD(t, "--since", "1h")
	r.ends(t, 0, []string{"AGO", "inferred", "cm shop/knobs", "kubectl-edit", "data.level written"})
	if r.errOut != "" || strings.Contains(r.out, "made") {
		t.Errorf("%+v", r)
	}
	changesQD(t, "--filter", "by=helm").ends(t, 0, []string{"not shown: 2 changes, which the filter leaves out"})
	changesQD(t, "cm/knobs").ends(t, 0, []string{"data.level", "made"})
	changesQD(t, "cm/other").ends(t, 0, []string{"no change is known within the last 24h"})
}

func TestChangesDocument(t *testing.T) {
	edited(t)
	r := changesQD(t, "-o", "json", "--since", "1h")
	var printed struct {
		Complete bool
		Changes  []struct {
			At            time.Time
			Exact         bool
			Object        struct{ Kind, Namespace, Name string }
			What, Manager string
			Fields        []struct {
				Path  string
				Known bool
			}
			Diff []string
		}
		NotRead []any
	}
	if err := json.Unmarshal([]byte(r.out), &printed); err != nil || r.code != 0 || len(printed.Changes) != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	c := printed.Changes[0]
	if c.Exact || c.Object.Name != "knobs" || c.Manager != "kubectl-edit" || len(c.Fields) != 1 || c.Fields[0].Path != "data.level" || c.Fields[0].Known {
		t.Errorf("%+v", c)
	}
	if strings.Contains(r.out, "hunter2") || !printed.Complete || printed.NotRead == nil {
		t.Errorf("%s", r.out)
	}
}

func TestChangesThatCannotBeAskedFor(t *testing.T) {
	edited(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"knobs"}, "is no object"},
		{[]string{"-A", "cm/knobs"}, "name it with -n"},
		{[]string{"--since", "-1h"}, "is no time"},
		{[]string{"--timeout", "0s"}, "leaves no time"},
		{[]string{"--filter", "nope=1"}, "--filter"},
		{[]string{"-o", "markdown"}, "is not a format"},
	} {
		if r := changesQD(t, c.args...); r.code != 1 || !strings.Contains(r.errOut, c.want) {
			t.Errorf("%q: %+v", c.args, r)
		}
	}
}
