//go:build e2e

package e2e

import "quarterdeck/ui/uitest"

// rating looks at how much each container of a log writes.
func rating() []scenario {
	return []scenario{{
		name: "the containers of a log are listed with their rates",
		args: []string{"deployments", "-n", "web"},
		run: func(t *terminal) {
			t.Live().Select("catalog").Press("l").Header("logs › deploy/catalog").Live().Sees("3 containers", "follow")
			t.Press("r").Header("logs › deploy/catalog › rates").Sees("3 containers, ", ", 3 live", "LAST 5 MIN")
			t.Press("w").Sees("ERRORS, LAST 5 MIN").Press(uitest.Enter).Header("logs › deploy/catalog").Sees("only pod=catalog-")
			t.Press("r").Header("rates").Press(uitest.Esc).Sees("only pod=catalog-").Press(uitest.Esc).Misses("only pod=")
		},
	}}
}
