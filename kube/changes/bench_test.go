package changes

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// BenchmarkSecond is what a second at 500 changes costs among 50,000 pods and
// 50,000 entries: taking them, five times, and making the report.
func BenchmarkSecond(b *testing.B) {
	second(b, func(l *Timeline, now time.Time) { l.Publish(now) })
}

func second(b *testing.B, publish func(*Timeline, time.Time)) {
	b.Helper()
	l := NewTimeline(0)
	f := pods()
	pod := func(i int, restarts int32) *object.Pod {
		return &object.Pod{
			Meta:       store.Meta{UID: types.UID(fmt.Sprint("uid-", i)), Namespace: "shop", Name: fmt.Sprint("web-", i), Created: noon},
			Containers: []object.Container{{Name: "app", Image: "web:1", Restarts: restarts}},
		}
	}
	all := make([]*object.Pod, 50_000)
	for i := range all {
		all[i] = pod(i, 0)
	}
	f.take(l, store.Delta[*object.Pod]{Reset: true, Added: all}, store.Status{Phase: store.Live}, at(0))
	second := int64(1)
	for i := range all {
		l.made(podRef(fmt.Sprint(i)), nil, "", noon+int64(i/100), true)
	}
	l.Publish(at(second))
	for b.Loop() {
		second++
		for part := range 5 {
			d := store.Delta[*object.Pod]{}
			for i := range 100 {
				at := (int(second)*500 + part*100 + i) % len(all)
				next := pod(at, int32(second))
				d.Removed, d.Added = append(d.Removed, all[at]), append(d.Added, next)
				all[at] = next
			}
			f.take(l, d, store.Status{Phase: store.Live}, at(second))
			publish(l, at(second))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Seconds())/float64(b.N)*100, "%core")
}

// BenchmarkUnwatched is the same while nobody looks at changes, which are recorded
// all the same.
func BenchmarkUnwatched(b *testing.B) { second(b, func(*Timeline, time.Time) {}) }
