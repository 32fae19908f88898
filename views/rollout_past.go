package views

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// rolloutPast is the history of the rollout of a page.
type rolloutPast struct {
	page    *rolloutPage
	history *rollout.History
	rows    []*revisionRow // the newest first
	err     error          // why there is none, or no newer one
	of      string         // what the revisions were when it was read
	reading bool
	// differences and referents are those that were looked at, by the revisions.
	differences map[string]comparison
	referents   map[types.UID][]rollout.Referent
}

// comparison is what differs between two revisions.
type comparison struct {
	older, newer *revisionRow
	fields       []rollout.Field
}

// revisionRow is a revision, as a row.
type revisionRow struct {
	store.Meta
	rev    rollout.Revision
	status *rollout.Status
	// pending says that it is no revision yet: the workload asks for it, and its
	// controller has not made one of it.
	pending bool
	pods    string // "3/5", ready of all
}

type (
	pastMsg struct {
		history *rollout.History
		err     error
		of      string
	}
	referentsMsg struct {
		of    types.UID // the revision since which
		found []rollout.Referent
	}
)

// read returns a Cmd that reads the history, unless that is being done.
func (r *rolloutPast) read() tea.Cmd {
	p := r.page
	if r.reading || p.feed == nil || !isRolling(p.ref) {
		return nil
	}
	r.reading = true
	s, shown, ref, of := p.session, p.ctx, p.ref, r.now()
	return ui.Deliver(p, func() tea.Msg {
		client, err := s.changer()
		if err != nil {
			return pastMsg{err: err, of: of}
		}
		ctx, cancel := s.Client.Call(shown)
		defer cancel()
		h, err := rollout.ReadHistory(ctx, client, ref)
		return pastMsg{h, err, of}
	})
}

// now tells the revisions apart from those of another time.
func (r *rolloutPast) now() string {
	d := &r.page.detail
	if d.Status == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprint(&b, d.Status.Revision, d.Status.Started.At, d.Status.State == rollout.Unobserved, d.Status.State == rollout.Paused, d.Status.Done)
	for i := range d.Groups {
		b.WriteString(" " + d.Groups[i].Name)
	}
	return b.String()
}

// follow reads the history again if the revisions are others than those that
// were read, and brings the counts up to date.
func (r *rolloutPast) follow() tea.Cmd {
	r.show()
	if r.of != r.now() {
		return r.read()
	}
	return nil
}

func (r *rolloutPast) set(msg pastMsg) tea.Cmd {
	r.reading = false
	if r.page.feed == nil {
		return nil // hidden meanwhile: it is read again when the page is shown
	}
	r.of, r.err = msg.of, msg.err
	if msg.err == nil {
		r.history, r.differences = msg.history, map[string]comparison{}
	}
	r.show()
	return r.look()
}

// forget makes everything be read again.
func (r *rolloutPast) forget() { r.of, r.referents, r.differences = "", nil, nil }

// show brings the rows up to date.
func (r *rolloutPast) show() {
	p := r.page
	if r.history == nil {
		return
	}
	r.rows = nil
	if _, ok := r.history.Target(); !ok {
		r.rows = append(r.rows, &revisionRow{
			Meta: store.Meta{UID: "pending", Name: p.ref.Name}, rev: rollout.Revision{Template: r.history.Current}, pending: true,
		})
	}
	for _, rev := range r.history.Revisions {
		r.rows = append(r.rows, &revisionRow{
			Meta: store.Meta{UID: rev.UID, Name: rev.Name, Namespace: p.ref.Namespace, Created: rev.Created.Unix()},
			rev:  rev, pods: r.podsOf(&rev),
		})
	}
	for _, row := range r.rows {
		row.status = p.detail.Status
	}
	p.revs.SetRows(rows[*revisionRow]{items: r.rows, total: len(r.rows)})
}

// podsOf counts the pods of a revision: those seen live, if it has any, else as
// they were when the history was read.
func (r *rolloutPast) podsOf(rev *rollout.Revision) string {
	d := &r.page.detail
	for i := range d.Groups {
		if g := &d.Groups[i]; g.Name == rev.Name {
			return fmt.Sprintf("%d/%d", g.Ready(), len(g.Pods))
		}
	}
	switch {
	case d.Status != nil && r.page.gap("pods") == "" && r.page.gap("replicasets") == "":
		return "-"
	case r.history.PodsUnread != nil:
		return "n/a"
	}
	return fmt.Sprintf("%d/%d", rev.Pods.Ready, rev.Pods.Total)
}

// number names the revision.
func (r *revisionRow) number() string {
	if r.pending {
		return "new"
	}
	return strconv.FormatInt(r.rev.Number, 10)
}

// name names the revision in a sentence.
func (r *revisionRow) name() string {
	if r.pending {
		return "what is asked for"
	}
	return "revision " + r.number()
}

// standing says what there is to know of the revision beside what is in it.
func (r *revisionRow) standing() string {
	var words []string
	switch {
	case r.pending:
		words = append(words, "asked for, not rolled out")
	case r.rev.Target:
		words = append(words, "current")
	case r.rev.Complete:
		words = append(words, "last complete")
	}
	if len(r.rev.Former) > 0 {
		was := make([]string, len(r.rev.Former))
		for i, n := range r.rev.Former {
			was[i] = strconv.FormatInt(n, 10)
		}
		words = append(words, "was "+strings.Join(was, ", "))
	}
	return strings.Join(words, ", ")
}

// images are the last parts of the images, the first and how many more.
func (r *revisionRow) images() string {
	images := r.rev.Template.Images()
	if len(images) == 0 {
		return ""
	}
	word := object.ShortImage(images[0].Image)
	if len(images) > 1 {
		word += fmt.Sprintf(" +%d", len(images)-1)
	}
	return word
}

func revisionTone(r *revisionRow) theme.Tone {
	if r.rev.Target || r.pending {
		return theme.Title
	}
	return theme.Text
}

func revisionColumns() []Column[*revisionRow] {
	return []Column[*revisionRow]{
		{ID: "name", Title: "REV", Kind: field.Text, Align: cell.Right, Value: func(r *revisionRow, _ *Env) field.Value { return field.Of(r.number()) }},
		{
			ID: "age", Title: "AGE", Kind: field.Since, Align: cell.Right,
			Value: func(r *revisionRow, _ *Env) field.Value {
				if r.pending {
					return field.Value{}.WithText("-")
				}
				return field.SinceUnix(r.rev.Created.Unix())
			},
		},
		{ID: "pods", Title: "READY", Align: cell.Right, Value: func(r *revisionRow, _ *Env) field.Value { return field.Of(r.pods) }},
		text("image", (*revisionRow).images).titled("IMAGE").middle(12, 32),
		text("by", func(r *revisionRow) string { return r.rev.By.Manager }).titled("BY").middle(4, 20),
		text("standing", (*revisionRow).standing).titled("STATE").between(7, 28),
		text("cause", func(r *revisionRow) string { return r.rev.Cause }).titled("CAUSE").flex(1, 5),
	}
}

// pair returns the revisions to compare: two that are marked, or the selected one
// and the current one, or that and the one before it. False if there is only one.
func (r *rolloutPast) pair() (older, newer *revisionRow, ok bool) {
	t := r.page.revs
	if marked, _ := t.Marked(); len(marked) == 2 {
		older, newer = marked[0], marked[1]
		if newer.pending || !older.pending && older.rev.Number < newer.rev.Number {
			return older, newer, true
		}
		return newer, older, true
	}
	all := r.rows
	selected, found := t.Selected()
	if !found || len(all) < 2 {
		return nil, nil, false
	}
	current := slices.IndexFunc(all, func(o *revisionRow) bool { return o.rev.Target || o.pending })
	at := slices.Index(all, selected)
	if current < 0 || at < 0 {
		return nil, nil, false
	}
	if at == current { // the one before it
		at = current + 1
		if at == len(all) {
			at = current - 1
		}
	}
	if at > current {
		return all[at], all[current], true
	}
	return all[current], all[at], true
}

// compare returns what differs between the revisions to compare.
func (r *rolloutPast) compare() (comparison, bool) {
	older, newer, ok := r.pair()
	if !ok {
		return comparison{}, false
	}
	key := string(older.UID) + "/" + string(newer.UID)
	c, known := r.differences[key]
	if !known {
		c = comparison{older, newer, rollout.Compare(older.rev.Template, newer.rev.Template)}
		if r.differences == nil {
			r.differences = map[string]comparison{}
		}
		r.differences[key] = c
	}
	return c, true
}

// look returns a Cmd that finds out what became of the ConfigMaps and Secrets of
// the older of the revisions that are compared, nil if that is known.
func (r *rolloutPast) look() tea.Cmd {
	p := r.page
	older, _, ok := r.pair()
	if !ok || p.feed == nil {
		return nil
	}
	of := older.UID
	if _, known := r.referents[of]; known {
		return nil
	}
	if r.referents == nil {
		r.referents = map[types.UID][]rollout.Referent{}
	}
	r.referents[of] = nil // asked for
	refs := older.rev.Template.References(p.ref.Namespace)
	if len(refs) == 0 {
		return nil
	}
	s, shown, since := p.session, p.ctx, older.rev.Created
	return ui.Deliver(p, func() tea.Msg {
		client, err := s.changer()
		if err != nil {
			return nil
		}
		ctx, cancel := s.Client.Call(shown)
		defer cancel()
		return referentsMsg{of, rollout.ReadReferents(ctx, client, refs, since)}
	})
}

// lines are the comparison as fields, and what no template tells.
func (c comparison) lines(referents []rollout.Referent) []textview.Line {
	lines := differenceLines(c.fields)
	return append(lines, referentLines(referents, c.older.rev.Number, c.older.name())...)
}

// differenceLines are the fields that differ, each with what it was and is.
func differenceLines(fields []rollout.Field) []textview.Line {
	if len(fields) == 0 {
		return []textview.Line{{{Text: "no field differs but for defaults", Tone: theme.Muted}}}
	}
	var lines []textview.Line
	for _, f := range fields {
		lines = append(lines, textview.Line{{Text: f.Name(), Tone: theme.Field}})
		if f.Before != nil {
			lines = append(lines, textview.Line{{Text: "- " + f.Was(), Tone: theme.Removed}})
		}
		if f.After != nil {
			lines = append(lines, textview.Line{{Text: "+ " + f.Is(), Tone: theme.Added}})
		}
	}
	return lines
}

// referentLines say which ConfigMaps and Secrets are not as they were.
func referentLines(referents []rollout.Referent, number int64, name string) []textview.Line {
	lines := referentWarnings(referents, number)
	switch {
	case len(referents) == 0:
		return nil
	case len(lines) > 0:
		return append([]textview.Line{{}, {{Text: "not in any revision: what ConfigMaps and Secrets hold", Tone: theme.Title}}}, lines...)
	case len(referents) == 1:
		return []textview.Line{{}, {{Text: fmt.Sprintf("%s, which %s refers to, is as it was", referents[0].Ref, name), Tone: theme.Muted}}}
	}
	return []textview.Line{{}, {{Text: fmt.Sprintf("the %d ConfigMaps and Secrets that %s refers to are as they were", len(referents), name), Tone: theme.Muted}}}
}

// referentWarnings are those of the ConfigMaps and Secrets that are not as they
// were, or may not be.
func referentWarnings(referents []rollout.Referent, number int64) []textview.Line {
	var lines []textview.Line
	for _, r := range referents {
		if words := r.Words(number); words != "" {
			lines = append(lines, textview.Line{{Text: words, Tone: theme.Warn}})
		}
	}
	return lines
}

// chosenRevision is the revision that verbs are about.
func (p *rolloutPage) chosenRevision() *revisionRow {
	if row, ok := p.revs.Selected(); ok && p.pane == paneRevisions {
		return row
	}
	return &revisionRow{status: p.detail.Status, rev: rollout.Revision{Target: true}}
}

// openComparison shows all of what differs between the revisions.
func (p *rolloutPage) openComparison() tea.Msg {
	c, ok := p.past.compare()
	if !ok {
		return ui.Toast(theme.Muted, "there is no other revision to compare it with")
	}
	title := c.older.number() + " " + p.session.Theme.Glyphs.Arrow + " " + c.newer.number()
	lines := c.lines(p.past.referents[c.older.UID])
	if unified := rollout.Unified(c.older.rev.Template, c.newer.rev.Template, c.older.name(), c.newer.name()); unified != "" {
		lines = append(lines, textview.Line{}, textview.Line{{Text: "pod template, without defaults", Tone: theme.Title}})
		lines = append(lines, colourDiff(unified)...)
	}
	return ui.Push(readingFrame(p.session, title, lines))
}
