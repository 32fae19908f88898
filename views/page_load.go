package views

import (
	"context"
	"fmt"

	"quarterdeck/kube/detail"
	"quarterdeck/kube/object"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// reader returns what reads single objects of the session's cluster.
func (s *Session) reader() (*detail.Reader, error) {
	return detail.New(s.Client.Config(), s.Client.HTTP())
}

func loadYAML(ctx context.Context, p *page) (pageText, error) {
	r, err := p.session.reader()
	if err != nil {
		return pageText{}, err
	}
	doc, err := r.YAML(ctx, p.ref, p.opts)
	if err != nil {
		return pageText{}, err
	}
	return pageText{lines: colourYAML(doc.Text), partial: replaced(doc.Replaced, p)}, nil
}

// replaced says that an object of that name is there, but not the one meant.
func replaced(is bool, p *page) string {
	if !is {
		return ""
	}
	return fmt.Sprintf("the %s that was opened has been deleted; this is a newer one of the same name", p.ref)
}

func loadDescription(ctx context.Context, p *page) (pageText, error) {
	r, err := p.session.reader()
	if err != nil {
		return pageText{}, err
	}
	text, err := r.Describe(ctx, p.ref)
	if err != nil {
		return pageText{}, err
	}
	return pageText{lines: textview.FromText(text, theme.Text)}, nil
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
