package views

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// generic shows any kind in the server's own columns, those that kubectl shows.
// They are known when the first rows come.
func generic(gvr schema.GroupVersionResource, kind string, namespaced bool, short ...string) Opener {
	r := genericResource(gvr, kind, namespaced, short...)
	r.MayHavePods = true
	return r
}

func genericResource(gvr schema.GroupVersionResource, kind string, namespaced bool, short ...string) *Resource[*store.Row] {
	return &Resource[*store.Row]{
		Kind: store.Table(gvr, kind, namespaced), Name: gvr.Resource, Short: short,
		Columns:       []Column[*store.Row]{nameColumn[*store.Row](), ageColumn[*store.Row]()},
		ServerColumns: serverColumns,
	}
}

// serverColumns returns the columns that came with rows and differ from those
// shown, nil if none do. A custom resource's change with its definition, and
// rows from before and after that may stand side by side for a while.
func serverColumns(rows []*store.Row, shown []Column[*store.Row]) []Column[*store.Row] {
	var seen *[]metav1.TableColumnDefinition
	for _, r := range rows {
		if r.Columns == nil || r.Columns == seen {
			continue
		}
		seen = r.Columns
		if cols := columnsOf(seen); !slices.EqualFunc(cols, shown, sameColumn) {
			return cols
		}
	}
	return nil
}

func sameColumn(a, b Column[*store.Row]) bool {
	return a.ID == b.ID && a.Title == b.Title && a.Kind == b.Kind && a.Wide == b.Wide
}

func columnsOf(defs *[]metav1.TableColumnDefinition) []Column[*store.Row] {
	cols := []Column[*store.Row]{nameColumn[*store.Row]()}
	for i, def := range *defs {
		id := strings.ToLower(strings.ReplaceAll(def.Name, " ", "-"))
		if id == "name" || id == "namespace" {
			continue
		}
		if (id == "age" || id == "created-at") && def.Type != "integer" {
			cols = append(cols, ageColumn[*store.Row]()) // exact, and it grows
			continue
		}
		cols = append(cols, serverColumn(id, defs, i))
	}
	return append(cols, labelsColumn[*store.Row]())
}

func serverColumn(id string, defs *[]metav1.TableColumnDefinition, i int) Column[*store.Row] {
	def := (*defs)[i]
	c := Column[*store.Row]{ID: id, Title: strings.ToUpper(def.Name), Kind: field.Text, Wide: def.Priority > 0, Max: 40, Min: 6}
	switch def.Type {
	case "integer", "number":
		c.Kind, c.Align, c.Min = field.Number, cell.Right, 0
	case "date":
		c.Kind, c.Align, c.Min = field.Text, cell.Right, 0
	}
	c.Value = func(r *store.Row, _ *Env) field.Value {
		i := i
		if r.Columns != defs { // the row is from before or after a change of columns
			i = slices.IndexFunc(*r.Columns, func(d metav1.TableColumnDefinition) bool { return d.Name == def.Name })
		}
		if i < 0 || i >= len(r.Cells) {
			return field.Value{}
		}
		switch v := r.Cells[i].(type) {
		case string:
			if v == "<none>" || v == "<unset>" {
				return field.Of("")
			}
			return field.Of(v)
		case int64:
			return field.Int(v)
		case nil:
			return field.Of("")
		default:
			return field.Of(fmt.Sprint(v))
		}
	}
	if slices.Contains([]string{"status", "phase", "ready", "state"}, id) {
		c.Tone = func(r *store.Row, e *Env) theme.Tone { return statusTone(c.Value(r, e).Format(e.Now)) }
	}
	return c
}

// statusTone is how loud a status word is. It goes by the words that
// Kubernetes' own kinds and most custom resources use; others are quiet.
func statusTone(word string) theme.Tone {
	w := strings.ToLower(word)
	for _, bad := range []string{"fail", "error", "lost", "crash", "backoff", "oom", "evicted", "invalid", "unknown", "notready", "degraded", "stalled", "err", "false", "missing", "unhealthy"} {
		if strings.Contains(w, bad) {
			return theme.Error
		}
	}
	for _, slow := range []string{"pending", "terminating", "creating", "init:", "waiting", "released", "not ready", "unbound", "suspended", "cordoned", "pressure", "schedulingdisabled"} {
		if strings.Contains(w, slow) {
			return theme.Warn
		}
	}
	return theme.Text
}
