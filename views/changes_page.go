package views

import (
	"context"
	"strconv"

	"quarterdeck/kube/changes"
	"quarterdeck/kube/rollout"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// changeFrame is the place where all that is known of a change is shown.
func changeFrame(s *Session, e *changes.Entry) ui.Frame {
	kind := pageKind{title: "change of", doing: "read the revisions of", wrap: true, load: func(ctx context.Context, p *page) (pageText, error) {
		return loadChange(ctx, p, e)
	}}
	f := kind.frame(s, e.On)
	f.Place = "change " + e.ID
	return f
}

// loadChange says what a change was: of a revision all of what differs from the
// one before, which is read now.
func loadChange(ctx context.Context, p *page, e *changes.Entry) (pageText, error) {
	lines := append(changeHead(e, p.session.Now()), textview.Line{})
	lines = append(lines, changeFields(e)...)
	if e.Source == changes.FromHelm && e.Verb != changes.Deleted {
		return releaseText(ctx, p, e, lines), nil
	}
	number, err := strconv.ParseInt(e.Revision, 10, 64)
	if err != nil || !isRolling(e.Of) {
		return pageText{lines: lines}, nil
	}
	client, err := p.session.changer()
	if err != nil {
		return pageText{}, err
	}
	h, err := rollout.ReadHistory(ctx, client, e.Of)
	if err != nil {
		return pageText{lines: lines, partial: "the revisions could not be read: " + Cause(err)}, nil
	}
	for i, rev := range h.Revisions {
		if rev.Number == number && i+1 < len(h.Revisions) {
			before := h.Revisions[i+1]
			lines = append(lines, textview.Line{}, textview.Line{
				{Text: "revision " + strconv.FormatInt(before.Number, 10) + " " + p.session.Theme.Glyphs.Arrow + " " + e.Revision, Tone: theme.Title},
			})
			return pageText{lines: append(lines, differenceLines(rollout.Compare(before.Template, rev.Template))...)}, nil
		}
	}
	return pageText{lines: lines, partial: "revision " + e.Revision + " or the one before is not kept any more"}, nil
}

// releaseText adds what the record of a release says, but for its values.
func releaseText(ctx context.Context, p *page, e *changes.Entry, lines []textview.Line) pageText {
	r, err := changes.ReadRelease(ctx, p.session.Client.Stores, e.On)
	if err != nil {
		return pageText{lines: lines, partial: "the record of the release could not be read: " + Cause(err)}
	}
	lines = append(lines, fact("release", r.Name+" revision "+strconv.Itoa(r.Revision), theme.Text), fact("chart", r.Chart+" "+r.Version, theme.Text))
	if r.App != "" {
		lines = append(lines, fact("app", r.App, theme.Text))
	}
	lines = append(lines, fact("status", r.Status, theme.Text))
	if !r.Deployed.IsZero() {
		lines = append(lines, fact("deployed", when(r.Deployed.Unix(), p.session.Now()), theme.Text))
	}
	if r.Description != "" {
		lines = append(lines, fact("says", r.Description, theme.Text))
	}
	return pageText{lines: lines}
}
