package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/tools/remotecommand"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/stream"
)

// Session is a visit to a container that has the user's terminal while Run
// runs: raw, every key sent there, ctrl+c too. It fits what Bubble Tea takes to
// lend its terminal to somebody (ExecCommand). It is for one use.
type Session struct {
	// ctx is that of the whole visit: Run is called by a library that has none.
	ctx    context.Context
	client *kube.Client
	target Target

	// resolve returns the container and how to connect to it.
	resolve func(context.Context) (visit, error)
	// cleanup, if not nil, takes back what was made for the visit.
	cleanup func(context.Context) error
	once    sync.Once
	cleaned error

	in   io.Reader
	out  io.Writer
	code int
}

// visit is a connection to make.
type visit struct {
	where       string // the line that says where one is
	subresource string // exec or attach
	options     runtime.Object
	stdin, tty  bool
	redraw      bool
	detach      detacher
	// failed puts errors of this kind of visit into better words; nil keeps them.
	failed func(err error, typed bool) error
}

// SetStdin sets where keys come from.
func (s *Session) SetStdin(r io.Reader) { s.in = r }

// SetStdout sets the terminal that is written to.
func (s *Session) SetStdout(w io.Writer) { s.out = w }

// SetStderr does nothing: there is one terminal, and it is given by SetStdout.
func (s *Session) SetStderr(io.Writer) {}

// Target returns where the session goes.
func (s *Session) Target() Target { return s.target }

// ExitCode returns that of the remote process after Run.
func (s *Session) ExitCode() int { return s.code }

// Run connects, and returns when the remote process ended, the user left, or
// the connection broke. Whatever happens, the terminal is given back as it was.
// That the remote process failed is no error; see ExitCode.
func (s *Session) Run() (err error) {
	defer func() { err = errors.Join(err, s.Discard()) }()
	if s.out == nil {
		s.out = io.Discard
	}
	t, err := takeTerminal(s.in, s.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()

	ctx, cancel := stream.UntilSilent(s.ctx, s.client, t.out.heardAt)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer end(nil)
	watch.Go(func() {
		defer utilruntime.HandleCrash()
		select {
		case <-t.leave:
			end(errLeft)
		case <-ctx.Done():
		}
	})
	err = s.visit(ctx, t)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errLeft):
		return nil
	case errors.Is(cause, stream.ErrSilent):
		return s.target.trouble("", cause)
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	}
	return err
}

// Discard takes back what was made for the session, such as a debug pod. Run
// does so; it is for a session that will not be run.
func (s *Session) Discard() error {
	s.once.Do(func() {
		if s.cleanup != nil {
			s.cleaned = s.cleanup(context.WithoutCancel(s.ctx))
		}
	})
	return s.cleaned
}

// visit connects t with the other side, until that ends or ctx does.
func (s *Session) visit(ctx context.Context, t *terminal) error {
	v, err := s.resolve(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s\r\n", v.where)
	t.detach.Store(&v.detach)
	t.out.lines = t.raw && !v.tty
	exec, err := stream.NewExecutor(ctx, s.client, s.target.Pod, v.subresource, v.options, func() { t.opened.Store(true) })
	if err != nil {
		return err
	}
	o := remotecommand.StreamOptions{Stdout: t.out, Tty: v.tty}
	if v.stdin {
		o.Stdin = t.keys
	}
	if !v.tty {
		o.Stderr = t.out
	} else if sizes := followSize(t, v.redraw); sizes != nil {
		defer sizes.stop()
		o.TerminalSizeQueue = sizes
	}
	err = exec.StreamWithContext(ctx, o)
	code, ended := exitCode(err)
	s.code = code
	if v.failed != nil && err != nil {
		if better := v.failed(err, t.keys.used()); better != nil {
			return better
		}
	}
	if ended {
		return nil
	}
	return s.target.trouble(v.subresource, err)
}

// errLeft is why a session ends that the user left by key.
var errLeft = errors.New("left")

// trouble puts the error of a connection to t into a sentence.
func (t Target) trouble(what string, err error) error {
	switch {
	case errors.Is(err, stream.ErrSilent):
		return say(ErrLost, "lost the connection to %s: %v; what ran there may go on", t, err)
	case stream.Lost(err):
		return say(ErrLost, "lost the connection to %s: it broke off; what ran there may go on", t)
	}
	return fmt.Errorf("%s %s: %w", what, t, clean{err})
}

// clean is an error of a runtime in words that are safe to show.
type clean struct{ error }

func (e clean) Error() string { return sanitize.Line(strings.TrimSpace(e.error.Error())) }
func (e clean) Unwrap() error { return e.error }

// shells are tried from left to right; sh is what is left.
const shells = `for s in bash zsh ash; do if command -v $s >/dev/null 2>&1; then exec $s; fi; done; exec sh`

// Exec returns a session that runs command in a container with a terminal; nil
// runs the best shell there is. ctx is that of the session.
func Exec(ctx context.Context, c *kube.Client, t Target, command []string) *Session {
	shell := len(command) == 0
	if shell {
		command = []string{"sh", "-c", shells}
	}
	s := &Session{ctx: ctx, client: c, target: t}
	s.resolve = func(ctx context.Context) (visit, error) {
		f, err := find(ctx, c, s.target)
		if err != nil {
			return visit{}, err
		}
		s.target = f.Target
		v := visit{
			where: s.target.String() + ": exit or ctrl+d leaves", subresource: "exec", stdin: true, tty: true,
			options: &corev1.PodExecOptions{Container: f.Container, Command: command, Stdin: true, Stdout: true, TTY: true},
		}
		v.failed = func(err error, typed bool) error {
			// Some runtimes say by exit code alone that there is no such command.
			code, ended := exitCode(err)
			if !missingProgram(err) && (!ended || typed || code != 126 && code != 127) {
				return nil
			}
			if shell {
				return say(ErrNoProgram, "%s has no shell: its image holds none; debug the pod with a container of its own", s.target)
			}
			return say(ErrNoProgram, "%s has no program %q: check the command", s.target, command[0])
		}
		return v, nil
	}
	return s
}

// Attach returns a session with the process that a container runs. It leaves
// the process running, unless that ends by what the user types.
func Attach(ctx context.Context, c *kube.Client, t Target) *Session {
	s := &Session{ctx: ctx, client: c, target: t}
	s.resolve = func(ctx context.Context) (visit, error) {
		f, err := find(ctx, c, s.target)
		if err != nil {
			return visit{}, err
		}
		s.target = f.Target
		return attachTo(f), nil
	}
	return s
}

func attachTo(f found) visit {
	v := visit{
		subresource: "attach", stdin: f.stdin, tty: f.tty, redraw: f.tty,
		options: &corev1.PodAttachOptions{Container: f.Container, Stdin: f.stdin, Stdout: true, Stderr: !f.tty, TTY: f.tty},
	}
	if f.stdin {
		v.detach.sequence = true
		v.where = f.String() + ": attached to its process, ctrl+p ctrl+q leaves it running"
	} else {
		v.detach.interrupt = true
		v.where = f.String() + ": attached to its output, ctrl+c leaves"
	}
	return v
}
