//go:build e2e

package e2e

import "quarterdeck/ui/uitest"

// logging reads the logs of several pods as one.
func logging() []scenario {
	return []scenario{
		{
			name: "the logs of a workload come on one time line",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Select("catalog").Press("l").Header("logs › deploy/catalog").Live().Sees("3 containers", "follow")
				t.Press(" ").Sees("paused").Press(" ").Sees("follow")
				t.Press("&", "level>=fatal no-such-word", uitest.Enter).Sees("only level>=fatal no-such-word", "no line matches")
				t.Press(uitest.Esc).Misses("no line matches").Sees("3 containers")
				t.Press("&", "level>=fa<").Sees("only level>=fa<").Press(uitest.Esc).Misses("only level")
				t.Press("/", "e", uitest.Enter).Sees("match ").Press(uitest.Esc).Misses("match ")
				t.Press("T", "yesterday").Footer("is no time").Press(uitest.Esc).Misses("is no time")
				t.Press(uitest.Esc).Header("deployments").Cursor("catalog")
			},
		},
		{
			name: "who may not read logs is told so", context: "nobody",
			args: []string{"pods", "-n", "web"},
			run: func(t *terminal) {
				t.Sees("you (nobody) may not list pods").Press("l").Footer("is not for what is selected")
			},
		},
	}
}
