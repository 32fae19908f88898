package views

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"quarterdeck/kube/sanitize"
)

// editor is a program that edits or shows texts, as words of a command.
type editor []string

// editor returns the program that edits texts.
func (s *Session) editor() (editor, error) {
	return outside("editor", s.Settings.Editor, "KUBE_EDITOR, VISUAL or EDITOR", "vi or nano")
}

// pager returns the program that shows texts.
func (s *Session) pager() (editor, error) {
	return outside("pager", s.Settings.Pager, "PAGER", "less or more")
}

// outside finds the program of a command, which comes from one of the variables.
func outside(what, command, variables, known string) (editor, error) {
	words, err := splitCommand(command)
	if err != nil || len(words) == 0 {
		return nil, fmt.Errorf("the %s %q is no command: set %s to one", what, sanitize.Line(command), variables)
	}
	if words[0], err = exec.LookPath(words[0]); err != nil {
		why := "is not there"
		if !errors.Is(err, exec.ErrNotFound) {
			why = "cannot be run"
		}
		return nil, fmt.Errorf("the %s %q %s: set %s to one that is installed, such as %s", what, sanitize.Line(command), why, variables, known)
	}
	return words, nil
}

// splitCommand takes a command line apart at its spaces. Quotes keep words
// together; nothing else is special, so that paths of any system can be said.
func splitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	begun := false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && unicode.IsSpace(r):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c is not closed", quote)
	}
	return words, nil
}

// visit returns what runs the editor on a file in the terminal that it is lent.
// lent counts it meanwhile.
func (e editor) visit(path string, lent *atomic.Int32) *editorVisit {
	return &editorVisit{cmd: exec.Command(e[0], append(e[1:len(e):len(e)], path)...), lent: lent}
}

// editorVisit is an editor that runs in the user's terminal. What it says of
// errors goes there, too: the standard error is not for the screen.
type editorVisit struct {
	cmd  *exec.Cmd
	lent *atomic.Int32
	took time.Duration // how long it ran, once it has ended
}

// interruptTime is how long an interrupt may take to arrive, on a machine that has
// other things to do. Nobody ends qd that way so soon after an editor: in its own
// hands, the terminal sends none.
const interruptTime = 2 * time.Second

// SetStdin sets where keys come from.
func (v *editorVisit) SetStdin(r io.Reader) { v.cmd.Stdin = r }

// SetStdout sets the terminal.
func (v *editorVisit) SetStdout(w io.Writer) { v.cmd.Stdout, v.cmd.Stderr = w, w }

// SetStderr does nothing: there is one terminal, and it is given by SetStdout.
func (v *editorVisit) SetStderr(io.Writer) {}

// Run returns when the editor has ended.
func (v *editorVisit) Run() error {
	v.lent.Add(1)
	// The interrupt that ended the editor may still be on its way to us.
	defer func() { time.AfterFunc(interruptTime, func() { v.lent.Add(-1) }) }()
	began := time.Now() // the terminal is lent by then, which takes its time
	defer func() { v.took = time.Since(began) }()
	return v.cmd.Run()
}
