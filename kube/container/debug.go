package container

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// DebugImage is the image of containers for debugging if none is wished for.
const DebugImage = "busybox:1.37"

// DebugOptions are the wishes for a container for debugging. The zero value is
// a busybox.
type DebugOptions struct {
	Image   string
	Command []string // instead of the image's own
	// Said, if not nil, is told what is waited for, from one goroutine.
	Said func(string)
	// Namespace is where the pod for a node is made; "" is that of the context,
	// or default.
	Namespace string
	// Lifetime is after how long the cluster ends the pod for a node, should
	// nobody have; 0 is 8 hours.
	Lifetime time.Duration
}

func (o DebugOptions) image() string { return cmp.Or(o.Image, DebugImage) }

func (o DebugOptions) say(format string, args ...any) {
	if o.Said != nil {
		o.Said(fmt.Sprintf(format, args...))
	}
}

// Debug starts an ephemeral container in a pod and returns a session with it
// once it runs. It shares the processes of the target's container, the default
// one if none is named. Kubernetes removes such a container only with its pod;
// it ends when its shell does.
func Debug(ctx context.Context, c *kube.Client, t Target, o DebugOptions) (*Session, error) {
	p, err := pod(ctx, c, t.Pod)
	if err != nil {
		return nil, err
	}
	t.Pod.UID = p.UID
	t.Container = cmp.Or(t.Container, defaultContainer(p))
	switch _, ok := specOf(p, t.Container); {
	case !ok:
		return nil, fmt.Errorf("pod %s/%s has no container %q", p.Namespace, p.Name, t.Container)
	case p.Status.Phase == corev1.PodSucceeded, p.Status.Phase == corev1.PodFailed:
		return nil, fmt.Errorf("pod %s/%s has ended: nothing can be started in it any more; debug one that runs, or the node", p.Namespace, p.Name)
	}
	name := "debugger-" + rand.String(5)
	patch := map[string]any{
		"metadata": map[string]any{"uid": p.UID}, // of this pod only
		"spec": map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{
				Name: name, Image: o.image(), Command: o.Command, Stdin: true, TTY: true,
				ImagePullPolicy: corev1.PullIfNotPresent, TerminationMessagePolicy: corev1.TerminationMessageReadFile,
			},
			TargetContainerName: t.Container,
		}}},
	}
	o.say("starting %s in pod %s", o.image(), t.Pod.Name)
	if err := addEphemeral(ctx, c, t.Pod, patch); err != nil {
		return nil, err
	}
	debugger := Target{Pod: t.Pod, Container: name}
	if err := waitRunning(ctx, c, debugger, o); err != nil {
		return nil, fmt.Errorf("%w; container %s stays in the pod's list until the pod goes", err, name)
	}
	return attachToShell(ctx, c, debugger, ": debugging "+t.Container+", exit or ctrl+d ends it"), nil
}

func addEphemeral(ctx context.Context, c *kube.Client, pod kube.Ref, patch any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("describe the debug container: %w", err)
	}
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return err
	}
	call, cancel := c.Call(ctx)
	defer cancel()
	err = r.Patch(types.StrategicMergePatchType).Namespace(pod.Namespace).Resource("pods").Name(pod.Name).
		SubResource("ephemeralcontainers").Body(body).Do(call).Error()
	where := pod.Namespace + "/" + pod.Name
	switch {
	case apierrors.IsNotFound(err):
		return say(err, "pod %s is gone, or the server is too old for debug containers (before 1.25)", where)
	case apierrors.IsConflict(err), apierrors.IsInvalid(err) && strings.Contains(err.Error(), "metadata.uid"):
		return say(err, "pod %s is no longer the one that was chosen: it was deleted and made anew, choose it again", where)
	case err != nil:
		return fmt.Errorf("add a debug container to pod %s: %w", where, err)
	}
	return nil
}

// attachToShell returns a session with a shell that a container runs.
func attachToShell(ctx context.Context, c *kube.Client, t Target, words string) *Session {
	return &Session{ctx: ctx, client: c, target: t, resolve: func(context.Context) (visit, error) {
		v := attachTo(found{Target: t, stdin: true, tty: true})
		v.where = t.String() + words
		v.detach = detacher{}
		return v, nil
	}}
}

// How long a container may take to run, its image to be pulled included, and
// how often its pod is looked at.
const (
	startPatience = 3 * time.Minute
	lookEvery     = 500 * time.Millisecond
)

// waitRunning returns when the container runs, with an error when it will not.
func waitRunning(ctx context.Context, c *kube.Client, t Target, o DebugOptions) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errSlowStart)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := "nothing yet"
	for {
		p, err := pod(ctx, c, t.Pod)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			return err
		default:
			state, _ := stateOf(p, t.Container)
			words, ready, err := progress(p, state)
			if ready || err != nil {
				return err
			}
			if words != last {
				o.say("waiting for %s: %s", o.image(), words)
				last = words
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errSlowStart) {
				return fmt.Errorf("%s did not start within %v: it says %s", o.image(), startPatience, last)
			}
			return context.Cause(ctx)
		}
	}
}

var errSlowStart = errors.New("it took too long to start")

// progress says how far a container is from running.
func progress(p *corev1.Pod, state corev1.ContainerState) (words string, ready bool, err error) {
	switch waiting := state.Waiting; {
	case state.Running != nil:
		return "", true, nil
	case state.Terminated != nil:
		return "", false, fmt.Errorf("the container for debugging %s: its image needs a shell that waits for keys", describe(state))
	case p.DeletionTimestamp != nil:
		return "", false, fmt.Errorf("pod %s/%s is being deleted: debug another", p.Namespace, p.Name)
	case waiting != nil && hopeless(waiting.Reason):
		return "", false, fmt.Errorf("the container for debugging does not start: %s: choose another image", describe(state))
	case waiting == nil || waiting.Reason == "":
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Message != "" {
				return sanitize.Line(c.Message), false, nil
			}
		}
	}
	return describe(state), false, nil
}

// hopeless reports whether a reason to wait does not go away by itself.
func hopeless(reason string) bool {
	switch reason {
	case "ErrImageNeverPull", "InvalidImageName", "ImagePullBackOff", "CreateContainerConfigError":
		return true
	}
	return strings.HasPrefix(reason, "RunContainer") || strings.HasPrefix(reason, "CreateContainerError")
}
