package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/remotecommand"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/stream"
)

// command is a program to run in a container without a terminal.
type command struct {
	client *kube.Client
	target Target
	args   []string
	in     io.Reader // nil: none
	out    io.Writer // nil: discarded
}

// failure is the error of a program that ran and failed.
type failure struct {
	program string
	code    int
	said    string // what it wrote to its standard error, safe to show
}

func (e *failure) Error() string {
	if e.said == "" {
		return fmt.Sprintf("%s failed with exit code %d", e.program, e.code)
	}
	return e.said
}

// run returns when the program ended: with a *failure if it failed, with
// ErrNoProgram if the image has none of that name. Nothing is read from in or
// written to out after that.
func (c command) run(ctx context.Context) error {
	out, said := &gate{to: c.out}, &beginning{}
	if c.out == nil {
		out.to = io.Discard
	}
	words := &gate{to: said}
	defer out.close()
	defer words.close()
	exec, err := stream.NewExecutor(ctx, c.client, c.target.Pod, "exec", &corev1.PodExecOptions{
		Container: c.target.Container, Command: c.args, Stdin: c.in != nil, Stdout: true, Stderr: true,
	}, nil)
	if err != nil {
		return err
	}
	options := remotecommand.StreamOptions{Stdout: out, Stderr: words}
	if c.in != nil {
		options.Stdin = c.in
	}
	live, cancel := stream.UntilSilent(ctx, c.client, func() time.Time {
		return time.Unix(0, max(out.heard.Load(), words.heard.Load()))
	})
	defer cancel()
	err = exec.StreamWithContext(live, options)
	words.close()
	code, ended := exitCode(err)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(context.Cause(live), stream.ErrSilent):
		return c.target.trouble("exec", stream.ErrSilent)
	case err == nil:
		return nil
	case missingProgram(err), ended && (code == 126 || code == 127) && !said.any():
		return say(ErrNoProgram, "%s has no program %s: its image holds none", c.target, c.args[0])
	case ended:
		return &failure{program: c.args[0], code: code, said: said.String()}
	}
	return c.target.trouble("exec", err)
}

// beginning keeps the first words that a program says about its failure.
type beginning struct{ text []byte }

func (t *beginning) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), 1<<10-len(t.text))]...)
	return len(p), nil
}

func (t *beginning) any() bool { return len(t.text) > 0 }

func (t *beginning) String() string {
	return sanitize.Line(strings.Join(strings.Fields(string(t.text)), " "))
}
