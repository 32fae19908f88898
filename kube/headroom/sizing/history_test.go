package sizing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
)

// A quantile is one of a sketch's numbers, to within five percent above.
func TestSketch(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 9))
		var s sketch
		var all []int64
		base := int64(1) << r.IntN(40)
		for range 1 + r.IntN(2000) {
			v := base + r.Int64N(base*8) // within what is kept in detail
			if r.IntN(50) == 0 {
				v = 0
			}
			s.add(v)
			all = append(all, v)
		}
		slices.Sort(all)
		for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
			want, got := float64(nearest(all, q)), float64(s.quantile(q))
			if got < want || got > want*growth+1 {
				t.Fatalf("seed %d: quantile %v of %d numbers is %v, the sketch says %v", seed, q, len(all), want, got)
			}
		}
		if s.max != all[len(all)-1] || s.samples != len(all) || len(s.buckets) > mostBuckets {
			t.Fatalf("seed %d: %d of %d, max %d of %d, %d buckets", seed, s.samples, len(all), s.max, all[len(all)-1], len(s.buckets))
		}
	}
	if (&sketch{}).quantile(p95) != 0 {
		t.Error("of nothing")
	}
}

// However widely numbers are spread, a sketch stays small and true at its upper
// end.
func TestSketchIsBounded(t *testing.T) {
	var s sketch
	for i := range 62 {
		for range 10 {
			s.add(1 << i)
		}
	}
	if len(s.buckets) > mostBuckets {
		t.Errorf("%d buckets", len(s.buckets))
	}
	if got, want := float64(s.quantile(p95)), float64(int64(1)<<58); got < want || got > want*growth {
		t.Errorf("%v, want %v", got, want)
	}
}

// snapshots calls test with what a metrics API says that changes, poll by poll,
// in a bubble: time passes between polls as test lets it.
func snapshots(t *testing.T, test func(t *testing.T, say func(items ...string) *metrics.Snapshot)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		client, err := s.REST(schema.GroupVersion{Version: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		test(t, func(items ...string) *metrics.Snapshot {
			s.Serve("/apis/metrics.k8s.io/v1beta1/pods", `{"apiVersion":"metrics.k8s.io/v1beta1","items":[`+strings.Join(items, ",")+`]}`)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			sub := metrics.New(client, time.Hour).Subscribe(ctx, metrics.Pods(""))
			<-sub.Changed()
			if sub.Snapshot().Err != nil {
				t.Fatal(sub.Snapshot().Err)
			}
			return sub.Snapshot()
		})
	})
}

func item(pod string, cpu, memory int) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop"},"window":"15s","containers":[{"name":"app","usage":{"cpu":"%dm","memory":"%dMi"}}]}`, pod, cpu, memory)
}

func TestHistory(t *testing.T) {
	second := pod("a", object.Resources{}, object.Resources{}, func(p *object.Pod) { p.Name = "a-1" })
	pods := []*object.Pod{pod("a", object.Resources{}, object.Resources{}), second, pod("b", object.Resources{}, object.Resources{}, func(p *object.Pod) { p.Phase = "Failed" })}
	snapshots(t, func(t *testing.T, say func(...string) *metrics.Snapshot) {
		h := NewHistory()
		add := func(s *metrics.Snapshot) { h.Add(s, slices.Values(pods)) }
		first := say(item("a-0", 100, 50), item("a-1", 300, 10), item("b-0", 9, 9), item("elsewhere", 9, 9))
		add(first)
		add(first) // the same again
		add(nil)
		add(&metrics.Snapshot{State: metrics.Failed, At: first.At.Add(time.Hour)})
		u, ok := h.Use(key("a"))
		if !ok || u.Samples != 2 || u.Span != 0 || u.Max != amounts(300, 50) || u.P95.CPU != 300 {
			t.Fatalf("%+v, %v", u, ok)
		}
		if _, ok := h.Use(key("b")); ok {
			t.Error("a pod that has ended is followed")
		}
		time.Sleep(time.Minute)
		add(say(item("a-0", 100, 70)))
		time.Sleep(time.Hour) // nobody looked
		add(say(item("a-0", 100, 60)))
		time.Sleep(2 * time.Minute)
		add(say(item("a-0", 100, 60)))
		if u, _ := h.Use(key("a")); u.Samples != 5 || u.Span != 3*time.Minute || u.Max != amounts(300, 70) {
			t.Errorf("%+v", u)
		}
	})
}

func TestHistoryIsBounded(t *testing.T) {
	var pods []*object.Pod
	var items []string
	for i := range 5 {
		name := fmt.Sprint("w", i)
		pods = append(pods, pod(name, object.Resources{}, object.Resources{}))
		items = append(items, item(name+"-0", 1, 1))
	}
	snapshots(t, func(t *testing.T, say func(...string) *metrics.Snapshot) {
		h := NewHistory()
		h.limit = 3
		h.Add(say(items...), slices.Values(pods))
		if len(h.of) != 3 || h.Dropped() != 2 {
			t.Errorf("%d, %d dropped", len(h.of), h.Dropped())
		}
		time.Sleep(2 * forgotten)
		h.Add(say(items[3:]...), slices.Values(pods[3:]))
		if _, ok := h.Use(key("w4")); !ok || h.Dropped() != 0 {
			t.Errorf("those that are gone make no room: %d, %d dropped", len(h.of), h.Dropped())
		}
	})
}
