//go:build linux

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/playground/cluster"
)

func TestTwoBesideEachOther(t *testing.T) {
	a := up(t, newDir(t), "--nodes", "3")
	b := up(t, newDir(t), "--nodes", "2")

	for _, test := range []struct {
		p     *playground
		nodes int
	}{{a, 3}, {b, 2}} {
		nodes, err := test.p.client(t, cluster.AdminContext).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(nodes.Items) != test.nodes {
			t.Errorf("%d nodes, want %d", len(nodes.Items), test.nodes)
		}
	}

	if _, stderr, code := run(t, "up", "--dir", a.dir, "--nodes", "1"); code != 1 || !strings.Contains(stderr, "already running") {
		t.Errorf("another one in the same directory: exit code %d, %s", code, stderr)
	}

	before, other := footprintOf(t, a.dir), footprintOf(t, b.dir)
	expectPrivate(t, a.dir)
	expectLoopback(t, before)

	a.signal(t, syscall.SIGINT)
	if code := a.awaitEnd(t); code != 0 {
		t.Errorf("exit code %d after ctrl+c", code)
	}
	expectGone(t, before)
	expectOnlyLogs(t, a.dir)
	for _, process := range other.processes {
		if !process.alive() {
			t.Errorf("the other playground lost %s", process.command)
		}
	}
}

// expectPrivate finds nothing under dir that others may read.
func expectPrivate(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // etcd renames files
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 && info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if files < 10 {
		t.Errorf("only %d files", files)
	}
}

func expectLoopback(t *testing.T, f footprint) {
	t.Helper()
	// etcd has two, the API server and the kubelets one each at least.
	if len(f.listening) < 4 {
		t.Errorf("only %d listeners found", len(f.listening))
	}
	for _, address := range f.listening {
		if !address.Addr().IsLoopback() {
			t.Errorf("listens on %s", address)
		}
	}
}

func expectOnlyLogs(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "log" && name != "playground.lock" {
			t.Errorf("%s is left", name)
		}
	}
}

func TestEndsWithItsParent(t *testing.T) {
	dir := newDir(t)
	// The shell does not replace itself with its last command but one.
	p := start(t, dir, []string{"sh", "-c", `"$0" "$@"; exit $?`, binary(t), "up", "--dir", dir, "--nodes", "1"})
	before := footprintOf(t, dir)
	p.signal(t, syscall.SIGKILL)
	expectGone(t, before)
	eventually(t, "the directory is not given up", func() error {
		pid, err := cluster.Supervisor(dir)
		if err == nil && pid != 0 {
			err = errors.New("somebody holds it")
		}
		return err
	})
	expectOnlyLogs(t, dir)
}

func TestPartsEndWithTheirSupervisor(t *testing.T) {
	dir := newDir(t)
	p := up(t, dir, "--nodes", "1")
	before := footprintOf(t, dir)
	p.signal(t, syscall.SIGKILL)
	p.awaitEnd(t)
	expectGone(t, before)
	// What the crash left does not bother the next one.
	again := up(t, dir, "--nodes", "1")
	if _, err := again.client(t, cluster.AdminContext).CoreV1().Nodes().Get(t.Context(), "node-00000", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestDeadPartEndsIt(t *testing.T) {
	dir := newDir(t)
	p := up(t, dir, "--nodes", "1")
	before := footprintOf(t, dir)
	for _, process := range before.processes {
		if strings.Contains(process.command, " "+cluster.Scheduler+" ") {
			if err := syscall.Kill(process.pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code := p.awaitEnd(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{cluster.Scheduler + " died", filepath.Join(dir, "log", cluster.Scheduler+".log")} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, p.stderr)
		}
	}
	expectGone(t, before)
}

func TestPartsObeyOrders(t *testing.T) {
	p := up(t, newDir(t), "--nodes", "1")
	nodes := p.client(t, cluster.AdminContext).CoreV1().Nodes()
	reach := func() error {
		_, err := nodes.List(t.Context(), metav1.ListOptions{})
		return err
	}
	if err := reach(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "stop-part", cluster.APIServer, "--dir", p.dir)
	if reach() == nil {
		t.Error("a stopped API server answers")
	}
	mustRun(t, "start-part", cluster.APIServer, "--dir", p.dir)
	if err := reach(); err != nil { // same address, same keys
		t.Errorf("a restarted API server does not answer: %v", err)
	}
	list, err := nodes.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("after the restart: %v, %v", list, err)
	}

	mustRun(t, "pause-part", cluster.APIServer, "--dir", p.dir)
	answered := make(chan error, 1)
	go func() { answered <- reach() }()
	mustRun(t, "resume-part", cluster.APIServer, "--dir", p.dir)
	if err := <-answered; err != nil {
		t.Errorf("a request made during the pause: %v", err)
	}

	if _, stderr, code := run(t, "stop-part", "teapot", "--dir", p.dir); code != 1 || !strings.Contains(stderr, cluster.APIServer) {
		t.Errorf("an unknown part: exit code %d, %s", code, stderr)
	}

	before := footprintOf(t, p.dir)
	mustRun(t, "down", "--dir", p.dir)
	if code := p.awaitEnd(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	expectGone(t, before)
}

func TestRefusals(t *testing.T) {
	full := newDir(t)
	if err := os.WriteFile(filepath.Join(full, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		say  string
	}{
		"no directory":        {[]string{"up"}, `"dir"`},
		"foreign directory":   {[]string{"up", "--dir", full}, "not a playground's"},
		"unknown scenario":    {[]string{"up", "--dir", newDir(t), "--scenario", "bank"}, "--scenario shop"},
		"sized shop":          {[]string{"up", "--dir", newDir(t), "--scenario", "shop", "--pods", "9"}, "--scenario empty"},
		"negative":            {[]string{"up", "--dir", newDir(t), "--nodes", "-1"}, "negative"},
		"unknown incident":    {[]string{"up", "--dir", newDir(t), "--incident", "flood"}, `"flood"`},
		"static incident":     {[]string{"up", "--dir", newDir(t), "--pods", "9", "--incident", "flood"}, "controllers"},
		"down, none running":  {[]string{"down", "--dir", newDir(t)}, "qd-playground up"},
		"order, none running": {[]string{"stop-part", cluster.Etcd, "--dir", newDir(t)}, "qd-playground up"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := run(t, test.args...)
			if code != 1 || stdout != "" || !strings.Contains(stderr, test.say) {
				t.Errorf("exit code %d, printed %q, said %q, want %q", code, stdout, stderr, test.say)
			}
			if lines := strings.Count(strings.TrimSpace(stderr), "\n"); lines > 0 {
				t.Errorf("more than one sentence:\n%s", stderr)
			}
		})
	}
}
