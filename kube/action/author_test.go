package action

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAuthor(t *testing.T) {
	obj := objectOf(t, `{
		"metadata": {"labels": {"1": "x", "a": "y"}, "finalizers": ["f/x"]},
		"spec": {"replicas": 3, "whole": {"x": 1}, "template": {"spec": {"containers": [
			{"name": "side", "image": "s:1"}, {"name": "app", "image": "a:1", "ports": [{"containerPort": 80, "protocol": "TCP", "hostPort": 1}]}]}}}}`)
	day := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	entry := func(manager string, hour int, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Time: &metav1.Time{Time: day.Add(time.Duration(hour) * time.Hour)},
			FieldsV1: metav1.NewFieldsV1(fields),
		}
	}
	obj.SetManagedFields([]metav1.ManagedFieldsEntry{
		entry("kubectl-create", 0, `{"f:spec":{"f:replicas":{},"f:whole":{},"f:template":{"f:spec":{"f:containers":{".":{},
			"k:{\"name\":\"side\"}":{".":{},"f:image":{},"f:name":{}},"k:{\"name\":\"app\"}":{".":{},"f:name":{},
			"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:hostPort":{}}}}}}}}}`),
		entry("kubectl-set", 1, `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:image":{}}}}}}}`),
		entry("scaler", 2, `{"f:spec":{"f:replicas":{}}}`),
		entry("labeller\x1b[31m", 3, `{"f:metadata":{"f:labels":{".":{},"f:1":{}},"f:finalizers":{".":{},"v:\"f/x\"":{}}}}`),
		{Manager: "odd", FieldsV1: metav1.NewFieldsV1(`{"f:spec":1}`)},
		{Manager: "empty"},
	})
	containers := []string{"spec", "template", "spec", "containers"}
	for _, tt := range []struct {
		path []string
		want string
	}{
		{[]string{"spec", "replicas"}, "scaler"}, // the latest of two
		{append(containers[:4:4], "0", "image"), "kubectl-create"},
		{append(containers[:4:4], "1", "image"), "kubectl-set"},
		{append(containers[:4:4], "1", "ports", "0", "hostPort"), "kubectl-create"},
		{append(containers[:4:4], "2", "image"), ""},
		{[]string{"spec", "whole", "x"}, "kubectl-create"}, // owned as a whole
		{[]string{"metadata", "labels", "1"}, "labeller"},
		{[]string{"metadata", "labels", "a"}, ""},
		{[]string{"metadata", "finalizers"}, "labeller"},
		{[]string{"spec", "paused"}, ""},
	} {
		if got := author(obj, tt.path); got.Manager != tt.want {
			t.Errorf("%v is of %q, want %q", tt.path, got.Manager, tt.want)
		}
	}
}

func TestAuthorInWords(t *testing.T) {
	now := time.Now()
	before := now.Add(-48 * time.Hour)
	for want, a := range map[string]Author{
		"":             {},
		"x changed it": {Manager: "x"},
		"x changed it at " + now.Local().Format(time.TimeOnly):    {Manager: "x", Time: now},
		"x changed it at " + before.Local().Format(time.DateTime): {Manager: "x", Time: before},
	} {
		if got := a.String(); got != want {
			t.Errorf("%v says %q, want %q", a, got, want)
		}
	}
}
