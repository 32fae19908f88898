package views

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/network/probe"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// probeVerb asks a port once whether anybody answers there. It goes through a
// port-forward, and needs what that does.
func probeVerb() verb {
	return verb{
		ID: keymap.NetworkProbe, One: true, Containers: true,
		Kinds: resources("pods", "services", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps"),
		Need:  fixed(access.Need{Verb: "create", Resource: "pods", Subresource: "portforward"}), Start: askProbe,
	}
}

func askProbe(_ *verb, s *Session, sel chosen) tea.Msg {
	t := sel.targets[0]
	return ui.Ask(ui.Prompt{
		Label: "probe " + t.String() + ": ", Hint: "80, http/healthz, https:8443, tcp:5432",
		Problem: func(text string) string {
			if _, _, _, err := probe.Parse(text); err != nil {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg {
			scheme, port, path, err := probe.Parse(text)
			if err != nil {
				return ui.Toast(theme.Error, err.Error())
			}
			return s.probe(probe.Question{Ref: t.Ref, Port: port, Scheme: scheme, Path: path})
		},
	})
}

// probeAction asks a question that is known already, such as that of a way in.
func (s *Session) probeAction(q probe.Question) ui.Action {
	v := probeVerb()
	return ui.Action{
		ID: v.ID, Quiet: true, Disabled: s.against(&v, chosen{targets: []target{{Ref: q.Ref}}}),
		Run: func() tea.Msg { return s.probe(q) },
	}
}

// probe asks once, with the user's consent where a rule or the context wants it.
func (s *Session) probe(q probe.Question) tea.Msg {
	v := probeVerb()
	c := consent{verb: &v, title: "probe " + q.Ref.String() + portWords(q)}
	return s.consented(c, chosen{targets: []target{{Ref: q.Ref}}}, func(ctx context.Context) tea.Msg { return s.startProbe(ctx, q) })
}

func (s *Session) startProbe(approved context.Context, q probe.Question) tea.Msg {
	began := time.Now()
	return ui.Start(ui.Task{Title: "probe " + q.Ref.String(), Run: func(task context.Context, _ func(string)) tea.Msg {
		ctx, cancel := context.WithCancel(approved)
		defer cancel()
		defer context.AfterFunc(task, cancel)()
		a, err := probe.Ask(ctx, s.Client, q)
		if err != nil {
			s.deed("probe", q.Ref, strings.TrimSpace(portWords(q)), began, err)
			return ui.Toast(theme.Error, "not probed: "+s.notProbed(err, q.Ref))
		}
		s.deed("probe", q.Ref, a.String(), began, nil)
		return ui.Push(probeFrame(s, q, a))
	}})
}

// probeFrame is the place where the answer to a probe stands.
func probeFrame(s *Session, q probe.Question, a *probe.Answer) ui.Frame {
	return hangingFrame(s, "probe "+q.Ref.String()+portWords(q), probeLines(q, a, s.Now()), factHanging)
}

// notProbed says why no probe was made.
func (s *Session) notProbed(err error, ref kube.Ref) string {
	if !apierrors.IsForbidden(err) {
		return Cause(err)
	}
	return s.explain(err, "forward a port of "+ref.String(), placeOf(ref))
}

func portWords(q probe.Question) string {
	if q.Port == "" {
		return ""
	}
	return " port " + q.Port
}

// probeLines show what came of a probe, and what that does not prove.
func probeLines(q probe.Question, a *probe.Answer, now time.Time) []textview.Line {
	tone := theme.Error
	if a.OK {
		tone = theme.OK
	}
	lines := []textview.Line{
		{{Text: a.Words, Tone: tone}},
		{},
		fact("asked", a.Asked(q), theme.Text),
		fact("answered by", "pod/"+a.Pod+" port "+strconv.Itoa(a.Port), theme.Text),
		fact("reached", "after "+probe.Took(a.Connect)+", through the API server", theme.Text),
		fact("first byte", firstByte(a), theme.Text),
	}
	if !a.OK {
		lines[3] = fact("asked of", "pod/"+a.Pod+" port "+strconv.Itoa(a.Port), theme.Text)
	}
	if c := a.Certificate; c != nil {
		worry := theme.Text
		if !c.Fits || now.After(c.Expires) {
			worry = theme.Warn
		}
		lines = append(lines, fact("certificate", c.Words(now), worry), fact("", "issued by "+cmp.Or(c.Issuer, "nobody"), theme.Muted))
	}
	return append(lines, textview.Line{}, fact("not tried", probe.Limits, theme.Muted))
}

func firstByte(a *probe.Answer) string {
	if a.FirstByte == 0 {
		return "none came"
	}
	return "after " + probe.Took(a.FirstByte)
}
