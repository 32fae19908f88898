package kubelet

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/playground/kubelet/program"
)

// How long a kubelet waits between attempts: restarts of a container that
// exits, and pulls of an image.
const (
	firstBackOff = 10 * time.Second
	maxBackOff   = 5 * time.Minute
)

// Reasons of a waiting container.
const (
	reasonCrashLoop   = "CrashLoopBackOff"
	reasonPullFailed  = "ErrImagePull"
	reasonPullBackOff = "ImagePullBackOff"
	reasonConfig      = "CreateContainerConfigError"
	reasonImageName   = "InvalidImageName"
	reasonStart       = "StartError"
)

// part is the place of a container in its pod.
type part struct {
	init, sidecar bool
	// from is when it may start first.
	from time.Time
}

func (l *life) about(spec *corev1.Container, p part, kind, reason, format string, args ...any) {
	l.events = append(l.events, event{
		kind: kind, reason: reason, message: fmt.Sprintf(format, args...),
		container: spec.Name, init: p.init,
	})
}

// container advances one container.
func (l *life) container(spec *corev1.Container, s *corev1.ContainerStatus, p part) {
	switch {
	case s.State.Running != nil:
		l.running(spec, s, p)
	case s.State.Terminated != nil:
		l.ended(spec, s, p)
	case s.State.Waiting != nil && s.State.Waiting.Reason == reasonCrashLoop && s.LastTerminationState.Terminated != nil:
		if l.reached(s.LastTerminationState.Terminated.FinishedAt.Add(backOff(s.RestartCount))) {
			s.RestartCount++
			l.create(spec, s, p)
		} else if l.every("crash/"+spec.Name, 30*time.Second) {
			l.sayBackOff(spec, p)
		}
	default:
		l.create(spec, s, p)
	}
}

// create pulls the image and starts the container, or says why it cannot.
func (l *life) create(spec *corev1.Container, s *corev1.ContainerStatus, p part) {
	node := l.pod.Spec.NodeName
	_, err := program.Lookup(spec.Image)
	pull := 150 * time.Millisecond
	if !l.in.pulled(node, spec.Image) {
		pull = l.between("pull/"+spec.Image, 700*time.Millisecond, 2800*time.Millisecond)
	}
	if s.RestartCount == 0 && !l.reached(p.from.Add(pull)) {
		return
	}
	if name := (*program.NameError)(nil); errors.As(err, &name) {
		s.State = waitFor(reasonImageName, err.Error())
		if l.every("name/"+spec.Name, 12*time.Second) {
			l.about(spec, p, corev1.EventTypeWarning, "InspectFailed", "%v", err)
			l.about(spec, p, corev1.EventTypeWarning, "Failed", "Error: %s", reasonImageName)
		}
		return
	}
	if err != nil {
		l.pullFails(spec, s, p, err)
		return
	}
	if err := l.in.configError(l.pod, spec); err != nil {
		s.State = waitFor(reasonConfig, err.Error())
		if l.every("config/"+spec.Name, 12*time.Second) {
			l.about(spec, p, corev1.EventTypeNormal, "Pulled", "Container image %q already present on machine", spec.Image)
			l.about(spec, p, corev1.EventTypeWarning, "Failed", "Error: %v", err)
		}
		l.wake(l.now.Add(2 * time.Second))
		return
	}
	if l.in.pulled(node, spec.Image) {
		l.about(spec, p, corev1.EventTypeNormal, "Pulled", "Container image %q already present on machine", spec.Image)
	} else {
		l.in.pull(node, spec.Image)
		took := pull.Round(time.Millisecond)
		l.about(spec, p, corev1.EventTypeNormal, "Pulling", "Pulling image %q", spec.Image)
		l.about(spec, p, corev1.EventTypeNormal, "Pulled", "Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
			spec.Image, took, took, imageSize(spec.Image))
	}
	if answer := program.CommandError(spec); answer != "" {
		l.startFails(spec, s, p, answer)
		return
	}
	l.start(spec, s, p)
}

// startFails ends a run that did not begin.
func (l *life) startFails(spec *corev1.Container, s *corev1.ContainerStatus, p part, answer string) {
	l.about(spec, p, corev1.EventTypeNormal, "Created", "Container created")
	l.about(spec, p, corev1.EventTypeWarning, "Failed", "Error: %s", answer)
	s.Image, s.ContainerID = spec.Image, "containerd://"+hexID(runID(l.pod.UID, spec.Name, s.RestartCount))
	s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 128, Reason: reasonStart, Message: answer,
		StartedAt: metav1.Unix(0, 0), FinishedAt: metav1.NewTime(l.now), ContainerID: s.ContainerID,
	}}
	l.ended(spec, s, p)
}

// pullFails alternates, as a kubelet does, between the failed attempt and the
// wait until the next one.
func (l *life) pullFails(spec *corev1.Container, s *corev1.ContainerStatus, p part, err error) {
	key := "pull/" + spec.Name
	since, known := l.memo.since[key]
	tries := l.memo.tries[key]
	if !known || !l.now.Before(since.Add(backOff(int32(tries)))) { // a few tries
		l.memo.since[key] = l.now
		l.memo.tries[key] = tries + 1
		since = l.now
		l.about(spec, p, corev1.EventTypeNormal, "Pulling", "Pulling image %q", spec.Image)
		l.about(spec, p, corev1.EventTypeWarning, "Failed", "Failed to pull image %q: %v", spec.Image, err)
		l.about(spec, p, corev1.EventTypeWarning, "Failed", "Error: %s", reasonPullFailed)
	}
	if !l.reached(since.Add(2 * time.Second)) {
		s.State = waitFor(reasonPullFailed, err.Error())
		return
	}
	s.State = waitFor(reasonPullBackOff, fmt.Sprintf("Back-off pulling image %q: %s: %v", spec.Image, reasonPullFailed, err))
	if l.every("pull-back-off/"+spec.Name, 30*time.Second) {
		l.about(spec, p, corev1.EventTypeNormal, "BackOff", "Back-off pulling image %q", spec.Image)
		l.about(spec, p, corev1.EventTypeWarning, "Failed", "Error: %s", reasonPullBackOff)
	}
	l.wake(since.Add(backOff(int32(l.memo.tries[key])))) // a few tries
}

// start makes the container run from now on.
func (l *life) start(spec *corev1.Container, s *corev1.ContainerStatus, p part) {
	started := spec.StartupProbe == nil
	s.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(l.now)}}
	s.Image = spec.Image
	s.ImageID = fmt.Sprintf("%s@sha256:%s", repository(spec.Image), hexID(program.Seed(spec.Image)))
	s.ContainerID = "containerd://" + hexID(runID(l.pod.UID, spec.Name, s.RestartCount))
	s.Started = &started
	s.Ready = false
	if len(spec.Resources.Requests) > 0 || len(spec.Resources.Limits) > 0 {
		s.Resources = spec.Resources.DeepCopy()
		s.AllocatedResources = spec.Resources.Requests.DeepCopy()
	}
	delete(l.memo.last, "probe/"+spec.Name)
	l.about(spec, p, corev1.EventTypeNormal, "Created", "Container created")
	l.about(spec, p, corev1.EventTypeNormal, "Started", "Container started")
	l.running(spec, s, p)
}

// running decides whether a running container ends, and whether it is ready.
func (l *life) running(spec *corev1.Container, s *corev1.ContainerStatus, p part) {
	if l.shellEnds(s) {
		l.ended(spec, s, p)
		return
	}
	prog, _ := program.Lookup(spec.Image) // a pulled image stays
	began := s.State.Running.StartedAt.Time
	end, ends := prog.End(spec, l.role(p), runID(l.pod.UID, spec.Name, s.RestartCount))
	if ends && !interactive(spec) && l.reached(began.Add(end.After)) {
		if end.Liveness != "" {
			l.about(spec, p, corev1.EventTypeWarning, "Unhealthy", "Liveness probe failed: %s", end.Liveness)
			l.about(spec, p, corev1.EventTypeNormal, "Killing", "Container %s failed liveness probe, will be restarted", spec.Name)
		}
		l.stop(s, end.Code, end.Reason, began.Add(end.After))
		l.ended(spec, s, p)
		return
	}
	if p.init && !p.sidecar {
		return
	}
	started := spec.StartupProbe == nil || l.reached(began.Add(prog.Starts))
	s.Started = &started
	// What crashes at once was never ready: its rollout must not go on.
	s.Ready = started && !end.Brief && l.ready(prog, spec, p, began)
}

// interactive reports whether a container runs a shell for whoever attaches to
// it, as those for debugging do. It ends when the shell does.
func interactive(spec *corev1.Container) bool { return spec.Stdin && spec.TTY }

// shellEnds stops a running container whose shell ended, and reports whether it
// did.
func (l *life) shellEnds(s *corev1.ContainerStatus) bool {
	code, ok := l.in.exited(s.ContainerID)
	switch {
	case !ok:
		return false
	case code == 0:
		l.stop(s, code, "Completed", l.now)
	default:
		l.stop(s, code, "Error", l.now)
	}
	return true
}

// ready runs the readiness probe.
func (l *life) ready(prog program.Program, spec *corev1.Container, p part, began time.Time) bool {
	probe := spec.ReadinessProbe
	if probe == nil {
		return true
	}
	delay := max(time.Duration(probe.InitialDelaySeconds)*time.Second, prog.Starts)
	if !l.reached(began.Add(delay)) {
		return false
	}
	answer := prog.Ready(probe)
	if answer == "" {
		return true
	}
	if l.every("probe/"+spec.Name, max(10*time.Second, time.Duration(probe.PeriodSeconds)*time.Second)) {
		l.about(spec, p, corev1.EventTypeWarning, "Unhealthy", "Readiness probe failed: %s", answer)
	}
	return false
}

// role tells containers that stay from those that end.
func (l *life) role(p part) program.Role {
	if p.sidecar || (!p.init && l.pod.Spec.RestartPolicy == corev1.RestartPolicyAlways) {
		return program.Service
	}
	return program.Task
}

// stop ends a run.
func (l *life) stop(s *corev1.ContainerStatus, code int32, reason string, at time.Time) {
	stopped := false
	s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason,
		StartedAt: s.State.Running.StartedAt, FinishedAt: metav1.NewTime(at),
		ContainerID: s.ContainerID,
	}}
	s.Ready, s.Started = false, &stopped
}

// ended restarts a container that ended, if its policy says so: the first
// time at once, later after a back-off.
func (l *life) ended(spec *corev1.Container, s *corev1.ContainerStatus, p part) {
	last := s.State.Terminated
	switch policy := l.pod.Spec.RestartPolicy; {
	case p.sidecar:
	case last.ExitCode == 0 && (p.init || policy != corev1.RestartPolicyAlways):
		return
	case policy == corev1.RestartPolicyNever:
		return
	}
	// The end is visible for a moment before anything follows.
	if !l.reached(last.FinishedAt.Add(time.Second)) {
		return
	}
	s.LastTerminationState = corev1.ContainerState{Terminated: last}
	if s.RestartCount == 0 {
		s.RestartCount++
		l.create(spec, s, p)
		return
	}
	s.State = waitFor(reasonCrashLoop, fmt.Sprintf("back-off %v restarting failed container=%s pod=%s_%s(%s)",
		backOff(s.RestartCount), spec.Name, l.pod.Name, l.pod.Namespace, l.pod.UID))
	l.memo.last["crash/"+spec.Name] = l.now
	l.sayBackOff(spec, p)
	l.wake(last.FinishedAt.Add(backOff(s.RestartCount)))
}

func (l *life) sayBackOff(spec *corev1.Container, p part) {
	l.about(spec, p, corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s_%s(%s)",
		spec.Name, l.pod.Name, l.pod.Namespace, l.pod.UID)
}

// backOff is the wait after the n-th restart or attempt.
func backOff(n int32) time.Duration {
	d := firstBackOff
	for ; n > 1 && d < maxBackOff; n-- {
		d *= 2
	}
	return min(d, maxBackOff)
}

func waitFor(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func repository(image string) string {
	name, _ := program.Split(image)
	return name
}

// hexID spreads a number over the length of a digest.
func hexID(n uint64) string {
	return fmt.Sprintf("%016x%016x%016x%016x", n, n*0x9e3779b97f4a7c15, n^0xbf58476d1ce4e5b9, n*0x94d049bb133111eb)
}

// imageSize is a plausible one, always the same for an image.
func imageSize(image string) uint64 {
	return 9_000_000 + program.Seed(image)%260_000_000
}
