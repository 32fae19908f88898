package fit

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

func TestOfSize(t *testing.T) {
	p, err := OfSize("shop", map[string]string{"cpu": "500m", "memory": "8Gi", "example.com/gpu": "1"})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Spec.Containers[0].Resources.Requests
	if r.Cpu().MilliValue() != 500 || r.Memory().Value() != 8<<30 || !r["example.com/gpu"].Equal(resource.MustParse("1")) || p.Namespace != "shop" {
		t.Errorf("%+v", p)
	}
	for _, test := range []struct{ name, amount, want string }{
		{"cpu", "", "is not an amount"},
		{"cpu", "4x", "is not an amount"},
		{"cpu", "4 GiB", "is not an amount"},
		{"memory", "-1Gi", "less than nothing"},
		{"cpu", "9999999999999999999999", "more than any node can have"},
		{"memory", "8E", "more than any node can have"},
		{"memory", "100m", "part of a byte"},
	} {
		if _, err := OfSize("", map[string]string{test.name: test.amount}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %q: %v", test.name, test.amount, err)
		}
	}
	if _, err := OfSize("", nil); err == nil {
		t.Error("a pod of no size")
	}
}

func TestFromManifest(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: job}\nspec: {containers: [{name: app, resources: {requests: {cpu: 2}}}]}\n"
	for _, test := range []struct{ name, manifest, namespace, want string }{
		{"pod", pod, "default", "default/job"},
		{"comments around it", "---\n# nothing\n---\n" + pod, "default", "default/job"},
		{"deployment", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {template: {spec: {containers: [{name: app, resources: {requests: {cpu: 2}}}]}}}", "default", "shop/web"},
		{"cron job", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: tidy}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: app, resources: {requests: {cpu: 2}}}]}}}}}", "x", "x/tidy"},
	} {
		p, err := FromManifest([]byte(test.manifest), test.namespace)
		if err != nil || p.Namespace+"/"+p.Name != test.want || p.Spec.Containers[0].Resources.Requests.Cpu().Value() != 2 {
			t.Errorf("%s: %+v, %v", test.name, p, err)
		}
	}
	for _, test := range []struct{ name, manifest, want string }{
		{"nothing", "", "nothing in it"},
		{"comments", "# none\n---\n", "nothing in it"},
		{"two", pod + "---\n" + pod, "more than one object"},
		{"service", "apiVersion: v1\nkind: Service\nmetadata: {name: web}", "a Service has no pods"},
		{"unknown kind", "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: web}", "no kind"},
		{"no YAML", "{", "read the manifest"},
	} {
		if _, err := FromManifest([]byte(test.manifest), ""); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// FuzzQuestion lets anybody write sizes and manifests, and asks about them.
func FuzzQuestion(f *testing.F) {
	f.Add("500m", "1Gi", "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, ports: [{hostPort: 80}]}]}", 3)
	f.Add("1e30", "-0", "apiVersion: v1\nkind: Pod\nspec: {affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: x}]}}}", -1)
	f.Add("", "9223372036854775807", `{"apiVersion":"v1","kind":"Pod","spec":{"topologySpreadConstraints":[{"maxSkew":0,"whenUnsatisfiable":"DoNotSchedule"}]}}`, 100)
	f.Add("0", "0", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"resources":{"requests":{"cpu":"-4","memory":"1E"}}}]}}`, 2)
	c := New(small())
	f.Fuzz(func(t *testing.T, cpu, memory, manifest string, count int) {
		if count > 200 {
			count = 200
		}
		ask := Ask{}
		if p, err := OfSize("shop", map[string]string{"cpu": cpu, "memory": memory}); err == nil {
			ask.Pods = append(ask.Pods, Want{Pod: p, Count: count})
		}
		if p, err := FromManifest([]byte(manifest), "shop"); err == nil {
			ask.Pods = append(ask.Pods, Want{Pod: p, Count: count})
		}
		a, err := c.WhatIf(t.Context(), ask)
		if err != nil {
			return
		}
		placed := 0
		for _, p := range a.Placements {
			placed += p.Count
		}
		if a.Fit != placed || a.Asked != a.Fit+len(a.Pending)+a.PendingBeyond || a.Asked != count*len(ask.Pods) {
			t.Errorf("%d asked, %d fit, %d placed, %d pending", a.Asked, a.Fit, placed, len(a.Pending))
		}
	})
}
