//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	loadedFor = 20 // seconds
	changes   = 10 // that are followed to the screen
)

// loaded measures the program while the playground changes pods.
func (c *cluster) loaded(t *table) error {
	config, err := c.playground.Config("")
	if err != nil {
		return err
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to the playground: %w", err)
	}
	term, err := c.open()
	if err != nil {
		return err
	}
	defer term.close()
	if _, err := term.until(c.ctx, "all pods", c.all); err != nil {
		return err
	}
	if err := c.untilChanging(api); err != nil {
		return err
	}
	before, err := c.revision(api)
	if err != nil {
		return err
	}
	start := time.Now()
	u, err := c.use(term, loadedFor*time.Second)
	if err != nil {
		return err
	}
	after, err := c.revision(api)
	if err != nil {
		return err
	}
	rate := float64(after-before) / time.Since(start).Seconds()
	name := fmt.Sprintf("at %d changes a second", c.churn)
	measured := fmt.Sprintf("%.1f %% of a core", u.cpu)
	if rate < 0.9*float64(c.churn) { // the server shares the machine: a slow one is no proof
		measured += fmt.Sprintf(", and %.0f %% expected: there were only %.0f changes a second", u.cpu*float64(c.churn)/rate, rate)
		u.cpu *= float64(c.churn) / rate
	}
	t.add("CPU "+name, fmt.Sprintf("≤ %.0f %%", c.following), measured, u.cpu <= c.following)
	resident, err := memory(term.cmd.Process.Pid, "VmRSS")
	if err != nil {
		return err
	}
	t.note("resident memory "+name, fmt.Sprintf("%d MiB", resident))
	t.note("bytes to the terminal "+name, fmt.Sprintf("%.0f /s", u.bytes))

	seen, err := c.follow(api, term)
	if err != nil {
		return err
	}
	t.add("a change to the screen "+name, "≤ "+ms(changeToScreen), seen.String(), seen.quantile(1) <= changeToScreen)

	ssh, err := c.open("SSH_TTY=/dev/pts/0")
	if err != nil {
		return err
	}
	defer ssh.close()
	if _, err := ssh.until(c.ctx, "all pods", c.all); err != nil {
		return err
	}
	if u, err = c.use(ssh, loadedFor*time.Second); err != nil {
		return err
	}
	t.add("bytes to the terminal over SSH "+name, fmt.Sprintf("≤ %d /s", bytesPerSecond), fmt.Sprintf("%.0f /s", u.bytes), u.bytes <= bytesPerSecond)
	ssh.close()
	term.close()
	return c.triageLoaded(t, api)
}

// revision returns the version of the cluster, which every write counts up.
func (c *cluster) revision(api kubernetes.Interface) (int64, error) {
	list, err := api.CoreV1().Namespaces().List(c.ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return 0, fmt.Errorf("read the version of the cluster: %w", err)
	}
	n, err := strconv.ParseInt(list.ResourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the version of the cluster: %w", err)
	}
	return n, nil
}

// untilChanging waits until the playground has begun to change pods: it lists
// them before.
func (c *cluster) untilChanging(api kubernetes.Interface) error {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		before, err := c.revision(api)
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
		after, err := c.revision(api)
		if err != nil {
			return err
		}
		if after-before > int64(c.churn/2) {
			return nil
		}
	}
	return fmt.Errorf("the playground makes less than %d changes a second: is the machine busy?", c.churn/2)
}

// follow changes a pod on the screen and returns how long that took to show it,
// several times.
func (c *cluster) follow(api kubernetes.Interface, term *terminal) (samples, error) {
	lines, _ := term.lines()
	// The state of a container that does not run would hide the pod's.
	row := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, " Running ") })
	if row < 0 {
		return nil, fmt.Errorf("no pod runs on the screen:\n%s", strings.Join(lines, "\n"))
	}
	fields := strings.Fields(strings.TrimPrefix(lines[row], "▌"))
	namespace, shown := fields[0], fields[1]
	pod, err := c.named(api, namespace, shown)
	if err != nil {
		return nil, err
	}
	var seen samples
	for i := range changes {
		reason := fmt.Sprintf("Probe%d", i) // which the playground leaves alone
		patch := []byte(`[{"op": "add", "path": "/status/reason", "value": "` + reason + `"}]`)
		start := time.Now()
		if _, err := api.CoreV1().Pods(namespace).Patch(c.ctx, pod.Name, types.JSONPatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
			return nil, fmt.Errorf("change pod %s: %w", pod.Name, err)
		}
		at, err := term.until(c.ctx, "the changed pod", func(lines []string) bool { return strings.Contains(lines[row], " "+reason+" ") })
		if err != nil {
			return nil, err
		}
		seen = append(seen, at.Sub(start))
	}
	return seen, nil
}

// named returns the pod whose name is shown, perhaps shortened in the middle.
func (c *cluster) named(api kubernetes.Interface, namespace, shown string) (*corev1.Pod, error) {
	pods, err := api.CoreV1().Pods(namespace).List(c.ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list pods in %s: %w", namespace, err)
	}
	begin, end, _ := strings.Cut(shown, "…")
	for i := range pods.Items {
		if name := pods.Items[i].Name; strings.HasPrefix(name, begin) && strings.HasSuffix(name, end) {
			return &pods.Items[i], nil
		}
	}
	return nil, fmt.Errorf("no pod in %s is called %s", namespace, shown)
}
