//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube/rig"
)

// The budgets of logs.
const (
	floodPods      = 20
	floodRate      = 20_000 // lines a second, of all pods
	appendToScreen = 50 * time.Millisecond
	memoryGrowth   = 1.1 // at most so much more in the end than when the buffer was first full
)

const (
	watchedFor   = 30 * time.Second // lines are timed
	memoryEvery  = 5 * time.Second  // memory is looked at
	floodKeys    = 30               // of each kind
	clockOfLines = "15:04:05.000"
)

// flood is a cluster in which some pods write logs without a pause.
type flood struct {
	*bench
	api  kubernetes.Interface
	pods []corev1.Pod
}

// logs measures logs. long is how long memory is watched.
func (b *bench) logs(long time.Duration) error {
	t := &table{title: fmt.Sprintf("Logs of %d pods that write %s lines of 150 bytes a second", floodPods, thousands(floodRate))}
	b.progress("%s: starting a playground", t.title)
	p, err := rig.Start("--scenario", "empty", "--nodes", "4")
	if err != nil {
		return err
	}
	err = b.flooded(t, p, long)
	if err = errors.Join(err, p.Stop()); err != nil {
		return fmt.Errorf("measure logs: %w", err)
	}
	fmt.Print(t)
	return nil
}

func (b *bench) flooded(t *table, p *rig.Playground, long time.Duration) error {
	config, err := p.Config("")
	if err != nil {
		return err
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to the playground: %w", err)
	}
	f := &flood{bench: b, api: api}
	if err := f.begin(); err != nil {
		return err
	}
	cmd := b.command(p.Kubeconfig(), "deployments", "-n", "default")
	cmd.Env = append(cmd.Env, "TZ=UTC") // of the times on the screen
	term, err := openTerminal(cmd)
	if err != nil {
		return err
	}
	defer term.close()
	if _, err := term.until(b.ctx, "the flood's deployment", func(lines []string) bool { return strings.HasPrefix(lines[2], "▌flood ") }); err != nil {
		return err
	}
	if _, err := term.press("l"); err != nil {
		return err
	}
	start := time.Now()
	_, err = term.until(b.ctx, "the log", func(lines []string) bool {
		return strings.Contains(lines[1], fmt.Sprintf("%d containers", floodPods)) && strings.Contains(lines[1], "follow")
	})
	if err != nil {
		return err
	}
	if err := f.measureLines(t, term); err != nil {
		return err
	}
	if err := f.measureFloodKeys(t, term); err != nil {
		return err
	}
	return f.measureMemory(t, term, start.Add(long))
}

// begin starts the pods.
func (f *flood) begin() error {
	replicas, labels := int32(floodPods), map[string]string{"app": "flood"}
	image := fmt.Sprintf("registry.example.com/playground/flood:%d", floodRate/floodPods)
	_, err := f.api.AppsV1().Deployments("default").Create(f.ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "flood"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("start the flood: %w", err)
	}
	for end := time.Now().Add(limit); time.Now().Before(end); {
		list, err := f.api.CoreV1().Pods("default").List(f.ctx, metav1.ListOptions{LabelSelector: "app=flood", FieldSelector: "status.phase=Running"})
		if err != nil {
			return fmt.Errorf("wait for the flood: %w", err)
		}
		if f.pods = list.Items; len(f.pods) == floodPods {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	return fmt.Errorf("of %d pods of the flood %d run", floodPods, len(f.pods))
}

// measureLines measures how old lines are when they come on the screen, beside
// how old they are when a program gets them that does nothing else than to read
// one of the logs.
func (f *flood) measureLines(t *table, term *terminal) error {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	arrived, failed := make(chan samples, 1), make(chan error, 1)
	go func() {
		s, err := f.arrivals(ctx, &f.pods[0])
		arrived <- s
		failed <- err
	}()
	before, err := f.linesRead(term)
	if err != nil {
		return err
	}
	began := time.Now()
	using := make(chan use, 1)
	go func() {
		u, err := f.use(term, watchedFor)
		using <- u
		failed <- err
	}()
	shown, frames, err := f.shown(term, watchedFor)
	if err != nil {
		return err
	}
	u := <-using
	after, err := f.linesRead(term)
	if err != nil {
		return err
	}
	rate := float64(after-before) / time.Since(began).Seconds()
	cancel()
	reference := <-arrived
	if err := errors.Join(<-failed, <-failed); err != nil {
		return err
	}
	if len(shown) == 0 || len(reference) == 0 {
		return errors.New("no line came on the screen")
	}
	t.add("lines a second", "≥ "+thousands(floodRate), thousands(int(rate)), rate >= 0.98*floodRate)
	t.note("a line to a program that only reads", reference.String())
	t.note("a line to the screen", shown.String())
	more := shown.median() - reference.median()
	t.add("append to screen, the difference of the medians", "≤ "+ms(appendToScreen), ms(more), more <= appendToScreen)
	t.note("frames a second", fmt.Sprintf("%.0f", float64(frames)/watchedFor.Seconds()))
	t.note("CPU meanwhile", fmt.Sprintf("%.0f %% of a core", u.cpu))
	t.note("bytes to the terminal", fmt.Sprintf("%s /s", thousands(int(u.bytes))))
	return nil
}

// arrivals reads the log of one pod and returns how old its lines were.
func (f *flood) arrivals(ctx context.Context, pod *corev1.Pod) (samples, error) {
	none := int64(0)
	body, err := f.api.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Follow: true, Timestamps: true, TailLines: &none}).Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the log of pod %s: %w", pod.Name, err)
	}
	defer body.Close() //nolint:errcheck // only read
	var ages samples
	for lines := bufio.NewScanner(body); lines.Scan(); {
		now := time.Now()
		word, _, _ := strings.Cut(lines.Text(), " ")
		if at, err := time.Parse(time.RFC3339Nano, word); err == nil {
			ages = append(ages, now.Sub(at))
		}
	}
	return ages, nil // it ends with ctx
}

// shown watches the screen and returns how old lines were when they came on it.
// All lines between the newest of one frame and that of the next come with that.
func (f *flood) shown(term *terminal, d time.Duration) (ages samples, frames int, err error) {
	var newest time.Time
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	seen := int64(-1)
	for end := time.Now().Add(d); time.Now().Before(end); {
		select {
		case <-look.C:
		case <-f.ctx.Done():
			return nil, 0, f.ctx.Err()
		}
		term.mu.Lock()
		drawn := term.drawn
		term.mu.Unlock()
		if drawn == seen {
			continue
		}
		seen = drawn
		lines, at := term.lines()
		now := newestOf(lines, at)
		if !now.After(newest) {
			continue
		}
		frames++
		if !newest.IsZero() {
			for line := newest.Add(time.Millisecond); !line.After(now); line = line.Add(time.Millisecond) {
				ages = append(ages, at.Sub(line))
			}
		}
		newest = now
	}
	return ages, frames, nil
}

// newestOf returns the time of the newest line on the screen, which was drawn at
// a time. The screen has no date.
func newestOf(lines []string, at time.Time) (newest time.Time) {
	day := at.UTC().Truncate(24 * time.Hour)
	for _, line := range lines[2 : len(lines)-1] {
		if len(line) <= len(clockOfLines) {
			continue
		}
		clock, err := time.Parse(clockOfLines, line[1:1+len(clockOfLines)])
		if err != nil {
			continue
		}
		t := day.Add(clock.Sub(clock.Truncate(24 * time.Hour)))
		if t.After(at.Add(time.Hour)) { // of the day before
			t = t.AddDate(0, 0, -1)
		}
		if t.After(newest) {
			newest = t
		}
	}
	return newest
}

var linesWord = regexp.MustCompile(`containers, ([0-9,]+) lines`)

// linesRead returns how many lines were read, which the list of containers says
// however much else there is to say.
func (f *flood) linesRead(term *terminal) (int, error) {
	if _, err := term.press("r"); err != nil {
		return 0, err
	}
	n := 0
	_, err := term.until(f.ctx, "the list of containers", func(lines []string) bool {
		if m := linesWord.FindStringSubmatch(lines[1]); m != nil {
			n, _ = strconv.Atoi(strings.ReplaceAll(m[1], ",", "")) // digits
		}
		return n > 0
	})
	if err != nil {
		return 0, err
	}
	if _, err := term.press("\x1b"); err != nil {
		return 0, err
	}
	_, err = term.until(f.ctx, "the log again", func(lines []string) bool { return strings.Contains(lines[1], "follow") })
	return n, err
}

// measureFloodKeys types keys while lines pour in, and measures how soon each is
// seen to have done what it does.
func (f *flood) measureFloodKeys(t *table, term *terminal) error {
	head := func(word string) func([]string) bool {
		return func(lines []string) bool { return strings.HasSuffix(strings.TrimSpace(lines[1]), word) }
	}
	prompt := func(is bool) func([]string) bool {
		return func(lines []string) bool { return strings.HasPrefix(strings.TrimSpace(lines[len(lines)-1]), "/") == is }
	}
	cursor := func(lines []string) int {
		return slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "▌") })
	}
	var took samples
	press := func(key, what string, ok func([]string) bool) error {
		select { // not in step with the frames
		case <-time.After(50*time.Millisecond + rand.N(50*time.Millisecond)):
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
		at, err := term.press(key)
		if err != nil {
			return err
		}
		seen, err := term.until(f.ctx, what, ok)
		took = append(took, seen.Sub(at))
		return err
	}
	for range floodKeys {
		if err := errors.Join(press("/", "a prompt", prompt(true)), press("\x1b", "no prompt", prompt(false)), press(" ", "that it is paused, and its cursor", func(lines []string) bool { return head("paused")(lines) && cursor(lines) >= 0 })); err != nil {
			return err
		}
		screen, _ := term.lines()
		was := cursor(screen)
		if err := press("k", "the cursor one line up", func(lines []string) bool { i := cursor(lines); return i >= 0 && i == was-1 }); err != nil {
			return err
		}
		if err := press(" ", "that it follows", head("follow")); err != nil {
			return err
		}
	}
	t.add("key to screen meanwhile", "p99 ≤ "+ms(keyToScreen), took.String(), took.quantile(0.99) <= keyToScreen)
	return nil
}

// measureMemory watches the memory of the program until end.
func (f *flood) measureMemory(t *table, term *terminal, end time.Time) error {
	pid := term.cmd.Process.Pid
	var sizes []int64 // MiB, since the buffer is full
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	began := time.Now()
	for time.Now().Before(end) {
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
		lines, _ := term.lines()
		resident, err := memory(pid, "VmRSS")
		if err != nil {
			return err
		}
		full := strings.Contains(lines[1], "oldest gone")
		f.progress("after %s: %d MiB, buffer full %v", time.Since(began).Round(time.Second), resident, full)
		if full {
			sizes = append(sizes, resident)
		}
	}
	peak, err := memory(pid, "VmHWM")
	if err != nil {
		return err
	}
	n, err := f.linesRead(term)
	if err != nil {
		return err
	}
	t.note("lines read in the end", thousands(n))
	if len(sizes) < 8 {
		t.note("resident memory", fmt.Sprintf("peak %d MiB; the flood was too short for the buffer of 256 MiB to be full for long", peak))
		return nil
	}
	// Each is the mean of a quarter: the collector's saw teeth are no growth.
	first, last := mean(sizes[:len(sizes)/4]), mean(sizes[len(sizes)*3/4:])
	t.add("resident memory with a full buffer of 256 MiB, first and last quarter of the time", fmt.Sprintf("≤ %.1f ×", memoryGrowth),
		fmt.Sprintf("%.0f MiB, then %.0f MiB (most %d MiB, %d looks)", first, last, slices.Max(sizes), len(sizes)), last <= memoryGrowth*first)
	return nil
}

func mean(sizes []int64) float64 {
	sum := int64(0)
	for _, n := range sizes {
		sum += n
	}
	return float64(sum) / float64(len(sizes))
}
