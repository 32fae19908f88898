//go:build !windows

package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/ui/uitest"
)

// broken is a program with a goroutine that panics once its screen is drawn.
type broken struct{ drawn chan struct{} }

func (b broken) Init() tea.Cmd { return nil }

func (b broken) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if k, ok := msg.(tea.KeyPressMsg); ok && k.String() == "x" {
		close(b.drawn)
	}
	return b, nil
}

func (b broken) View() tea.View {
	v := tea.NewView("on the screen of the program")
	v.AltScreen, v.MouseMode = true, tea.MouseModeCellMotion
	return v
}

// brokenEnv makes TestPanicInGoroutine the program that it tests.
const brokenEnv = "QD_TEST_BROKEN"

// A panic in a goroutine ends the process there and then, and nothing of Bubble
// Tea gives the terminal back.
func TestPanicInGoroutine(t *testing.T) {
	if os.Getenv(brokenEnv) != "" {
		b := broken{make(chan struct{})}
		p := tea.NewProgram(b, tea.WithoutSignalHandler())
		giveBackOnPanic(p)
		go func() {
			defer utilruntime.HandleCrash()
			<-b.drawn
			panic("the reason")
		}()
		_, _ = p.Run()
		return
	}
	const shell = `echo before; settings=$(stty -g); "$0" -test.run 'TestPanicInGoroutine$' 2>stderr; echo "code $?"; [ "$settings" = "$(stty -g)" ] && echo settings kept`
	cmd := exec.Command("sh", "-c", shell, os.Args[0])
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), brokenEnv+"=1", "TERM=xterm-256color")
	p := uitest.Command(t, cmd, 60, 10)
	p.WaitFor(t, "on the screen of the program")
	p.Type("x")
	p.WaitFor(t, "settings kept")
	p.Wait(t)
	if p.AltScreen() || len(p.Leftovers()) > 0 || !strings.Contains(p.Text(), "before") || !strings.Contains(p.Text(), "code 2") {
		t.Errorf("left behind: %v on\n%s", p.Leftovers(), p.Text())
	}
	said, err := os.ReadFile(cmd.Dir + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"panic: the reason", "TestPanicInGoroutine.func1"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
}
