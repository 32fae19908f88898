package store

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

func TestInternerShares(t *testing.T) {
	in := newInterner()
	a, b := in.String(strings.Clone("payments")), in.String(strings.Clone("payments"))
	if unsafe.StringData(a) != unsafe.StringData(b) {
		t.Error("equal strings are kept twice")
	}
	if in.Labels(map[string]string{"a": "1", "b": "2"}) != in.Labels(map[string]string{"b": "2", "a": "1"}) {
		t.Error("equal labels are kept twice")
	}
	if in.Labels(map[string]string{"a": "1"}) == in.Labels(map[string]string{"a": "2"}) {
		t.Error("different labels are the same")
	}
	if in.Labels(map[string]string{"a": "1", "b": ""}) == in.Labels(map[string]string{"a": "1b"}) {
		t.Error("different labels have the same key")
	}
	if in.Labels(nil) != nil || in.String("") != "" {
		t.Error("nothing is something")
	}
	controller := true
	refs := []metav1.OwnerReference{
		{UID: "0", Kind: "ConfigMap", Name: "not-a-controller"},
		{UID: "1", APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-1", Controller: &controller},
	}
	o := in.owner(refs)
	if o == nil || o.Name != "web-1" || o != in.owner(refs) {
		t.Errorf("owner %+v", o)
	}
	if o := in.owner(refs[:1]); o != nil {
		t.Errorf("owner %+v", o)
	}
}

// A cluster that makes up new names must not fill memory with them.
func TestInternerIsBounded(t *testing.T) {
	in := newInterner()
	yes := true
	for i := range 3 * internLimit {
		s := fmt.Sprint(i)
		in.String(s)
		in.Labels(map[string]string{"pod-template-hash": s})
		in.owner([]metav1.OwnerReference{{UID: types.UID(s), Name: s, Controller: &yes}})
		if len(in.strings) > internLimit || len(in.labels) > internLimit || len(in.owners) > internLimit {
			t.Fatalf("%d strings, %d labels, %d owners", len(in.strings), len(in.labels), len(in.owners))
		}
	}
}

const bomb = "a\x1b]0;owned\x07\x1b[2J\u202eb"

func harmless(t *testing.T, what, s string) {
	t.Helper()
	if strings.ContainsAny(s, "\x1b\x07\n\r\u202e") {
		t.Errorf("%s is %q", what, s)
	}
}

func TestMetaIsSanitised(t *testing.T) {
	yes := true
	m := newInterner().Meta(&metav1.ObjectMeta{
		Name: bomb, Namespace: bomb, UID: "u", Labels: map[string]string{bomb: bomb},
		CreationTimestamp: metav1.Unix(100, 0), DeletionTimestamp: &metav1.Time{Time: time.Unix(200, 0)},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: bomb, Kind: bomb, Name: bomb, UID: "o", Controller: &yes}},
	})
	harmless(t, "name", m.Name)
	harmless(t, "namespace", m.Namespace)
	harmless(t, "labels", m.Labels.String())
	harmless(t, "owner", m.Owner.APIVersion+m.Owner.Kind+m.Owner.Name)
	if m.UID != "u" || m.Created != 100 || m.Deleted != 200 || m.Head().Name != m.Name {
		t.Errorf("%+v", m)
	}
	if none := newInterner().Meta(&metav1.ObjectMeta{}); none != (Meta{}) {
		t.Errorf("%+v", none)
	}
}

func TestLabels(t *testing.T) {
	l := newInterner().Labels(map[string]string{"app": "web", "tier": "front", "empty": ""})
	if got := l.String(); got != "app=web,empty=,tier=front" {
		t.Error(got)
	}
	if !l.Has("empty") || l.Has("none") || l.Get("app") != "web" || l.Get("none") != "" {
		t.Error("lookup")
	}
	sel, _ := labels.Parse("app in (web,api),tier,!none")
	if !sel.Matches(l) {
		t.Error("no labels.Labels")
	}
	var none *Labels
	if none.Has("app") || none.String() != "" {
		t.Error("no labels are labels")
	}
}
