//go:build e2e

package e2e

import (
	"strings"

	"quarterdeck/ui/uitest"
)

// triaging finds what is wrong and mends it from there.
func triaging() []scenario {
	home := []string{"QD_DEFAULT_VIEW=triage"} // which it is for everybody: the other scenarios begin elsewhere
	return []scenario{
		{
			name: "an incident is found, explained and mended", cluster: workshop, args: []string{"-n", "troubled"}, env: home, size: size{110, 40},
			run: func(t *terminal) {
				t.Live().Sees("nothing is wrong in namespace troubled", "checked:", "images can be pulled")
				t.workspace("troubled")
				w := rolled{t, "troubled", "deployments", "front"}
				w.create()
				w.complete()
				w.setImage(badImage)
				t.within(rolloutPatience, "deploy troubled/front", "1 warn")
				t.Header("1 triage", "1 warn")
				// The pane has asked the server meanwhile.
				t.within(rolloutPatience, "changed", "toolbox:1.0 → ", "toolbox:never")
				t.Press("t").Header("changes before deploy/front").within(rolloutPatience, "first failure", "toolbox:1.0 → toolbox:never", "what failed", "seen as it happened")
				t.Press(uitest.Esc)
				t.Press("x").Header("explain deploy/front").Sees("deploy/front in troubled", "toolbox:never").Press(uitest.Esc)
				t.Press("m").Footer("dismissed until it changes").Sees("1 incident is dismissed (M)").Press("M").Row("deploy troubled/front").Press("m", "M")
				t.Select("deploy troubled/front").Press("W").Footer("write the report to").Press(uitest.Ctrl('u'), "report.md", uitest.Enter).Footer("wrote report.md")
				report := t.read("report.md")
				for _, want := range []string{"toolbox:never", "kubectl", "front"} {
					if !strings.Contains(report, want) {
						t.Errorf("the report has no %q:\n%s", want, report)
					}
				}
				t.Press(uitest.Enter).Header("triage › incident deploy/front").Row("undo", "last good revision").Cursor("undo")
				t.Press(uitest.Enter).Sees("undo rollout of ", "+ "+goodImage, "the server would accept it").Press("y").Header("rollout ", "/front")
				t.within(rolloutPatience, "complete", "taken back")
				if got := w.image(); got != goodImage {
					t.Errorf("the image is %s after the undo", got)
				}
				t.Press(uitest.Esc).within(rolloutPatience, "this is over")
				t.Press(uitest.Esc).within(rolloutPatience, "nothing is wrong in namespace troubled")
				t.Header("0 crit")
				t.Press("6").Header("6 changes").within(rolloutPatience, "over: ", "began: ")
			},
		},
		{
			name: "who may see little is told what was not read", context: "payments-dev", env: home, size: size{110, 40},
			run: func(t *terminal) {
				t.within(rolloutPatience, "nothing is wrong in namespace payments", "not read, forbidden: ", "nodes", "so not checked: ", "node-not-ready")
			},
		},
		{
			name: "nothing is known where nothing may be read", context: "nobody", env: home, size: size{110, 40},
			run: func(t *terminal) {
				t.within(rolloutPatience, "it is not known whether something is wrong").Misses("nothing is wrong in")
			},
		},
	}
}
