package changes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Facts are what of an object is a change if it becomes another, in the order in
// which it is told. No value is "": such a fact is not there.
type Facts []Fact

// Fact is one field and its value.
type Fact struct{ Path, Value string }

// present is the value of what is there or not, and has no value.
const present = "present"

func (f *Facts) add(path, value string) {
	if value != "" {
		*f = append(*f, Fact{path, value})
	}
}

func (f *Facts) count(path string, n int64) { f.add(path, strconv.FormatInt(n, 10)) }

func (f *Facts) flag(path string, on bool) {
	if on {
		f.add(path, "true")
	}
}

// labels adds the labels that somebody set, without those by which controllers
// find what they made.
func (f *Facts) labels(m *store.Meta) {
	for k, v := range m.Labels.All() {
		if !bookkeeping(k) {
			if v == "" {
				v = `""`
			}
			f.add("metadata.labels["+k+"]", v)
		}
	}
}

func bookkeeping(label string) bool {
	switch label {
	case "pod-template-hash", "controller-revision-hash", "pod-template-generation", "controller-uid", "job-name",
		"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "endpoints.kubernetes.io/last-change-trigger-time":
		return true
	}
	return strings.HasPrefix(label, "batch.kubernetes.io/")
}

// placement reports whether a label of a pod says where it was put.
func placement(label string) bool { return strings.HasPrefix(label, "topology.kubernetes.io/") }

func without(f Facts, drop func(label string) bool) Facts {
	return slices.DeleteFunc(f, func(o Fact) bool {
		label, ok := strings.CutPrefix(o.Path, "metadata.labels[")
		return ok && drop(strings.TrimSuffix(label, "]"))
	})
}

// compare returns the fields that differ: those that were there in their order,
// then those that were not.
func compare(before, after Facts) []Field {
	if len(before) == len(after) {
		same := true
		for i := range before {
			same = same && before[i] == after[i]
		}
		if same {
			return nil
		}
	}
	is := make(map[string]string, len(after))
	for _, f := range after {
		is[f.Path] = f.Value
	}
	var out []Field
	for _, f := range before {
		if now := is[f.Path]; now != f.Value {
			out = append(out, Field{Path: f.Path, Was: f.Value, Is: now, Known: true})
		}
		delete(is, f.Path)
	}
	for _, f := range after {
		if now, fresh := is[f.Path]; fresh {
			out = append(out, Field{Path: f.Path, Is: now, Known: true})
		}
	}
	return out
}

// podFacts are the containers of a pod, how they ended, and what made it fail.
func podFacts(p *object.Pod) Facts {
	var f Facts
	for i := range p.Containers {
		c := &p.Containers[i]
		at := "status.containers[" + c.Name + "]"
		f.add("spec.containers["+c.Name+"].image", c.Image)
		f.add(at+".ended", ended(c))
		if c.Restarts > 0 {
			f.count(at+".restarts", int64(c.Restarts))
		}
	}
	if p.Phase == "Failed" {
		f.add("status.phase", strings.TrimSpace(p.Phase+" "+p.Status))
	}
	f.labels(&p.Meta)
	return without(f, placement)
}

// ended says how a container ended last, "" if it never did or did what it was
// for.
func ended(c *object.Container) string {
	if c.State == object.Terminated && c.Exit != 0 {
		return (&object.Termination{Reason: c.Reason, Exit: c.Exit}).String()
	}
	return c.Last.String()
}

// endedAt returns when that was, 0 if it is not known.
func endedAt(c *object.Container) int64 {
	if c.State == object.Terminated && c.Exit != 0 {
		return c.Since
	}
	if c.Last != nil {
		return c.Last.Finished
	}
	return 0
}

func workloadFacts(w *object.Workload) Facts {
	var f Facts
	template := "spec.template.spec"
	if w.Kind == "CronJob" {
		template = "spec.jobTemplate.spec.template.spec"
	}
	for i, image := range w.Images {
		f.add(fmt.Sprintf("%s.containers(%d).image", template, i), image)
	}
	if w.Requests.CPU > 0 {
		f.add(template+".containers(0).resources.requests.cpu", resource.NewMilliQuantity(w.Requests.CPU, resource.DecimalSI).String())
	}
	if w.Requests.Memory > 0 {
		f.add(template+".containers(0).resources.requests.memory", resource.NewQuantity(w.Requests.Memory, resource.BinarySI).String())
	}
	switch w.Kind {
	case "Deployment", "StatefulSet", "ReplicaSet":
		f.count("spec.replicas", int64(w.Desired))
		f.flag("spec.paused", w.Paused)
	case "CronJob":
		f.add("spec.schedule", w.Schedule)
		f.flag("spec.suspend", w.Paused)
	case "Job":
		f.flag("spec.suspend", w.Paused)
		switch {
		case w.Trouble != "":
			f.add("status.result", "failed: "+w.Trouble)
		case w.Finished != 0:
			f.add("status.result", "complete")
		}
	}
	if w.Kind != "ReplicaSet" { // which has those of its pods
		if w.Kind == "Deployment" {
			f.add("spec.strategy", w.Strategy)
		} else {
			f.add("spec.updateStrategy", w.Strategy)
		}
		if w.Kind != "Job" && w.Kind != "CronJob" {
			f.add("status.trouble", w.Trouble)
		}
		if w.Partition > 0 {
			f.count("spec.updateStrategy.rollingUpdate.partition", int64(w.Partition))
		}
		if w.PodLabels != nil {
			for k, v := range w.PodLabels.All() {
				f.add("spec.template.metadata.labels["+k+"]", v)
			}
		}
		f.labels(&w.Meta)
	}
	return f
}

func nodeFacts(n *object.Node) Facts {
	var f Facts
	f.flag("spec.unschedulable", n.Cordoned)
	for _, t := range n.Taints {
		f.add("spec.taints["+t+"]", present)
	}
	ready, _, _ := strings.Cut(n.Status, ",")
	f.add("status.conditions[Ready]", ready)
	for _, p := range n.Pressures {
		f.add("status.conditions["+p+"]", "True")
	}
	f.add("status.nodeInfo.kubeletVersion", n.Version)
	f.labels(&n.Meta)
	return f
}

func quotaFacts(q *object.Quota) Facts {
	var f Facts
	for _, i := range q.Items {
		f.add("spec.hard."+i.Name, i.Words[strings.LastIndexByte(i.Words, '/')+1:])
	}
	slices.SortFunc(f, func(a, b Fact) int { return strings.Compare(a.Path, b.Path) }) // the fullest comes first, which is no change
	f.labels(&q.Meta)
	return f
}

func autoscalerFacts(a *object.Autoscaler) Facts {
	var f Facts
	f.add("spec.scaleTargetRef", a.TargetKind+"/"+a.Target)
	f.count("spec.minReplicas", int64(a.Min))
	f.count("spec.maxReplicas", int64(a.Max))
	f.count("status.desiredReplicas", int64(a.Desired))
	f.labels(&a.Meta)
	return f
}

func budgetFacts(b *object.Budget) Facts {
	var f Facts
	if strings.HasPrefix(b.Rule, "min") {
		f.add("spec.minAvailable", b.Rule)
	} else {
		f.add("spec.maxUnavailable", b.Rule)
	}
	f.add("spec.selector", b.Selector)
	f.labels(&b.Meta)
	return f
}

func serviceFacts(s *object.Service) Facts {
	var f Facts
	f.add("spec.type", s.Type)
	f.add("spec.ports", s.Ports)
	f.add("spec.selector", s.Selector)
	f.labels(&s.Meta)
	return f
}

func claimFacts(c *object.Claim) Facts {
	var f Facts
	f.add("spec.resources.requests.storage", resource.NewQuantity(c.Asked, resource.BinarySI).String())
	f.add("spec.volumeName", c.Volume)
	f.labels(&c.Meta)
	return f
}
