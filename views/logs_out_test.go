package views

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui"
)

// logView opens the logs of the shop's deployment and returns their view. It
// belongs to the bench: at runs what looks at it.
func (b *bench) logView() *logPage {
	b.t.Helper()
	f := b.session.openLogs("deploy/checkout", false, selectionsOf("payments", "app=checkout")).(ui.PushMsg).Frame
	var p *logPage
	open := f.Open
	f.Open = func() ui.View { p = open().(*logPage); return p }
	b.send(ui.PushMsg{Frame: f})
	time.Sleep(3 * time.Second)
	b.settle()
	return p
}

// at does something in the goroutine of the model.
func (b *bench) at(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func lineEditor(t *testing.T, exit int) (command string, seen func() string) {
	t.Helper()
	dir := t.TempDir()
	script, out := filepath.Join(dir, "show.sh"), filepath.Join(dir, "out")
	text := fmt.Sprintf(`ls -l "$1" | cut -c1-10 >%[1]s; ls -ld "$(dirname "$1")" | cut -c1-10 >>%[1]s; echo "$1" >>%[1]s; cat "$1" >>%[1]s; exit %[2]d`, out, exit)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "sh " + script, func() string {
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

// What is shown goes to a pager or an editor in a file that only the user may
// read, and that is gone afterwards.
func TestLogsOutside(t *testing.T) {
	for _, exit := range []int{0, 3} {
		command, seen := lineEditor(t, exit)
		s := shopLogs()
		s.say("payments/checkout-68cb6c9f4-p1m2n/app", time.Minute, "WARN \x1b[31mred\x1b[0m \x1b]0;title\a and a bell \a")
		pipe(t, func(set *settings) {
			withLogs(s, "")(set)
			set.Pager, set.Editor = command, command
		}, func(b *bench) {
			p := b.logView()
			b.press("&")
			b.text("level>=warn")
			b.press("enter")
			for _, key := range []string{"P", "v"} {
				w := walker{bench: b}
				var msg tea.Msg
				b.at(func() {
					i := slices.IndexFunc(p.Actions(), func(a ui.Action) bool { return b.program.Keys.Label(a.ID) == key })
					msg = p.Actions()[i].Run()
				})
				w.do(msg)
				out := strings.Split(seen(), "\n")
				if out[0] != "-rw-------" || out[1] != "drwx------" {
					t.Errorf("%s: the file is %s in %s", key, out[0], out[1])
				}
				if _, err := os.Stat(filepath.Dir(out[2])); !os.IsNotExist(err) {
					t.Errorf("%s: %s is left (%v)", key, out[2], err)
				}
				want := []string{
					"2026-03-04T05:03:09.000Z checkout-68cb6c9f4-p1m2n/app WARN retry 1 of 5 upstream=ledger",
					"2026-03-04T05:03:09.500Z checkout-68cb6c9f4-t7r8s/app ERROR charge failed order=8126 err=timeout",
					"2026-03-04T05:05:07.000Z checkout-68cb6c9f4-p1m2n/app WARN red  and a bell ",
					"",
				}
				if got := out[3:]; !slices.Equal(got, want) {
					t.Errorf("%s: %q", key, got)
				}
				if failed := strings.Contains(strings.Join(w.said, " "), "sh failed: exit status 3"); failed != (exit != 0) {
					t.Errorf("%s: said %q", key, w.said)
				}
			}
		})
	}
}

func TestLogsOutsideNot(t *testing.T) {
	pipe(t, func(set *settings) {
		withLogs(shopLogs(), "deployments")(set)
		set.Pager = "no-such-pager -R"
	}, func(b *bench) {
		b.openLogs()
		b.press("P")
		b.want(`the pager "no-such-pager -R" is not there: set PAGER to one`)
		b.press("&")
		b.text("nowhere")
		b.press("enter", "v")
		b.want("there is nothing to open")
		b.press("S", "enter")
		b.want("there is nothing to save")
	})
}

func TestEditorAt(t *testing.T) {
	for command, want := range map[string]string{
		"/usr/bin/less -R": "/usr/bin/less -R -+F +7", "vim": "vim +7", "code --wait": "code --wait",
	} {
		words := strings.Fields(command)
		if got := strings.Join(editor(words).at(7, false), " "); got != want {
			t.Errorf("%s: %s", command, got)
		}
		if strings.Join(words, " ") != command {
			t.Error("the command itself was changed")
		}
	}
	if got := strings.Join(editor{"less"}.at(7, true), " "); got != "less -+F +G" {
		t.Error(got)
	}
}

// What is saved is what is shown: with times and sources or without.
func TestLogsSave(t *testing.T) {
	dir := t.TempDir()
	pipe(t, withLogs(shopLogs(), "deployments"), func(b *bench) {
		b.openLogs()
		save := func(name string) string {
			path := filepath.Join(dir, name)
			b.press("S", "ctrl+u")
			b.text(path)
			b.press("enter")
			b.settle()
			b.want("saved 8 lines to ")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if got := save("all"); !strings.HasPrefix(got, "2026-03-04T05:03:07.000Z checkout-68cb6c9f4-p1m2n/app INFO ready on :8080\n") {
			t.Error(got)
		}
		b.press("s", "t", "t", "t") // no sources, no clock
		if got := save("bare"); !strings.HasPrefix(got, "INFO ready on :8080\nINFO ready on :8080\nINFO charge ok order=8123 ms=41\n") {
			t.Error(got)
		}
		b.press("S", "ctrl+u")
		b.text(filepath.Join(dir, "all"))
		b.press("enter")
		b.want("not saved: open ", "file exists")
	})
	if text, err := os.ReadFile(filepath.Join(dir, "all")); err != nil || bytes.Count(text, []byte("\n")) != 8 {
		t.Errorf("what was saved before is %q, %v", text, err)
	}
}
