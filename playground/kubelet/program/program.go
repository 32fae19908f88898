// Package program says what the container images of the playground do once
// they run: which tags exist, how long a container takes to be ready, what it
// logs, how much CPU and memory it uses, and what makes it exit.
//
// Nothing is really executed. Everything a container would have written or
// used is computed from its identity and the clock, so a container costs no
// memory, no file and no goroutine, and the same question always has the same
// answer. Faults are not switched on by labels: a program crashes because its
// environment lacks a variable, is killed because its limit is below what it
// needs, cannot be pulled because the tag was never published. What one sees
// in the API is what one would see in a real cluster.
package program

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Program is what the containers of one image do.
type Program struct {
	// Name is the last part of the image's repository.
	Name string
	// Style is the format of its log lines and Messages what they say.
	Style    Style
	Messages []Message
	// Rate is the average number of log lines a second.
	Rate float64

	// CPU is what one container uses by itself, in millicores. Load is shared,
	// in millicores, by all containers of the same image repository in a
	// namespace: twice the replicas halve each one's part.
	CPU, Load int64
	// Memory is the working set in bytes that it grows to, Disk what it writes
	// outside of volumes.
	Memory, Disk int64

	// Starts is how long it takes from start to the first passing probe.
	Starts time.Duration
	// Runs is how long it runs before it exits by itself; 0 is forever for
	// containers that are meant to stay and some seconds for those that are
	// not (init containers, Jobs).
	Runs time.Duration
	// Needs names environment variables without which it exits at once.
	Needs []string
	// Unready is what a readiness probe is told as long as it lives; empty
	// means that probes of a known path pass.
	Unready string
}

// The paths that every program answers on its HTTP ports. A probe of another
// path fails with 404.
func serves(path string) bool {
	switch path {
	case "", "/", "/healthz", "/readyz", "/livez", "/health", "/ready", "/metrics", "/-/healthy", "/-/ready":
		return true
	}
	return false
}

// PullError is why an image cannot be had from its registry.
type PullError struct {
	Image        string
	code, answer string
}

func (e *PullError) Error() string {
	return fmt.Sprintf("rpc error: code = %s desc = failed to pull and unpack image %q: failed to resolve reference %q: %s",
		e.code, e.Image, e.Image, e.answer)
}

// The registries that do not give their images to everybody, or not often.
const (
	privateRegistry = "private.example.com/"
	busyRegistry    = "busy.example.com/"
)

// NameError is why what is said to be an image cannot be the name of one.
type NameError struct{ Image string }

func (e *NameError) Error() string {
	return fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: invalid reference format: repository name (%s) must be lowercase",
		e.Image, e.Image, e.Image[strings.IndexByte(e.Image, '/')+1:])
}

// Split cuts an image reference into repository and tag.
func Split(image string) (repository, tag string) {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[:i], image[i+1:]
	}
	return image, "latest"
}

// Lookup returns the program in an image. An image of a repository that the
// catalogue does not know runs quietly and well; an unknown tag of a known
// repository, and an image that its registry keeps, is a *PullError, a name
// with capitals a *NameError.
func Lookup(image string) (Program, error) {
	repository, tag := Split(image)
	switch {
	case repository != strings.ToLower(repository):
		return Program{}, &NameError{Image: image}
	case strings.HasPrefix(image, privateRegistry):
		return Program{}, &PullError{Image: image, code: "Unknown", answer: "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"}
	case strings.HasPrefix(image, busyRegistry):
		return Program{}, &PullError{Image: image, code: "Unknown", answer: "unexpected status from HEAD request to https://" + busyRegistry + "v2/: 429 Too Many Requests: toomanyrequests: You have reached your pull rate limit"}
	}
	name := repository[strings.LastIndexByte(repository, '/')+1:]
	tags, known := published()[name]
	if !known {
		return unknown(name), nil
	}
	p, ok := tags[tag]
	if !ok {
		return Program{}, &PullError{Image: image, code: "NotFound", answer: image + ": not found"}
	}
	return p, nil
}

// Known reports whether the catalogue describes the image's repository.
func Known(image string) bool {
	repository, _ := Split(image)
	_, ok := published()[repository[strings.LastIndexByte(repository, '/')+1:]]
	return ok
}

// Role is the part a container plays in its pod.
type Role int

// The roles: a container that stays, and one that is meant to end.
const (
	Service Role = iota
	Task
)

// End is how one run of a container ends by itself.
type End struct {
	// After is counted from the start of the run.
	After  time.Duration
	Code   int32
	Reason string
	// Words are the last lines that it logs.
	Words []string
	// Brief is set when it ends before it does any work.
	Brief bool
	// Liveness is set when the kubelet ends the run because of a failing probe.
	Liveness string
}

// End returns how a run of the container ends, and false if it does not end by
// itself. seed tells runs apart.
func (p Program) End(c *corev1.Container, role Role, seed uint64) (End, bool) {
	if limit, ok := c.Resources.Limits[corev1.ResourceMemory]; ok && limit.Value() < p.Memory {
		return End{After: Between(seed, 3*time.Second, 6*time.Second), Code: 137, Reason: "OOMKilled"}, true
	}
	for _, name := range p.Needs {
		if !hasEnv(c, name) {
			return End{After: Between(seed, 1200*time.Millisecond, 2400*time.Millisecond), Code: 1, Reason: "Error", Words: p.panics(name), Brief: true}, true
		}
	}
	if probe := c.LivenessProbe; probe != nil {
		if answer := p.Probe(probe); answer != "" {
			return End{
				After:    period(probe.InitialDelaySeconds, 0) + period(probe.PeriodSeconds, 10)*time.Duration(max(probe.FailureThreshold, 1)),
				Code:     137,
				Reason:   "Error",
				Liveness: answer,
			}, true
		}
	}
	switch {
	case p.Runs > 0:
		return End{After: p.Runs + Between(seed, 0, p.Runs/4), Reason: "Completed"}, true
	case role == Task:
		return End{After: Between(seed, 2*time.Second, 4*time.Second), Reason: "Completed"}, true
	}
	return End{}, false
}

// Probe returns why a probe of a started container fails, or "".
func (p Program) Probe(probe *corev1.Probe) string {
	if get := probe.HTTPGet; get != nil && !serves(get.Path) {
		return "HTTP probe failed with statuscode: 404"
	}
	return ""
}

// Ready returns why the readiness probe fails, or "".
func (p Program) Ready(probe *corev1.Probe) string {
	if p.Unready != "" {
		return p.Unready
	}
	return p.Probe(probe)
}

// CommandError returns why the command of a container cannot be started, or "".
// Under /app an image has its own program only.
func CommandError(c *corev1.Container) string {
	if len(c.Command) == 0 || !strings.HasPrefix(c.Command[0], "/app/") {
		return ""
	}
	return fmt.Sprintf("failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "+
		"unable to start container process: error during container init: exec: %q: stat %s: no such file or directory", c.Command[0], c.Command[0])
}

func hasEnv(c *corev1.Container, name string) bool {
	for i := range c.Env {
		if c.Env[i].Name == name {
			return true
		}
	}
	return false
}

func period(seconds, otherwise int32) time.Duration {
	if seconds == 0 {
		seconds = otherwise
	}
	return time.Duration(seconds) * time.Second
}

// Seed turns the parts of an identity into a number that differs between
// identities and stays the same for one.
func Seed(parts ...string) uint64 {
	h := fnv.New64a()
	for _, part := range parts {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// Between picks a duration from lo to hi, always the same one for a seed.
func Between(seed uint64, lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	// The low bits of FNV alone are not spread well over short inputs.
	seed ^= seed >> 29
	seed *= 0xbf58476d1ce4e5b9
	seed ^= seed >> 32
	return lo + time.Duration(seed%uint64(hi-lo))
}
