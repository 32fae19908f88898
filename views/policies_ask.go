package views

import (
	"context"
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube"
	"quarterdeck/kube/network"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// askReach asks for the other end of a connection of a pod, and shows whether the
// network policies allow it.
func (s *Session) askReach(pod kube.Ref, d network.Direction) tea.Msg {
	label, hint := "may this reach it: ", "NAMESPACE/POD:PORT or ADDRESS:PORT; the port is one of "+pod.String()
	if d == network.Outbound {
		label, hint = "may it reach: ", "NAMESPACE/POD:PORT or ADDRESS:PORT, such as 1.1.1.1:53/udp"
	}
	return ui.Ask(ui.Prompt{
		Label: label, Hint: hint,
		Problem: func(text string) string {
			if text == "" {
				return "" // the hint says what to type
			}
			if _, err := reachQuestion(pod, d, text); err != nil {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg {
			q, err := reachQuestion(pod, d, text)
			if err != nil {
				return ui.Toast(theme.Error, err.Error())
			}
			return ui.Push(reachFrame(s, pod, q, d, text))
		},
	})
}

// reachQuestion reads the other end of a connection and the port of the one that is
// connected to.
func reachQuestion(pod kube.Ref, d network.Direction, text string) (network.Question, error) {
	head, port, protocol, err := network.ParsePort(strings.TrimSpace(text))
	if err != nil {
		return network.Question{}, err
	}
	other, err := network.ParseEnd(head, pod.Namespace)
	if err != nil {
		return network.Question{}, err
	}
	q := network.Question{From: network.End{Namespace: pod.Namespace, Pod: pod.Name}, To: other, Port: port, Protocol: protocol}
	if d == network.Inbound {
		q.From, q.To = q.To, q.From
	}
	return q, nil
}

// reachFrame is the place where the answer stands. It is read when it opens and when
// the user asks again.
func reachFrame(s *Session, pod kube.Ref, q network.Question, d network.Direction, text string) ui.Frame {
	kind := pageKind{title: "may reach", doing: "ask for the network policies of", wrap: true, load: func(ctx context.Context, p *page) (pageText, error) {
		reply, err := network.Ask(ctx, p.session.Client, q)
		var unread *network.UnreadError
		switch {
		case errors.As(err, &unread):
			return pageText{}, unread.Err
		case err != nil:
			return pageText{}, err
		}
		return pageText{lines: p.session.replyLines(reply), hang: factHanging}, nil
	}}
	f := kind.frame(s, pod)
	f.Place = "may reach " + pod.Where() + " " + string(d) + " " + text
	return f
}

// replyLines say whether a connection is allowed, which policies decide, and why.
func (s *Session) replyLines(r *network.Reply) []textview.Line {
	verdict, tone := "unclear", theme.Warn
	switch r.Allowed {
	case network.Yes:
		verdict, tone = "allowed", theme.OK
	case network.No:
		verdict, tone = "denied", theme.Error
	case network.Unclear:
	}
	lines := []textview.Line{
		{{Text: verdict, Tone: tone}, {Text: ": " + r.From.String() + " to " + r.To.String() + " port " + r.Port.String(), Tone: theme.Title}},
		{},
	}
	if r.Direction != "" {
		lines = append(lines, fact("direction", string(r.Direction), theme.Text))
	}
	name := "decided by"
	for _, ref := range r.DecidedBy {
		lines = append(lines, fact(name, ref.Where(), theme.Text))
		name = ""
	}
	lines = append(lines, fact("why", r.Why, theme.Text))
	name = "not read"
	for _, u := range r.Unread {
		lines = append(lines, fact(name, s.explain(u.Err, u.Verb+" "+u.Resource, place(u.Namespace)), theme.Warn))
		name = ""
	}
	name = "not modelled"
	for _, n := range r.NotModelled {
		lines = append(lines, fact(name, sanitize.Line(n), theme.Warn))
		name = ""
	}
	return lines
}
