package views

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
)

// projection turns the changes of a source into sorted, filtered rows. Only one
// goroutine works on it at a time; the rows that it returned last and that were
// not discarded stay valid while it makes the next.
type projection[T store.Object] struct {
	compare func(a, b T) int
	dynamic bool // compare reads what changes without the objects changing

	sorted, spare []T // all objects in order, and memory for the next order
	shown, other  []T // those that pass the filter, likewise
}

// order is what rows are sorted by: a column, and the name within equal ones.
// Rows that are unfolded below another stay below it, in their own order.
func order[T store.Object](col *Column[T], desc bool, env *Env, root func(T) (T, int)) func(a, b T) int {
	flat := flatOrder(col, desc, env)
	if root == nil {
		return flat
	}
	return func(a, b T) int {
		ra, na := root(a)
		rb, nb := root(b)
		if ra == rb {
			return na - nb
		}
		return flat(ra, rb)
	}
}

func flatOrder[T store.Object](col *Column[T], desc bool, env *Env) func(a, b T) int {
	if col == nil && desc {
		return func(a, b T) int { return byName(b, a) }
	}
	return func(a, b T) int {
		if col != nil && col.Value != nil {
			va, vb := col.key(a, env), col.key(b, env)
			c := field.Compare(va, vb)
			if desc && !va.IsNone() && !vb.IsNone() { // unknown stays at the end
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return byName(a, b)
	}
}

func byName[T store.Object](a, b T) int {
	x, y := a.Head(), b.Head()
	if c := strings.Compare(x.Namespace, y.Namespace); c != 0 {
		return c
	}
	if c := strings.Compare(x.Name, y.Name); c != 0 {
		return c
	}
	return strings.Compare(string(x.UID), string(y.UID))
}

// apply takes over what changed.
func (p *projection[T]) apply(d store.Delta[T]) {
	switch {
	case d.Reset:
		p.sorted = append(p.sorted[:0:0], d.Added...)
		slices.SortFunc(p.sorted, p.compare)
	case p.dynamic:
		p.merge(d)
		p.resort()
	default:
		p.merge(d)
	}
}

// resort sorts everything anew, after a change of order.
func (p *projection[T]) resort() { slices.SortFunc(p.sorted, p.compare) }

// merge keeps the order while a few of many objects change: one pass.
func (p *projection[T]) merge(d store.Delta[T]) {
	if len(d.Added) == 0 && len(d.Removed) == 0 {
		return
	}
	gone := make(map[T]struct{}, len(d.Removed))
	for _, o := range d.Removed {
		gone[o] = struct{}{}
	}
	slices.SortFunc(d.Added, p.compare)
	next := slices.Grow(p.spare[:0], len(p.sorted)+len(d.Added))
	for _, o := range p.sorted {
		if len(gone) > 0 {
			if _, ok := gone[o]; ok {
				continue
			}
		}
		for len(d.Added) > 0 && p.compare(d.Added[0], o) < 0 {
			next, d.Added = append(next, d.Added[0]), d.Added[1:]
		}
		next = append(next, o)
	}
	next = append(next, d.Added...)
	p.spare, p.sorted = p.sorted, next
}

// rows returns the rows that match, all of them if match is nil.
func (p *projection[T]) rows(match func(T) bool) rows[T] {
	next := slices.Grow(p.other[:0], len(p.sorted))
	for _, o := range p.sorted {
		if match == nil || match(o) {
			next = append(next, o)
		}
	}
	p.other, p.shown = p.shown, next
	return rows[T]{items: next, total: len(p.sorted)}
}

// discard says that the rows returned last are not used: those before stay
// valid instead.
func (p *projection[T]) discard() { p.shown, p.other = p.other, p.shown }

// missing returns those of keys whose objects are not there any more, folded
// away neither. It empties keys.
func (p *projection[T]) missing(keys map[string]bool, src source[T]) []string {
	if len(keys) == 0 {
		return nil
	}
	if f, ok := src.(folding); ok {
		maps.DeleteFunc(keys, func(key string, _ bool) bool { return f.Has(types.UID(key)) })
	}
	for _, o := range p.sorted {
		delete(keys, string(o.Head().UID))
	}
	return slices.Collect(maps.Keys(keys))
}

// rows are the rows of a table, in order. It implements table.Rows.
type rows[T store.Object] struct {
	items []T
	total int // before the filter
}

func (r rows[T]) Len() int         { return len(r.items) }
func (r rows[T]) At(i int) T       { return r.items[i] }
func (r rows[T]) Key(i int) string { return string(r.items[i].Head().UID) }
