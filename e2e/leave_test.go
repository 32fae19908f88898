//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"quarterdeck/ui/uitest"
)

// inShell runs qd as a shell does and tells how it left the terminal. The
// inner shell becomes qd, so that its number is qd's.
const inShell = `
echo before
settings=$(stty -g)
sh -c 'echo $$ >pid; exec "$QD" "$@"' sh "$@"
echo "code $?"
[ "$settings" = "$(stty -g)" ] && echo settings kept || stty -a
`

// leaving gives the terminal back as it was found.
func leaving() []scenario {
	return []scenario{
		{
			name: "quit", shell: inShell,
			run: func(t *terminal) { t.Live().Press("q").left("code 0") },
		},
		{
			name: "ctrl+c", shell: inShell,
			run: func(t *terminal) { t.Live().Press(uitest.Ctrl('c')).left("code 0") },
		},
		{
			name: "quit with a prompt open", shell: inShell,
			run: func(t *terminal) {
				t.Live().Press("/", "abc").Footer("/abc").Press(uitest.Esc).Footer("? help").Press("q").left("code 0")
			},
		},
		{
			name: "SIGTERM", shell: inShell,
			run: func(t *terminal) { t.Live().signal(syscall.SIGTERM).left("code ") },
		},
		{
			name: "SIGHUP", shell: inShell,
			run: func(t *terminal) { t.Live().signal(syscall.SIGHUP).left("code ") },
		},
		{
			name: "SIGTERM while the server does not answer", shell: inShell, size: size{250, 20},
			edit: addContext("playground", "https://127.0.0.1:1"),
			run: func(t *terminal) {
				t.Header("no answer").signal(syscall.SIGTERM).left("code 1")
			},
		},
		{
			name: "suspend and come back", shell: `set -m; "$QD" "$@"; echo suspended; fg >/dev/null; echo "code $?"`,
			run: func(t *terminal) {
				t.Live().Press(uitest.Ctrl('z'))
				// The shell resumes it at once.
				t.await("what the shell said in between", patience, func(string) bool { return strings.Contains(t.screen.Raw(), "suspended") })
				t.Live().Row("web", "cart").Press(uitest.Down).Cursor("etl").Press("q").Sees("code 0")
			},
		},
	}
}

// signal sends a signal to qd alone, not to the shell around it.
func (t *terminal) signal(sig syscall.Signal) *terminal {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(t.dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
	return t
}

// left waits until qd has ended with what code says, and checks what it left:
// the screen from before, cooked mode, no mode of the terminal set.
func (t *terminal) left(code string) {
	t.Helper()
	t.Sees("before", code, "settings kept").Ends(0)
	if left := t.screen.Leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, line := range strings.Split(t.screen.Text(), "\n") {
		switch {
		case line == "", line == "before", line == "settings kept", strings.HasPrefix(line, code), strings.HasPrefix(line, "qd: "):
		default:
			t.Errorf("left on the screen: %q", line)
		}
	}
}
