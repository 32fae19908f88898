package changes

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// coreRef names an object of the core API.
func coreRef(kind, resource, namespace, name string) kube.Ref {
	return kube.Ref{GVR: corev1.SchemeGroupVersion.WithResource(resource), Kind: kind, Namespace: namespace, Name: name}
}

func TestSuspects(t *testing.T) {
	web := deploymentRef("web")
	config := coreRef("ConfigMap", "configmaps", "shop", "web")
	other := coreRef("ConfigMap", "configmaps", "shop", "other")
	foreign := coreRef("ConfigMap", "configmaps", "elsewhere", "web")
	node := coreRef("Node", "nodes", "", "n1")
	class := coreRef("Namespace", "namespaces", "", "shop")
	failure := Failure{At: noon, Of: web, With: []kube.Ref{podRef("a")}, Needs: []kube.Ref{config}, Nodes: []string{"n1"}}
	write := func(on kube.Ref, by string, second int64, path string) func(*Timeline) {
		return func(l *Timeline) {
			l.put(Entry{ID: on.String() + by + path, At: noon + second, Exact: true, On: on, Manager: by, Fields: []Field{known(path, "1", "2")}, Source: FromWatch})
		}
	}
	for _, c := range []struct {
		name string
		do   []func(*Timeline)
		want []string
	}{
		{
			"by what ties them to the failure",
			[]func(*Timeline){
				write(foreign, "helm", -1, "data.x"),
				write(class, "terraform", -2, "metadata.labels[x]"),
				write(other, "kubectl-edit", -3, "data.x"),
				write(node, "kubectl-label", -4, "metadata.labels[x]"),
				write(config, "kubectl-edit", -5, "data.x"),
				write(web, "kubectl-set", -60, imagePath),
			},
			[]string{
				"deploy/web: of what failed itself, 60s before", "cm/web: of what it needs, 5s before", "node/n1: of its node, 4s before",
				"cm/other: in its namespace, 3s before", "ns/shop: for the whole cluster, 2s before", "cm/web: in another namespace, 1s before",
			},
		},
		{
			"of equal ties the latest",
			[]func(*Timeline){write(config, "a", -50, "data.x"), write(config, "b", -5, "data.y"), write(config, "c", -20, "data.z")},
			[]string{"cm/web: of what it needs, 5s before", "cm/web: of what it needs, 20s before", "cm/web: of what it needs, 50s before"},
		},
		{
			"what somebody did before what Kubernetes did, but for what is far away",
			[]func(*Timeline){
				write(web, "kube-controller-manager", -5, "spec.replicas"), write(other, "kubectl-edit", -400, "data.x"), write(foreign, "helm", -1, "data.x"),
			},
			[]string{
				"cm/other: in its namespace, 6m40s before", "deploy/web: of what failed itself, by Kubernetes itself, 5s before", "cm/web: in another namespace, 1s before",
			},
		},
		{
			"what befell a node is nobody's echo",
			[]func(*Timeline){write(other, "kubectl-edit", -5, "data.x"), write(node, "kubelet", -9, "status.conditions[Ready]")},
			[]string{"node/n1: of its node, 9s before", "cm/other: in its namespace, 5s before"},
		},
		{
			"what followed from a change is told with it, and ties it to the failure",
			[]func(*Timeline){
				write(web, "kubectl-set", -60, imagePath),
				func(l *Timeline) { l.made(podRef("a"), ownedBy(web), "", noon-30, true) },
			},
			[]string{"deploy/web: of what failed itself, 60s before · then 1× pod made"},
		},
		{
			"ten minutes and no later than the failure",
			[]func(*Timeline){write(web, "a", -601, imagePath), write(web, "b", -600, imagePath), write(web, "c", 0, imagePath), write(web, "d", 1, imagePath)},
			[]string{"deploy/web: of what failed itself, that very second", "deploy/web: of what failed itself, 10m before"},
		},
		{"nothing", nil, nil},
	} {
		l := NewTimeline(0)
		for _, do := range c.do {
			do(l)
		}
		var got []string
		for _, s := range failure.Suspects(l.Publish(at(100))) {
			got = append(got, s.On.String()+": "+s.Why+s.Words())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%q\n%q", c.name, got, c.want)
		}
	}
}

// Where nothing came shortly before a failure there may be something that came
// long before.
func TestLastBeforeSuspects(t *testing.T) {
	web := deploymentRef("web")
	f := Failure{At: noon, Of: web}
	l := NewTimeline(0)
	l.traces(web, &Written{Meta: store.Meta{UID: web.UID, Created: noon - 90_000}, Writes: []Write{written("kubectl-set", "", -3600, "spec.paused")}})
	l.made(podRef("a"), ownedBy(web), "", noon-2000, true)
	l.saw(coreRef("ConfigMap", "configmaps", "shop", "other"), nil, []Field{known("data.x", "1", "2")}, at(-1000), at(0))
	entries := l.Publish(at(0))
	if got := f.Suspects(entries); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if got := f.Last(entries); got == nil || got.Manager != "kubectl-set" || got.On.GVR != object.Deployments().GVR {
		t.Errorf("%+v", got)
	}
	if got := (&Failure{At: noon - int64(100*time.Hour/time.Second), Of: web}).Last(entries); got != nil {
		t.Errorf("%+v", got)
	}
}
