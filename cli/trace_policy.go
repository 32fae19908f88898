package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"quarterdeck/kube/network"
	"quarterdeck/views"
)

// connects answers whether network policies let one end reach another, and ends
// with exit code 2 where they do not.
type connects struct {
	*views.Session
	command *command
	output  string // table, json or yaml
}

// connection is the answer in json and yaml.
type connection struct {
	Allowed     *bool      `json:"allowed"`   // null if nobody can tell
	Direction   string     `json:"direction"` // that refuses it, or in which nobody can tell; "" if it is allowed
	From        string     `json:"from"`
	To          string     `json:"to"`
	Port        string     `json:"port"`
	DecidedBy   []policyID `json:"decidedBy"`
	Why         string     `json:"why"`
	NotModelled []string   `json:"notModelled"`
	NotRead     []string   `json:"notRead"`
}

type policyID struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// print answers --from and --to.
func (c *connects) print(ctx context.Context, from, to string) error {
	q, err := c.question(from, to)
	if err != nil {
		return err
	}
	reply, err := network.Ask(ctx, c.Client, q)
	var unread *network.UnreadError
	if errors.As(err, &unread) {
		return errors.New("whether it is allowed could not be told: " + c.unread(unread))
	}
	if err != nil {
		return err
	}
	answer := c.answer(reply)
	if c.output == "table" {
		err = c.printText(answer)
	} else {
		err = encode(c.command.streams.Out, c.output, answer)
	}
	switch {
	case err != nil:
		return err
	case reply.Allowed == network.No:
		return &exitError{code: exitFailed}
	case reply.Allowed == network.Unclear && len(answer.NotRead) > 0:
		return errors.New("whether it is allowed could not be told: " + answer.NotRead[0])
	case reply.Allowed == network.Unclear:
		return errors.New("whether it is allowed could not be told: " + reply.Why)
	}
	return nil
}

func (c *connects) unread(u *network.UnreadError) string {
	return c.Explain(u.Err, u.Verb+" "+u.Resource, u.Namespace)
}

func (c *connects) answer(r *network.Reply) *connection {
	out := &connection{
		Direction: string(r.Direction), From: r.From.String(), To: r.To.String(), Port: r.Port.String(), Why: r.Why,
		DecidedBy: []policyID{}, NotModelled: append([]string{}, r.NotModelled...), NotRead: []string{},
	}
	if r.Allowed != network.Unclear {
		out.Allowed = new(r.Allowed == network.Yes)
	}
	for _, ref := range r.DecidedBy {
		out.DecidedBy = append(out.DecidedBy, policyID{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name})
	}
	for _, u := range r.Unread {
		out.NotRead = append(out.NotRead, c.unread(u))
	}
	return out
}

func (c *connects) printText(a *connection) error {
	verdict := "unclear"
	switch {
	case a.Allowed != nil && *a.Allowed:
		verdict = "allowed"
	case a.Allowed != nil:
		verdict = "denied"
	}
	width := c.command.width()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s to %s port %s\n\n", verdict, a.From, a.To, a.Port)
	if a.Direction != "" {
		fmt.Fprintf(&b, "direction   %s\n", a.Direction)
	}
	for i, p := range a.DecidedBy {
		label := "decided by"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(&b, "%-10s  networkpolicy %s/%s\n", label, p.Namespace, p.Name)
	}
	b.WriteString("why         " + fold(a.Why, len("decided by  "), width) + "\n")
	if len(a.NotRead) > 0 {
		b.WriteString("\nnot read:\n")
		for _, n := range a.NotRead {
			b.WriteString("  " + fold(n, 2, width) + "\n")
		}
	}
	writeNotes(&b, a.NotModelled, width)
	_, err := fmt.Fprint(c.command.streams.Out, b.String())
	return err
}

// question reads --from and --to: NS/POD, a POD in the namespace looked at, or
// an address; the latter of them with a port and, after a slash, a protocol.
func (c *connects) question(from, to string) (network.Question, error) {
	var q network.Question
	var err error
	if q.From, err = network.ParseEnd(from, c.Namespace); err != nil {
		return q, fmt.Errorf("--from %w", err)
	}
	head, port, protocol, err := network.ParsePort(to)
	if err != nil {
		return q, fmt.Errorf("--to %w", err)
	}
	q.Port, q.Protocol = port, protocol
	if q.To, err = network.ParseEnd(head, c.Namespace); err != nil {
		return q, fmt.Errorf("--to %w", err)
	}
	return q, nil
}
