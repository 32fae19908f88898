package views

import (
	"context"
	"fmt"
	"strings"

	"quarterdeck/kube/detail"
	"quarterdeck/kube/object"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// reader returns what reads single objects of the session's cluster.
func (s *Session) reader() (*detail.Reader, error) {
	return detail.New(s.Client.Config(), s.Client.HTTP())
}

func loadYAML(ctx context.Context, p *page) ([]textview.Line, string, error) {
	r, err := p.session.reader()
	if err != nil {
		return nil, "", err
	}
	doc, err := r.YAML(ctx, p.ref, p.opts)
	if err != nil {
		return nil, "", err
	}
	return colourYAML(doc.Text), replaced(doc.Replaced, p), nil
}

// replaced says that an object of that name is there, but not the one meant.
func replaced(is bool, p *page) string {
	if !is {
		return ""
	}
	return fmt.Sprintf("the %s that was opened has been deleted; this is a newer one of the same name", p.ref)
}

func loadDescription(ctx context.Context, p *page) ([]textview.Line, string, error) {
	r, err := p.session.reader()
	if err != nil {
		return nil, "", err
	}
	text, err := r.Describe(ctx, p.ref)
	if err != nil {
		return nil, "", err
	}
	return textview.FromText(text, theme.Text), "", nil
}

func loadEvents(ctx context.Context, p *page) ([]textview.Line, string, error) {
	r, err := p.session.reader()
	if err != nil {
		return nil, "", err
	}
	found, err := r.Events(ctx, p.ref)
	if err != nil {
		return nil, "", err
	}
	detail.WarningsFirst(found.Events)
	head := countOf(len(found.Events), "event") + " of " + p.ref.String()
	if children := found.Objects - 1; children > 0 {
		head += " and " + countOf(children, "object") + " that belong to it"
	}
	lines := []textview.Line{{{Text: head + ", warnings first", Tone: theme.Muted}}}
	now := p.session.Now()
	for _, e := range found.Events {
		about := strings.ToLower(shortKind(e.Kind)) + "/" + e.Name
		if e.Gone {
			about += " (deleted)"
		}
		lines = append(lines, eventLine(e.Last.Unix(), e.Type, e.Reason, about, e.Message, int32(e.Count), now))
	}
	if len(found.Events) == 0 {
		lines = append(lines, textview.Line{{Text: "no events: the server keeps them for an hour or so"}})
	}
	var missing []string
	for _, err := range found.Partial {
		missing = append(missing, p.session.explain(err, "list "+p.kind.title, placeOf(p.ref)))
	}
	partial := ""
	if len(missing) > 0 {
		partial = "some events may be missing: " + missing[0]
	}
	return lines, partial, nil
}

// workloadDetail says why a workload is not well, in its controller's words.
func workloadDetail(w *object.Workload, _ *Env) []textview.Line {
	var lines []textview.Line
	if w.Message != "" {
		lines = append(lines, textview.Line{{Text: w.Message, Tone: theme.Warn}}, textview.Line{})
	}
	for i, image := range w.Images {
		name := ""
		if i == 0 {
			name = "images"
		}
		lines = append(lines, fact(name, image, theme.Text))
	}
	return lines
}

// countOf returns "3 pods", "1 pod".
func countOf(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}
