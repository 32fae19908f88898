package views

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"quarterdeck/kube/field"
	"quarterdeck/kube/filter"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/store"
	"quarterdeck/ui/cell"
)

// PrintOptions say what `qd get` prints.
type PrintOptions struct {
	Ctx    context.Context // ends the reading
	Out    io.Writer
	Scope  Scope
	Name   string // only the object of this name, "" for all
	Filter string
	JSON   bool
	Wide   bool
}

// ErrNotFound says that the object asked for is not there.
var ErrNotFound = errors.New("not found")

// Print writes what the resource's list shows: the same columns, filter and
// order.
func (r *Resource[T]) Print(s *Session, o PrintOptions) error {
	scope := o.Scope
	if o.Name != "" && r.Open == nil {
		scope.Fields = "metadata.name=" + o.Name
	}
	scope.folds = &folds{}
	objects, err := r.read(o.Ctx, s, scope)
	var partial *partialError
	if err != nil && !errors.As(err, &partial) {
		return fmt.Errorf("%s", s.explain(err, "list "+r.Name, r.place(scope)))
	}
	own := r.Columns
	if r.ServerColumns != nil {
		if cols := r.ServerColumns(objects, own); cols != nil {
			own = cols
		}
	}
	cols := r.columns(own, scope.Namespace == "" || o.JSON)
	f, err := filter.Parse(o.Filter, filterColumns(cols))
	if err != nil {
		return fmt.Errorf("--filter: %w", err)
	}
	env := &Env{Now: s.Now()}
	if r.Usage != nil {
		env.Metrics = s.usage(o.Ctx, r.Usage(scope))
	}
	p := &projection[T]{}
	col := find(cols, r.Sort)
	p.compare = order(col, r.Desc, env, r.Root)
	p.apply(store.Delta[T]{Reset: true, Added: objects})
	match := matcher(f, cols, env, r.Root)
	found := p.rows(func(t T) bool {
		return (o.Name == "" || t.Head().Name == o.Name) && (match == nil || match(t))
	}).items
	if o.Name != "" && len(found) == 0 {
		return fmt.Errorf("%s %q %w", r.Name, o.Name, ErrNotFound)
	}
	if o.JSON {
		err = printJSON(o.Out, r, cols, found, env)
	} else {
		err = printTable(o.Out, cols, found, env, o.Wide)
	}
	if err == nil && partial != nil {
		return partial // what there is has been printed; that it is not all must not pass unnoticed
	}
	return err
}

// read returns all objects in scope, or why they cannot be had. With a
// partialError it returns those that can.
func (r *Resource[T]) read(ctx context.Context, s *Session, scope Scope) ([]T, error) {
	src := r.open(s, scope)
	defer src.Close()
	for {
		switch st := src.Status(); st.Phase {
		case store.Live, store.Stale, store.Partial: // stale: all there, but not watched, which some may not
			d, _ := src.Take()
			return d.Added, missing(st.Err)
		case store.Forbidden, store.Failed:
			return nil, st.Err
		case store.Syncing:
		}
		select {
		case <-src.Changed():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// usage returns what the metrics API says now; nothing if it does not answer.
func (s *Session) usage(ctx context.Context, scope metrics.Scope) *metrics.Snapshot {
	if !s.Settings.Metrics {
		return nil
	}
	src, err := s.metricsSource()
	if err != nil {
		return nil
	}
	sub := src.Subscribe(ctx, scope)
	defer sub.Close()
	for {
		if snap := sub.Snapshot(); snap.State != metrics.Waiting {
			return snap
		}
		select {
		case <-sub.Changed():
		case <-ctx.Done():
			return nil
		}
	}
}

func find[T store.Object](cols []Column[T], id string) *Column[T] {
	for i := range cols {
		if cols[i].ID == id {
			return &cols[i]
		}
	}
	return nil
}

// printJSON writes one object a row: the columns by ID, and who it is.
func printJSON[T store.Object](w io.Writer, r *Resource[T], cols []Column[T], objects []T, env *Env) error {
	type row map[string]any
	out := struct {
		Kind        string `json:"kind"`
		Resource    string `json:"resource"`
		GeneratedAt string `json:"generatedAt"`
		Items       []row  `json:"items"`
	}{r.Kind.Kind, r.Name, env.Now.UTC().Format("2006-01-02T15:04:05Z07:00"), make([]row, 0, len(objects))}
	for _, o := range objects {
		m := row{}
		for i := range cols {
			m[cols[i].ID] = cols[i].Value(o, env)
		}
		m["uid"] = o.Head().UID
		out.Items = append(out.Items, m)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}

// printTable writes aligned columns, whole, two spaces apart.
func printTable[T store.Object](w io.Writer, cols []Column[T], objects []T, env *Env, wide bool) error {
	var shown []Column[T]
	for _, c := range cols {
		if wide || !c.Wide {
			shown = append(shown, c)
		}
	}
	lines := make([][]string, 0, len(objects)+1)
	head := make([]string, len(shown))
	for i, c := range shown {
		head[i] = c.Title
	}
	lines = append(lines, head)
	for _, o := range objects {
		line := make([]string, len(shown))
		for i, c := range shown {
			line[i] = cellText(c.Value(o, env), env)
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(shown))
	for _, line := range lines {
		for i, s := range line {
			widths[i] = max(widths[i], cell.Width(s))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		for i, s := range line {
			last := i == len(line)-1
			if last && shown[i].Align == cell.Left {
				b.WriteString(s)
			} else {
				b.WriteString(cell.Pad(s, widths[i], shown[i].Align))
			}
			if !last {
				b.WriteString("  ")
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cellText is how a value stands in a table; what is not known is never 0.
func cellText(v field.Value, env *Env) string {
	if v.IsNone() && v.Raw() == "" {
		return "n/a"
	}
	return v.Format(env.Now)
}
