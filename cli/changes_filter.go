package cli

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/field"
	"quarterdeck/kube/filter"
)

// changeColumns are what --filter of qd changes may name, as in the view.
func changeColumns() []filter.Column {
	return []filter.Column{
		{ID: "ago", Title: "AGO", Kind: field.Since},
		{ID: "how", Title: "HOW", Kind: field.Text},
		{ID: "where", Title: "WHERE", Kind: field.Text},
		{ID: "by", Title: "BY", Kind: field.Text},
		{ID: "what", Title: "WHAT", Kind: field.Text},
		{ID: "namespace", Title: "NAMESPACE", Kind: field.Text},
		{ID: "kind", Title: "KIND", Kind: field.Text},
		{ID: "name", Title: "NAME", Kind: field.Text},
		{ID: "of", Title: "OF", Kind: field.Text},
		{ID: "rev", Title: "REV", Kind: field.Text},
		{ID: "source", Title: "SOURCE", Kind: field.Text},
	}
}

func changeColumnNames() []string {
	var names []string
	for _, c := range changeColumns() {
		names = append(names, c.ID)
	}
	return names
}

// changeRow is a change as a filter sees it.
type changeRow struct{ *changes.Entry }

// Value is in the order of changeColumns.
func (r changeRow) Value(column int) field.Value {
	return [...]field.Value{
		field.SinceUnix(r.At), field.Of(r.Certainty()), field.Of(placed(r.On)), field.Of(r.Manager), field.Of(r.What()),
		field.Of(r.On.Namespace), field.Of(kube.ShortKind(r.On.GVR.GroupResource(), r.On.Kind)), field.Of(r.On.Name),
		field.Of(placed(r.Of)), field.Of(r.Revision), field.Of(string(r.Source)),
	}[column]
}

// Labels returns nil: changes have none.
func (changeRow) Labels() labels.Labels { return nil }

// changesMatching returns the changes that pass a filter.
func changesMatching(list []*changes.Entry, f *filter.Filter, now time.Time) []*changes.Entry {
	var passed []*changes.Entry
	for _, e := range list {
		if f.Match(changeRow{e}, now) {
			passed = append(passed, e)
		}
	}
	return passed
}
