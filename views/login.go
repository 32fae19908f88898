package views

import (
	"context"
	"fmt"
	"io"
	"os"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// login is the action that lets a credential plugin talk to the user. While the
// screen is Quarterdeck's, plugins may not read the keyboard: they would take
// keys away and write over the screen.
func (s *Session) login() ui.Action {
	a := ui.Action{ID: keymap.ContextLogin, Quiet: true}
	if !s.Client.HasPlugin() {
		a.Disabled = "context " + s.Client.Context + " has no credential plugin to log in with"
		return a
	}
	a.Run = func() tea.Msg {
		return tea.Exec(&loginCommand{session: s}, func(err error) tea.Msg {
			if err != nil {
				return ui.Toast(theme.Error, "not logged in: "+Cause(err))
			}
			s.again()
			return ui.Toast(theme.Muted, "logged in")
		})
	}
	return a
}

// loginCommand makes one call to the server with the terminal given to the
// credential plugin.
type loginCommand struct {
	session *Session
	in      io.Reader
	out     io.Writer
	err     io.Writer
}

func (c *loginCommand) SetStdin(r io.Reader)  { c.in = r }
func (c *loginCommand) SetStdout(w io.Writer) { c.out = w }
func (c *loginCommand) SetStderr(w io.Writer) { c.err = w }

// Run implements tea.ExecCommand. client-go gives plugins the os.Stderr of the
// moment at which the client is made.
func (c *loginCommand) Run() error {
	if f, ok := c.out.(*os.File); ok {
		was := os.Stderr
		os.Stderr = f
		defer func() { os.Stderr = was }()
	}
	fmt.Fprintf(c.out, "logging in to context %s\r\n", sanitize.Line(c.session.Client.Context))
	connector := *c.session.Connector
	connector.Interactive = true
	client, err := connector.Connect(c.session.Client.Context)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.WhoAmI(context.Background())
	return err
}
