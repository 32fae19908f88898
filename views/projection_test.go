package views

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/field"
	"quarterdeck/kube/filter"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

func randomPod(r *rand.Rand, uid int) *object.Pod {
	return &object.Pod{
		Meta: store.Meta{
			UID: types.UID(fmt.Sprint(uid)), Name: fmt.Sprint("pod-", uid%40), Namespace: []string{"a", "b", "c"}[r.IntN(3)],
			Created: int64(r.IntN(5)) * 100,
		},
		Status: []string{"Running", "Error", ""}[r.IntN(3)], Restarts: int32(r.IntN(4)), LastRestart: int64(r.IntN(3)) * 50,
		Demand: &object.Demand{Requests: object.Amounts{Resources: object.Resources{CPU: int64(r.IntN(3)) * 100}}}, Ready: int16(r.IntN(2)), Total: 2,
	}
}

// Whatever changes, the rows are what sorting and filtering everything gives,
// and the rows of before stay as they were.
func TestProjection(t *testing.T) {
	t.Parallel()
	cols := pods().columns(pods().Columns, true)
	env := &Env{Now: time.Unix(10_000, 0)}
	for i := range cols {
		for _, desc := range []bool{false, true} {
			for _, text := range []string{"", "restarts>1", "!pod-1 status=Running"} {
				f, err := filter.Parse(text, filterColumns(cols))
				if err != nil {
					t.Fatal(err)
				}
				match := matcher(f, cols, env, nil)
				testProjection(t, uint64(i), order(&cols[i], desc, env, nil), cols[i].Dynamic, match)
			}
		}
	}
	testProjection(t, 99, order[*object.Pod](nil, false, env, nil), false, nil)
	testProjection(t, 99, order[*object.Pod](nil, true, env, nil), false, nil)
}

func testProjection(t *testing.T, seed uint64, compare func(a, b *object.Pod) int, dynamic bool, match func(*object.Pod) bool) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	p := &projection[*object.Pod]{compare: compare, dynamic: dynamic}
	all := map[int]*object.Pod{}
	var before rows[*object.Pod]
	var beforeItems []*object.Pod
	for step := range 30 {
		d := store.Delta[*object.Pod]{Reset: step == 0 || r.IntN(15) == 0}
		for range r.IntN(20) {
			uid := r.IntN(60)
			old, there := all[uid]
			if there {
				d.Removed = append(d.Removed, old)
				delete(all, uid)
			}
			if !there || r.IntN(3) > 0 {
				all[uid] = randomPod(r, uid)
				d.Added = append(d.Added, all[uid])
			}
		}
		d.Added, d.Removed = settled(d.Added, d.Removed)
		if d.Reset {
			d.Removed, d.Added = nil, nil
			for _, o := range all {
				d.Added = append(d.Added, o)
			}
		}
		p.apply(d)
		got := p.rows(match)
		var want []*object.Pod
		for _, o := range all {
			if match == nil || match(o) {
				want = append(want, o)
			}
		}
		slices.SortFunc(want, compare)
		if !slices.Equal(got.items, want) || got.total != len(all) {
			t.Fatalf("step %d: %d rows of %d, want %d of %d", step, len(got.items), got.total, len(want), len(all))
		}
		if !slices.Equal(before.items, beforeItems) {
			t.Fatalf("step %d changed the rows of the step before", step)
		}
		if r.IntN(4) == 0 {
			p.discard()
			continue // with the rows of before still on the screen
		}
		before, beforeItems = got, slices.Clone(got.items)
	}
	if n := before.Len(); n > 0 && (before.At(0) != before.items[0] || before.Key(0) != string(before.items[0].UID)) {
		t.Error("rows are no table.Rows")
	}
}

// settled takes out what was added and removed again between two looks, which a
// store does not tell.
func settled(added, removed []*object.Pod) (a, r []*object.Pod) {
	for _, o := range added {
		if !slices.Contains(removed, o) {
			a = append(a, o)
		}
	}
	for _, o := range removed {
		if !slices.Contains(added, o) {
			r = append(r, o)
		}
	}
	return a, r
}

// What is not known stands at the end, whichever way the rest is sorted.
func TestUnknownLast(t *testing.T) {
	known := &object.Pod{Meta: store.Meta{Name: "a", Created: 5}}
	older := &object.Pod{Meta: store.Meta{Name: "b", Created: 1}}
	unknown := &object.Pod{Meta: store.Meta{Name: "c"}}
	col := ageColumn[*object.Pod]()
	for desc, want := range map[bool][]*object.Pod{false: {known, older, unknown}, true: {older, known, unknown}} {
		got := []*object.Pod{unknown, older, known}
		slices.SortFunc(got, order(&col, desc, &Env{}, nil))
		if !slices.Equal(got, want) {
			t.Errorf("descending %v: %v", desc, got)
		}
	}
}

// Rows that are unfolded stay below their root, in their own order.
func TestOrderOfUnfolded(t *testing.T) {
	root := func(name string, restarts int32) *workloadRow {
		r := &workloadRow{Meta: store.Meta{Name: name}, work: &object.Workload{}, restarts: restarts}
		r.root = r
		return r
	}
	a, b := root("a", 1), root("b", 9)
	children := []*workloadRow{}
	for i, name := range []string{"z", "y", "x"} {
		children = append(children, &workloadRow{Meta: store.Meta{Name: name}, work: &object.Workload{}, root: b, rank: i + 1})
	}
	res := workloads()
	col := find(res.Columns, "restarts")
	for desc, want := range map[bool]string{false: "abzyx", true: "bzyxa"} {
		list := []*workloadRow{children[2], a, children[0], b, children[1]}
		slices.SortFunc(list, order(col, desc, &Env{}, res.Root))
		got := ""
		for _, r := range list {
			got += r.Name
		}
		if got != want {
			t.Errorf("descending %v: %s, want %s", desc, got, want)
		}
	}
}

// Each column of each resource takes every object that its kind can be, and
// sorts and filters by what it shows.
func TestColumns(t *testing.T) {
	for _, o := range Catalog() {
		names := o.Names()
		if names.Plural == "" || names.Kind == "" || names.GVR.Resource == "" {
			t.Errorf("%+v", names)
		}
		for _, word := range []string{names.Plural, names.Kind, names.GVR.GroupResource().String()} {
			if found, ok := known(word); !ok || found.Names().Plural != names.Plural {
				t.Errorf("%q does not find %s", word, names.Plural)
			}
		}
		for _, word := range names.Short {
			if found, ok := known(word); !ok || found.Names().Plural != names.Plural {
				t.Errorf("%q does not find %s", word, names.Plural)
			}
		}
	}
	testColumns(t, pods(), &object.Pod{})
	testColumns(t, containers(), &containerRow{Container: &object.Container{}, pod: &object.Pod{}})
	testColumns(t, workloads(), &workloadRow{work: &object.Workload{}})
	testColumns(t, workloads(), &workloadRow{pod: &object.Pod{}})
	testColumns(t, workloads(), &workloadRow{pod: &object.Pod{}, part: &object.Container{}})
	testColumns(t, jobs(), &object.Workload{Kind: "Job"})
	testColumns(t, nodes(), &object.Node{})
	testColumns(t, genericResource(podsGVR(), "Pod", true), &store.Row{})
}

func testColumns[T store.Object](t *testing.T, r *Resource[T], o T) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range r.columns(r.Columns, true) {
		if seen[c.ID] || c.ID == "" || c.Title == "" {
			t.Errorf("%s: column %q %q", r.Name, c.ID, c.Title)
		}
		seen[c.ID] = true
		env := &Env{Now: time.Unix(100, 0)}
		v := c.Value(o, env)
		if v.Kind() != field.None && v.Kind() != c.Kind {
			t.Errorf("%s: column %s is declared as %d and holds a %d", r.Name, c.ID, c.Kind, v.Kind())
		}
		if c.Tone != nil {
			c.Tone(o, env)
		}
	}
}
