package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// Times, in seconds, after which what may pass by itself does not any more.
const (
	schedulingTime = 15  // the scheduler tries at once
	mountTime      = 60  // a volume may come from elsewhere
	leavingTime    = 60  // after the end of a pod's grace
	readyTime      = 600 // where no deadline is set: the default deadline of a Deployment
)

// podBlockers tells what is in the way of the pods: first those of the newest
// revision, then the others, each kind of trouble once.
func (f *family) podBlockers(now int64) []Blocker {
	var found []Blocker
	seen := map[string]int{} // index in found
	for _, p := range f.inOrder() {
		b, ok := f.podBlocker(p, now)
		if !ok || !f.isNew(p) && !f.stays(p) && b.Reason != Terminating && b.Reason != NodeDown {
			continue // the controllers replace an old pod, whatever ails it
		}
		key := string(b.Reason) + "\x00" + b.Short
		if i, ok := seen[key]; ok {
			found[i].Pods++
			if b.Since != 0 && (found[i].Since == 0 || b.Since < found[i].Since) {
				found[i].Since = b.Since
			}
			found[i].Hard = found[i].Hard || b.Hard
			continue
		}
		seen[key] = len(found)
		found = append(found, b)
	}
	return found
}

// stays reports whether the controller leaves an old pod as it is.
func (f *family) stays(p *object.Pod) bool {
	if f.work.Strategy == string(appsv1.OnDeleteStatefulSetStrategyType) {
		return true
	}
	n, ok := ordinal(p.Name)
	return ok && f.work.Kind == StatefulSet && n < f.work.Rolling.FirstOrdinal+f.work.Partition
}

// inOrder returns the pods in the order in which their trouble counts: the
// newest revision first; of a StatefulSet as its controller takes them, else the
// oldest first.
func (f *family) inOrder() []*object.Pod {
	list := slices.Clone(f.pods)
	slices.SortFunc(list, func(a, b *object.Pod) int {
		if n := cmp.Compare(old(f.isNew(a)), old(f.isNew(b))); n != 0 {
			return n
		}
		if f.work.Kind == StatefulSet {
			i, _ := ordinal(a.Name)
			j, _ := ordinal(b.Name)
			return cmp.Compare(i, j)
		}
		return cmp.Or(cmp.Compare(a.Created, b.Created), strings.Compare(a.Name, b.Name))
	})
	return list
}

func old(isNew bool) int {
	if isNew {
		return 0
	}
	return 1
}

// podBlocker tells what is in the way of one pod, false if nothing is.
func (f *family) podBlocker(p *object.Pod, now int64) (Blocker, bool) {
	b := Blocker{Pod: p.Name, Pods: 1, Since: p.Created}
	at := "pod/" + p.Name + " "
	switch {
	case p.Phase == string(corev1.PodFailed):
		b.Reason, b.Hard = PodFailed, true
		b.Short = joined(p.Status, p.Message)
		b.Words = "a pod has failed: " + b.Short
		b.Evidence = []Evidence{{Source: FromField, Where: at + "status.phase", Words: "Failed " + p.Status}}
		return b, true
	case p.Deleted != 0:
		return f.leaving(p, now)
	case p.Node == "":
		return f.unplaced(p, now)
	}
	if c := failing(p); c != nil {
		return f.containerBlocker(p, c, now), true
	}
	switch {
	case p.ReadySince != 0:
		return Blocker{}, false
	case p.Phase == string(corev1.PodRunning):
		return f.unready(p, now)
	}
	return f.starting(p, now)
}

// failing returns the container that keeps a pod from running: one that fails
// now, or that is up again for a moment after it crashed.
func failing(p *object.Pod) *object.Container {
	if c := troubled(p); c != nil {
		return c
	}
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.State == object.Running && !c.Ready && c.Restarts > 0 && c.Last != nil && c.Last.Exit != 0 && c.Type != object.Ephemeral {
			return c
		}
	}
	return nil
}

func (f *family) containerBlocker(p *object.Pod, c *object.Container, now int64) Blocker {
	b := Blocker{Pod: p.Name, Pods: 1, Hard: true, Since: p.Created}
	field := "pod/" + p.Name + " status." + statusField(c.Type) + "[" + c.Name + "]."
	image := object.ShortImage(c.Image)
	switch {
	case isPull(c.Reason):
		b.Reason = ImagePull
		b.Short = "image cannot be pulled: " + image
		b.Words = fmt.Sprintf("image %s of container %s cannot be pulled", c.Image, c.Name)
		if why := pullError(c.Message); why != "" {
			b.Words += ": " + why
		}
	case c.Reason == "CreateContainerConfigError":
		b.Reason = Config
		b.Short = joined("config", c.Message)
		b.Words = fmt.Sprintf("container %s cannot be configured: %s", c.Name, c.Message)
	case c.State == object.Waiting && c.Reason != "CrashLoopBackOff":
		b.Reason = StartFailed
		b.Short = joined(c.Reason, c.Message)
		b.Words = fmt.Sprintf("container %s cannot be started: %s", c.Name, b.Short)
	default:
		b.Reason = Crash
		f.crash(&b, p, c, now)
		return b
	}
	b.Evidence = append(b.Evidence, Evidence{Source: FromField, Where: field + "state.waiting", Words: joined(c.Reason, c.Message)})
	if e := newest(withReason(f.fleet.events[p.UID], "Failed", "InspectFailed", "ErrImageNeverPull")); e != nil {
		b.Evidence = append(b.Evidence, fromEvent(e))
	}
	return b
}

// crash fills in a container that ends again and again.
func (f *family) crash(b *Blocker, p *object.Pod, c *object.Container, now int64) {
	what := c.Name + " of " + object.ShortImage(c.Image)
	if c.Type == object.Init {
		what = "init container " + what
	}
	field := "pod/" + p.Name + " status." + statusField(c.Type) + "[" + c.Name + "]."
	end, state := c.Last, "lastState.terminated"
	if c.State == object.Terminated {
		end, state = &object.Termination{Reason: c.Reason, Message: c.Message, Exit: c.Exit, Finished: c.Since}, "state.terminated"
	}
	how := "crashes"
	if end != nil {
		how = "exits " + strconv.Itoa(int(end.Exit))
		if end.Reason == "OOMKilled" {
			how = "is OOMKilled"
		}
		b.Since = min(end.Finished, now)
		words := end.String()
		if end.Message != "" {
			words += ": " + end.Message
		}
		b.Evidence = append(b.Evidence, Evidence{Source: FromField, Where: field + state, Words: words, At: end.Finished})
	}
	b.Short = object.ShortImage(c.Image) + " " + how
	b.Words = what + " " + how
	if c.Restarts > 0 {
		b.Words += fmt.Sprintf(", %d %s", c.Restarts, plural(int(c.Restarts), "restart"))
	}
	if end != nil && end.Message != "" {
		b.Words += ": " + end.Message
	}
	if c.State == object.Waiting {
		b.Evidence = append(b.Evidence, Evidence{Source: FromField, Where: field + "state.waiting", Words: joined(c.Reason, c.Message)})
	}
	b.Hard = c.Reason == "CrashLoopBackOff" || c.Restarts > 1
	if e := newest(withReason(f.fleet.events[p.UID], "BackOff")); e != nil {
		b.Evidence = append(b.Evidence, fromEvent(e))
	}
}

// unplaced tells of a pod that is on no node.
func (f *family) unplaced(p *object.Pod, now int64) (Blocker, bool) {
	b := Blocker{Pod: p.Name, Pods: 1, Since: p.Created}
	b.Evidence = []Evidence{{Source: FromCondition, Where: "pod/" + p.Name + " PodScheduled=False", Words: p.Message}}
	switch {
	case p.Status == corev1.PodReasonSchedulingGated:
		b.Reason, b.Short = Gated, "scheduling gates are shut"
		b.Words = joined("the pod waits for its scheduling gates", p.Message)
		return b, true
	case p.Message == "":
		return Blocker{}, false // nobody has tried yet
	}
	b.Reason, b.Hard = Unschedulable, now-p.Created >= schedulingTime
	b.Short = "unschedulable: " + p.Message
	b.Words = "no node takes the pod: " + p.Message
	if e := newest(withReason(f.fleet.events[p.UID], "FailedScheduling")); e != nil {
		b.Evidence = append(b.Evidence, fromEvent(e))
	}
	return b, true
}

// leaving tells of a pod that should be gone.
func (f *family) leaving(p *object.Pod, now int64) (Blocker, bool) {
	if now < p.Deleted+leavingTime { // Deleted is the end of its grace
		return Blocker{}, false
	}
	b := Blocker{Reason: Terminating, Pod: p.Name, Pods: 1, Hard: true, Since: p.Deleted}
	b.Evidence = []Evidence{{Source: FromField, Where: "pod/" + p.Name + " metadata.deletionTimestamp", Words: "past its grace", At: p.Deleted}}
	if p.Finalizers != "" {
		b.Short = "a pod does not go: finalizer " + p.Finalizers
		b.Words = "pod " + p.Name + " is deleted and held by finalizer " + p.Finalizers
		b.Evidence = append(b.Evidence, Evidence{Source: FromField, Where: "pod/" + p.Name + " metadata.finalizers", Words: p.Finalizers})
		return b, true
	}
	b.Short = "a pod does not go: " + p.Node
	b.Words = "pod " + p.Name + " is deleted and its grace is over, but node " + p.Node + " has not stopped it"
	return b, true
}

// starting tells of a pod whose node has not started its containers.
func (f *family) starting(p *object.Pod, now int64) (Blocker, bool) {
	e := newest(withReason(f.fleet.events[p.UID], "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"))
	if e == nil {
		return Blocker{}, false
	}
	b := Blocker{Pod: p.Name, Pods: 1, Since: e.First, Evidence: []Evidence{fromEvent(e)}}
	b.Hard = now-p.Created >= mountTime
	if e.Reason == "FailedCreatePodSandBox" {
		b.Reason, b.Short, b.Words = StartFailed, "no sandbox: "+e.Message, "the node cannot make the pod's sandbox: "+e.Message
		return b, true
	}
	b.Reason, b.Short, b.Words = Volume, "volume: "+e.Message, "a volume of the pod is not there: "+e.Message
	return b, true
}

// unready tells of a pod that runs and is not ready.
func (f *family) unready(p *object.Pod, now int64) (Blocker, bool) {
	b := Blocker{Pod: p.Name, Pods: 1, Since: p.Created}
	var c *object.Container
	for i := range p.Containers {
		if k := &p.Containers[i]; !k.Ready && k.State == object.Running && k.Type != object.Ephemeral && k.Type != object.Init {
			c = k
			break
		}
	}
	if c == nil {
		// Its containers are ready and the pod is not: a gate, or the control plane
		// has taken that from it because the node does not answer.
		if p.Message != "" {
			b.Reason, b.Short, b.Words = Gated, "readiness gate is shut", "the containers are ready, a readiness gate is not: "+p.Message
			b.Evidence = []Evidence{{Source: FromCondition, Where: "pod/" + p.Name + " Ready=False ReadinessGatesNotReady", Words: p.Message}}
			return b, true
		}
		if p.Ready == p.Total && p.Total > 0 {
			b.Reason, b.Short = NodeDown, "node "+p.Node+" does not answer"
			b.Words = "the containers were ready when node " + p.Node + " last said so; the pod is not counted as ready any more"
			b.Evidence = []Evidence{{Source: FromCondition, Where: "pod/" + p.Name + " Ready=False", Words: fmt.Sprintf("%d of %d containers ready", p.Ready, p.Total)}}
			return b, true
		}
		return Blocker{}, false
	}
	b.Reason, b.Since = Probe, c.Since
	probe := "readiness"
	if !c.Started {
		probe = "startup"
	}
	b.Short = "runs, but is not ready: " + probe + " probe"
	b.Words = fmt.Sprintf("container %s runs and its %s probe has not succeeded for %s", c.Name, probe, span(max(0, now-c.Since)))
	if e := newest(withReason(f.fleet.events[p.UID], "Unhealthy")); e != nil && e.Last >= c.Since {
		b.Words = fmt.Sprintf("container %s runs and is not ready: %s", c.Name, e.Message)
		b.Short = e.Message
		b.Evidence = append(b.Evidence, fromEvent(e))
	} else if now-c.Since < near {
		return Blocker{}, false // it has only just begun
	}
	b.Evidence = append(b.Evidence, Evidence{
		Source: FromField, Where: "pod/" + p.Name + " status." + statusField(c.Type) + "[" + c.Name + "].ready", Words: "false, running", At: c.Since,
	})
	b.Hard = f.work.Rolling.Deadline == 0 && now-c.Since >= readyTime
	return b, true
}

// brokenPod finds the pod of a StatefulSet that its controller waits for before
// it would replace it: one of a revision that is not the newest, and that will
// not be ready.
func (f *family) brokenPod(now int64) (Blocker, bool) {
	w := f.work
	if w.Kind != StatefulSet || w.Strategy != string(appsv1.RollingUpdateStatefulSetStrategyType) || w.Rolling.Parallel && w.Rolling.MaxUnavailable == "" {
		return Blocker{}, false
	}
	for _, p := range f.inOrder() {
		n, ok := ordinal(p.Name)
		if !ok || f.isNew(p) || f.stays(p) || p.Deleted != 0 || n < w.Rolling.FirstOrdinal || n >= w.Rolling.FirstOrdinal+w.Desired {
			continue
		}
		cause, ok := f.podBlocker(p, now)
		if !ok || cause.Reason == PodFailed { // which the controller deletes
			continue
		}
		cause.Short = "broken pod " + p.Name + " must be deleted"
		cause.Words = fmt.Sprintf("%s is of an older revision and does not become ready (%s): the controller waits for it before it replaces any pod, so somebody must delete it",
			p.Name, cause.Words)
		cause.Hard = cause.Hard || cause.Reason == Probe
		cause.Reason = BrokenPod
		cause.Evidence = append(cause.Evidence, Evidence{
			Source: FromField, Where: "pod/" + p.Name + " metadata.labels[" + hashOfRev + "]",
			Words: p.Labels.Get(hashOfRev) + ", status.updateRevision " + w.Rolling.UpdateRevision,
		})
		return cause, true
	}
	return Blocker{}, false
}

// moving reports whether a pod is on its way to what the rollout needs, so that
// trouble elsewhere need not be the end of it.
func (f *family) moving(now int64) bool {
	for _, p := range f.pods {
		if _, blocked := f.podBlocker(p, now); blocked {
			continue
		}
		switch {
		case p.Deleted != 0:
			return true // its place will be free
		case f.isNew(p) && !isAvailable(p, f.work.Rolling.MinReady, now):
			return true
		}
	}
	return false
}

func newest(list []*object.Event) *object.Event {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// isPull reports whether a waiting container's reason is about its image.
func isPull(reason string) bool {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
		return true
	}
	return false
}

// pullError returns the last part of what the runtime says of a failed pull, in
// which it names the cause.
func pullError(message string) string {
	for _, cause := range []string{"not found", "unauthorized", "denied", "toomanyrequests", "no such host", "connection refused", "timeout", "x509"} {
		if i := strings.LastIndex(strings.ToLower(message), cause); i >= 0 {
			start := strings.LastIndex(message[:i], ": ")
			return strings.Trim(message[start+1:], ` :"`)
		}
	}
	return message
}

func statusField(t object.ContainerType) string {
	if t == object.Init || t == object.Sidecar {
		return "initContainerStatuses"
	}
	return "containerStatuses"
}

// joined writes a reason and what there is to say of it.
func joined(reason, message string) string {
	if message == "" {
		return reason
	}
	return reason + ": " + message
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
