// Package container reaches into containers: a shell, attach, copying files
// both ways, and containers started to debug a pod or a node. All of it goes
// through the API server as kubectl does it, and none of it needs kubectl.
package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilexec "k8s.io/client-go/util/exec"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Target is a container of a pod. Without a name it is the pod's default
// container. With a UID in the Ref it is a container of that pod only, and not
// of a later one of the same name.
type Target struct {
	Pod       kube.Ref
	Container string
}

// String names the container in a sentence: payments/checkout-0 app.
func (t Target) String() string {
	s := t.Pod.Namespace + "/" + t.Pod.Name
	if t.Container != "" {
		s += " " + t.Container
	}
	return s
}

// What callers tell apart, by errors.Is.
var (
	// ErrNoProgram is for a container whose image lacks the program it takes: a
	// shell, tar. Debug works there.
	ErrNoProgram = errors.New("the container's image has no such program")
	// ErrExists is for a local file that a copy would replace.
	ErrExists = errors.New("the file exists already")
	// ErrLost is for a connection that broke off.
	ErrLost = errors.New("the connection was lost")
)

// sentence is an error in the user's words with the reason to tell it by.
type sentence struct {
	text string
	is   error
}

func (e *sentence) Error() string { return e.text }
func (e *sentence) Unwrap() error { return e.is }

func say(is error, format string, args ...any) error {
	return &sentence{text: fmt.Sprintf(format, args...), is: is}
}

// pod reads the pod of a target.
func pod(ctx context.Context, c *kube.Client, ref kube.Ref) (*corev1.Pod, error) {
	ctx, cancel := c.Call(ctx)
	defer cancel()
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	p := &corev1.Pod{}
	err = r.Get().Namespace(ref.Namespace).Resource("pods").Name(ref.Name).Do(ctx).Into(p)
	switch {
	case apierrors.IsNotFound(err):
		return nil, say(err, "pod %s/%s is gone: choose one that is there", ref.Namespace, ref.Name)
	case err != nil:
		return nil, fmt.Errorf("read pod %s/%s: %w", ref.Namespace, ref.Name, err)
	case ref.UID != "" && p.UID != ref.UID:
		return nil, fmt.Errorf("pod %s/%s is no longer the one that was chosen: it was deleted and made anew, choose it again", ref.Namespace, ref.Name)
	}
	return p, nil
}

// found is a container as its pod describes it.
type found struct {
	Target
	stdin, tty bool
}

// find reads the pod of t and makes sure that the container runs.
func find(ctx context.Context, c *kube.Client, t Target) (found, error) {
	p, err := pod(ctx, c, t.Pod)
	if err != nil {
		return found{}, err
	}
	t.Pod.UID = p.UID
	if t.Container == "" {
		t.Container = defaultContainer(p)
	}
	spec, ok := specOf(p, t.Container)
	if !ok {
		return found{}, fmt.Errorf("pod %s/%s has no container %q", p.Namespace, p.Name, t.Container)
	}
	state, _ := stateOf(p, t.Container)
	if state.Running == nil {
		return found{}, fmt.Errorf("%s is not running (%s): read its logs, or debug the pod with a container of its own", t, describe(state))
	}
	return found{Target: t, stdin: spec.Stdin, tty: spec.TTY}, nil
}

// defaultContainer returns the container that is meant when none is named.
func defaultContainer(p *corev1.Pod) string {
	name := p.Annotations["kubectl.kubernetes.io/default-container"]
	if _, ok := specOf(p, name); ok {
		return name
	}
	if len(p.Spec.Containers) == 0 {
		return ""
	}
	return p.Spec.Containers[0].Name
}

func specOf(p *corev1.Pod, name string) (corev1.Container, bool) {
	all := slices.Concat(p.Spec.Containers, p.Spec.InitContainers)
	for _, c := range p.Spec.EphemeralContainers {
		all = append(all, corev1.Container(c.EphemeralContainerCommon))
	}
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		return corev1.Container{}, false
	}
	return all[i], true
}

// stateOf returns the state of a container, false if the node has not said any.
func stateOf(p *corev1.Pod, name string) (corev1.ContainerState, bool) {
	s := p.Status
	for _, c := range slices.Concat(s.ContainerStatuses, s.InitContainerStatuses, s.EphemeralContainerStatuses) {
		if c.Name == name {
			return c.State, true
		}
	}
	return corev1.ContainerState{}, false
}

// describe puts a state into a few words.
func describe(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		words := fmt.Sprintf("ended with exit code %d", s.Terminated.ExitCode)
		if reason := s.Terminated.Reason; reason != "" && reason != "Completed" && reason != "Error" {
			words += ", " + sanitize.Line(reason)
		}
		return words
	case s.Waiting != nil && s.Waiting.Message != "":
		return sanitize.Line(s.Waiting.Reason + ": " + s.Waiting.Message)
	case s.Waiting != nil && s.Waiting.Reason != "":
		return sanitize.Line(s.Waiting.Reason)
	}
	return "not started yet"
}

// exitCode returns the exit code of a remote command, false if err says
// something else.
func exitCode(err error) (code int, ok bool) {
	if err == nil {
		return 0, true
	}
	var exit utilexec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitStatus(), true
	}
	return 0, false
}

// missingProgram reports whether err says that the command is not in the image.
// Runtimes have no code for it, only words.
func missingProgram(err error) bool {
	text := err.Error()
	return strings.Contains(text, "executable file not found") ||
		strings.Contains(text, "no such file or directory") && strings.Contains(text, "exec")
}
