package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/config"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/views"
)

func now() time.Time { return time.Now() }

// refresh is the shortest time between two looks at changed objects: over SSH
// every frame costs bytes.
func refresh(env []string) time.Duration {
	if overSSH(env) {
		return 500 * time.Millisecond
	}
	return 250 * time.Millisecond
}

// editor returns the command that edits texts, as kubectl finds it.
func editor(env []string) string {
	for _, name := range []string{"KUBE_EDITOR", "VISUAL", "EDITOR"} {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, name+"="); ok && strings.TrimSpace(v) != "" {
				return v
			}
		}
	}
	if runtime.GOOS == "windows" {
		return "notepad"
	}
	return "vi"
}

// pager returns the command that shows texts.
func pager(env []string) string {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PAGER="); ok && strings.TrimSpace(v) != "" {
			return v
		}
	}
	if _, err := exec.LookPath("less"); err != nil {
		return "more" // which every system has
	}
	return "less"
}

// untilSignal returns a context that ends when the process is told to end. The
// interrupts of a terminal that an editor has are not for qd: vi, for one, takes
// ctrl+c for a key.
func (c *command) untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		defer utilruntime.HandleCrash()
		for {
			select {
			case s := <-signals:
				if s == syscall.SIGINT && c.lent.Load() > 0 {
					continue
				}
				cancel()
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// run opens the terminal UI.
func (c *command) run(ctx context.Context, view string) error {
	if !term.IsTerminal(c.streams.In.Fd()) || !term.IsTerminal(c.streams.Out.Fd()) {
		return errors.New("this is not a terminal: use `qd get KIND` in scripts and pipes")
	}
	s, err := c.settings()
	if err != nil {
		return err
	}
	program := c.program(s, false)
	defer program.Close()
	// Before there is a client: client-go keeps the standard error that it finds
	// then for its credential plugins.
	captured := captureStderr(c.streams.Err)
	defer captured.restore()
	client, err := program.Connect(deref(c.flags.Context))
	if err != nil {
		return err
	}
	session := program.Session(client, "", c.allNamespaces)
	if view == "" {
		view = s.DefaultView
	}
	start, err := session.Start(view)
	if err != nil {
		return err
	}
	app := ui.New(ui.Options{
		Theme: s.theme, Keys: s.keys, Mouse: s.UI.Mouse, Clipboard: s.UI.Clipboard == config.ClipboardOSC52,
		Primary: program.Primary(),
		Palette: program.Palette, Start: start, Running: program.Running,
		Call:    caller(s.UI.Bell, s.UI.Notify, c.env),
		Notices: notices(s.problems, program, captured),
	})
	options := []tea.ProgramOption{
		tea.WithoutSignalHandler(), tea.WithInput(c.streams.In), tea.WithOutput(c.streams.Out),
		tea.WithEnvironment(c.env), tea.WithFPS(fps(s.UI.FPS, c.env)),
	}
	if noColor(c.env) {
		options = append(options, tea.WithColorProfile(colorprofile.Ascii))
	}
	paced := &pace{Model: app, every: time.Second / time.Duration(fps(s.UI.FPS, c.env))}
	p := tea.NewProgram(paced, options...)
	paced.find = func() *time.Ticker { return tickerOf(p) }
	defer quitOnSignals(ctx, p)()
	giveBackOnPanic(p)
	_, err = p.Run()
	captured.restore()
	if errors.Is(err, tea.ErrProgramPanic) { // what it says of it is told nobody yet
		for _, line := range captured.take() {
			fmt.Fprintln(c.streams.Err, line)
		}
	}
	for _, path := range program.Drafts() {
		fmt.Fprintln(c.streams.Err, "qd: the text that you edited is in "+sanitize.Line(path))
	}
	switch {
	case err != nil:
		return fmt.Errorf("the terminal UI stopped: %w", err)
	case ctx.Err() != nil:
		return errSilent
	}
	// Who leaves a screen that never had data is told why once more, where it
	// stays readable.
	if why := program.Unreached(); why != "" {
		return errors.New(why)
	}
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// fps is how many frames a second are drawn at most.
func fps(wanted int, env []string) int {
	const local, ssh = 120, 15
	switch {
	case wanted > 0:
		return wanted
	case overSSH(env):
		return ssh
	}
	return local
}

// noColor follows no-color.org: any value that is not empty counts.
func noColor(env []string) bool {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "NO_COLOR="); ok && v != "" {
			return true
		}
	}
	return false
}

// quitOnSignals leaves the terminal as it was found when somebody asks the
// program to end, which cancels ctx, or the terminal's other end goes away.
// Bubble Tea's own handler is not used: if its signal comes together with the
// end of the program's context, the two wait for each other for ever. The
// function it returns stops listening.
func quitOnSignals(ctx context.Context, p *tea.Program) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer utilruntime.HandleCrash()
		select {
		case <-hangup:
			p.Quit()
		case <-ctx.Done():
			p.Quit()
		case <-done:
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(done)
	}
}

// giveBackOnPanic leaves the terminal as it was found before a panic in a
// goroutine ends the process and tells its stack there: Bubble Tea sees to its own
// goroutines alone. It counts on each of them to defer HandleCrash.
func giveBackOnPanic(p *tea.Program) {
	var once sync.Once
	utilruntime.PanicHandlers = []func(context.Context, any){func(context.Context, any) {
		once.Do(func() { _ = p.ReleaseTerminal() })
	}}
}

// notices returns the lines to show in the footer, as they come up.
func notices(problems []string, program *views.Program, captured *capture) func() []string {
	return func() []string {
		news := append(problems, program.Notices()...)
		problems = nil
		return append(news, captured.take()...)
	}
}

// capture holds what libraries and credential plugins write to the standard
// error while the screen is ours. It replaces os.Stderr for the whole process,
// since client-go gives that to the plugins.
type capture struct {
	original *os.File
	pipe     *os.File

	mu    sync.Mutex
	lines []string
}

// captureLimit is how many lines are kept for somebody to read.
const captureLimit = 100

func captureStderr(original *os.File) *capture {
	c := &capture{original: original}
	r, w, err := os.Pipe()
	if err != nil {
		return c // what is written then is seen where it should not be, no more
	}
	c.pipe = w
	os.Stderr = w
	go func() {
		defer utilruntime.HandleCrash()
		lines := bufio.NewReader(r)
		for {
			line, _, err := lines.ReadLine() // a long one in parts
			if err != nil {
				break
			}
			c.add(sanitize.Line(strings.TrimSpace(string(line))))
		}
		_ = r.Close()
	}()
	return c
}

func (c *capture) add(line string) {
	if line == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines = append(c.lines, line); len(c.lines) > captureLimit {
		c.lines = c.lines[1:]
	}
}

func (c *capture) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines
	c.lines = nil
	return lines
}

// restore gives the standard error back. It may be called twice. The pipe is not
// closed: a credential plugin that is being started at this moment has it.
func (c *capture) restore() {
	if c.pipe == nil {
		return
	}
	os.Stderr = c.original
	c.pipe = nil
}
