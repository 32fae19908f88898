package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/headroom/whatif"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// askWhatIf offers the questions that rows suggest. Those with a number can be
// changed before they are asked, and any other can be typed.
func (s *Session) askWhatIf(rows []*headroom.Row) tea.Msg {
	p := &ui.Picker{Title: "what if"}
	namespace := s.ownNamespace()
	var nodes []string
	for _, r := range rows {
		switch {
		case r.Kind == "Node":
			nodes = append(nodes, r.Name)
		case r.Kind == "Namespace":
			namespace = r.Name
		case r.Kind == "Zone" && r.Name != headroom.None:
			p.Items = append(p.Items, s.whatIfItem("lose zone "+r.Name, namespace, "all its nodes stop answering", false))
		case r.Namespace != "":
			namespace = r.Namespace
			p.Items = append(p.Items, s.whatIfItem(fmt.Sprintf("scale %s/%s +1", strings.ToLower(r.Kind), r.Name), namespace, "more replicas", true))
		}
	}
	if len(nodes) > 0 {
		all := strings.Join(nodes, " ")
		p.Items = append(p.Items,
			s.whatIfItem("drain "+all, namespace, "its pods are evicted", false),
			s.whatIfItem("lose "+all, namespace, "it stops answering", false))
		if zone := rows[0].Zone; zone != "" {
			p.Items = append(p.Items, s.whatIfItem("lose zone "+zone, namespace, "all its nodes stop answering", false))
		}
		p.Items = append(p.Items, s.whatIfItem("add 1 like "+nodes[0], namespace, "more nodes; pods that wait are placed", true))
	}
	p.Items = append(p.Items, s.whatIfItem("place 1 1Gi x10", namespace, "pods of a size: cpu, memory, how many", true))
	if len(rows) == 0 || rows[0].Namespace == "" {
		p.Items = append(p.Items, s.whatIfItem("scale deployment/ +1", namespace, "more replicas of a workload in "+namespace, true))
	}
	p.Free = func(text string) (ui.Item, bool) {
		it := s.whatIfItem(text, namespace, "ask this", false)
		if _, err := whatif.Parse(text, namespace); err != nil {
			it.Disabled = err.Error()
		}
		return it, true
	}
	return ui.Pick(p)
}

// whatIfItem is a question to choose, or to change first.
func (s *Session) whatIfItem(text, namespace, detail string, change bool) ui.Item {
	it := ui.Item{Label: text, Detail: detail, Run: func() tea.Msg { return s.ask(text, namespace) }}
	if change {
		it.Run = func() tea.Msg { return s.typeWhatIf(text, namespace) }
	}
	return it
}

func (s *Session) typeWhatIf(text, namespace string) tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: "what if ", Text: text, Hint: whatif.Usage,
		Problem: func(text string) string {
			if _, err := whatif.Parse(text, namespace); err != nil {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg { return s.ask(text, namespace) },
	})
}

// ask answers a question in the background and shows the answer.
func (s *Session) ask(text, namespace string) tea.Msg {
	q, err := whatif.Parse(text, namespace)
	if err != nil {
		return ui.Toast(theme.Error, err.Error())
	}
	return ui.Start(ui.Task{Title: "what if " + q.String(), Run: func(ctx context.Context, progress func(string)) tea.Msg {
		progress("reading the cluster")
		a, err := s.whatIf(ctx, q)
		switch {
		case errors.Is(err, context.Canceled):
			return ui.Toast(theme.Muted, "not answered: what if "+q.String())
		case err != nil:
			return ui.Toast(theme.Error, "not answered: "+Cause(err))
		}
		return ui.Push(readingFrame(s, "what if "+q.String(), answerLines(&q, &a)))
	}})
}

// whatIf reads the cluster and answers a question.
func (s *Session) whatIf(ctx context.Context, q whatif.Question) (fit.Answer, error) {
	ask, err := q.Ask(ctx, s.Client)
	if err != nil {
		return fit.Answer{}, err
	}
	reader := whatif.Open(s.Client.Stores, s.Client, s.ownNamespace())
	defer reader.Close()
	state, err := reader.State(ctx)
	if err != nil {
		return fit.Answer{}, err
	}
	return fit.New(state).WhatIf(ctx, ask)
}

// answerLines is an answer as a page.
func answerLines(q *whatif.Question, a *fit.Answer) []textview.Line {
	tone := theme.OK
	if a.Fit < a.Asked || a.BlockedFirst != nil || len(a.NotReplaced) > 0 {
		tone = theme.Error
	}
	lines := []textview.Line{fact("what if", q.String(), theme.Title), fact("answer", whatif.Count(a), tone)}
	if a.BlockedFirst != nil {
		lines = append(lines, fact("stopped by", a.BlockedFirst.String(), theme.Error))
	}
	part := func(title string) {
		lines = append(lines, textview.Line{}, textview.Line{{Text: title, Tone: theme.Field}})
	}
	if len(a.Pending) > 0 {
		part("What blocks the rest, in the scheduler's words, and on how many nodes")
		lines = append(lines, pendingLines(a)...)
	}
	if len(a.Placements) > 0 {
		part("Where they would go")
		for _, p := range a.Placements {
			lines = append(lines, textview.Line{{Text: fmt.Sprintf("%6d  %s", p.Count, p.Node)}})
		}
	}
	if len(a.NotReplaced) > 0 {
		part("Gone for good: no controller replaces them")
		for _, p := range a.NotReplaced {
			lines = append(lines, textview.Line{{Text: "  " + p.Namespace + "/" + p.Name, Tone: theme.Warn}})
		}
	}
	part("What may make it come out otherwise")
	for _, n := range a.NotModelled {
		lines = append(lines, textview.Line{{Text: "  " + n, Tone: theme.Muted}})
	}
	return lines
}

// pendingLines puts those pods together that are pending for the same reasons.
func pendingLines(a *fit.Answer) []textview.Line {
	var lines []textview.Line
	rest := a.Pending
	for len(rest) > 0 {
		first := rest[0]
		var others []fit.Pending
		same := 0
		for _, p := range rest {
			if slices.Equal(p.Reasons, first.Reasons) {
				same++
			} else {
				others = append(others, p)
			}
		}
		name := first.Namespace + "/" + first.Name
		if same > 1 {
			name += fmt.Sprintf(" and %s more", thousands(same-1))
		}
		lines = append(lines, textview.Line{{Text: "  " + name, Tone: theme.Title}})
		for _, r := range first.Reasons {
			count := ""
			if r.Nodes > 0 {
				count = thousands(r.Nodes)
			}
			lines = append(lines, textview.Line{{Text: fmt.Sprintf("%8s  ", count)}, {Text: r.Reason, Tone: theme.Warn}})
		}
		rest = others
	}
	if a.PendingBeyond > 0 {
		lines = append(lines, textview.Line{{Text: fmt.Sprintf("  and %s more pods", thousands(a.PendingBeyond)), Tone: theme.Muted}})
	}
	return lines
}
