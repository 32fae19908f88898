package views

import (
	"strings"

	"quarterdeck/kube/rollout"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// barPart is a share of a bar: so many of something, drawn with one glyph.
type barPart struct {
	count int32
	glyph string
	tone  theme.Tone
}

// bar draws parts in width cells, in their order. A part that is not 0 has a
// cell at least, as long as there are cells.
func bar(width int, parts ...barPart) textview.Line {
	var total int64
	for _, p := range parts {
		total += int64(max(0, p.count))
	}
	cells := make([]int, len(parts))
	left := width
	for i, p := range parts {
		if p.count > 0 && left > 0 {
			cells[i] = max(1, int(int64(width)*int64(p.count)/total))
			cells[i] = min(cells[i], left)
			left -= cells[i]
		}
	}
	for ; left > 0 && total > 0; left-- { // to the part that got least for its count
		best := -1
		for i, p := range parts {
			if p.count > 0 && (best < 0 || int64(cells[i])*int64(parts[best].count) < int64(cells[best])*int64(p.count)) {
				best = i
			}
		}
		cells[best]++
	}
	var line textview.Line
	for i, p := range parts {
		if cells[i] > 0 {
			line = append(line, textview.Span{Text: strings.Repeat(p.glyph, cells[i]), Tone: p.tone})
		}
	}
	return append(line, textview.Span{Text: strings.Repeat(" ", max(0, left))})
}

// plain returns a line without its tones.
func plain(line textview.Line) string {
	var b strings.Builder
	for _, s := range line {
		b.WriteString(s.Text)
	}
	return b.String()
}

// rolloutBar draws how far a rollout is: available pods of the newest revision,
// those on their way, pods of older revisions, and what is missing. The glyphs
// alone tell them apart.
func rolloutBar(g *theme.Glyphs, width int, c rollout.Counts) textview.Line {
	if c.Desired == 0 && c.Total == 0 {
		return textview.Line{{Text: strings.Repeat(" ", width)}}
	}
	available := c.NewAvailable
	if available == rollout.Unknown { // no more than are available at all, and no less than old ones leave
		available = min(c.New, max(0, c.Available-c.Old))
	}
	return bar(width,
		barPart{available, g.Full, theme.Text},
		barPart{c.New - available, g.Coming, theme.Busy},
		barPart{c.Old, g.Going, theme.Muted},
		barPart{max(0, c.Desired-c.Total), g.Empty, theme.Muted})
}

// groupBar draws the pods of one revision among most pods.
func groupBar(g *theme.Glyphs, width int, group *rollout.PodGroup, most int32) textview.Line {
	available := group.ByStage[rollout.StageAvailable]
	failed := group.ByStage[rollout.StageFailed]
	coming := group.Count(rollout.StagePending, rollout.StageScheduled, rollout.StagePulling, rollout.StageStarting, rollout.StageNotReady, rollout.StageReady)
	going := group.ByStage[rollout.StageTerminating]
	return bar(width,
		barPart{available, g.Full, theme.Text},
		barPart{coming, g.Coming, theme.Busy},
		barPart{failed, g.Failed, theme.Error},
		barPart{going, g.Going, theme.Muted},
		barPart{max(0, most-available-coming-failed-going), g.Empty, theme.Muted})
}
