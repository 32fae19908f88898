//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"quarterdeck/kube/rig"
	"quarterdeck/ui/uitest"
)

// stage holds what the scenarios share: the program, its user and the
// playgrounds.
type stage struct {
	qd   string
	home string // of the user: the discovery cache in it lives on
	// races is where a program built with the race detector writes what it
	// finds: on the screen nobody would see it.
	races string
	root  *testing.T
	up    map[cluster]*rig.Playground
}

func newStage(t *testing.T) *stage {
	t.Helper()
	qd, err := rig.QD()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{qd: qd, home: t.TempDir(), races: t.TempDir(), root: t, up: map[cluster]*rig.Playground{}}
	t.Cleanup(s.findRaces)
	return s
}

func (s *stage) findRaces() {
	reports, err := filepath.Glob(filepath.Join(s.races, "*"))
	if err != nil {
		s.root.Error(err)
	}
	for _, path := range reports {
		text, err := os.ReadFile(path)
		if err != nil {
			s.root.Error(err)
		}
		for report := range strings.SplitSeq(string(text), "==================\n") {
			if strings.Contains(report, "DATA RACE") && !known(report) {
				s.root.Errorf("the race detector found:\n%s", report)
			}
		}
	}
}

// known reports whether a race is one of Bubble Tea with itself: when it takes the
// terminal back it writes down which that is and how large, and so it does when
// the size changes. Both write the same.
func known(report string) bool {
	return strings.Contains(report, "bubbletea/v2.(*Program).checkResize()") && strings.Contains(report, "bubbletea/v2.(*Program).RestoreTerminal")
}

// playground returns a running playground. It is started for the first
// scenario that needs it, and runs until the last one has ended.
func (s *stage) playground(t *testing.T, which cluster) *rig.Playground {
	t.Helper()
	if p, ok := s.up[which]; ok {
		return p
	}
	args := map[cluster][]string{
		shop:     {"--scenario", "shop"},
		fragile:  {"--nodes", "3", "--pods", "30"},
		workshop: {"--scenario", "shop"},
	}[which]
	p, err := rig.Start(args...)
	if err != nil {
		t.Fatal(err)
	}
	s.root.Cleanup(func() {
		if err := p.Stop(); err != nil {
			s.root.Error(err)
		}
		if s.root.Failed() {
			s.root.Logf("the playground said:\n%s", p.Said())
		}
	})
	s.up[which] = p
	return p
}

// open starts what the scenario runs, in a terminal of its own.
func (s *stage) open(t *testing.T, sc *scenario) *terminal {
	t.Helper()
	p := s.playground(t, sc.cluster)
	config, err := p.Config("")
	if err != nil {
		t.Fatal(err)
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := p.Kubeconfig()
	if sc.edit != nil {
		kubeconfig = editKubeconfig(t, kubeconfig, sc)
	}
	args := slices.Clone(sc.args)
	if sc.context != "" {
		args = append(args, "--context", sc.context)
	}
	cmd := exec.Command(s.qd, args...)
	if sc.shell != "" {
		cmd = exec.Command("/bin/sh", append([]string{"-c", sc.shell, "sh"}, args...)...)
	}
	cmd.Dir = t.TempDir()
	cmd.Env = append(s.environment(kubeconfig), sc.env...)
	if sc.size == (size{}) {
		sc.size = size{120, 40}
	}
	return &terminal{
		T: t, screen: uitest.Command(t, cmd, sc.size.width, sc.size.height),
		api: api, playground: p, dir: cmd.Dir, stage: s,
	}
}

// environment is that of a user with nothing special: what the tests are run
// in must not show in them.
func (s *stage) environment(kubeconfig string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "LANG=C.UTF-8", "TERM=xterm-256color",
		"KUBECONFIG=" + kubeconfig, "QD=" + s.qd, "QD_DEFAULT_VIEW=workloads", "GORACE=exitcode=0 log_path=" + filepath.Join(s.races, "race"),
	}
}

func editKubeconfig(t *testing.T, path string, sc *scenario) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sc.edit(t, config)
	path = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// patience is how long a scenario waits for what takes a moment. It is far
// more than that, for busy machines.
const patience = uitest.Deadline

// output is what a run of the program without a terminal came to.
type output struct {
	stdout, stderr string
	code           int
}

// exec runs the program without a terminal to its end.
func (s *stage) exec(t *testing.T, kubeconfig string, args ...string) output {
	t.Helper()
	return s.execWithin(t, patience, kubeconfig, args...)
}

// execWithin is exec for what may take longer, or less.
func (s *stage) execWithin(t *testing.T, limit time.Duration, kubeconfig string, args ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.qd, args...)
	cmd.Env = s.environment(kubeconfig)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || ctx.Err() != nil {
			t.Fatalf("qd %s: %v: %s", strings.Join(args, " "), err, stderr.String())
		}
	}
	return output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}
