package views

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/filter"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/table"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// Resource declares how the objects of one resource are shown: everything that
// its list, its filter, `qd get` and its JSON need.
type Resource[T store.Object] struct {
	Kind  store.Kind[T]
	Name  string   // "pods"
	Rows  string   // what the rows are, in the plural, where that is not the Name
	Short []string // "po"; names that kubectl takes too
	// Columns of the list. The namespace is put before them by itself.
	Columns []Column[T]
	// Sort is the ID of the column that rows are sorted by at first, "" for the
	// name; Desc turns it around.
	Sort string
	Desc bool
	// Tone colours a whole row, nil for none.
	Tone func(T) theme.Tone
	// Enter opens an object; nil shows its YAML.
	Enter func(*Session, T) tea.Msg
	// Pods is the scope of the pods that belong to an object, false if none can.
	Pods func(T) (Scope, bool)
	// MayHavePods says that objects may have pods though Pods does not know of it:
	// reading one will show.
	MayHavePods bool
	// Node is the node that an object is on.
	Node func(T) string
	// Ref names an object; nil is the kind's own object of that name.
	Ref func(T) kube.Ref
	// Container is the name of the container that a row is, "" if it is none.
	Container func(T) string
	// Own are the actions on a row that is no object of the cluster, instead of
	// those on objects.
	Own func(*Session, T) []ui.Action
	// More are actions on the selection besides those of verbs, or of Own; also
	// while nothing is selected.
	More func(*Session, chosen) []ui.Action
	// Changes shows what was changed where that is not what was changed of the
	// object that a row is.
	Changes func(*Session, T) ui.Action
	// First are the actions that matter most here: the footer begins with them.
	First []keymap.ActionID
	// Banner is what stands above the rows, nil for nothing.
	Banner func() []textview.Line
	// Detail adds lines to what the detail pane says of an object.
	Detail func(T, *Env) []textview.Line
	// Study says what is to be read about an object on which the cursor rests, for
	// Pane; nil for nothing.
	Study func(*Session, T) study
	// Pane is what the detail pane says of an object, instead of its columns. studied
	// is what Study has read of it, nil as long as that is under way. Such a pane
	// stands below the list and is shown unless the user says otherwise.
	Pane func(o T, studied any, env *Env) []textview.Line
	// Empty says why there are no rows where that is not the usual; problem is why
	// the data is not all there, "" if it is.
	Empty func(s *Session, problem string) []textview.Line
	// Open makes the source of rows where it is not the store of Kind.
	Open func(*Session, Scope) source[T]
	// ServerColumns returns the columns that came with objects, where they are not
	// known before; nil if they are those shown already.
	ServerColumns func(objects []T, shown []Column[T]) []Column[T]
	// Usage is what of the metrics API the columns show, nil for nothing.
	Usage func(Scope) metrics.Scope
	// Root returns the row that o is unfolded below, o itself if none, and o's
	// place there. A nil Root means that rows cannot be folded.
	Root func(o T) (T, int)
	// Primary is the action that opens the list if it is one of the primary views,
	// "" otherwise.
	Primary keymap.ActionID
}

// rows is what the rows are called, in the plural.
func (r *Resource[T]) rows() string { return cmp.Or(r.Rows, r.Name) }

// Column is one column of a resource. What Value returns is what is shown,
// sorted, filtered and printed.
type Column[T store.Object] struct {
	ID, Title string // Title is the ID in capitals if it is ""
	Kind      field.Kind
	Value     func(T, *Env) field.Value
	Tone      func(T, *Env) theme.Tone
	// Words are the texts that the value may have, the least first, for filters; nil
	// for anything.
	Words []string
	// Rank is what rows are sorted by where that is not the value.
	Rank func(T) int
	// Dynamic says that the value changes without the object changing.
	Dynamic bool
	// Usage says that the value comes from the metrics API; a list does without
	// the column where there is none.
	Usage bool

	Min, Max, Flex int
	Align          cell.Align
	Wide, Middle   bool
}

// key returns what an object is sorted by.
func (c *Column[T]) key(o T, env *Env) field.Value {
	if c.Rank != nil {
		return field.Int(c.Rank(o))
	}
	return c.Value(o, env)
}

// Env is what values depend on besides the object.
type Env struct {
	Now     time.Time
	Metrics *metrics.Snapshot // nil if nobody asked for metrics
	Glyphs  *theme.Glyphs     // to draw with, nil where there is no screen
	Width   int               // of the screen in cells, 0 where there is none
	Keys    keymap.Map        // that are pressed, the zero Map where there is no screen
}

// Scope is which objects of a resource a list shows.
type Scope struct {
	Namespace string // "" for all
	Labels    string // label selector, applied by the server
	Fields    string // field selector, applied by the server
	Owner     types.UID
	// Title is the list's part of the path; "" for the resource's name.
	Title string
	// AllNamespaces shows all of them, whatever the session looks at.
	AllNamespaces bool
	// Filter is what the list is filtered by at first.
	Filter string

	folds *folds // of the list's rows
}

func (s Scope) store() store.Scope {
	return store.Scope{Namespace: s.Namespace, Labels: s.Labels, Fields: s.Fields}
}

// source is where the rows of a list come from: a store's subscription, or
// something made of several.
type source[T store.Object] interface {
	Changed() <-chan struct{}
	Take() (store.Delta[T], store.Status)
	Status() store.Status
	Close()
}

// folding is a source that has objects of which no row is shown.
type folding interface {
	// Has reports whether an object is there. The goroutine that takes calls it.
	Has(uid types.UID) bool
}

// Opener is a resource, whatever its type of object: what the palette, the
// command line and other views need to open it.
type Opener interface {
	Names() Names
	Frame(*Session, Scope) ui.Frame
	Print(*Session, PrintOptions) error
}

// Names are the words for a resource.
type Names struct {
	Plural     string // pods
	Kind       string // Pod
	Short      []string
	GVR        schema.GroupVersionResource
	Namespaced bool
}

// Matches reports whether word is a name of the resource, as kubectl takes it.
func (n Names) Matches(word string) bool {
	word = strings.ToLower(word)
	if word == n.Plural || word == strings.ToLower(n.Kind) || word == n.GVR.GroupResource().String() {
		return true
	}
	for _, s := range n.Short {
		if word == s {
			return true
		}
	}
	return false
}

// Names returns the words for the resource.
func (r *Resource[T]) Names() Names {
	return Names{
		Plural: r.Name, Kind: r.Kind.Kind, Short: r.Short, GVR: r.Kind.GVR,
		Namespaced: r.Kind.Namespaced,
	}
}

// Frame returns the place of the resource's list in scope.
func (r *Resource[T]) Frame(s *Session, scope Scope) ui.Frame {
	title := scope.Title
	if title == "" {
		title = r.Name
	}
	return ui.Frame{Place: title, Open: func() ui.View { return newList(r, s, scope) }}
}

// place is where the objects in scope are.
func (r *Resource[T]) place(scope Scope) place {
	if !r.Kind.Namespaced {
		return clusterScope
	}
	return place(scope.Namespace)
}

// ref names the object o.
func (r *Resource[T]) ref(o T) kube.Ref {
	if r.Ref != nil {
		return r.Ref(o)
	}
	m := o.Head()
	return kube.Ref{GVR: r.Kind.GVR, Kind: r.Kind.Kind, Namespace: m.Namespace, Name: m.Name, UID: m.UID}
}

// open returns the source of the rows in scope.
func (r *Resource[T]) open(s *Session, scope Scope) source[T] {
	if r.Open != nil {
		return r.Open(s, scope)
	}
	sub := store.Open(s.Client.Stores, r.Kind, scope.store())
	if scope.Owner != "" {
		return &owned[T]{Subscription: sub, owner: scope.Owner}
	}
	return sub
}

// owned are those objects of a store that one object controls.
type owned[T store.Object] struct {
	*store.Subscription[T]
	owner types.UID
}

// Take returns the changes among the owned objects.
func (o *owned[T]) Take() (store.Delta[T], store.Status) {
	d, st := o.Subscription.Take()
	d.Added, d.Removed = o.keep(d.Added), o.keep(d.Removed)
	return d, st
}

func (o *owned[T]) keep(list []T) []T {
	kept := list[:0]
	for _, obj := range list {
		if own := obj.Head().Owner; own != nil && own.UID == o.owner {
			kept = append(kept, obj)
		}
	}
	return kept
}

// columns returns own, the resource's columns, for a list that spans namespaces
// or not.
func (r *Resource[T]) columns(own []Column[T], namespaces bool) []Column[T] {
	var cols []Column[T]
	if namespaces && r.Kind.Namespaced && !slices.ContainsFunc(own, func(c Column[T]) bool { return c.ID == "namespace" }) {
		cols = append(cols, Column[T]{
			ID: "namespace", Kind: field.Text, Min: 9, Max: 20, Middle: true,
			Value: func(o T, _ *Env) field.Value { return field.Of(o.Head().Namespace) },
		})
	}
	cols = append(cols, own...)
	for i := range cols {
		if cols[i].Title == "" {
			cols[i].Title = strings.ToUpper(strings.ReplaceAll(cols[i].ID, "-", " "))
		}
	}
	return cols
}

// tableColumns returns cols as the table draws them. env is read at each draw.
func tableColumns[T store.Object](cols []Column[T], env func() *Env) []table.Column[T] {
	out := make([]table.Column[T], len(cols))
	for i, c := range cols {
		t := table.Column[T]{
			ID: c.ID, Title: c.Title, Min: c.Min, Max: c.Max, Flex: c.Flex, Align: c.Align, Wide: c.Wide, Middle: c.Middle,
			Pin: c.ID == "name",
		}
		t.Text = func(o T) string {
			e := env()
			return cellText(c.Value(o, e), e)
		}
		if c.Tone != nil {
			t.Tone = func(o T) theme.Tone { return c.Tone(o, env()) }
		}
		out[i] = t
	}
	return out
}

func filterColumns[T store.Object](cols []Column[T]) []filter.Column {
	out := make([]filter.Column, len(cols))
	for i, c := range cols {
		out[i] = filter.Column{ID: c.ID, Title: c.Title, Kind: c.Kind, Words: c.Words}
	}
	return out
}

// filterRow shows one object after the other to a filter.
type filterRow[T store.Object] struct {
	cols []Column[T]
	env  *Env
	o    T
}

func (r *filterRow[T]) Value(i int) field.Value { return r.cols[i].Value(r.o, r.env) }

func (r *filterRow[T]) Labels() labels.Labels {
	if l := r.o.Head().Labels; l != nil {
		return l
	}
	return nil
}

// matcher returns the function that tells whether an object passes f. What is
// unfolded below a row goes with it.
func matcher[T store.Object](f *filter.Filter, cols []Column[T], env *Env, root func(T) (T, int)) func(T) bool {
	if f.Empty() {
		return nil
	}
	row := &filterRow[T]{cols: cols, env: env}
	return func(o T) bool {
		row.o = o
		if root != nil {
			row.o, _ = root(o)
		}
		return f.Match(row, env.Now)
	}
}

// statusWidth is the least width of a state that must be read whole: it has room
// for ContainerCreating, CrashLoopBackOff and NotReady,cordoned.
const statusWidth = 17

// The columns that most resources have.

func nameColumn[T store.Object]() Column[T] {
	return Column[T]{
		ID: "name", Kind: field.Text, Min: 24, Flex: 2, Middle: true,
		Value: func(o T, _ *Env) field.Value { return field.Of(o.Head().Name) },
	}
}

func ageColumn[T store.Object]() Column[T] {
	return Column[T]{
		ID: "age", Kind: field.Since, Align: cell.Right,
		Value: func(o T, _ *Env) field.Value { return field.SinceUnix(o.Head().Created) },
	}
}

func labelsColumn[T store.Object]() Column[T] {
	return Column[T]{
		ID: "labels", Kind: field.Text, Wide: true, Flex: 1, Min: 10,
		Value: func(o T, _ *Env) field.Value { return field.Of(o.Head().Labels.String()) },
	}
}

// text returns a column of texts.
func text[T store.Object](id string, get func(T) string) Column[T] {
	return Column[T]{ID: id, Kind: field.Text, Value: func(o T, _ *Env) field.Value { return field.Of(get(o)) }}
}

// count returns a column of counts.
func count[T store.Object](id string, get func(T) int64) Column[T] {
	return Column[T]{
		ID: id, Kind: field.Number, Align: cell.Right,
		Value: func(o T, _ *Env) field.Value { return field.Int(get(o)) },
	}
}

// since returns a column of instants, shown as ages; 0 is never.
func since[T store.Object](id string, get func(T) int64) Column[T] {
	return Column[T]{
		ID: id, Kind: field.Since, Align: cell.Right,
		Value: func(o T, _ *Env) field.Value {
			if sec := get(o); sec != 0 {
				return field.SinceUnix(sec)
			}
			return field.Value{}.WithText("-")
		},
	}
}

func (c Column[T]) wide() Column[T] { c.Wide = true; return c }
func (c Column[T]) middle(minimum, maximum int) Column[T] {
	c.Min, c.Max, c.Middle = minimum, maximum, true
	return c
}

func (c Column[T]) inMiddle() Column[T] { c.Middle = true; return c }

func (c Column[T]) between(minimum, maximum int) Column[T] { c.Min, c.Max = minimum, maximum; return c }

func (c Column[T]) flex(share, minimum int) Column[T]          { c.Flex, c.Min = share, minimum; return c }
func (c Column[T]) titled(title string) Column[T]              { c.Title = title; return c }
func (c Column[T]) toned(f func(T, *Env) theme.Tone) Column[T] { c.Tone = f; return c }
