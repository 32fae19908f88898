package ui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sahilm/fuzzy"
)

// fit says how well an item fits what is typed, the best first.
type fit uint8

const (
	is     fit = iota // the text is its label or one of its other words
	begins            // the label begins with the text
	has               // the label has the letters, in their order
	none
)

// candidate is an item that fits.
type candidate struct {
	index  int
	fit    fit
	score  int // of the letters, the more the better
	recent int // 0 for what was chosen last
}

// labels makes the items a source for the fuzzy search.
type labels []Item

func (l labels) String(i int) string { return l[i].Label }
func (l labels) Len() int            { return len(l) }

// match finds the items that fit what is typed, best first.
func (p *Picker) match() {
	text := p.text()
	found := p.candidates(text)
	slices.SortStableFunc(found, func(a, b candidate) int {
		x, y := &p.Items[a.index], &p.Items[b.index]
		if a.fit == is && b.fit == is { // a word means today what it meant yesterday
			return cmp.Compare(x.Rank, y.Rank)
		}
		return cmp.Or(cmp.Compare(a.fit, b.fit), cmp.Compare(a.recent, b.recent), cmp.Compare(b.score, a.score), cmp.Compare(x.Rank, y.Rank))
	})
	p.shown, p.cursor, p.fit = p.shown[:0], 0, none
	for _, c := range found {
		if text == "" && p.Items[c.index].Current {
			p.cursor = len(p.shown)
		}
		p.shown = append(p.shown, c.index)
	}
	if len(found) > 0 {
		p.fit = found[0].fit
	}
	p.addFree(text)
}

// candidates returns the items that fit, in their own order. Everything fits
// no text equally well.
func (p *Picker) candidates(text string) []candidate {
	fits := make([]candidate, len(p.Items))
	for i, item := range p.Items {
		fits[i] = candidate{index: i, fit: none, recent: len(p.recent)}
		if n := slices.Index(p.recent, choice{item.Rank, item.Label}); n >= 0 {
			fits[i].recent = n
		}
		same := func(word string) bool { return strings.EqualFold(word, text) }
		switch {
		case text == "":
			fits[i].fit = has
		case same(item.Label) || slices.ContainsFunc(item.Aliases, same):
			fits[i].fit = is
		case strings.HasPrefix(strings.ToLower(item.Label), strings.ToLower(text)):
			fits[i].fit = begins
		}
	}
	for _, m := range fuzzy.FindFromNoSort(text, labels(p.Items)) {
		c := &fits[m.Index]
		c.fit, c.score = min(c.fit, has), m.Score
	}
	return slices.DeleteFunc(fits, func(c candidate) bool { return c.fit == none })
}

// addFree adds the row of what is typed. A list that may be incomplete must not
// turn a name that was typed in full into a similar one: it stands first there,
// unless an item begins with it.
func (p *Picker) addFree(text string) {
	p.sure = false
	if p.Free == nil || text == "" {
		return
	}
	p.free, p.sure = p.Free(text)
	p.sure = p.sure && p.fit > begins
	switch {
	case p.sure:
		p.shown = slices.Insert(p.shown, 0, freeRow)
	case p.loading > 0 || p.fit == is:
	case p.fit == begins && p.problem != "":
		p.shown = append(p.shown, freeRow)
	case p.fit == none || p.problem != "":
		p.shown = slices.Insert(p.shown, 0, freeRow)
	}
}
