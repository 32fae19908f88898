package program_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"quarterdeck/playground/kubelet/program"
)

func container(image string, change func(*corev1.Container)) *corev1.Container {
	c := &corev1.Container{Name: "app", Image: image}
	if change != nil {
		change(c)
	}
	return c
}

func TestLookup(t *testing.T) {
	tests := []struct {
		image  string
		name   string
		pulled bool
	}{
		{"registry.example.com/shop/cart:v1.9.0", "cart", true},
		{"registry.example.com/shop/cart:v1.9.1", "", false},
		{"registry.example.com/shop/cart", "", false}, // latest was never pushed
		{"registry.example.com:5000/shop/cart:v1.9.0@sha256:0123", "cart", true},
		{"docker.io/library/unheard-of:1", "unheard-of", true},
		{"localhost:5000/unheard-of", "unheard-of", true},
	}
	for _, tt := range tests {
		p, err := program.Lookup(tt.image)
		var missing *program.PullError
		if got := !errors.As(err, &missing); got != tt.pulled {
			t.Errorf("Lookup(%q): pulled = %v, want %v", tt.image, got, tt.pulled)
		}
		if p.Name != tt.name {
			t.Errorf("Lookup(%q).Name = %q, want %q", tt.image, p.Name, tt.name)
		}
	}
}

func TestEnd(t *testing.T) {
	liveness := func(path string) func(*corev1.Container) {
		return func(c *corev1.Container) {
			c.LivenessProbe = &corev1.Probe{PeriodSeconds: 5, FailureThreshold: 2}
			c.LivenessProbe.HTTPGet = &corev1.HTTPGetAction{Path: path}
		}
	}
	limit := func(memory string) func(*corev1.Container) {
		return func(c *corev1.Container) {
			c.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}
		}
	}
	env := func(c *corev1.Container) { c.Env = []corev1.EnvVar{{Name: "DB_URL", Value: "postgres://"}} }
	tests := []struct {
		name      string
		container *corev1.Container
		role      program.Role
		ends      bool
		code      int32
		reason    string
	}{
		{"a service runs on", container("shop/checkout:v2.3.0", nil), program.Service, false, 0, ""},
		{"a task completes", container("shop/checkout:v2.3.0", nil), program.Task, true, 0, "Completed"},
		{"a variable is missing", container("shop/checkout:v2.3.1", nil), program.Service, true, 1, "Error"},
		{"the variable is set", container("shop/checkout:v2.3.1", env), program.Service, false, 0, ""},
		{"the limit is too low", container("library/nats:2.12.1", limit("128Mi")), program.Service, true, 137, "OOMKilled"},
		{"the limit is enough", container("library/nats:2.12.1", limit("256Mi")), program.Service, false, 0, ""},
		{"the liveness probe fails", container("shop/cart:v1.9.0", liveness("/nope")), program.Service, true, 137, "Error"},
		{"the liveness probe passes", container("shop/cart:v1.9.0", liveness("/livez")), program.Service, false, 0, ""},
		{"a batch program ends by itself", container("shop/importer:v2.0.0", nil), program.Task, true, 0, "Completed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := program.Lookup(tt.container.Image)
			if err != nil {
				t.Fatal(err)
			}
			end, ends := p.End(tt.container, tt.role, 7)
			if ends != tt.ends || end.Code != tt.code || end.Reason != tt.reason {
				t.Errorf("End = %+v, %v; want code %d, reason %q, %v", end, ends, tt.code, tt.reason, tt.ends)
			}
			if ends && end.After < time.Second {
				t.Errorf("it ends after %v, before it can be seen running", end.After)
			}
		})
	}
}

func TestReady(t *testing.T) {
	probe := func(path string) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path}}}
	}
	for image, want := range map[string]string{
		"shop/fraud-check:2026.11": "",
		"shop/fraud-check:2026.12": "HTTP probe failed with statuscode: 503",
	} {
		p, err := program.Lookup(image)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Ready(probe("/readyz")); got != want {
			t.Errorf("%s is ready: %q, want %q", image, got, want)
		}
		if got := p.Ready(probe("/typo")); got == "" {
			t.Errorf("%s answers a path that it does not have", image)
		}
	}
}

func run(t *testing.T, image string) program.Run {
	t.Helper()
	p, err := program.Lookup(image)
	if err != nil {
		t.Fatal(err)
	}
	return program.Run{Program: p, Seed: 42, Start: time.Date(2026, 11, 22, 8, 0, 0, 400_000_000, time.UTC)}
}

// Whatever piece of a log is asked for, it is a piece of the same log.
func TestLogIsOneLog(t *testing.T) {
	for _, image := range []string{"shop/search:3.5.0", "shop/catalog:v3.2.0", "shop/storefront:5.12.0", "library/postgres:18.1", "k8s/kube-proxy:v1.36.3", "shop/cart:v1.9.0", "shop/checkout:v2.3.0"} {
		t.Run(image, func(t *testing.T) {
			r := run(t, image)
			end := r.Start.Add(20 * time.Minute)
			whole := slices.Collect(r.Lines(time.Time{}, end))
			if len(whole) < 60 {
				t.Fatalf("only %d lines in 20 minutes", len(whole))
			}
			if !slices.IsSortedFunc(whole, func(a, b program.Line) int { return a.Time.Compare(b.Time) }) {
				t.Error("the lines are not in order")
			}
			for _, line := range whole {
				if strings.ContainsAny(line.Text, "\n\r\x1b") || line.Time.Before(r.Start.Truncate(time.Second)) || !line.Time.Before(end) {
					t.Fatalf("odd line %+v", line)
				}
			}
			middle := r.Start.Add(433*time.Second + 345*time.Millisecond)
			halves := slices.Concat(slices.Collect(r.Lines(time.Time{}, middle)), slices.Collect(r.Lines(middle, end)))
			if !slices.Equal(halves, whole) {
				t.Error("two halves differ from the whole")
			}
			var reader program.Reader
			var steps []program.Line
			for from := (time.Time{}); from.Before(end); {
				to := end
				if next := from.Add(70 * time.Millisecond); !from.IsZero() && next.Before(end) {
					to = next
				} else if from.IsZero() {
					to = r.Start
				}
				steps = slices.AppendSeq(steps, reader.Lines(r, from, to))
				from = to
			}
			if !slices.Equal(steps, whole) {
				t.Error("many small steps differ from the whole")
			}
			for _, n := range []int{0, 1, 17, len(whole), len(whole) + 5} {
				if tail := r.Tail(n, end); !slices.Equal(tail, whole[len(whole)-min(n, len(whole)):]) {
					t.Errorf("the last %d lines are not the end of the whole", n)
				}
			}
		})
	}
}

// A follower of a container that ends hears its last words.
func TestReaderOfACrash(t *testing.T) {
	r := run(t, "shop/checkout:v2.3.1")
	var reader program.Reader
	from := r.Start.Truncate(time.Second).Add(time.Second)
	_ = slices.Collect(reader.Lines(r, r.Start, from.Add(time.Nanosecond))) // the second is known as it was before the end
	r.Brief, r.Stop, r.Words = true, from.Add(500*time.Millisecond), []string{"exit status 2"}
	lines := slices.Collect(reader.Lines(r, from, r.Start.Add(time.Hour)))
	if n := len(lines); n == 0 || lines[n-1].Text != "exit status 2" {
		t.Errorf("read %+v", lines)
	}
}

// A flood has the rate of its tag, and lines as long as budgets are made for.
func TestFlood(t *testing.T) {
	r := run(t, "playground/flood:1000")
	lines, bytes := 0, 0
	for line := range r.Lines(r.Start, r.Start.Add(time.Minute)) {
		lines, bytes = lines+1, bytes+len(line.Text)
	}
	if lines < 55_000 || lines > 70_000 || bytes/lines < 145 || bytes/lines > 155 {
		t.Errorf("%d lines a minute, of %d bytes each", lines, bytes/lines)
	}
}

func TestLogOfACrash(t *testing.T) {
	r := run(t, "shop/checkout:v2.3.1")
	r.Brief, r.Stop, r.Words = true, r.Start.Add(1300*time.Millisecond), []string{"panic: missing env DB_URL", "exit status 2"}
	lines := r.Tail(100, r.Start.Add(time.Hour))
	var texts []string
	for _, line := range lines {
		texts = append(texts, line.Text)
	}
	if len(texts) < 3 || !slices.Equal(texts[len(texts)-2:], r.Words) {
		t.Errorf("the log does not end with the last words: %q", texts)
	}
	for _, text := range texts {
		if strings.Contains(text, "charge ok") {
			t.Errorf("it worked before it crashed at once: %q", texts)
		}
	}
}

func TestStackTraceIsManyLines(t *testing.T) {
	r := run(t, "shop/search:3.5.0")
	lines := slices.Collect(r.Lines(time.Time{}, r.Start.Add(30*time.Minute)))
	i := slices.IndexFunc(lines, func(l program.Line) bool { return strings.Contains(l.Text, "TimeoutException") })
	if i < 1 || !strings.Contains(lines[i-1].Text, "ERROR") || !strings.HasPrefix(lines[i+1].Text, "\tat ") {
		t.Errorf("no stack trace below its error in %d lines", len(lines))
	}
}

func TestUse(t *testing.T) {
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	search, err := program.Lookup("shop/search:3.5.0")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for minute := range 120 {
		now := start.Add(time.Duration(minute) * time.Minute)
		alone, shared := search.Use(3, start, now, 1, 0), search.Use(3, start, now, 4, 0)
		if shared.CPU >= alone.CPU {
			t.Fatalf("four share the load and each still uses %.0fm of %.0fm", shared.CPU, alone.CPU)
		}
		if capped := search.Use(3, start, now, 1, 300); capped.CPU > 300 {
			t.Fatalf("%.0fm is above the limit", capped.CPU)
		}
		if shared.Memory > search.Memory || shared.Memory <= 0 {
			t.Fatalf("memory %d of %d", shared.Memory, search.Memory)
		}
		seen[int64(shared.CPU)] = true
	}
	if len(seen) < 10 {
		t.Errorf("CPU hardly moves: %v", seen)
	}
}

func TestBetween(t *testing.T) {
	lo, hi := time.Second, 3*time.Second
	for i := range uint64(1000) {
		if d := program.Between(i, lo, hi); d < lo || d >= hi || d != program.Between(i, lo, hi) {
			t.Fatalf("Between(%d) = %v", i, d)
		}
	}
	if d := program.Between(1, lo, lo); d != lo {
		t.Errorf("an empty range gives %v", d)
	}
}

func FuzzSplit(f *testing.F) {
	for _, image := range []string{"", "a", "a:b", "h:1/a", "h:1/a:b", "a@sha256:1", "a:b@sha256:1", ":", "/:", "@"} {
		f.Add(image)
	}
	f.Fuzz(func(t *testing.T, image string) {
		repository, tag := program.Split(image)
		if strings.Contains(tag, "/") || !strings.HasPrefix(image, repository) {
			t.Errorf("Split(%q) = %q, %q", image, repository, tag)
		}
		if _, err := program.Lookup(image); err != nil && !program.Known(image) {
			t.Errorf("%q is unknown and cannot be pulled: %v", image, err)
		}
	})
}
