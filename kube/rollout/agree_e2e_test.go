//go:build e2e

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/kubectl/pkg/polymorphichelpers"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// steps compares what is said of every version of every workload with kubectl.
type steps struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	seen  map[string]int // versions, by kind and whether it was done
	wrong []string
}

// compareWithKubectl watches all workloads of the cluster until end is called.
func (c *cluster) compareWithKubectl(t *testing.T) *steps {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &steps{cancel: cancel, seen: map[string]int{}}
	for _, kind := range []store.Kind[*object.Workload]{object.Deployments(), object.StatefulSets(), object.DaemonSets()} {
		watcher, err := c.admin.Objects().Resource(kind.GVR).Watch(ctx, metav1.ListOptions{TimeoutSeconds: new(int64(3600))})
		if err != nil {
			t.Fatal(err)
		}
		s.wg.Go(func() {
			defer watcher.Stop()
			s.compare(ctx, kind, watcher.ResultChan())
		})
	}
	return s
}

func (s *steps) compare(ctx context.Context, kind store.Kind[*object.Workload], events <-chan watch.Event) {
	for e := range events {
		if ctx.Err() != nil {
			return // which the watch takes for an error
		}
		u, ok := e.Object.(*unstructured.Unstructured)
		if !ok || e.Type == watch.Error {
			s.note("", fmt.Sprintf("the watch of %s ended: %v", kind.Kind, e.Object))
			return
		}
		viewer, err := polymorphichelpers.StatusViewerFor(u.GroupVersionKind().GroupKind())
		if err != nil {
			s.note("", err.Error())
			return
		}
		said, finished, err := viewer.Status(u, 0)
		if err != nil {
			said, finished = err.Error(), false
		}
		raw, err := json.Marshal(map[string]any{"apiVersion": u.GetAPIVersion(), "kind": kind.Kind + "List", "metadata": map[string]any{}, "items": []any{u.Object}})
		if err != nil {
			s.note("", err.Error())
			return
		}
		list, err := kind.Decode(raw)
		if err != nil {
			s.note("", err.Error())
			return
		}
		f := NewFleet()
		f.Workloads(kind.Kind, store.Delta[*object.Workload]{Reset: true, Added: list})
		got := f.List(time.Now())[0]
		wrong := ""
		if got.Done != finished || got.State == Complete && got.Counts.Old > 0 {
			wrong = fmt.Sprintf("%s at version %s is %s, done %v: kubectl says %s", got.Ref().Where(), u.GetResourceVersion(), got.State, got.Done, said)
		}
		s.note(fmt.Sprintf("%s done %v", kind.Kind, finished), wrong)
	}
}

func (s *steps) note(what, wrong string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what != "" {
		s.seen[what]++
	}
	if wrong != "" {
		s.wrong = append(s.wrong, wrong)
	}
}

func (s *steps) end(t *testing.T) {
	t.Helper()
	s.cancel()
	s.wg.Wait()
	for _, w := range s.wrong {
		t.Error(w)
	}
	for _, kind := range kinds() {
		for _, finished := range []bool{true, false} {
			if s.seen[fmt.Sprintf("%s done %v", kind, finished)] == 0 {
				t.Errorf("no %s was seen, done %v", kind, finished)
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(s.seen)) {
		t.Logf("%s: %d versions", what, s.seen[what])
	}
}
