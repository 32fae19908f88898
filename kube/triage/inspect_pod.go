package triage

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/sanitize"
)

// LogTail is the end of the log of one container.
type LogTail struct {
	On        kube.Ref // the pod
	Container string
	Previous  bool        // of the instance before
	Lines     []logs.Line // the oldest first
}

// samples is how many pods of an incident are looked at: those of one cause fail
// in one way.
const samples = 3

// errorLines is how many lines of a log are evidence.
const errorLines = 3

// pod asks how the containers of some pods ended, what the scheduler says of
// them, for the log of the one that fails, and what they use.
func (n *inspector) pod(ctx context.Context) {
	want := n.failing()
	logged := false
	for _, ref := range n.pods() {
		p := n.readPod(ctx, ref)
		if p == nil {
			continue
		}
		n.add(terminations(ref, p)...)
		n.add(unscheduled(ref, p)...)
		if c := want.of(ref, p); c != nil && !logged && !n.NoLog {
			logged = n.log(ctx, ref, c)
		}
		n.use(ctx, ref, p)
	}
	if n.incident.Root.GVR.Resource == string(Nodes) {
		n.nodeUse(ctx)
	}
}

// pods returns the pods to look at, those of the deepest findings first.
func (n *inspector) pods() []kube.Ref {
	var found []kube.Ref
	note := func(r kube.Ref) {
		if r.GVR.Resource != string(Pods) || len(found) == samples {
			return
		}
		for _, f := range found {
			if keyOf(f) == keyOf(r) {
				return
			}
		}
		found = append(found, r)
	}
	if n.incident.Root.GVR.Resource == string(Nodes) {
		return nil // its pods are as they were when it was last heard of
	}
	note(n.incident.Root)
	if a := n.failing(); a != nil {
		note(a.On)
	}
	for at := len(n.incident.Findings) - 1; at >= 0; at-- {
		note(n.incident.Findings[at].On)
	}
	for _, r := range n.incident.Affected {
		note(r)
	}
	return found
}

// showsLog is the action of an incident that shows a log; nil if it has none.
type showsLog Action

func (n *inspector) failing() *showsLog {
	for _, a := range n.incident.Actions {
		if a.Do == ShowLogs && a.On.GVR.Resource == string(Pods) {
			return (*showsLog)(&a)
		}
	}
	return nil
}

// of returns the status of the container of a pod that fails, nil if none that
// has ever run does.
func (a *showsLog) of(ref kube.Ref, p *corev1.Pod) *corev1.ContainerStatus {
	var found *corev1.ContainerStatus
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			s := &list[i]
			ran := s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil
			switch {
			case !ran:
			case a != nil && keyOf(a.On) == keyOf(ref) && a.Container == s.Name:
				return s
			case found == nil && !s.Ready && (s.State.Terminated == nil || s.State.Terminated.ExitCode != 0):
				found = s
			}
		}
	}
	return found
}

func (n *inspector) readPod(ctx context.Context, ref kube.Ref) *corev1.Pod {
	var p corev1.Pod
	err := n.ask(ctx, func(ctx context.Context) error {
		obj, err := n.objects.Objects().Resource(ref.GVR).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &p); err != nil {
			return fmt.Errorf("decode %s: %w", ref, err)
		}
		return nil
	})
	if err != nil {
		n.miss("get", "pods", ref.Namespace, ref.Name, err)
		return nil
	}
	return &p
}

// terminations tells how the containers of a pod ended the last time.
func terminations(ref kube.Ref, p *corev1.Pod) []Evidence {
	var found []Evidence
	for name, list := range map[string][]corev1.ContainerStatus{
		"initContainerStatuses": p.Status.InitContainerStatuses, "containerStatuses": p.Status.ContainerStatuses,
	} {
		for i := range list {
			s := &list[i]
			t, place := s.State.Terminated, "state"
			if t == nil {
				t, place = s.LastTerminationState.Terminated, "lastState"
			}
			if t == nil || t.ExitCode == 0 && s.RestartCount == 0 {
				continue
			}
			text := fmt.Sprintf("%s exited %d", s.Name, t.ExitCode)
			if t.Reason != "" && t.Reason != "Error" {
				text += " " + t.Reason
			}
			if ran := t.FinishedAt.Sub(t.StartedAt.Time); !t.StartedAt.IsZero() && ran >= 0 {
				text += " after " + field.Age(int64(ran.Seconds()))
			}
			if s.RestartCount > 0 {
				text += ", " + plural(int(s.RestartCount), "restart")
			}
			if t.Message != "" {
				text += ": " + t.Message
			}
			found = append(found, Evidence{
				Text: sanitize.Line(text), Source: FromField, On: ref, At: unixOf(t.FinishedAt),
				Where: sanitize.Line(fmt.Sprintf("%s status.%s[%s].%s.terminated", ref, name, s.Name, place)),
			})
		}
	}
	return found
}

func unixOf(t metav1.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// unscheduled takes apart, reason by reason, what the scheduler says of a pod without a node.
func unscheduled(ref kube.Ref, p *corev1.Pod) []Evidence {
	for i := range p.Status.Conditions {
		c := &p.Status.Conditions[i]
		if c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse {
			continue
		}
		message := sanitize.Line(c.Message)
		all := nodesIn(message)
		var found []Evidence
		for r := range schedulerSays(message) {
			text := r.words
			if r.nodes > 0 && all > 0 {
				text = fmt.Sprintf("%d of %s: %s", r.nodes, plural(all, "node"), strings.TrimPrefix(r.words, "node(s) "))
			}
			found = append(found, Evidence{
				Text: text, Source: FromCondition, On: ref, At: unixOf(c.LastTransitionTime),
				Where: ref.String() + " status.conditions[PodScheduled]",
			})
		}
		return found
	}
	return nil
}

// log reads the end of a container's log, of the instance that crashed if one
// did. It reports whether there were any lines.
func (n *inspector) log(ctx context.Context, ref kube.Ref, s *corev1.ContainerStatus) bool {
	previous := s.RestartCount > 0 && s.State.Terminated == nil
	var lines []logs.Line
	err := n.ask(ctx, func(ctx context.Context) (err error) {
		lines, err = logs.Tail(ctx, n.client, ref.Namespace, ref.Name, s.Name, previous, n.LogLines)
		if err == nil && len(lines) == 0 && previous { // the node has cleared it away
			previous = false
			lines, err = logs.Tail(ctx, n.client, ref.Namespace, ref.Name, s.Name, false, n.LogLines)
		}
		return err
	})
	if err != nil {
		n.miss("get", "pods/log", ref.Namespace, ref.Name, err)
	}
	if len(lines) == 0 {
		return false
	}
	tail := &LogTail{On: ref, Container: sanitize.Line(s.Name), Previous: previous, Lines: lines}
	n.mu.Lock()
	n.out.Log = tail
	n.mu.Unlock()
	n.add(tail.errors(s.State.Running == nil || s.RestartCount > 0)...)
	return true
}

// errors returns the last lines of a log that tell of an error; if there is none,
// the very last line of one that crashed.
func (l *LogTail) errors(crashed bool) []Evidence {
	where := l.On.String() + " log of " + l.Container
	if l.Previous {
		where += ", instance before"
	}
	var found []Evidence
	said := map[string]bool{}
	note := func(line *logs.Line) {
		text := strings.TrimSpace(line.Text())
		if text == "" || said[text] {
			return
		}
		said[text] = true
		found = append(found, Evidence{Text: text, Source: FromLog, Where: where, On: l.On, At: line.Time / 1e9})
	}
	for at := len(l.Lines) - 1; at >= 0 && len(found) < errorLines; at-- {
		if line := &l.Lines[at]; line.Level >= logs.Error && line.Flags&logs.Continued == 0 {
			note(line)
		}
	}
	for at := len(l.Lines) - 1; at >= 0 && crashed && len(found) == 0; at-- {
		note(&l.Lines[at])
	}
	return found
}

// use compares what the containers of a pod use with what they ask for and may
// use.
func (n *inspector) use(ctx context.Context, ref kube.Ref, p *corev1.Pod) {
	if n.Metrics == nil || p.Status.Phase != corev1.PodRunning {
		return
	}
	use := n.snapshot(ctx, metrics.Pods(ref.Namespace), "pods")
	if use == nil {
		return
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		u, ok := use.Container(ref.Namespace, ref.Name, c.Name)
		if !ok {
			continue
		}
		text := c.Name + " uses memory " + against(field.Size(u.Bytes), u.Bytes, c.Resources.Requests.Memory().Value(), c.Resources.Limits.Memory().Value(), field.Size) +
			"; cpu " + against(field.Cores(u.MilliCPU), u.MilliCPU, c.Resources.Requests.Cpu().MilliValue(), c.Resources.Limits.Cpu().MilliValue(), field.Cores)
		n.add(Evidence{Text: sanitize.Line(text), Source: FromMetrics, Where: ref.String() + " metrics of " + sanitize.Line(c.Name), On: ref, At: use.At.Unix()})
	}
}

// against writes an amount with what is asked for and allowed.
func against(words string, used, request, limit int64, write func(int64) string) string {
	if limit > 0 {
		words += fmt.Sprintf(", %d%% of limit %s", used*100/limit, write(limit))
	} else {
		words += ", no limit"
	}
	if request > 0 {
		return words + ", request " + write(request)
	}
	return words + ", no request"
}

func (n *inspector) nodeUse(ctx context.Context) {
	if n.Metrics == nil {
		return
	}
	root := n.incident.Root
	use := n.snapshot(ctx, metrics.Nodes(), "nodes")
	if use == nil {
		return
	}
	if u, ok := use.Node(root.Name); ok {
		text := "uses cpu " + field.Cores(u.MilliCPU) + ", memory " + field.Size(u.Bytes)
		n.add(Evidence{Text: text, Source: FromMetrics, Where: root.String() + " metrics", On: root, At: use.At.Unix()})
	}
}

// snapshot waits for what is known of the use of a scope, nil if nothing is.
func (n *inspector) snapshot(ctx context.Context, scope metrics.Scope, resource string) *metrics.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, n.Wait)
	defer cancel()
	sub := n.Metrics.Subscribe(ctx, scope)
	defer sub.Close()
	for {
		s := sub.Snapshot()
		if s.State == metrics.Waiting {
			select {
			case <-sub.Changed():
				continue
			case <-ctx.Done():
				n.miss("list", resource+".metrics.k8s.io", "", "", ctx.Err())
				return nil
			}
		}
		if s.State != metrics.Current {
			n.miss("list", resource+".metrics.k8s.io", "", "", noUse{s.State, s.Err})
			return nil
		}
		return s
	}
}

// noUse is why use is not known.
type noUse struct {
	state metrics.State
	err   error
}

func (e noUse) Error() string {
	if e.state == metrics.Failed && e.err != nil {
		return e.err.Error()
	}
	return e.state.String()
}
