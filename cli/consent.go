package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/term"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/sanitize"
	"quarterdeck/views"
)

// asker asks the user for a line, with a prompt that may have lines before. The
// error says that there will be none.
type asker func(ctx context.Context, prompt string) (string, error)

// asker returns how the user is asked, nil if there is no terminal to do it on.
func (c *command) asker() asker {
	if !term.IsTerminal(c.streams.In.Fd()) || !term.IsTerminal(c.streams.Out.Fd()) {
		return nil
	}
	return askOn(c.streams.In, c.streams.Out)
}

// askOn asks by a line to one file and reads answers from another. A reading
// that nobody waits for any more goes on until the program ends: a terminal
// cannot be told otherwise.
func askOn(in io.Reader, out io.Writer) asker {
	lines := bufio.NewReader(in)
	return func(ctx context.Context, prompt string) (string, error) {
		fmt.Fprint(out, sanitize.Text(prompt))
		type answer struct {
			line string
			err  error
		}
		read := make(chan answer, 1)
		go func() {
			defer utilruntime.HandleCrash()
			line, err := lines.ReadString('\n')
			read <- answer{line, err}
		}()
		select {
		case a := <-read:
			if a.err != nil {
				fmt.Fprintln(out)
			}
			return strings.TrimSpace(a.line), a.err
		case <-ctx.Done():
			fmt.Fprintln(out)
			return "", ctx.Err()
		}
	}
}

// errDeclined says that the user did not want it.
var errDeclined = errors.New("not done: that was no yes")

// consent returns what the user agrees to, for something that takes a right on
// each of some objects of a session: by what --yes was given, "" for nothing,
// else by being asked, if ask is not nil. verb is "undo".
func consent(ctx context.Context, s *views.Session, verb string, refs []kube.Ref, right, yes string, ask asker) (guard.Approval, error) {
	approval, why := guard.Approval{Level: guard.Confirmed, Objects: len(refs)}, ""
	for _, ref := range refs {
		need := access.Need{Verb: right, Group: ref.GVR.Group, Resource: ref.GVR.Resource, Namespace: ref.Namespace, Name: ref.Name}
		level, reason, err := s.Demand(guard.Confirmed, need, len(refs))
		switch {
		case err != nil:
			return guard.Approval{}, err
		case level > approval.Level:
			approval.Level, why = level, reason
		}
	}
	what, name, nameOf := fmt.Sprintf("%d workloads", len(refs)), s.Client.Context, "the context"
	if len(refs) == 1 {
		what, name, nameOf = refs[0].String(), refs[0].Name, "the object"
	}
	typed := approval.Level == guard.Typed
	switch {
	case yes == name, !typed && slices.Contains(affirmations(), yes):
		return approval, nil
	case yes != "" && !slices.Contains(affirmations(), yes):
		return guard.Approval{}, fmt.Errorf("not done: --yes=%s is not %s, the name of %s", yes, name, nameOf)
	case ask == nil && typed:
		return guard.Approval{}, fmt.Errorf("not done: %s, and there is no terminal to type %s, the name of %s: pass it as --yes=%s", why, name, nameOf, name)
	case ask == nil:
		return guard.Approval{}, fmt.Errorf("not done: there is no terminal to ask on: look at it with --dry-run, then pass --yes")
	}
	prompt := fmt.Sprintf("%s %s? Type y: ", verb, what)
	if typed {
		prompt = fmt.Sprintf("%s: type the name of %s\n%s %s? Type %s: ", why, nameOf, verb, what, name)
	}
	line, err := ask(ctx, prompt)
	switch {
	case ctx.Err() != nil:
		return guard.Approval{}, ctx.Err()
	case err != nil, typed && line != name, !typed && line != "y" && line != "yes":
		return guard.Approval{}, errDeclined
	}
	return approval, nil
}

// affirmed is the value of --yes if it is given none.
const affirmed = "y"

// affirmations are the values of --yes that say no more than yes.
func affirmations() []string { return []string{affirmed, "yes", "true"} }
