package views

import (
	"fmt"
	"strings"
	"time"

	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// demandColumns are the columns of what takes room: namespaces and workloads.
func demandColumns(by headroom.Grouping) []Column[*headroom.Row] {
	cols := []Column[*headroom.Row]{nameColumn[*headroom.Row]().flex(1, 14).titled(strings.ToUpper(by.String()))}
	if by == headroom.ByWorkload {
		cols = append(cols, text("kind", func(r *headroom.Row) string { return shortKind(r.Kind) }).between(6, 12))
	}
	cols = append(cols, count("pods", func(r *headroom.Row) int64 { return r.Requested.Pods }))
	for _, m := range measures() {
		cols = append(cols,
			demandColumn(m, "req", func(r *headroom.Row) (int64, bool) { return m.of(r.Requested.Resources), true }),
			demandColumn(m, "use", func(r *headroom.Row) (int64, bool) {
				return usedOf(r, m), r.Used != nil && r.Used.Known > 0
			}).toned(func(r *headroom.Row, _ *Env) theme.Tone { return demandTone(r, m) }))
	}
	if by == headroom.ByNamespace {
		cols = append(cols, Column[*headroom.Row]{
			ID: "quota", Kind: field.Percent, Min: 12, Tone: quotaTone,
			Value: func(r *headroom.Row, e *Env) field.Value {
				_, item := fullest(r.Quotas)
				if item == nil {
					return field.Value{}.WithText("-")
				}
				share := quotaShare(item)
				words := fmt.Sprintf("%3d%% %s", share.Num(), item.Name)
				if e.Glyphs != nil {
					words = plain(shareBar(e.Glyphs, headroomBarWidth(e.Width), share.Num())) + words
				}
				return share.WithText(words)
			},
		})
	}
	cols = append(cols, text("notes", func(r *headroom.Row) string { return strings.Join(demandNotes(r), ", ") }).flex(2, 8).toned(notesTone))
	for _, m := range measures() {
		cols = append(cols, demandColumn(m, "lim", func(r *headroom.Row) (int64, bool) { return m.of(r.Limits.Resources), true }).wide())
	}
	return append(cols,
		Column[*headroom.Row]{
			ID: "ephemeral", Title: "LOCAL DISK", Kind: field.Bytes, Align: cell.Right, Wide: true,
			Value: func(r *headroom.Row, _ *Env) field.Value { return field.ByteCount(r.Requested.Ephemeral) },
		},
		text("others", otherAmounts).wide().between(8, 40),
		count("best-effort", func(r *headroom.Row) int64 { return int64(r.BestEffort) }).wide(),
	)
}

func demandColumn(m measure, what string, of func(*headroom.Row) (int64, bool)) Column[*headroom.Row] {
	return Column[*headroom.Row]{
		ID: m.id + "-" + what, Title: m.title + " " + strings.ToUpper(what), Kind: m.kind, Align: cell.Right, Dynamic: what == "use",
		Value: func(r *headroom.Row, _ *Env) field.Value {
			n, ok := of(r)
			if !ok {
				return field.Value{}
			}
			v := m.value(n)
			if what == "use" && r.Used.Known < r.Used.Of {
				v = v.WithText(">" + v.Format(time.Time{}))
			}
			return v
		},
	}
}

func usedOf(r *headroom.Row, m measure) int64 {
	if r.Used == nil {
		return 0
	}
	return m.of(r.Used.Resources)
}

// demandTone is loud where more is used than was asked for: of CPU that makes
// slow, of memory it may kill.
func demandTone(r *headroom.Row, m measure) theme.Tone {
	switch {
	case r.Used == nil || r.Used.Known == 0:
		return theme.Muted
	case usedOf(r, m) > m.of(r.Requested.Resources):
		return theme.Warn
	}
	return theme.Text
}

// demandNotes are what else to know of a namespace or workload.
func demandNotes(r *headroom.Row) []string {
	var notes []string
	if r.Pending > 0 {
		notes = append(notes, fmt.Sprintf("%d pending (%s %s)", r.Pending, cores(r.Waiting.CPU), field.Size(r.Waiting.Memory)))
	}
	if r.BestEffort > 0 {
		notes = append(notes, fmt.Sprintf("%d BestEffort", r.BestEffort))
	}
	if r.Partly {
		notes = append(notes, "not all read")
	}
	return notes
}

// fullest returns the quota, and what of it, that is nearest its end; nil if
// there is none.
func fullest(quotas []*object.Quota) (*object.Quota, *object.QuotaItem) {
	var of *object.Quota
	for _, q := range quotas {
		if len(q.Items) > 0 && (of == nil || q.Fullest > of.Fullest) {
			of = q
		}
	}
	if of == nil {
		return nil, nil
	}
	return of, &of.Items[0]
}

func quotaShare(i *object.QuotaItem) field.Value {
	if i.Hard == 0 { // nothing is allowed: it is full
		return field.PercentOf(1, 1)
	}
	return field.PercentOf(i.Used, i.Hard)
}

func quotaTone(r *headroom.Row, _ *Env) theme.Tone {
	_, item := fullest(r.Quotas)
	switch {
	case item == nil:
		return theme.Muted
	case quotaShare(item).Num() >= 100:
		return theme.Error
	case quotaShare(item).Num() >= nearlyAll:
		return theme.Warn
	}
	return theme.Text
}

// headroomBarWidth is how many cells a bar has on a screen of a width.
func headroomBarWidth(width int) int {
	switch {
	case width >= 140:
		return 14
	case width >= 100:
		return 8
	}
	return 4
}

// shareBar draws a share in percent.
func shareBar(g *theme.Glyphs, width int, percent int64) textview.Line {
	full := int32(max(0, min(percent, 100)))
	return append(bar(width, barPart{full, g.Full, theme.Text}, barPart{100 - full, g.Empty, theme.Muted}), textview.Span{Text: " "})
}
