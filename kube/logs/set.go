package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

const (
	// The kubelet ends a log when the pod is deleted. One that does not is left
	// after this time.
	goneTime = 5 * time.Second
	// Who may not list or watch pods may be allowed to read one by its name,
	// which is then asked for so often.
	pollPod = 3 * time.Second
)

// set keeps one stream for each container of the selected pods that has
// started. All but status belongs to the goroutine of run.
type set struct {
	client     *kube.Client
	book       *book
	selections []Selection
	opts       Options
	merger     *merger
	open       func(namespace, pod, container string) opener
	bounds     *bounds

	pods    map[types.UID]*podLogs
	synced  bool // what comes now was not there when we began
	streams sync.WaitGroup

	mu     sync.Mutex
	phases []store.Status // by selection
}

// podLogs is a pod that some selections want.
type podLogs struct {
	pod        *object.Pod
	wanted     map[int]*object.Pod // by selection
	containers map[string]*containerLog
	running    *atomic.Int32   // streams
	gone       context.Context // ends some time after the pod is gone
	leave      context.CancelFunc
}

type containerLog struct {
	id     SourceID
	stream *stream // nil until the container has started
}

// news is a change of the pods of one selection.
type news struct {
	selection int
	delta     store.Delta[*object.Pod]
	status    store.Status
}

func newSet(c *kube.Client, b *book, o Options) *set {
	streams := o.Streams
	if streams <= 0 {
		streams = DefaultStreams
	}
	return &set{
		client: c, book: b, opts: o, selections: o.Selections, bounds: newBounds(streams),
		pods: map[types.UID]*podLogs{}, phases: make([]store.Status, len(o.Selections)),
	}
}

// status returns the worst of how far the pods of the selections are known.
func (s *set) status() store.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	worst := store.Status{Phase: store.Live}
	loaded, total := 0, 0
	for i, st := range s.phases {
		loaded, total = loaded+st.Loaded, total+st.Total
		if i == 0 || rank(st.Phase) > rank(worst.Phase) {
			worst = st
		}
	}
	worst.Loaded, worst.Total = loaded, total
	return worst
}

func rank(p store.Phase) int {
	return slices.Index([]store.Phase{store.Live, store.Partial, store.Stale, store.Syncing, store.Failed, store.Forbidden}, p)
}

// run follows the pods until ctx is done or, if the log is not followed, reads
// those that are there. It returns when all streams have ended.
func (s *set) run(ctx context.Context) {
	defer s.streams.Wait()
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	in := make(chan news)
	for i, sel := range s.selections {
		go s.watch(watch, i, sel, in)
	}
	for len(s.selections) > 0 && (!s.synced || s.opts.Follow) {
		select {
		case <-ctx.Done():
			return
		case n := <-in:
			s.take(ctx, n)
		}
	}
}

// watch brings the pods of one selection.
func (s *set) watch(ctx context.Context, i int, sel Selection, out chan<- news) {
	defer utilruntime.HandleCrash()
	sub := store.Open(s.client.Stores, object.Pods(), sel.scope())
	defer sub.Close()
	send := func(n news) bool {
		select {
		case out <- n:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-sub.Changed():
		}
		delta, status := sub.Take()
		if sel.Pod != "" && status.Phase == store.Forbidden {
			break
		}
		if !send(news{i, delta, status}) {
			return
		}
	}
	var last []*object.Pod
	for {
		pods, err := s.get(ctx, sel)
		status := store.Status{Phase: store.Live, Loaded: len(pods), Err: err}
		switch {
		case apierrors.IsForbidden(err):
			status.Phase = store.Forbidden
		case err != nil && last != nil:
			status.Phase, pods = store.Stale, last
		case err != nil:
			status.Phase = store.Failed
		}
		last = pods
		if !send(news{i, store.Delta[*object.Pod]{Reset: true, Added: pods}, status}) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollPod):
		}
	}
}

// get reads the one pod of a selection. There may be none.
func (s *set) get(ctx context.Context, sel Selection) ([]*object.Pod, error) {
	ctx, cancel := s.client.Call(ctx)
	defer cancel()
	r, err := s.client.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: make([]corev1.Pod, 1)}
	err = r.Get().Namespace(sel.Namespace).Resource("pods").Name(sel.Pod).Do(ctx).Into(&list.Items[0])
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read pod/%s in %s: %w", sel.Pod, sel.Namespace, err)
	}
	body, err := json.Marshal(&list)
	if err != nil {
		return nil, fmt.Errorf("read pod/%s in %s: %w", sel.Pod, sel.Namespace, err)
	}
	return object.Pods().Decode(body)
}

// take applies a change.
func (s *set) take(ctx context.Context, n news) {
	sel := s.selections[n.selection]
	now := map[types.UID]bool{}
	slices.SortFunc(n.delta.Added, func(a, b *object.Pod) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	var fresh []*podLogs
	for _, p := range n.delta.Added {
		now[p.UID] = true
		if !sel.wants(p) {
			continue
		}
		l := s.pods[p.UID]
		if l == nil {
			l = &podLogs{wanted: map[int]*object.Pod{}, containers: map[string]*containerLog{}, running: &atomic.Int32{}}
			l.gone, l.leave = context.WithCancel(ctx)
			s.pods[p.UID] = l
		}
		l.pod, l.wanted[n.selection] = p, p
		fresh = append(fresh, l)
	}
	s.update(ctx, fresh)
	for _, p := range n.delta.Removed {
		if !now[p.UID] {
			s.drop(p.UID, n.selection)
		}
	}
	if n.delta.Reset {
		for uid, l := range s.pods {
			if _, was := l.wanted[n.selection]; was && !now[uid] {
				s.drop(uid, n.selection)
			}
		}
	}
	s.note(n)
}

// note remembers how far the pods of a selection are known.
func (s *set) note(n news) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phases[n.selection] = n.status
	if s.synced {
		return
	}
	for _, st := range s.phases {
		if st.Phase == store.Syncing {
			return
		}
	}
	s.synced = true
}

// drop takes a pod out that a selection does not have any more.
func (s *set) drop(uid types.UID, selection int) {
	l := s.pods[uid]
	if l == nil {
		return
	}
	delete(l.wanted, selection)
	if len(l.wanted) > 0 {
		return
	}
	delete(s.pods, uid)
	time.AfterFunc(goneTime, l.leave)
	for _, c := range l.containers {
		if c.stream == nil {
			s.book.set(c.id, Gone, nil)
			continue
		}
		last := c.stream.look()
		last.gone = true
		c.stream.see(last)
	}
}

// update starts streams for containers of these pods that have started, and
// tells those that run what their containers do.
func (s *set) update(ctx context.Context, pods []*podLogs) {
	var starting []*stream
	var of []*podLogs
	for _, l := range pods {
		for i := range l.pod.Containers {
			c := &l.pod.Containers[i]
			if !s.wanted(l, c.Name) || s.opts.Previous && c.Last == nil {
				continue
			}
			known := l.containers[c.Name]
			if known == nil {
				known = &containerLog{id: s.book.add(Source{
					Namespace: l.pod.Namespace, Pod: l.pod.Name, Container: c.Name, UID: l.pod.UID, Type: c.Type,
				})}
				l.containers[c.Name] = known
			}
			now := sightOf(c)
			if known.stream != nil {
				known.stream.see(now)
				continue
			}
			if !begun(c) {
				continue
			}
			known.stream = s.stream(l, c, known.id)
			known.stream.see(now)
			// Lines wait from now on for those of all that begin together.
			turn := time.Duration(len(starting)) * time.Second / opensPerSecond
			if known.stream.lane.opening(ctx, firstWait+turn) != nil {
				return
			}
			starting, of = append(starting, known.stream), append(of, l)
		}
	}
	for i, st := range starting {
		l := of[i]
		l.running.Add(1)
		s.streams.Go(func() {
			defer utilruntime.HandleCrash()
			s.follow(ctx, st, l)
		})
	}
}

// wanted reports whether a selection wants a container of a pod.
func (s *set) wanted(l *podLogs, container string) bool {
	for i := range l.wanted {
		if c := s.selections[i].Container; c == "" || c == container {
			return true
		}
	}
	return false
}

func (s *set) stream(l *podLogs, c *object.Container, id SourceID) *stream {
	return &stream{
		id: id, opener: s.open(l.pod.Namespace, l.pod.Name, c.Name), lane: s.merger.lane(id), book: s.book, turns: s.bounds,
		gone: l.gone, span: s.opts.Span, follow: s.opts.Follow && !s.opts.Previous, previous: s.opts.Previous,
		whole: s.synced, changed: make(chan struct{}, 1),
	}
}

// follow runs a stream, and says when the last of a pod that is gone has ended.
func (s *set) follow(ctx context.Context, st *stream, l *podLogs) {
	st.run(ctx)
	if left := l.running.Add(-1); left == 0 && st.look().gone {
		text := "pod gone"
		if st.failed {
			text = "pod gone, its last lines may be missing"
		}
		_ = st.mark(ctx, time.Now().Unix(), text) // it fails when the log is closed
	}
	_ = st.lane.close(ctx)
}

// begun reports whether a container has a log.
func begun(c *object.Container) bool {
	return c.State == object.Running || c.State == object.Terminated || c.Last != nil
}

// sightOf is what a stream has to know of its container.
func sightOf(c *object.Container) sight {
	s := sight{state: c.State, restarts: c.Restarts}
	switch {
	case c.State == object.Terminated:
		s.end, s.ended = ending(c.Reason, c.Exit), c.Since
	case c.Last != nil:
		s.end, s.ended = ending(c.Last.Reason, c.Last.Exit), c.Last.Finished
	}
	if c.State == object.Running {
		s.started = c.Since
	}
	return s
}

// ending is how a run ended in words: exit 1, OOMKilled, exit 0.
func ending(reason string, exit int32) string {
	if reason == "" || reason == "Error" || reason == "Completed" {
		return fmt.Sprintf("exit %d", exit)
	}
	return fmt.Sprintf("%s, exit %d", reason, exit)
}
