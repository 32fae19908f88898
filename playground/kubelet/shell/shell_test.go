package shell_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quarterdeck/playground/kubelet/shell"
)

func newContainer(t *testing.T) shell.Container {
	return shell.Container{
		Root: filepath.Join(t.TempDir(), "c"), Hostname: "cart-1", Address: "10.42.0.7",
		Env: []string{"PATH=/bin", "HOME=/root", "GREETING=hello"},
	}
}

// sh runs a script without a terminal.
func sh(t *testing.T, c shell.Container, input string, command ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	var in io.Reader
	if input != "" {
		in = strings.NewReader(input)
	}
	code, err := shell.Run(t.Context(), c, shell.Session{Command: command, In: in, Out: &out, Err: &errOut})
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return out.String(), errOut.String(), code
}

func TestCommands(t *testing.T) {
	tests := []struct {
		name    string
		command []string
		input   string
		out     string
		code    int
	}{
		{"plain command", []string{"hostname"}, "", "cart-1\n", 0},
		{"words are not parsed again", []string{"echo", "a  b", "$HOME", "*"}, "", "a  b $HOME *\n", 0},
		{"script", []string{"sh", "-c", "echo $GREETING $1; exit 3", "sh", "you"}, "", "hello you\n", 3},
		{"script from input", []string{"sh"}, "cd /tmp\npwd\n", "/tmp\n", 0},
		{"pipe and redirection", []string{"sh", "-c", "printf 'b\\na\\n' > /tmp/x; cat /tmp/x | grep a; wc -l /tmp/x"}, "", "a\n2\n", 0},
		{"input", []string{"cat"}, "from outside", "from outside", 0},
		{"find a shell as terminals do", []string{"sh", "-c", "command -v bash >/dev/null && exec bash -c 'echo bash' || exec sh"}, "", "bash\n", 0},
		{"no such command in a script", []string{"sh", "-c", "nonesuch; echo $?"}, "", "127\n", 0},
		{"head and tail", []string{"sh", "-c", "printf '1\\n2\\n3\\n' | head -n 2 | tail -1"}, "", "2\n", 0},
		{"glob", []string{"sh", "-c", "cd /etc; echo host*"}, "", "hostname hosts\n", 0},
		{"not a terminal", []string{"tty"}, "", "not a tty\n", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errOut, code := sh(t, newContainer(t), tt.input, tt.command...)
			if out != tt.out || code != tt.code {
				t.Errorf("out %q, code %d; want %q, %d (stderr %q)", out, code, tt.out, tt.code, errOut)
			}
		})
	}
}

func TestNotFound(t *testing.T) {
	_, err := shell.Run(t.Context(), newContainer(t), shell.Session{Command: []string{"systemctl"}})
	var missing *shell.NotFoundError
	if !errors.As(err, &missing) || missing.Name != "systemctl" {
		t.Errorf("error %v", err)
	}
}

// A program is there as long as its file is, and an image may hold none.
func TestProgramsAreFiles(t *testing.T) {
	c := newContainer(t)
	if _, errOut, code := sh(t, c, "", "sh", "-c", "rm /bin/tar; tar c /etc"); code != 127 {
		t.Errorf("code %d, %s", code, errOut)
	}
	var missing *shell.NotFoundError
	if _, err := shell.Run(t.Context(), c, shell.Session{Command: []string{"tar"}}); !errors.As(err, &missing) {
		t.Errorf("error %v", err)
	}
	bare := newContainer(t)
	bare.Bare = true
	if _, err := shell.Run(t.Context(), bare, shell.Session{Command: []string{"sh"}}); !errors.As(err, &missing) {
		t.Errorf("error %v", err)
	}
}

// Nothing outside the container's directory can be seen or changed.
func TestConfined(t *testing.T) {
	c := newContainer(t)
	outside := filepath.Join(filepath.Dir(c.Root), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	sh(t, c, "", "ls", "/") // furnishes it
	if err := os.Symlink(outside, filepath.Join(c.Root, "tmp", "link")); err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{
		"[ -e ../outside ] && echo secret", "cat ../outside", "cat ../../../../.." + outside, "cat " + outside, "cat /tmp/link", "echo x > /tmp/link",
		"cat < /tmp/link", "cd ..; cat outside", "cd /..; ls outside", "mv /tmp/link /x; cat /x", "rm -rf ../outside",
		"echo x > ../outside", ". ../outside", "tar cf - /tmp/link", "rm -rf /",
	} {
		out, _, _ := sh(t, c, "", "sh", "-c", script)
		if strings.Contains(out, "secret") {
			t.Errorf("%q reads a file outside: %q", script, out)
		}
		if data, err := os.ReadFile(outside); err != nil || string(data) != "secret" {
			t.Fatalf("%q changed a file outside: %q, %v", script, data, err)
		}
	}
	if out, _, _ := sh(t, c, "", "ls", "/etc"); !strings.Contains(out, "hostname") {
		t.Errorf("the container's own files are gone: %q", out)
	}
}

func TestCopy(t *testing.T) {
	c := newContainer(t)
	sh(t, c, "", "sh", "-c", "mkdir -p /tmp/a/b; echo one > /tmp/a/b/f")
	archive, _, code := sh(t, c, "", "tar", "cf", "-", "-C", "/tmp", "a")
	if code != 0 || archive == "" {
		t.Fatalf("pack: code %d, %d bytes", code, len(archive))
	}
	other := newContainer(t)
	if _, errOut, code := sh(t, other, archive, "tar", "-xmf", "-", "-C", "/root"); code != 0 {
		t.Fatalf("unpack: code %d, %s", code, errOut)
	}
	if out, _, _ := sh(t, other, "", "cat", "/root/a/b/f"); out != "one\n" {
		t.Errorf("the copy is %q", out)
	}
}

// screen is what a client's terminal receives.
type screen struct {
	mu   sync.Mutex
	text string
	more chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.text += string(p)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

// await waits until the screen shows a text after what was seen before.
func (s *screen) await(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		_, after, found := strings.Cut(s.text, want)
		if found {
			s.text = after
		}
		text := s.text
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("the screen never showed %q; it shows %q", want, text)
		}
	}
}

func TestTerminal(t *testing.T) {
	keys, typed := io.Pipe()
	out := &screen{more: make(chan struct{}, 1)}
	sizes := make(chan shell.Size, 1)
	sizes <- shell.Size{Width: 132, Height: 40}
	done := make(chan int, 1)
	go func() {
		code, err := shell.Run(t.Context(), newContainer(t), shell.Session{
			Command: []string{"sh", "-c", "exec bash || exec sh"}, In: keys, Out: out, TTY: true, Sizes: sizes,
		})
		if err != nil {
			t.Error(err)
		}
		done <- code
	}()
	enter := func(text string) {
		if _, err := io.WriteString(typed, text); err != nil {
			t.Error(err)
		}
	}
	out.await(t, "/ # ")
	enter("cd /tmp\r")
	out.await(t, "/tmp # ")
	// A size arrives when it arrives.
	enter("while [ \"$(stty size)\" != '40 132' ]; do sleep 0.01; done; tty; stty size\r")
	out.await(t, "/dev/pts/0\r\n40 132\r\n")
	out.await(t, "# ")
	sizes <- shell.Size{Width: 80, Height: 24}
	enter("while [ \"$(stty size)\" != '24 80' ]; do sleep 0.01; done; echo res''ized\r")
	out.await(t, "resized\r\n")
	out.await(t, "# ")
	enter("cat\r")
	enter("to the command\r")
	out.await(t, "to the command\r\nto the command\r\n")
	enter("\x04")
	out.await(t, "# ")
	enter("echo started; sleep 600\r")
	out.await(t, "started\r\n")
	enter("\x03")
	out.await(t, "^C")
	out.await(t, "# ")
	enter("sleep 600\r\x03") // before the shell has begun it
	out.await(t, "^C")
	enter("echo go''es on\r")
	out.await(t, "goes on\r\n")
	out.await(t, "# ")
	enter("half a line\x03")
	out.await(t, "^C")
	out.await(t, "# ")
	enter("echo 'two\r")
	out.await(t, "> ")
	enter("lines'\r")
	out.await(t, "two\r\nlines\r\n")
	enter("exit 5\r")
	select {
	case code := <-done:
		if code != 5 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the shell did not end")
	}
}

// What is typed while a shell is looked for is for the shell: whole lines, and
// the beginning of one.
func TestTerminalTypedAhead(t *testing.T) {
	keys, typed := io.Pipe()
	out := &screen{more: make(chan struct{}, 1)}
	c := newContainer(t)
	done := make(chan error, 1)
	go func() {
		_, err := shell.Run(t.Context(), c, shell.Session{
			Command: []string{"sh", "-c", "echo looking; while ! test -e /tmp/found; do sleep 0.01; done; exec sh"}, In: keys, Out: out, TTY: true,
		})
		done <- err
	}()
	enter := func(text string) {
		if _, err := io.WriteString(typed, text); err != nil {
			t.Error(err)
		}
	}
	out.await(t, "looking\r\n")
	enter("echo a''head\recho be''gun ")
	out.await(t, "echo a''head\r\necho be''gun ") // as a terminal shows what is typed
	sh(t, c, "", "touch", "/tmp/found")
	out.await(t, "ahead\r\n/ # echo be''gun ")
	enter("and en''ded\r")
	out.await(t, "begun and ended\r\n")
	enter("exit\r")
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the shell did not end")
	}
}

func TestEndOfInputEndsTheShell(t *testing.T) {
	keys, typed := io.Pipe()
	out := &screen{more: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() {
		_, err := shell.Run(t.Context(), newContainer(t), shell.Session{Command: []string{"sh"}, In: keys, Out: out, TTY: true})
		done <- err
	}()
	out.await(t, "# ")
	if err := typed.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the shell outlives its terminal")
	}
}
