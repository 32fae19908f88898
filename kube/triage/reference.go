package triage

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteReference writes the catalogue of rules for the user guide, as Markdown.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Rules of triage

What [triage](triage.md) makes sure of. A rule that finds something wrong names its ID; IDs are the same for ever, so filters may rely on them:
` + "`--filter 'rules~crash-loop'`" + `. *Needs* is what has to be read besides for the rule to be applied; without it, the rule is listed as not checked.

| rule | looks at | makes sure that | needs |
|---|---|---|---|
`)
	type row struct {
		checks    string
		on, needs []Resource
	}
	rows := map[string]*row{}
	var order []string
	for _, r := range Rules() {
		one := rows[r.ID]
		if one == nil {
			one = &row{checks: r.Checks}
			rows[r.ID], order = one, append(order, r.ID)
		}
		one.on = append(one.on, r.On)
		for _, n := range r.Needs {
			if !slices.Contains(one.needs, n) {
				one.needs = append(one.needs, n)
			}
		}
	}
	for _, id := range order {
		one := rows[id]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", id, listOf(one.on), strings.ReplaceAll(one.checks, "|", `\|`), listOf(one.needs))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func listOf(list []Resource) string {
	var words []string
	for _, r := range list {
		words = append(words, string(r))
	}
	return strings.Join(words, ", ")
}
