package cli

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/term"

	"quarterdeck/ui/cell"
)

// table is lines of columns, two spaces apart. What is not known is n/a.
type table struct {
	columns []column
	rows    [][]string
}

type column struct {
	title   string
	right   bool                // numbers
	shrinks bool                // where the terminal is too narrow
	cut     bool                // at the end of the terminal's line; for the last one
	paint   func(string) string // what is written for a cell; nil for the cell itself
}

// Columns become as narrow as shrunk, and make so much room for the last one: a
// longer one continues on the next line.
const (
	shrunk = 10
	last   = 20
)

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table for a terminal of a width, 0 for what is none: there
// nothing is cut.
func (t *table) print(out io.Writer, width int) error {
	head := make([]string, len(t.columns))
	for i, c := range t.columns {
		head[i] = c.title
	}
	rows := append([][]string{head}, t.rows...)
	widths := t.fit(rows, width)
	var b strings.Builder
	for _, row := range rows {
		for i, text := range row {
			align := cell.Left
			if t.columns[i].right {
				align = cell.Right
			}
			if t.columns[i].shrinks {
				text = cell.Middle(text, widths[i])
			}
			if i == len(row)-1 {
				if t.columns[i].cut && width > 0 {
					text = cell.Truncate(text, leftFor(widths, width))
				}
				b.WriteString(text + "\n")
				continue
			}
			text = cell.Pad(text, widths[i], align)
			if paint := t.columns[i].paint; paint != nil {
				text = paint(text)
			}
			b.WriteString(text + "  ")
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// leftFor is what is left for the last column.
func leftFor(widths []int, width int) int {
	for _, w := range widths[:len(widths)-1] {
		width -= w + 2
	}
	return max(last, width)
}

// fit returns how wide the columns are.
func (t *table) fit(rows [][]string, width int) []int {
	widths := make([]int, len(t.columns))
	for _, row := range rows {
		for i := range row {
			if row[i] == "" {
				row[i] = "n/a"
			}
			widths[i] = max(widths[i], cell.Width(row[i]))
		}
	}
	over := min(last, widths[len(widths)-1]) - width
	for _, w := range widths[:len(widths)-1] {
		over += w + 2
	}
	for i, c := range t.columns {
		if less := min(over, widths[i]-shrunk); width > 0 && c.shrinks && less > 0 {
			widths[i] -= less
			over -= less
		}
	}
	return widths
}

// width is that of the terminal that the output goes to, 0 if it goes elsewhere.
func (c *command) width() int {
	width, _, err := term.GetSize(c.streams.Out.Fd())
	if err != nil {
		return 0
	}
	return width
}
