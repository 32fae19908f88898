package changes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/store"
)

// DefaultBytes is about how much memory the entries of a Timeline may take.
const DefaultBytes = 64 << 20

// Timeline holds changes, each once, whatever number of watches tells of it. It
// belongs to one goroutine.
type Timeline struct {
	limit, size int
	seq         int64
	entries     map[string]*Entry
	sorted      []*Entry            // as they were published last
	fresh       map[string]struct{} // IDs of entries that are not in sorted
	stale       map[*Entry]struct{} // of sorted, those that are gone or replaced
	dropped     int
	droppedTo   int64 // the newest that was let go

	open     map[types.UID]*joining
	inferred map[types.UID][]string // IDs of what may be one change, by object
	owners   map[types.UID]kube.Ref // of ReplicaSets and Jobs
	owned    map[types.UID]bool     // owners of which it is not known yet what owns them
	groups   map[types.UID]*group   // by workload
	touched  []*group
	regroup  bool                   // entries may be of other groups than they were
	nameless map[types.UID][]string // IDs of what was seen before it could be known who made it, by object
	lost     time.Time              // since when what is told now may have happened, zero for just now
}

// joining is what was seen of one object just now, by watches that do not tell
// everything each.
type joining struct {
	diffs    []unsigned
	writes   []liveWrite
	revision string // the newest that the object has since
	seen     time.Time
}

// unsigned is an entry of which nobody knows yet who made it.
type unsigned struct {
	id   string
	seen time.Time
}

type liveWrite struct {
	Write
	id   string // of its entry, which is there only if it has fields to list
	seen time.Time
}

// joinWithin is how long after one watch another may tell of the same change, and
// a controller make a revision of it.
const joinWithin = 45 * time.Second

// mostNameless is of how many changes of an object it is found out later who made
// them.
const mostNameless = 8

// together is how many seconds apart traces of one change are: a controller makes
// a revision of a new template at once.
const together = 2

// NewTimeline returns one that holds up to about limit bytes, DefaultBytes if it
// is not positive.
func NewTimeline(limit int) *Timeline {
	if limit <= 0 {
		limit = DefaultBytes
	}
	return &Timeline{
		limit: limit, entries: map[string]*Entry{}, fresh: map[string]struct{}{}, stale: map[*Entry]struct{}{}, open: map[types.UID]*joining{},
		inferred: map[types.UID][]string{}, owners: map[types.UID]kube.Ref{}, nameless: map[types.UID][]string{},
		owned: map[types.UID]bool{}, groups: map[types.UID]*group{},
	}
}

// put adds an entry, or replaces the one of its ID.
func (t *Timeline) put(e Entry) {
	if old, ok := t.entries[e.ID]; ok {
		t.size -= old.size()
		t.outdate(old)
		e.seq = old.seq
	} else {
		t.seq++
		e.seq = t.seq
	}
	e.group = nil
	t.size += e.size()
	t.entries[e.ID] = &e
	t.fresh[e.ID] = struct{}{}
}

// outdate notes that what was published of an entry is not so any more.
func (t *Timeline) outdate(e *Entry) {
	if e.group != nil {
		t.stale[e] = struct{}{}
	}
}

func (t *Timeline) remove(id string) {
	if old, ok := t.entries[id]; ok {
		t.size -= old.size()
		t.outdate(old)
		delete(t.entries, id)
		delete(t.fresh, id)
	}
}

// saw notes fields that a watch saw change. now is by this program's clock.
func (t *Timeline) saw(on kube.Ref, owner *store.Owner, fields []Field, at, now time.Time) {
	id := fmt.Sprintf("%s/%d", on.UID, t.seq+1)
	t.put(Entry{ID: id, At: at.Unix(), Exact: true, On: on, Owner: owner, Fields: fields, Note: t.while(), Source: FromWatch})
	if on.Kind != "Pod" { // of which nobody keeps it
		known := t.nameless[on.UID]
		t.nameless[on.UID] = append(known[max(0, len(known)-mostNameless+1):], id)
	}
	j := t.joining(on.UID, now)
	j.diffs = append(j.diffs, unsigned{id, now})
	t.join(j, now)
}

// while says of what is seen now that it may have happened before.
func (t *Timeline) while() string {
	if t.lost.IsZero() {
		return ""
	}
	return "at some time since " + t.lost.Format(time.TimeOnly) + ", when the connection was lost"
}

// sawRevision notes that an object has a new revision.
func (t *Timeline) sawRevision(on kube.Ref, revision string, now time.Time) {
	j := t.joining(on.UID, now)
	j.revision = revision
	t.join(j, now)
}

// made notes an object that is new, and deleted one that is gone. Several watches
// may tell of either.
func (t *Timeline) made(on kube.Ref, owner *store.Owner, by string, at int64, exact bool) {
	t.once(Entry{ID: string(on.UID) + "/made", At: at, Exact: exact, On: on, Owner: owner, Verb: Made, Manager: by, Source: FromWatch})
}

func (t *Timeline) deleted(on kube.Ref, owner *store.Owner, at int64) {
	t.once(Entry{ID: string(on.UID) + "/deleted", At: at, Exact: true, On: on, Owner: owner, Verb: Deleted, Note: t.while(), Source: FromWatch})
	delete(t.open, on.UID)
	delete(t.nameless, on.UID)
}

// once adds what an object can be but once.
func (t *Timeline) once(e Entry) {
	if !e.Exact {
		e.Source = FromManaged
	}
	if old, ok := t.entries[e.ID]; ok {
		if old.Manager != "" || e.Manager == "" {
			return
		}
		by := e.Manager
		e = *old
		e.Manager = by
	}
	t.put(e)
}

// wrote notes a write that a watch saw in managedFields: before is the object's
// entry of the same program, if it had one.
func (t *Timeline) wrote(on kube.Ref, owner *store.Owner, w Write, before *Write, now time.Time) {
	j := t.joining(on.UID, now)
	id := fmt.Sprintf("%s/%s/%s/%d", on.UID, w.Manager, w.Subresource, w.At)
	j.writes = append(j.writes, liveWrite{w, id, now})
	if paths, some := fresh(w, before); w.At != 0 && len(paths) > 0 {
		t.put(Entry{ID: id, At: w.At, Exact: true, On: on, Owner: owner, Manager: w.Manager, Fields: unknown(paths), Some: some, Source: FromWatch})
	}
	t.join(j, now)
}

// fresh returns the fields of a write that its program had not set before; all,
// and true, if there are none such: then it wrote some of them again.
func fresh(w Write, before *Write) (paths []string, some bool) {
	all := w.listed()
	if before == nil || w.Fields == before.Fields {
		return all, before != nil && len(all) > 1
	}
	for _, p := range all {
		if !slices.Contains(before.Fields.Paths, p) {
			paths = append(paths, p)
		}
	}
	if len(paths) > 0 {
		return paths, false
	}
	return all, len(all) > 1
}

func unknown(paths []string) []Field {
	fields := make([]Field, len(paths))
	for i, p := range paths {
		fields[i].Path = p
	}
	return fields
}

func (t *Timeline) joining(uid types.UID, now time.Time) *joining {
	j := t.open[uid]
	if j == nil {
		j = &joining{}
		t.open[uid] = j
	}
	j.seen = now
	return j
}

// join gives fields of which the values are known the manager that wrote them.
func (t *Timeline) join(j *joining, now time.Time) {
	j.writes = slices.DeleteFunc(j.writes, func(w liveWrite) bool { return now.Sub(w.seen) > joinWithin })
	j.diffs = slices.DeleteFunc(j.diffs, func(d unsigned) bool {
		e := t.entries[d.id]
		return e == nil || now.Sub(d.seen) > joinWithin || t.attribute(e, j.writes)
	})
	if j.revision == "" {
		return
	}
	for i := len(j.writes) - 1; i >= 0; i-- {
		if t.revise(j.writes[i].id, j.revision) {
			j.revision = ""
			return
		}
	}
	for _, d := range j.diffs {
		if t.revise(d.id, j.revision) {
			return // the manager may still come
		}
	}
}

// revise notes the revision that the controller made of an entry's template,
// false if it changed none.
func (t *Timeline) revise(id, revision string) bool {
	e := t.entries[id]
	if e == nil || !slices.ContainsFunc(e.Fields, func(f Field) bool { return isTemplate(f.Path) }) {
		return false
	}
	n := *e
	n.Revision = revision
	t.put(n)
	return true
}

// attribute moves the fields of an entry to those of the writes that set them. It
// reports whether nothing is left.
func (t *Timeline) attribute(e *Entry, writes []liveWrite) bool {
	var left []Field
	for _, f := range e.Fields {
		w := author(writes, f.Path)
		if w == nil {
			left = append(left, f)
			continue
		}
		m := *e
		m.Fields = nil
		if w.At == 0 { // the object tells who, and this program when
			w.id, w.At = e.ID+"/"+w.Manager, e.At
		}
		if known := t.entries[w.id]; known != nil {
			m = *known
		}
		if m.Some { // now it is known which
			m.Fields, m.Some = nil, false
		}
		m.ID, m.At, m.Manager, m.Exact, m.Source = w.id, w.At, w.Manager, true, FromWatch
		m.Revision = cmp.Or(m.Revision, e.Revision)
		m.Fields = with(m.Fields, f)
		t.put(m)
	}
	switch {
	case len(left) == 0:
		t.remove(e.ID)
	case len(left) < len(e.Fields):
		n := *e
		n.Fields = left
		t.put(n)
	}
	return len(left) == 0
}

// with adds a field of which the values are known to those of a write.
func with(fields []Field, f Field) []Field {
	kept := make([]Field, 0, len(fields)+1)
	for _, o := range fields {
		if o.Path != f.Path && (o.Known || !covers(o.Path, f.Path)) {
			kept = append(kept, o)
		}
	}
	return append(kept, f)
}

// author returns the write that set a field: the latest of spec rather than of
// status, nil if none did.
func author(writes []liveWrite, path string) *liveWrite {
	var found *liveWrite
	for _, w := range writes {
		if (w.Subresource == "status") != strings.HasPrefix(path, "status.") || !w.writes(path) {
			continue
		}
		if found == nil || w.At >= found.At {
			found = &w
		}
	}
	return found
}

// Publish returns all entries, the newest first, with their bursts. The caller
// must not change what it gets.
func (t *Timeline) Publish(now time.Time) []*Entry {
	for uid, j := range t.open {
		if now.Sub(j.seen) > joinWithin {
			delete(t.open, uid)
		}
	}
	if len(t.fresh) == 0 && len(t.stale) == 0 {
		return t.sorted
	}
	news := make([]*Entry, 0, len(t.fresh))
	for id := range t.fresh {
		e := t.entries[id] // which nobody else has yet
		e.Of = t.top(e)
		news = append(news, e)
	}
	t.gather(news)
	slices.SortFunc(news, newer)
	all := make([]*Entry, 0, len(t.sorted)+len(news))
	gone := len(t.stale)
	for i, e := range t.sorted {
		if gone == 0 && len(news) == 0 {
			all = append(all, t.sorted[i:]...)
			break
		}
		if _, replaced := t.stale[e]; replaced {
			gone--
			continue
		}
		for len(news) > 0 && newer(news[0], e) < 0 {
			all, news = append(all, news[0]), news[1:]
		}
		all = append(all, e)
	}
	all = t.bound(append(all, news...))
	t.burst(all)
	clear(t.fresh)
	clear(t.stale)
	t.sorted = all
	return all
}

// newer orders entries, the newest first; of the same second what people did
// comes after, that is below, what followed from it.
func newer(a, b *Entry) int {
	if c := cmp.Compare(b.At, a.At); c != 0 {
		return c
	}
	return cmp.Or(compareEcho(b, a), cmp.Compare(b.seq, a.seq))
}

func compareEcho(a, b *Entry) int {
	switch ea, eb := a.Echo(), b.Echo(); {
	case ea == eb:
		return 0
	case ea:
		return 1
	}
	return -1
}

// full reports whether entries have to be let go.
func (t *Timeline) full() bool { return t.size > t.limit }

// bound lets the oldest entries go where all take too much, and some more so that
// there is room for a while.
func (t *Timeline) bound(all []*Entry) []*Entry {
	if !t.full() {
		return all
	}
	t.regroup = true // the groups of what goes, go
	for t.size > t.limit-t.limit/8 && len(all) > 0 {
		last := all[len(all)-1]
		all = all[:len(all)-1]
		t.remove(last.ID)
		t.dropped++
		t.droppedTo = last.At
	}
	return all
}

// Dropped returns how many entries were let go to stay within the bound, and when
// the newest of them was.
func (t *Timeline) Dropped() (entries int, newest int64) { return t.dropped, t.droppedTo }
