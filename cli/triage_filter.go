package cli

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/filter"
	"quarterdeck/kube/triage"
)

// incidentColumns are what --filter of qd triage may name, as in the view.
func incidentColumns() []filter.Column {
	return []filter.Column{
		{ID: "sev", Title: "SEV", Kind: field.Text, Words: []string{triage.Info.String(), triage.Warn.String(), triage.Crit.String()}},
		{ID: "since", Title: "SINCE", Kind: field.Since},
		{ID: "what", Title: "WHAT", Kind: field.Text},
		{ID: "where", Title: "WHERE", Kind: field.Text},
		{ID: "why", Title: "WHY", Kind: field.Text},
		{ID: "pods", Title: "PODS", Kind: field.Number},
		{ID: "workloads", Title: "WORKLOADS", Kind: field.Number},
		{ID: "services", Title: "SERVICES", Kind: field.Number},
		{ID: "rules", Title: "RULES", Kind: field.Text},
		{ID: "namespace", Title: "NAMESPACE", Kind: field.Text},
		{ID: "kind", Title: "KIND", Kind: field.Text},
		{ID: "name", Title: "NAME", Kind: field.Text},
	}
}

func columnNames() []string {
	var names []string
	for _, c := range incidentColumns() {
		names = append(names, c.ID)
	}
	return names
}

// incidentRow is an incident as a filter sees it.
type incidentRow struct{ *triage.Incident }

// Value is in the order of incidentColumns.
func (r incidentRow) Value(column int) field.Value {
	return [...]field.Value{
		field.Of(r.Severity.String()), field.SinceUnix(r.Since), field.Of(r.Title), field.Of(placed(r.Root)), field.Of(r.Cause),
		field.Int(r.Pods), field.Int(r.Works), field.Int(r.Services), field.Of(strings.Join(r.Rules, " ")),
		field.Of(r.Root.Namespace), field.Of(kube.ShortKind(r.Root.GVR.GroupResource(), r.Root.Kind)), field.Of(r.Root.Name),
	}[column]
}

// Labels returns nil: incidents have none.
func (incidentRow) Labels() labels.Labels { return nil }

// matching returns the incidents that pass a filter.
func matching(list []*triage.Incident, f *filter.Filter, now time.Time) []*triage.Incident {
	var passed []*triage.Incident
	for _, i := range list {
		if f.Match(incidentRow{i}, now) {
			passed = append(passed, i)
		}
	}
	return passed
}

// placed names an object with its namespace: "deploy payments/checkout".
func placed(r kube.Ref) string {
	kind := kube.ShortKind(r.GVR.GroupResource(), r.Kind)
	if r.Namespace == "" {
		return kind + " " + r.Name
	}
	return kind + " " + r.Namespace + "/" + r.Name
}
