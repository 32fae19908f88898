// Package shell is what exec finds in a pretend container: a POSIX shell and
// the usual small commands, working on a directory of their own.
//
// No process is started and no file outside the directory can be reached,
// because somebody who believes to be inside a container may well try
// `rm -rf /`. Every path goes through an [os.Root].
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Container is where a session takes place.
type Container struct {
	// Root is the directory that is "/" inside; it is created if missing.
	Root string
	// Hostname and Address are the pod's name and IP.
	Hostname, Address string
	// Env is the environment as name=value.
	Env []string
	// Bare furnishes it without any program, as images that hold nothing but
	// their own are.
	Bare bool
}

// Size of a terminal in cells.
type Size struct{ Width, Height int }

// Session is one command and its streams. Any of the streams may be nil.
type Session struct {
	Command  []string
	In       io.Reader
	Out, Err io.Writer
	TTY      bool
	// Sizes delivers the terminal's size, at first and when it changes.
	Sizes <-chan Size
}

// NotFoundError says that the container has no such command.
type NotFoundError struct{ Name string }

func (e *NotFoundError) Error() string { return e.Name + ": not found" }

// machine is a container while a session runs in it.
type machine struct {
	Container
	files *files
	// tty is nil without a terminal.
	tty *terminal
}

// Run runs a session to its end and returns its exit code.
func Run(ctx context.Context, c Container, s Session) (int, error) {
	if len(s.Command) == 0 {
		return 0, errors.New("no command given")
	}
	files, err := openFiles(c)
	if err != nil {
		return 0, err
	}
	defer files.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	m := &machine{Container: c, files: files}
	if !m.knows(s.Command[0]) {
		return 0, &NotFoundError{Name: s.Command[0]}
	}
	streams := streams{in: s.In, out: orDiscard(s.Out), err: orDiscard(s.Err)}
	if s.TTY && s.In != nil {
		m.tty = newTerminal(ctx, s.In, streams.out, s.Sizes)
		streams.in, streams.out, streams.err = nil, m.tty, m.tty
	}
	return m.command(ctx, s.Command, "/", c.Env, streams)
}

// streams of one command. in may be nil.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// command runs one command given as words, in a shell of its own.
func (m *machine) command(ctx context.Context, words []string, dir string, env []string, s streams) (int, error) {
	if isShell(words[0]) {
		return m.shell(ctx, words[1:], dir, env, s)
	}
	var script strings.Builder
	for _, word := range words {
		quoted, err := syntax.Quote(word, syntax.LangPOSIX)
		if err != nil {
			return 0, fmt.Errorf("quote %q: %w", word, err)
		}
		script.WriteString(quoted + " ")
	}
	return m.script(ctx, strings.NewReader(script.String()), nil, dir, env, s)
}

func isShell(name string) bool {
	switch path.Base(name) {
	case "sh", "ash", "bash":
		return true
	}
	return false
}

// shell is sh with its arguments: -c SCRIPT, a file, or what comes in.
func (m *machine) shell(ctx context.Context, args []string, dir string, env []string, s streams) (int, error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && !strings.Contains(args[0], "c") {
		args = args[1:] // -i, -l, -e: nothing that matters here
	}
	switch {
	case len(args) > 1 && strings.HasPrefix(args[0], "-"):
		// The word after the script is its name.
		return m.script(ctx, strings.NewReader(args[1]), args[min(3, len(args)):], dir, env, s)
	case len(args) > 0:
		file, err := m.files.open(dir, args[0], os.O_RDONLY, 0)
		if err != nil {
			fmt.Fprintf(s.err, "sh: can't open %s: No such file or directory\n", args[0])
			return 2, nil
		}
		defer file.Close() //nolint:errcheck // opened for reading only
		return m.script(ctx, file, args[1:], dir, env, s)
	case m.tty != nil:
		return m.interactive(ctx, dir, env)
	case s.in == nil:
		return 0, nil
	}
	return m.script(ctx, s.in, nil, dir, env, streams{out: s.out, err: s.err})
}

// script runs a script statement by statement, as they can be read.
func (m *machine) script(ctx context.Context, text io.Reader, params []string, dir string, env []string, s streams) (int, error) {
	runner, err := m.runner(dir, env, params, s)
	if err != nil {
		return 0, err
	}
	if m.tty != nil {
		input, done := m.tty.foreground(nil)
		defer done()
		if err := interp.StdIO(input, s.out, s.err)(runner); err != nil {
			return 0, fmt.Errorf("connect the terminal: %w", err)
		}
	}
	var code int
	for stmt, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).StmtsSeq(text) {
		if err != nil {
			fmt.Fprintf(s.err, "sh: syntax error: %v\n", err)
			return 2, nil
		}
		if code, err = exitCode(runner.Run(ctx, stmt)); err != nil || runner.Exited() {
			return code, err
		}
	}
	return code, nil
}

// exitCode turns the error of a run into an exit code.
func exitCode(err error) (int, error) {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &status):
		return int(status), nil
	case errors.Is(err, context.Canceled):
		return 130, nil
	}
	return 0, err
}

func (m *machine) runner(dir string, env, params []string, s streams) (*interp.Runner, error) {
	runner, err := interp.New(
		interp.Env(expand.ListEnviron(env...)),
		interp.Params(append([]string{"--"}, params...)...),
		interp.StdIO(s.in, s.out, s.err),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return m.execute }),
		interp.CallHandler(lookups),
		interp.OpenHandler(m.files.openHandler),
		interp.StatHandler(m.files.statHandler),
		interp.ReadDirHandler2(m.files.readDirHandler),
		interp.AccessHandler(m.files.accessHandler),
	)
	if err != nil {
		return nil, fmt.Errorf("start shell: %w", err)
	}
	// The option Dir would look for the directory on the host.
	runner.Dir = dir
	return runner, nil
}

// lookups answers `command -v`, whose builtin would look at the host.
func lookups(_ context.Context, args []string) ([]string, error) {
	if len(args) > 2 && args[0] == "command" && args[1] == "-v" {
		return append([]string{"which"}, args[2:]...), nil
	}
	return args, nil
}

// execute runs a command that is not a builtin of the shell.
func (m *machine) execute(ctx context.Context, args []string) error {
	host := interp.HandlerCtx(ctx)
	s := streams{in: host.Stdin, out: host.Stdout, err: host.Stderr}
	if !m.knows(args[0]) {
		fmt.Fprintf(s.err, "sh: %s: not found\n", args[0])
		return interp.ExitStatus(127)
	}
	if isShell(args[0]) {
		var env []string
		for name, v := range host.Env.Each {
			if v.Exported {
				env = append(env, name+"="+v.String())
			}
		}
		code, err := m.shell(ctx, args[1:], host.Dir, env, s)
		if err != nil || code == 0 {
			return err
		}
		return interp.ExitStatus(uint8(code)) // exit codes fit
	}
	run := applets()[path.Base(args[0])]
	err := run(call{machine: m, ctx: ctx, args: args, dir: host.Dir, env: host.Env, streams: s})
	var status interp.ExitStatus
	switch {
	case err == nil, errors.As(err, &status):
		return err
	case ctx.Err() != nil:
		return interp.ExitStatus(130)
	}
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		err = fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
	}
	fmt.Fprintf(s.err, "%s: %v\n", path.Base(args[0]), err)
	return interp.ExitStatus(1)
}

// knows reports whether a command can be started: its file must be there too.
func (m *machine) knows(name string) bool {
	base := path.Base(name)
	if _, ok := applets()[base]; !ok && !isShell(name) && !slices.Contains(builtins(), base) {
		return false
	}
	_, err := m.files.stat("/", path.Join("bin", base))
	return err == nil
}

// builtins are commands of the shell that are programs too.
func builtins() []string {
	return []string{"[", "echo", "false", "kill", "printf", "pwd", "test", "true"}
}
