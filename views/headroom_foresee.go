package views

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube"
	"quarterdeck/kube/headroom/whatif"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// foresight is what a dialog asks of the cluster besides the server's dry run:
// whether the pods that something makes, or moves, would fit. It takes longer, and
// nothing waits for it. A nil foresight asks nothing.
//
// Its fields belong to the goroutine of the screen.
type foresight struct {
	question whatif.Question
	words    string // before the answer
	asked    bool
	answer   *foreseenMsg
}

// foreseenMsg is the answer; it says nothing if there is nothing to say.
type foreseenMsg struct {
	text string
	tone theme.Tone
}

// foresightTime is how long an answer may take.
const foresightTime = time.Minute

// foreseeScale asks whether the pods that a workload would have more would fit.
func foreseeScale(refs []kube.Ref, replicas string) *foresight {
	if len(refs) != 1 {
		return nil
	}
	r := refs[0]
	q, err := whatif.Parse("scale "+r.GVR.Resource+"/"+r.Name+" "+strings.TrimSpace(replicas), r.Namespace)
	if err != nil {
		return nil // it becomes smaller, or is of a kind that is not asked about
	}
	return &foresight{question: q}
}

// foreseeDrain asks whether the pods of nodes would fit elsewhere.
func foreseeDrain(words string, refs []kube.Ref) *foresight {
	var nodes []string
	for _, r := range refs {
		nodes = append(nodes, r.Name)
	}
	return &foresight{question: whatif.Question{Drain: nodes}, words: words}
}

// ask asks, until there is an answer: the questions of a dialog end when it asks
// anew.
func (f *foresight) ask(ctx context.Context, s *Session) tea.Cmd {
	if f == nil || f.answer != nil {
		return nil
	}
	f.asked = true
	q := f.question
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, foresightTime)
		defer cancel()
		a, err := s.whatIf(ctx, q)
		switch {
		case errors.Is(err, context.Canceled):
			return nil
		case errors.Is(err, whatif.ErrNoPods):
			return foreseenMsg{}
		case err != nil:
			return foreseenMsg{"whether the pods fit is not known: " + Cause(err), theme.Muted}
		}
		text := whatif.Line(&a)
		if a.Fit < a.Asked || a.BlockedFirst != nil || len(a.NotReplaced) > 0 {
			return foreseenMsg{text, theme.Warn}
		}
		return foreseenMsg{text, theme.Muted}
	}
}

func (f *foresight) take(msg foreseenMsg) { f.answer = &msg }

// lines are the answer, or that it is awaited.
func (f *foresight) lines(s *Session) []textview.Line {
	switch {
	case f == nil || !f.asked:
		return nil
	case f.answer == nil:
		return []textview.Line{{{Text: "what if  ", Tone: theme.Muted}, {Text: "asking whether the pods fit" + dots(s), Tone: theme.Busy}}}
	case f.answer.text == "":
		return nil
	}
	return []textview.Line{{{Text: "what if  ", Tone: f.answer.tone}, {Text: f.words + f.answer.text}}}
}
