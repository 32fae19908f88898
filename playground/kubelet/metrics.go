package kubelet

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"quarterdeck/playground/kubelet/program"
)

// meter adds up what containers used between two scrapes.
type meter struct {
	mu    sync.Mutex
	total map[string]counter // by container ID or node name
}

// counter is CPU time used up to a moment.
type counter struct {
	seconds float64
	at      time.Time
}

func newMeter() *meter { return &meter{total: map[string]counter{}} }

// add uses cores from the last time to the time now, at first from the time
// since, and returns the total in seconds.
func (m *meter) add(key string, cores float64, since, now time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, known := m.total[key]
	if !known {
		c.at = since
	}
	if elapsed := now.Sub(c.at).Seconds(); elapsed > 0 {
		c.seconds += cores * elapsed
		c.at = now
	}
	m.total[key] = c
	return c.seconds
}

// forget drops what was not scraped for an hour.
func (m *meter) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, c := range m.total {
		if now.Sub(c.at) > time.Hour {
			delete(m.total, key)
		}
	}
}

// metrics answers metrics-server with what the pods of a node use.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	node, ok := s.agent.site.node(r.PathValue("node"))
	if !ok || stopped(node) {
		fail(w, errNoKubelet)
		return
	}
	now := time.Now()
	s.meter.forget(now)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	// What the system itself uses.
	cores, memory := 0.09, int64(900<<20)
	for _, pod := range s.agent.podsOn(node.Name) {
		specs := append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
		statuses := append(append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
		for i := range statuses {
			if statuses[i].State.Running == nil || i >= len(specs) {
				continue
			}
			use := s.use(pod, &specs[i], &statuses[i], now)
			cores += use.CPU / 1000
			memory += use.Memory
			s.writeUse(w, pod, &statuses[i], use, now)
		}
	}
	since := now.Add(-time.Minute)
	fmt.Fprintf(w, "node_cpu_usage_seconds_total %f %d\n", s.meter.add(node.Name, cores, since, now), now.UnixMilli())
	fmt.Fprintf(w, "node_memory_working_set_bytes %d %d\n", memory, now.UnixMilli())
}

func (s *server) use(pod *corev1.Pod, spec *corev1.Container, status *corev1.ContainerStatus, now time.Time) program.Usage {
	prog, _ := program.Lookup(spec.Image)
	share := 1
	if prog.Load > 0 {
		share = s.agent.peers(pod.Namespace, spec.Image)
	}
	seed := runID(pod.UID, spec.Name, 0)
	return prog.Use(seed, status.State.Running.StartedAt.Time, now, share, spec.Resources.Limits.Cpu().MilliValue())
}

func (s *server) writeUse(w io.Writer, pod *corev1.Pod, status *corev1.ContainerStatus, use program.Usage, now time.Time) {
	started := status.State.Running.StartedAt.Time
	id := status.ContainerID
	if id == "" {
		id = string(pod.UID) + "/" + status.Name
	}
	seconds := s.meter.add(id, use.CPU/1000, later(started, now.Add(-time.Minute)), now)
	labels := fmt.Sprintf("{container=%q,namespace=%q,pod=%q}", status.Name, pod.Namespace, pod.Name)
	fmt.Fprintf(w, "container_cpu_usage_seconds_total%s %f %d\n", labels, seconds+0.001, now.UnixMilli())
	fmt.Fprintf(w, "container_memory_working_set_bytes%s %d %d\n", labels, use.Memory, now.UnixMilli())
	fmt.Fprintf(w, "container_start_time_seconds%s %d\n", labels, started.Unix())
}

// peers counts the ready pods of a namespace with a container of the same
// image repository: those that share its load.
func (a *agent) peers(namespace, image string) int {
	n := 0
	want := repository(image)
	objects, err := a.pods.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	if err != nil {
		return 0 // the index exists
	}
	for _, obj := range objects {
		pod := obj.(*corev1.Pod)
		if !isReady(pod) {
			continue
		}
		for i := range pod.Spec.Containers {
			if repository(pod.Spec.Containers[i].Image) == want {
				n++
				break
			}
		}
	}
	return n
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
