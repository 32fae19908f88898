package table

import "quarterdeck/ui/cell"

// columns decides which columns are on screen and how wide they are.
//
// A column wants to be as wide as its widest cell seen so far. If there is room
// to spare, flexible columns share it. If there is too little, columns shrink
// towards their Min; if that does not do, columns are hidden from the right, to
// be reached by scrolling.
type columns[T any] struct {
	all   []Column[T]
	shown []Column[T] // those of the current mode
	want  []int       // the widest cell of each shown column so far
	loose []int       // those of shown that scroll, in their order
	first int         // number of loose columns scrolled away

	sortID string // the column by which the rows are sorted, "" for none

	placed                  []place // what is on screen, left to right
	gap                     int     // cells between columns
	hiddenLeft, hiddenRight bool
}

// place is one column on screen.
type place struct {
	index, width int // in shown, in cells
}

const (
	gutter = 1 // cells to the left of the first column, for the bar and the mark
	margin = 2 // cells to the right of the last one, where a mark says that there are more
)

// choose takes the columns of the mode and forgets their widths.
func (c *columns[T]) choose(wide bool) {
	c.shown, c.loose, c.first = c.shown[:0], c.loose[:0], 0
	for _, column := range c.all {
		if column.Wide && !wide {
			continue
		}
		if !column.Pin {
			c.loose = append(c.loose, len(c.shown))
		}
		c.shown = append(c.shown, column)
	}
	if len(c.loose) == len(c.shown) && len(c.shown) > 0 {
		c.shown[0].Pin = true
		c.loose = c.loose[1:]
	}
	c.hiddenLeft, c.hiddenRight = false, false
	c.forget()
}

// forget resets the widths to those of the titles.
func (c *columns[T]) forget() {
	c.want = c.want[:0]
	for i := range c.shown {
		c.want = append(c.want, c.limit(i, cell.Width(c.shown[i].Title)))
	}
	c.sort(c.sortID)
}

// sort keeps room for the mark beside the title of the sorted column.
func (c *columns[T]) sort(id string) {
	c.sortID = id
	for i := range c.shown {
		if id != "" && c.shown[i].ID == id {
			c.want[i] = max(c.want[i], c.limit(i, cell.Width(c.shown[i].Title)+1))
		}
	}
}

// limit returns width within the bounds of column i.
func (c *columns[T]) limit(i, width int) int {
	if m := c.shown[i].Max; m > 0 {
		width = min(width, m)
	}
	return max(width, c.shown[i].Min)
}

// see makes column i wide enough for a cell; more than most cells do not count.
func (c *columns[T]) see(i int, text string, most int) {
	// No text takes more cells than bytes.
	if len(text) > c.want[i] {
		c.want[i] = max(c.want[i], c.limit(i, cell.WidthUpTo(text, most)))
	}
}

// least returns the width to which column i may be shrunk.
func (c *columns[T]) least(i int) int {
	if m := c.shown[i].Min; m > 0 {
		return min(m, c.want[i])
	}
	return c.want[i]
}

// layout places the columns in width cells.
func (c *columns[T]) layout(width int) {
	room := width - gutter
	c.first = max(0, min(c.first, len(c.loose)-1))
	n, all := c.fit(room)
	for all && c.first > 0 { // never scroll further than needed to see the last column
		c.first--
		if n, all = c.fit(room); !all {
			c.first++
			n, all = c.fit(room)
			break
		}
	}
	c.hiddenLeft, c.hiddenRight = c.first > 0, !all
	if c.hiddenRight {
		room -= margin
	}

	c.placed = c.placed[:0]
	loose := 0
	for i := range c.shown {
		if !c.shown[i].Pin {
			if loose++; loose <= c.first || loose > c.first+n {
				continue
			}
		}
		c.placed = append(c.placed, place{index: i, width: c.want[i]})
		room -= c.want[i] + 1
	}
	room++ // no gap after the last one
	c.gap = 1
	if gaps := len(c.placed) - 1; room >= gaps {
		c.gap = 2
		room -= gaps
	}
	if room >= 0 {
		c.grow(room)
		return
	}
	lack := c.shrink(-room, func(p place) int { return p.width - c.least(p.index) })
	c.shrink(lack, func(p place) int { return p.width }) // a window narrower than a single column
}

// fit returns how many loose columns, from the first that is not scrolled away,
// can be placed beside the pinned ones, and whether that is all of them. It is
// at least one if there is one, so that scrolling reaches every column.
func (c *columns[T]) fit(room int) (n int, all bool) {
	room++ // no gap after the last one
	for i := range c.shown {
		if c.shown[i].Pin {
			room -= c.least(i) + 1
		}
	}
	rest := c.loose[c.first:]
	total, besideMargin := 0, 0
	for i, index := range rest {
		total += c.least(index) + 1
		if total <= room-margin {
			besideMargin = i + 1
		}
	}
	if total <= room || len(rest) <= 1 {
		return len(rest), true
	}
	return max(1, besideMargin), false
}

// grow shares spare cells among the flexible columns.
func (c *columns[T]) grow(spare int) {
	for ; spare > 0; spare-- {
		best := -1
		for i, p := range c.placed {
			column := &c.shown[p.index]
			if column.Flex <= 0 || column.Max > 0 && p.width >= column.Max {
				continue
			}
			// The one that has got least for its share; (a/b < c/d) as (a*d < c*b).
			if best < 0 || (p.width-c.want[p.index])*c.shown[c.placed[best].index].Flex <
				(c.placed[best].width-c.want[c.placed[best].index])*column.Flex {
				best = i
			}
		}
		if best < 0 {
			return
		}
		c.placed[best].width++
	}
}

// shrink takes lack cells from the columns, always from the one with the most
// slack, and returns how many are still lacking.
func (c *columns[T]) shrink(lack int, slack func(place) int) int {
	for ; lack > 0; lack-- {
		best, most := -1, 0
		for i, p := range c.placed {
			if s := slack(p); s > most {
				best, most = i, s
			}
		}
		if best < 0 {
			return lack
		}
		c.placed[best].width--
	}
	return 0
}
