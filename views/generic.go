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
	return genericResource(gvr, kind, namespaced, short...)
}

func genericResource(gvr schema.GroupVersionResource, kind string, namespaced bool, short ...string) *Resource[*store.Row] {
	return &Resource[*store.Row]{
		Kind: store.Table(gvr, kind, namespaced), Name: gvr.Resource, Short: short,
		Columns:       []Column[*store.Row]{nameColumn[*store.Row](), ageColumn[*store.Row]()},
		ServerColumns: serverColumns,
	}
}

// serverColumns makes columns of the definitions that came with a row.
func serverColumns(r *store.Row) []Column[*store.Row] {
	if r.Columns == nil {
		return nil
	}
	cols := []Column[*store.Row]{nameColumn[*store.Row]()}
	for i, def := range *r.Columns {
		id := strings.ToLower(strings.ReplaceAll(def.Name, " ", "-"))
		if id == "name" || id == "namespace" {
			continue
		}
		if (id == "age" || id == "created-at") && def.Type != "integer" {
			cols = append(cols, ageColumn[*store.Row]()) // exact, and it grows
			continue
		}
		cols = append(cols, serverColumn(id, i, def))
	}
	return append(cols, labelsColumn[*store.Row]())
}

func serverColumn(id string, i int, def metav1.TableColumnDefinition) Column[*store.Row] {
	c := Column[*store.Row]{ID: id, Title: strings.ToUpper(def.Name), Kind: field.Text, Wide: def.Priority > 0, Max: 40, Min: 6}
	switch def.Type {
	case "integer", "number":
		c.Kind, c.Align, c.Min = field.Number, cell.Right, 0
	case "date":
		c.Kind, c.Align, c.Min = field.Text, cell.Right, 0
	}
	c.Value = func(r *store.Row, _ *Env) field.Value {
		if i >= len(r.Cells) {
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
