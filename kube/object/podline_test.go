package object

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// change is one thing that makes a pod different from an empty one.
type change func(*corev1.Pod)

func phase(p corev1.PodPhase) change { return func(o *corev1.Pod) { o.Status.Phase = p } }
func reason(r string) change         { return func(o *corev1.Pod) { o.Status.Reason = r } }
func deleted() change {
	return func(o *corev1.Pod) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
}

func condition(t corev1.PodConditionType, s corev1.ConditionStatus, reason string) change {
	return func(o *corev1.Pod) {
		o.Status.Conditions = append(o.Status.Conditions, corev1.PodCondition{Type: t, Status: s, Reason: reason})
	}
}
func isReady() change     { return condition(corev1.PodReady, corev1.ConditionTrue, "") }
func initialized() change { return condition(corev1.PodInitialized, corev1.ConditionTrue, "") }

// status is the state of a container.
type status func(*corev1.ContainerStatus)

func waiting(reason string) status {
	return func(c *corev1.ContainerStatus) { c.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason} }
}

func running(ready bool) status {
	return func(c *corev1.ContainerStatus) {
		yes := true
		c.State.Running, c.Ready, c.Started = &corev1.ContainerStateRunning{}, ready, &yes
	}
}

func starting() status { // its startup probe has not yet succeeded
	return func(c *corev1.ContainerStatus) {
		no := false
		c.State.Running, c.Started = &corev1.ContainerStateRunning{}, &no
	}
}

func ended(reason string, code int32) status {
	return func(c *corev1.ContainerStatus) {
		c.State.Terminated = &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code}
	}
}

func signalled(signal int32) status {
	return func(c *corev1.ContainerStatus) {
		c.State.Terminated = &corev1.ContainerStateTerminated{Signal: signal, ExitCode: 128 + signal}
	}
}

func restarted(n int32, last int64, s status) status {
	return func(c *corev1.ContainerStatus) {
		c.RestartCount = n
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 1, FinishedAt: metav1.Unix(last, 0)}
		s(c)
	}
}

func container(name string, s status) change {
	return func(o *corev1.Pod) {
		o.Spec.Containers = append(o.Spec.Containers, corev1.Container{Name: name})
		o.Status.ContainerStatuses = appendStatus(o.Status.ContainerStatuses, name, s)
	}
}

func initContainer(name string, s status) change {
	return func(o *corev1.Pod) {
		o.Spec.InitContainers = append(o.Spec.InitContainers, corev1.Container{Name: name})
		o.Status.InitContainerStatuses = appendStatus(o.Status.InitContainerStatuses, name, s)
	}
}

func sidecar(name string, s status) change {
	always := corev1.ContainerRestartPolicyAlways
	return func(o *corev1.Pod) {
		o.Spec.InitContainers = append(o.Spec.InitContainers, corev1.Container{Name: name, RestartPolicy: &always})
		o.Status.InitContainerStatuses = appendStatus(o.Status.InitContainerStatuses, name, s)
	}
}

func ephemeral(name string, s status) change {
	return func(o *corev1.Pod) {
		o.Spec.EphemeralContainers = append(o.Spec.EphemeralContainers,
			corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: name}})
		o.Status.EphemeralContainerStatuses = appendStatus(o.Status.EphemeralContainerStatuses, name, s)
	}
}

// appendStatus notes the state of a container; nil is one not yet reported.
func appendStatus(list []corev1.ContainerStatus, name string, s status) []corev1.ContainerStatus {
	if s == nil {
		return list
	}
	c := corev1.ContainerStatus{Name: name}
	s(&c)
	return append(list, c)
}

func corePod(changes ...change) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "n"}}
	for _, c := range changes {
		c(p)
	}
	return p
}

// The columns are those of printPod in k8s.io/kubernetes/pkg/printers/internalversion.
func TestPodLine(t *testing.T) {
	const (
		pending = corev1.PodPending
		active  = corev1.PodRunning
		failed  = corev1.PodFailed
		done    = corev1.PodSucceeded
	)
	for _, test := range []struct {
		name  string
		pod   *corev1.Pod
		ready string
		word  string
		again string // restarts, and when the last was
	}{
		{"not scheduled", corePod(phase(pending), container("a", nil)), "0/1", "Pending", "0"},
		{"gated", corePod(phase(pending), container("a", nil), condition(corev1.PodScheduled, corev1.ConditionFalse, "SchedulingGated")), "0/1", "SchedulingGated", "0"},
		{"unschedulable", corePod(phase(pending), container("a", nil), condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable")), "0/1", "Pending", "0"},
		{"creating", corePod(phase(pending), container("a", waiting("ContainerCreating"))), "0/1", "ContainerCreating", "0"},
		{"waiting for nothing said", corePod(phase(pending), container("a", waiting(""))), "0/1", "Pending", "0"},
		{"first of two inits", corePod(phase(pending), initContainer("i", running(false)), initContainer("j", waiting("PodInitializing")), container("a", waiting("PodInitializing"))), "0/1", "Init:0/2", "0"},
		{"second of two inits", corePod(phase(pending), initContainer("i", ended("Completed", 0)), initContainer("j", waiting("PodInitializing")), container("a", waiting("PodInitializing"))), "0/1", "Init:1/2", "0"},
		{"init pulls", corePod(phase(pending), initContainer("i", waiting("ImagePullBackOff")), container("a", waiting("PodInitializing"))), "0/1", "Init:ImagePullBackOff", "0"},
		{"init failed", corePod(phase(failed), initContainer("i", ended("Error", 1)), container("a", waiting("PodInitializing"))), "0/1", "Init:Error", "0"},
		{"init failed without a word", corePod(phase(pending), initContainer("i", ended("", 3)), container("a", waiting("PodInitializing"))), "0/1", "Init:ExitCode:3", "0"},
		{"init killed", corePod(phase(pending), initContainer("i", signalled(9)), container("a", waiting("PodInitializing"))), "0/1", "Init:Signal:9", "0"},
		{"init loops", corePod(phase(pending), initContainer("i", restarted(4, 70, waiting("CrashLoopBackOff"))), container("a", waiting("PodInitializing"))), "0/1", "Init:CrashLoopBackOff", "4 at 70"},
		{"initialized", corePod(phase(pending), initContainer("i", restarted(4, 70, ended("Completed", 0))), container("a", waiting("PodInitializing"))), "0/1", "PodInitializing", "0"},
		{"an init of a running pod says nothing", corePod(phase(active), initialized(), isReady(), initContainer("i", waiting("")), container("a", running(true))), "1/1", "Init:0/1", "0"},

		{"sidecar first", corePod(phase(pending), sidecar("s", waiting("PodInitializing")), container("a", waiting("PodInitializing"))), "0/2", "Init:0/1", "0"},
		{"sidecar starts", corePod(phase(pending), sidecar("s", starting()), initContainer("i", waiting("PodInitializing")), container("a", waiting("PodInitializing"))), "0/2", "Init:0/2", "0"},
		{"sidecar runs, init waits", corePod(phase(pending), sidecar("s", running(true)), initContainer("i", running(false)), container("a", waiting("PodInitializing"))), "1/2", "Init:1/2", "0"},
		{"sidecar and app", corePod(phase(active), initialized(), isReady(), sidecar("s", running(true)), container("a", running(true))), "2/2", "Running", "0"},
		{"sidecar not ready", corePod(phase(active), initialized(), sidecar("s", running(false)), container("a", running(true))), "1/2", "Running", "0"},
		{"sidecar loops beside a running app", corePod(phase(active), initialized(), sidecar("s", restarted(3, 50, waiting("CrashLoopBackOff"))), container("a", restarted(2, 60, running(true)))), "1/2", "Init:CrashLoopBackOff", "5 at 60"},
		{"sidecar ended before a failed app", corePod(phase(failed), initialized(), sidecar("s", ended("Completed", 0)), container("a", ended("Error", 1))), "0/2", "Error", "0"},
		{"sidecar outlives the job", corePod(phase(done), initialized(), sidecar("s", ended("Completed", 0)), container("a", ended("Completed", 0))), "0/2", "Completed", "0"},
		{"sidecar's restarts count", corePod(phase(active), initialized(), isReady(), initContainer("i", restarted(7, 90, ended("Completed", 0))), sidecar("s", restarted(2, 40, running(true))), container("a", restarted(1, 30, running(true)))), "2/2", "Running", "3 at 40"},

		{"running", corePod(phase(active), isReady(), container("a", running(true))), "1/1", "Running", "0"},
		{"running, not ready", corePod(phase(active), container("a", running(false))), "0/1", "Running", "0"},
		{"one of two completed, ready", corePod(phase(active), isReady(), container("a", ended("Completed", 0)), container("b", running(true))), "1/2", "Running", "0"},
		{"one of two completed, not ready", corePod(phase(active), container("a", ended("Completed", 0)), container("b", running(true))), "1/2", "NotReady", "0"},
		{"one completed, one failed", corePod(phase(failed), container("a", ended("Completed", 0)), container("b", ended("Error", 2))), "0/2", "Error", "0"},
		{"one failed, one completed", corePod(phase(failed), container("a", ended("Error", 2)), container("b", ended("Completed", 0))), "0/2", "Error", "0"},
		{"completed", corePod(phase(done), container("a", ended("Completed", 0))), "0/1", "Completed", "0"},
		{"error", corePod(phase(failed), container("a", ended("Error", 1))), "0/1", "Error", "0"},
		{"error without a word", corePod(phase(failed), container("a", ended("", 42))), "0/1", "ExitCode:42", "0"},
		{"killed", corePod(phase(failed), container("a", signalled(15))), "0/1", "Signal:15", "0"},
		{"out of memory", corePod(phase(active), container("a", restarted(1, 10, ended("OOMKilled", 137)))), "0/1", "OOMKilled", "1 at 10"},
		{"loops", corePod(phase(active), container("a", restarted(6, 80, waiting("CrashLoopBackOff")))), "0/1", "CrashLoopBackOff", "6 at 80"},
		{"restarts of unknown age", corePod(phase(active), container("a", func(c *corev1.ContainerStatus) { c.RestartCount = 2; running(true)(c) })), "1/1", "Running", "2"},
		{"no image", corePod(phase(pending), container("a", waiting("ImagePullBackOff"))), "0/1", "ImagePullBackOff", "0"},
		{"no image yet", corePod(phase(pending), container("a", waiting("ErrImagePull"))), "0/1", "ErrImagePull", "0"},
		{"no such ConfigMap", corePod(phase(pending), container("a", waiting("CreateContainerConfigError"))), "0/1", "CreateContainerConfigError", "0"},
		{"the first in the status has the last word", corePod(phase(active), container("a", waiting("ErrImagePull")), container("b", waiting("CrashLoopBackOff"))), "0/2", "ErrImagePull", "0"},
		{"evicted", corePod(phase(failed), reason("Evicted"), container("a", nil)), "0/1", "Evicted", "0"},
		{"refused by the node", corePod(phase(failed), reason("NodeAffinity"), container("a", nil)), "0/1", "NodeAffinity", "0"},
		{"unknown", corePod(phase(corev1.PodUnknown), container("a", running(true))), "1/1", "Unknown", "0"},
		{"node lost", corePod(phase(active), reason("NodeLost"), container("a", running(true))), "1/1", "NodeLost", "0"},
		{"node lost, deleted", corePod(phase(active), reason("NodeLost"), deleted(), container("a", running(true))), "1/1", "Unknown", "0"},
		{"terminating", corePod(phase(active), isReady(), deleted(), container("a", running(true))), "1/1", "Terminating", "0"},
		{"deleted while it starts", corePod(phase(pending), deleted(), container("a", waiting("ContainerCreating"))), "0/1", "Terminating", "0"},
		{"deleted after it ended", corePod(phase(done), deleted(), container("a", ended("Completed", 0))), "0/1", "Completed", "0"},
		{"deleted after it failed", corePod(phase(failed), deleted(), container("a", ended("Error", 1))), "0/1", "Error", "0"},
		{"debugged", corePod(phase(active), isReady(), container("a", running(true)), ephemeral("d", restarted(3, 9, ended("Error", 1)))), "1/1", "Running", "0"},
		{"nothing", corePod(), "0/0", "", "0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := compact(t, Pods(), runtime.Object(test.pod))[0]
			again := fmt.Sprint(p.Restarts)
			if p.LastRestart != 0 {
				again += fmt.Sprint(" at ", p.LastRestart)
			}
			if ready := fmt.Sprintf("%d/%d", p.Ready, p.Total); ready != test.ready || p.Status != test.word || again != test.again {
				t.Errorf("%s %s %s, want %s %s %s", ready, p.Status, again, test.ready, test.word, test.again)
			}
		})
	}
}
