package changes

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// traces notes what the metadata of an object tell that this program has not seen
// happen: when it was made, and who wrote it last.
func (t *Timeline) traces(on kube.Ref, o *Written) {
	for _, w := range o.Writes {
		paths := w.listed()
		if len(paths) == 0 || w.At != 0 && w.At-o.Created <= 1 {
			continue
		}
		if w.At == 0 {
			t.undated(on, o, w, paths)
			continue
		}
		id := fmt.Sprintf("%s/%s/%s/%d", on.UID, w.Manager, w.Subresource, w.At)
		t.put(Entry{
			ID: id, At: w.At, On: on, Owner: o.Owner,
			Manager: w.Manager, Fields: unknown(paths), Some: len(paths) > 1, Source: FromManaged,
		})
		t.claim(on.UID, w, id)
		t.trace(on.UID, id)
	}
	delete(t.nameless, on.UID)
	t.made(on, o.Owner, maker(o), o.Created, false)
}

// lateBy is how many seconds after a write this program may have seen what
// it did: it rests between two looks, and clocks differ.
const lateBy = 5

// undated notes a write of which the server does not keep the time, as of what is
// scaled: it may be any since the object was made.
func (t *Timeline) undated(on kube.Ref, o *Written, w Write, paths []string) {
	if t.claim(on.UID, w, "") {
		return
	}
	t.put(Entry{
		ID: fmt.Sprintf("%s/%s/%s/0", on.UID, w.Manager, w.Subresource), At: o.Created, On: on, Owner: o.Owner, Manager: w.Manager,
		Fields: unknown(paths), Some: len(paths) > 1, Note: "at some time since it was made: when is not kept", Source: FromManaged,
	})
}

// claim gives what was seen of an object before its metadata were read the manager
// that wrote it, and reports whether there was anything.
func (t *Timeline) claim(uid types.UID, w Write, id string) bool {
	claimed := false
	for _, seen := range t.nameless[uid] {
		e := t.entries[seen]
		if e == nil || e.Manager != "" || w.At != 0 && (e.At-w.At > lateBy || w.At-e.At > lateBy) {
			continue
		}
		before := len(e.Fields)
		t.attribute(e, []liveWrite{{Write: w, id: id}})
		left := t.entries[seen]
		claimed = claimed || left == nil || len(left.Fields) < before
	}
	return claimed
}

// maker returns who made an object, "" if that has written since: somebody rather
// than what Kubernetes itself wrote at once. The scheduler makes nothing.
func maker(o *Written) string {
	by := ""
	for _, w := range o.Writes {
		if w.Subresource == "" && w.Manager != "kube-scheduler" && w.At != 0 && w.At-o.Created <= 1 && (by == "" || Machinery(by) && !Machinery(w.Manager)) {
			by = w.Manager
		}
	}
	return by
}

// trace notes an entry that may be the same change as another of an object.
func (t *Timeline) trace(uid types.UID, id string) {
	t.inferred[uid] = append(t.inferred[uid], id)
	for _, at := range t.inferred[uid] {
		revision := t.entries[at]
		if revision == nil || revision.Source != FromRevision {
			continue
		}
		for _, other := range t.inferred[uid] {
			w := t.entries[other]
			if w == nil || w.Source != FromManaged || w.Verb != Changed || w.At-revision.At > together || revision.At-w.At > together ||
				!slices.ContainsFunc(w.Fields, func(f Field) bool { return isTemplate(f.Path) }) {
				continue
			}
			n := *revision
			n.Manager = cmp.Or(n.Manager, w.Manager)
			if len(n.Fields) == 0 {
				n.Fields, n.Some = w.Fields, w.Some
			}
			t.remove(w.ID)
			t.put(n)
			revision = t.entries[n.ID]
		}
	}
}

// revisions notes the templates that Deployments had, of which their ReplicaSets
// are what is left.
func (t *Timeline) revisions(sets []*object.Workload) {
	of := map[types.UID][]*object.Workload{}
	for _, s := range sets {
		if s.Owner != nil {
			of[s.Owner.UID] = append(of[s.Owner.UID], s)
		}
	}
	for uid, list := range of {
		slices.SortFunc(list, func(a, b *object.Workload) int {
			return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(number(a), number(b)), strings.Compare(a.Name, b.Name))
		})
		on, ok := controller(list[0].Namespace, list[0].Owner)
		if !ok {
			continue
		}
		for i, s := range list[1:] {
			e := Entry{ID: string(s.UID) + "/revision", At: s.Created, On: on, Source: FromRevision, Revision: s.Revision}
			e.Fields = compare(images(list[i]), images(s))
			if later := list[i+2:]; slices.ContainsFunc(later, func(o *object.Workload) bool { return number(o) < number(s) }) {
				e.Revision, e.Note = "", "its template was gone back to as revision "+s.Revision
			}
			t.put(e)
			t.trace(uid, e.ID)
		}
	}
}

func images(w *object.Workload) Facts {
	var f Facts
	for i, image := range w.Images {
		f.add(fmt.Sprintf("spec.template.spec.containers(%d).image", i), image)
	}
	return f
}

// number returns the revision of a ReplicaSet, 0 for none.
func number(w *object.Workload) int64 {
	n, _ := strconv.ParseInt(w.Revision, 10, 64)
	return n
}

// controllerRevision notes a template that a StatefulSet or DaemonSet has, or had.
// first says that it is the one with which it was made.
func (t *Timeline) controllerRevision(o *Written, first bool) {
	if o.Owner == nil || first {
		return
	}
	if on, ok := controller(o.Namespace, o.Owner); ok {
		t.put(Entry{ID: string(o.UID) + "/revision", At: o.Created, On: on, Source: FromRevision, Note: "revision " + o.Name})
		t.trace(o.Owner.UID, string(o.UID)+"/revision")
	}
}

// endings notes how containers of a pod ended the time before.
func (t *Timeline) endings(on kube.Ref, p *object.Pod) {
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.State == object.Running && c.Restarts > 0 {
			t.befell(on, p.Owner, FromContainer, c.Name+"/started", c.Since, "container "+c.Name+" started again")
		}
		at, how := endedAt(c), ended(c)
		if at == 0 || how == "" {
			continue
		}
		fields := []Field{{Path: "status.containers[" + c.Name + "].ended", Is: how, Known: true}}
		e := Entry{
			ID: fmt.Sprintf("%s/%s/ended/%d", on.UID, c.Name, at), At: at, On: on, Owner: p.Owner, Fields: fields, Source: FromContainer,
		}
		if c.Restarts > 0 {
			e.Note = fmt.Sprintf("restarted %d×", c.Restarts)
		}
		t.put(e)
	}
}

// helmRelease says which release record of Helm an object is, "" if it is none.
// Helm keeps them in labels; the contents are not read.
func helmRelease(l *store.Labels) string {
	if l.Get("owner") != "helm" || l.Get("name") == "" {
		return ""
	}
	return fmt.Sprintf("helm release %s revision %s: %s", l.Get("name"), l.Get("version"), l.Get("status"))
}
