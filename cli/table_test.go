package cli

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	for _, test := range []struct {
		width int
		want  string
	}{
		{0, `
NAME  BY                     N  STATE
a     kubectl-client-side    7  stuck: a reason
b     n/a                  n/a  n/a
`},
		{40, `
NAME  BY              N  STATE
a     kubectl-…ide    7  stuck: a reason
b     n/a           n/a  n/a
`},
		{10, `
NAME  BY            N  STATE
a     kubect…ide    7  stuck: a reason
b     n/a         n/a  n/a
`},
	} {
		table := table{columns: []column{{title: "NAME"}, {title: "BY", shrinks: true}, {title: "N", right: true}, {title: "STATE"}}}
		table.add("a", "kubectl-client-side", "7", "stuck: a reason")
		table.add("b", "", "", "")
		var b strings.Builder
		if err := table.print(&b, test.width); err != nil || "\n"+b.String() != test.want {
			t.Errorf("%d cells, %v:\n%s\nwant\n%s", test.width, err, b.String(), test.want)
		}
	}
}
