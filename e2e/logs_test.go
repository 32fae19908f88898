//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"

	"quarterdeck/ui/uitest"
)

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
				t.Press("&", "level>=").Sees("the value is missing").Press("info", uitest.Enter).Sees("only level>=info")
				t.Press("&", "e", uitest.Enter).Sees("only level>=info & e")
				t.Press("+").Sees("only level>=info & e ±1").Press("0").Misses("only level")
				t.Press("/", "e", uitest.Enter).Sees("match ").Press(uitest.Esc).Misses("match ")
				t.Press("T", "yesterday").Footer("is no time").Press(uitest.Esc).Misses("is no time")
				t.Press(uitest.Esc).Header("deployments").Cursor("catalog")
			},
		},
		{
			name: "a log is read again and opened in a pager and an editor",
			args: []string{"pods", "-n", "web"}, env: []string{"PAGER=sh ./viewer", "EDITOR=sh ./viewer", "TMPDIR=."},
			run: func(t *terminal) {
				t.Live().Press(":", "logs ", "app=catalog").Sees("logs of›").Press(uitest.Enter).Header("logs › app=catalog").Live()
				t.Sees("3 containers", "last 1,000 of each")
				t.Press("R", "2 files").Sees("is no span").Press(uitest.Esc).Misses("is no span")
				t.Press("R", "2 lines", uitest.Enter).Sees("last 2 of each")
				t.Press("R", "all", uitest.Enter).Sees("from their start").Misses("no line has come yet").Misses("no container has started")
				for _, key := range []string{"P", "v"} {
					t.file("viewer", `wc -l < "$1" > seen; ls -l "$1" >> seen; echo `+key+` in the viewer; read line`)
					t.Press(key).Sees(key + " in the viewer").Press(uitest.Enter).Header("logs › app=catalog").Sees("from their start")
					t.viewed()
				}
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

// viewed checks what the viewer has seen: lines, in a file for the user alone,
// which goes.
func (t *terminal) viewed() {
	t.Helper()
	count, listed, _ := strings.Cut(t.read("seen"), "\n")
	if strings.TrimSpace(count) == "0" || !strings.HasPrefix(listed, "-rw------- ") {
		t.Errorf("the viewer was given %s lines in %s", count, listed)
	}
	t.await("the file of the lines to go", patience, func(string) bool {
		left, err := filepath.Glob(filepath.Join(t.dir, "qd-*"))
		return err == nil && len(left) == 0
	})
}
