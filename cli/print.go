package cli

import (
	"fmt"

	"quarterdeck/views"
)

// printing connects to the cluster for a command that prints, without the
// terminal UI, and looks at the namespace that kubectl would: a script must not
// change its meaning with rights. The caller calls done in the end.
func (c *command) printing() (session *views.Session, done func(), err error) {
	s, err := c.settings()
	if err != nil {
		return nil, nil, err
	}
	c.tell(s.problems...)
	return c.session(s, true, c.allNamespaces)
}

// session connects to the cluster that the flags name, and looks at all
// namespaces or at the one that kubectl would. Nobody is asked anything if it is
// not interactive. The caller calls done in the end.
func (c *command) session(s *settings, interactive, all bool) (session *views.Session, done func(), err error) {
	program := c.program(s, interactive)
	client, err := program.Connect(deref(c.flags.Context))
	if err != nil {
		program.Close()
		return nil, nil, err
	}
	session = program.Session(client, "", all)
	if session.Namespace == "" && !all {
		session = session.In(session.Fallback)
	}
	return session, program.Close, nil
}

// tell says on the standard error what is no reason to give up.
func (c *command) tell(what ...string) {
	for _, w := range what {
		fmt.Fprintln(c.streams.Err, "qd: "+w)
	}
}
