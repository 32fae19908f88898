//go:build e2e

package triage_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// sign is how an incident shows in the API: an object whose status has some
// words. With none, the object itself is the sign.
type sign struct {
	resource  schema.GroupVersionResource
	namespace string
	name      string // that the object's name begins with
	words     []string
}

func (s sign) shows(o *unstructured.Unstructured) bool {
	if o.GetNamespace() != s.namespace || !strings.HasPrefix(o.GetName(), s.name) {
		return false
	}
	status, err := json.Marshal(o.Object["status"])
	if err != nil {
		return false
	}
	for _, w := range s.words {
		if !strings.Contains(string(status), w) {
			return false
		}
	}
	return true
}

// signs remembers when each incident showed first.
type signs struct {
	mu    sync.Mutex
	shown map[string]time.Time // by the incident
}

func (s *signs) at(incident string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown[incident]
}

// observe watches for the signs of all incidents, beside what is tested and
// independent of it, until the test ends.
func (s shop) observe(t *testing.T) *signs {
	t.Helper()
	seen := &signs{shown: map[string]time.Time{}}
	of := map[schema.GroupVersionResource][]expectation{}
	for _, e := range expectations() {
		of[e.shows.resource] = append(of[e.shows.resource], e)
	}
	ctx, stop := context.WithCancel(context.Background())
	var watches sync.WaitGroup
	t.Cleanup(func() {
		stop()
		watches.Wait()
	})
	for resource, expected := range of {
		watches.Go(func() {
			for ctx.Err() == nil {
				s.watch(ctx, resource, func(o *unstructured.Unstructured) {
					at := time.Now()
					seen.mu.Lock()
					defer seen.mu.Unlock()
					for _, e := range expected {
						if seen.shown[e.incident].IsZero() && e.shows.shows(o) {
							seen.shown[e.incident] = at
						}
					}
				})
			}
		})
	}
	return seen
}

// watch hands over every version of the objects of a resource until the watch
// breaks.
func (s shop) watch(ctx context.Context, resource schema.GroupVersionResource, see func(*unstructured.Unstructured)) {
	w, err := s.dynamic.Resource(resource).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		select {
		case <-time.After(time.Second): // the next try
		case <-ctx.Done():
		}
		return
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if o, ok := event.Object.(*unstructured.Unstructured); ok && (event.Type == watch.Added || event.Type == watch.Modified) {
			see(o)
		}
	}
}
