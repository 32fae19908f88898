package kubelet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"quarterdeck/playground/kubelet/shell"
)

// The patience of streams.
const (
	streamIdle     = 4 * time.Hour
	streamCreation = 30 * time.Second
)

// remoteProtocols are offered for exec and attach over SPDY, newest first. The
// fifth version exists over WebSocket only, where the library negotiates.
func remoteProtocols() []string {
	return []string{"v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"}
}

// session is one exec or attach request.
type session struct {
	server *server
	where  place
}

func (s *server) session(w http.ResponseWriter, r *http.Request) (*session, *remotecommand.Options, bool) {
	where, err := s.container(r)
	if err == nil && where.status.State.Running == nil {
		err = fmt.Errorf("container %q in pod %q is not running", where.spec.Name, where.pod.Name)
	}
	if err != nil {
		fail(w, err)
		return nil, nil, false
	}
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		fail(w, err)
		return nil, nil, false
	}
	return &session{server: s, where: where}, options, true
}

func (s *server) exec(w http.ResponseWriter, r *http.Request) {
	session, options, ok := s.session(w, r)
	if !ok {
		return
	}
	command := r.URL.Query()["command"]
	remotecommand.ServeExec(w, r, session, session.where.pod.Name, string(session.where.pod.UID), session.where.spec.Name,
		command, options, streamIdle, streamCreation, remoteProtocols())
}

func (s *server) attach(w http.ResponseWriter, r *http.Request) {
	session, options, ok := s.session(w, r)
	if !ok {
		return
	}
	remotecommand.ServeAttach(w, r, session, session.where.pod.Name, string(session.where.pod.UID), session.where.spec.Name,
		options, streamIdle, streamCreation, remoteProtocols())
}

// ExecInContainer runs a command in the container's pretend shell.
func (s *session) ExecInContainer(ctx context.Context, _, _, _ string, command []string,
	in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	pod, spec := s.where.pod, s.where.spec
	var sizes chan shell.Size
	if resize != nil {
		sizes = make(chan shell.Size)
		go func() {
			defer close(sizes)
			for size := range resize {
				select {
				case sizes <- shell.Size{Width: int(size.Width), Height: int(size.Height)}:
				case <-ctx.Done():
				}
			}
		}()
	}
	ctx, cancel := s.server.while(ctx, pod)
	defer cancel()
	code, err := shell.Run(ctx, shell.Container{
		Root:     filepath.Join(s.server.root, string(pod.UID), spec.Name),
		Hostname: pod.Name,
		Env:      environment(pod, &spec),
		Address:  pod.Status.PodIP,
		Bare:     strings.Contains(spec.Image, "distroless"),
	}, shell.Session{Command: command, In: in, Out: out, Err: writer(errOut), TTY: tty, Sizes: sizes})
	var missing *shell.NotFoundError
	switch {
	case errors.Is(context.Cause(ctx), errPodGone):
		return utilexec.CodeExitError{Err: errPodGone, Code: 137}
	case errors.As(err, &missing):
		return fmt.Errorf("OCI runtime exec failed: exec failed: unable to start container process: exec: %q: executable file not found in $PATH", missing.Name)
	case err != nil:
		return err
	case code != 0:
		return utilexec.CodeExitError{Err: fmt.Errorf("exit status %d", code), Code: code}
	}
	return nil
}

// writer avoids an interface that holds a nil stream.
func writer(w io.WriteCloser) io.Writer {
	if w == nil {
		return nil
	}
	return w
}

// AttachContainer shows what the container says from now on. A container with
// a terminal is taken for a shell, as those for debugging are.
func (s *session) AttachContainer(ctx context.Context, name, uid, container string, in io.Reader,
	out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize,
) error {
	if tty && in != nil && interactive(&s.where.spec) {
		err := s.ExecInContainer(ctx, name, uid, container, []string{"sh"}, in, out, errOut, tty, resize, 0)
		var exit utilexec.ExitError
		code := 0
		if errors.As(err, &exit) {
			code = exit.ExitStatus()
		}
		s.server.agent.site.exit(s.where.status.ContainerID, int32(code)) // exit codes fit
		s.server.agent.queue.Add(s.where.pod.Namespace + "/" + s.where.pod.Name)
		return err
	}
	run, err := s.where.run(false)
	if err != nil {
		return err
	}
	end := "\n"
	if tty {
		end = "\r\n"
	}
	ctx, cancel := s.server.while(ctx, s.where.pod)
	defer cancel()
	ticker := time.NewTicker(followInterval)
	defer ticker.Stop()
	from := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := time.Now()
		for line := range run.Lines(from, now) {
			if _, err := io.WriteString(out, line.Text+end); err != nil {
				return nil // nobody watches any more
			}
		}
		from = now
	}
}

// errPodGone ends the streams of a pod that was deleted.
var errPodGone = errors.New("the pod was deleted")

// while returns a context that ends with the pod.
func (s *server) while(ctx context.Context, pod *corev1.Pod) (_ context.Context, cancel context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		ticker := time.NewTicker(followInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if now, ok := s.agent.pod(pod.Namespace + "/" + pod.Name); !ok || now.UID != pod.UID {
				end(errPodGone)
				return
			}
		}
	}()
	return ctx, func() { end(nil) }
}

// environment is what a container's processes see.
func environment(pod *corev1.Pod, spec *corev1.Container) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOSTNAME=" + pod.Name,
		"HOME=/root",
		"KUBERNETES_SERVICE_HOST=10.96.0.1",
		"KUBERNETES_SERVICE_PORT=443",
	}
	for _, e := range spec.Env {
		if e.ValueFrom == nil {
			env = append(env, e.Name+"="+e.Value)
		}
	}
	return env
}

func (s *server) portForward(w http.ResponseWriter, r *http.Request) {
	pod, err := s.find(r)
	if err == nil && pod.Status.Phase != corev1.PodRunning {
		err = fmt.Errorf("pod %q is not running", pod.Name)
	}
	if err != nil {
		fail(w, err)
		return
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		fail(w, err)
		return
	}
	portforward.ServePortForward(w, r, forwarder{pod: pod, while: s.while}, pod.Name, string(pod.UID), options,
		streamIdle, streamCreation, []string{portforward.ProtocolV1Name})
}

// forwarder answers connections to the ports of a pod.
type forwarder struct {
	pod   *corev1.Pod
	while func(context.Context, *corev1.Pod) (context.Context, context.CancelFunc)
}

// PortForward serves HTTP on a connection to a port that a container declares,
// until the pod ends. What is sent is counted in the answer, and /bytes/N
// answers with N bytes.
func (f forwarder) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close() //nolint:errcheck // the peer may have closed it
	container, name, ok := f.listens(port)
	if !ok {
		return fmt.Errorf("failed to connect to localhost:%d inside pod %s: connection refused", port, f.pod.Name)
	}
	ctx, cancel := f.while(ctx, f.pod)
	defer cancel()
	served := make(chan struct{})
	go func() {
		defer close(served)
		reader := bufio.NewReader(stream)
		for {
			request, err := http.ReadRequest(reader)
			if err != nil || !f.answer(stream, request, fmt.Sprintf("container %s, port %d (%s)", container, port, name)) {
				return // the peer is done
			}
		}
	}()
	select {
	case <-served:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx) // upon which the stream is reset, and its reader ends
	}
}

// answer reports whether another request may follow.
func (f forwarder) answer(stream io.Writer, request *http.Request, where string) bool {
	received, err := io.Copy(io.Discard, request.Body)
	if err != nil {
		return false
	}
	text := fmt.Sprintf("pod %s/%s on %s\n%s\n%s %s\nreceived %d bytes\n",
		f.pod.Namespace, f.pod.Name, f.pod.Spec.NodeName, where, request.Method, request.URL.Path, received)
	size, body := int64(len(text)), io.Reader(strings.NewReader(text))
	if number, ok := strings.CutPrefix(request.URL.Path, "/bytes/"); ok {
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n >= 0 {
			size, body = n, io.LimitReader(pattern{}, n)
		}
	}
	response := &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header:        http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Server": {"playground"}},
		ContentLength: size, Body: io.NopCloser(body),
		Close: request.Close,
	}
	return response.Write(stream) == nil && !request.Close
}

// pattern is an endless text.
type pattern struct{}

func (pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a' + byte(i%26)
	}
	return len(p), nil
}

// listens returns the container that declares a port, and the port's name.
func (f forwarder) listens(port int32) (container, name string, ok bool) {
	for _, c := range append(append([]corev1.Container{}, f.pod.Spec.InitContainers...), f.pod.Spec.Containers...) {
		for _, p := range c.Ports {
			if p.ContainerPort == port {
				return c.Name, p.Name, true
			}
		}
	}
	return "", "", false
}
