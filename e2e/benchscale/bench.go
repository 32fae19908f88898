//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"quarterdeck/kube/rig"
)

// bench is one run of the benchmark.
type bench struct {
	ctx      context.Context
	qd, home string
	progress func(format string, args ...any)
}

// conditions says under what the numbers were taken.
func (b *bench) conditions() (string, error) {
	info, err := buildinfo.ReadFile(b.qd)
	if err != nil {
		return "", fmt.Errorf("read how %s was built: %w", b.qd, err)
	}
	return fmt.Sprintf(`# Benchmark at scale

%s, on %s with %d cores (%s), load %s at the start; %s. The API server shares the machine. The terminal has %dx%d cells.
`,
		time.Now().UTC().Format("2006-01-02"), runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU(), processor(), load(),
		info.GoVersion, terminalColumns, terminalRows), nil
}

// program measures what does not depend on a cluster.
func (b *bench) program() (*table, error) {
	t := &table{title: "The program"}
	info, err := os.Stat(b.qd)
	if err != nil {
		return nil, fmt.Errorf("read the size of the program: %w", err)
	}
	built := ""
	if f, err := elf.Open(b.qd); err == nil {
		if f.Section(".symtab") != nil {
			built = ", not stripped"
		}
		_ = f.Close()
	}
	t.add("binary", fmt.Sprintf("≤ %d MiB", binarySize>>20), fmt.Sprintf("%.1f MiB%s", float64(info.Size())/(1<<20), built), info.Size() <= binarySize)
	var took samples
	for range 20 {
		cmd := b.command("", "version")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("qd version: %w: %s", err, out)
		}
		took = append(took, time.Since(start))
	}
	t.add("`qd version`", "≤ "+ms(versionTime), took.String(), took.median() <= versionTime)
	return t, nil
}

// command is a run of the program by a user with nothing special.
func (b *bench) command(kubeconfig string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.ctx, b.qd, args...)
	cmd.Env = []string{
		"HOME=" + b.home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TERM=xterm-256color",
		"KUBECONFIG=" + kubeconfig, "XDG_CONFIG_HOME=" + filepath.Join(b.home, "config"),
	}
	return cmd
}

// scale measures one size of cluster: first while nothing changes in it, then,
// in another one, under load.
func (b *bench) scale(s scale) (*table, error) {
	t := &table{title: fmt.Sprintf("%s pods, %s nodes", thousands(s.pods), thousands(s.nodes))}
	size := []string{"--nodes", fmt.Sprint(s.nodes), "--pods", fmt.Sprint(s.pods)}
	for _, phase := range []struct {
		name    string
		args    []string
		measure func(*cluster) error
	}{
		{"nothing changes", nil, func(c *cluster) error { return c.quiet(t) }},
		{"under load", []string{"--churn", fmt.Sprint(s.churn)}, func(c *cluster) error { return c.loaded(t) }},
	} {
		b.progress("%s: starting a playground, %s", t.title, phase.name)
		p, err := rig.Start(append(size, phase.args...)...)
		if err != nil {
			return nil, err
		}
		err = phase.measure(&cluster{bench: b, scale: s, playground: p})
		if stopErr := p.Stop(); err == nil {
			err = stopErr
		}
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// cluster is one playground that is measured.
type cluster struct {
	*bench
	scale
	playground *rig.Playground
}

// open starts the program on the pods of all namespaces, and nothing else:
// incidents have budgets of their own.
func (c *cluster) open(env ...string) (*terminal, error) {
	cmd := c.command(c.playground.Kubeconfig(), "pods", "-A")
	cmd.Env = append(append(cmd.Env, "QD_TRIAGE_ALWAYS=false"), env...)
	return openTerminal(cmd)
}

// screenful reports whether there is a row in every line for one.
func screenful(lines []string) bool {
	if len(lines) < terminalRows {
		return false
	}
	for _, line := range lines[2 : len(lines)-1] {
		if strings.TrimSpace(line) == "" {
			return false
		}
	}
	return true
}

// all reports whether the header says that all pods are there.
func (c *cluster) all(lines []string) bool {
	return strings.Contains(lines[0], "● live") && strings.Contains(lines[0], " "+thousands(c.pods)+" ")
}
