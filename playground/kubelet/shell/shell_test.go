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

// patience is how long a shell may take on a loaded machine.
const patience = 90 * time.Second

// await waits until the screen shows a text after what was seen before.
func (s *screen) await(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(patience)
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

// visit is a session in a client's terminal.
type visit struct {
	*screen
	t     *testing.T
	typed *io.PipeWriter
	ended chan int // the exit code
}

func newVisit(t *testing.T, c shell.Container, sizes <-chan shell.Size, command ...string) *visit {
	keys, typed := io.Pipe()
	v := &visit{screen: &screen{more: make(chan struct{}, 1)}, t: t, typed: typed, ended: make(chan int, 1)}
	go func() {
		code, err := shell.Run(t.Context(), c, shell.Session{Command: command, In: keys, Out: v, TTY: true, Sizes: sizes})
		if err != nil {
			t.Error(err)
		}
		v.ended <- code
	}()
	return v
}

func (v *visit) enter(text string) {
	if _, err := io.WriteString(v.typed, text); err != nil {
		v.t.Error(err)
	}
}

// end waits for the end and returns the exit code.
func (v *visit) end() int {
	v.t.Helper()
	select {
	case code := <-v.ended:
		return code
	case <-time.After(patience):
		v.t.Fatal("the shell did not end")
		return 0
	}
}

func TestTerminal(t *testing.T) {
	sizes := make(chan shell.Size, 1)
	sizes <- shell.Size{Width: 132, Height: 40}
	v := newVisit(t, newContainer(t), sizes, "sh", "-c", "exec bash || exec sh")
	v.await(t, "/ # ")
	v.enter("cd /tmp\r")
	v.await(t, "/tmp # ")
	// A size arrives when it arrives.
	v.enter("while [ \"$(stty size)\" != '40 132' ]; do sleep 0.01; done; tty; stty size\r")
	v.await(t, "/dev/pts/0\r\n40 132\r\n")
	v.await(t, "# ")
	sizes <- shell.Size{Width: 80, Height: 24}
	v.enter("while [ \"$(stty size)\" != '24 80' ]; do sleep 0.01; done; echo res''ized\r")
	v.await(t, "resized\r\n")
	v.await(t, "# ")
	v.enter("cat\r")
	v.enter("to the command\r")
	v.await(t, "to the command\r\nto the command\r\n")
	v.enter("\x04")
	v.await(t, "# ")
	v.enter("echo started; sleep 600\r")
	v.await(t, "started\r\n")
	v.enter("\x03")
	v.await(t, "^C")
	v.await(t, "# ")
	v.enter("sleep 600\r\x03") // before the shell has begun it
	v.await(t, "^C")
	v.enter("echo go''es on\r")
	v.await(t, "goes on\r\n")
	v.await(t, "# ")
	v.enter("half a line\x03")
	v.await(t, "^C")
	v.await(t, "# ")
	v.enter("echo 'two\r")
	v.await(t, "> ")
	v.enter("lines'\r")
	v.await(t, "two\r\nlines\r\n")
	v.enter("exit 5\r")
	if code := v.end(); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

// What is typed while a shell is looked for is for the shell: whole lines, and
// the beginning of one.
func TestTerminalTypedAhead(t *testing.T) {
	c := newContainer(t)
	v := newVisit(t, c, nil, "sh", "-c", "echo looking; while ! test -e /tmp/found; do sleep 0.01; done; exec sh")
	v.await(t, "looking\r\n")
	v.enter("echo a''head\recho be''gun ")
	v.await(t, "echo a''head\r\necho be''gun ") // as a terminal shows what is typed
	sh(t, c, "", "touch", "/tmp/found")
	v.await(t, "ahead\r\n/ # echo be''gun ")
	v.enter("and en''ded\r")
	v.await(t, "begun and ended\r\n")
	v.enter("exit\r")
	v.end()
}

func TestEndOfInputEndsTheShell(t *testing.T) {
	v := newVisit(t, newContainer(t), nil, "sh")
	v.await(t, "# ")
	if err := v.typed.Close(); err != nil {
		t.Fatal(err)
	}
	v.end()
}
