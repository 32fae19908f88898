package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func newPod(uid int, phase string) *pod {
	return &pod{Meta: Meta{UID: types.UID(fmt.Sprint(uid)), Name: fmt.Sprint("p", uid)}, Phase: phase}
}

// at is the store's set of objects.
func (s *Store[T]) at() map[T]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[T]struct{}{}
	for _, o := range s.items {
		all[o] = struct{}{}
	}
	return all
}

func same[T Object](t *testing.T, got, want map[T]struct{}) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d objects, want %d", len(got), len(want))
	}
	for o := range want {
		if _, ok := got[o]; !ok {
			t.Fatalf("%v is missing", o)
		}
	}
}

// mutate changes a store at random: new, changed and deleted objects, and now
// and then a list that leaves some out.
func mutate(s *Store[*pod], r *rand.Rand, steps, objects int) {
	for range steps {
		switch r.IntN(20) {
		case 0, 1, 2, 3, 4:
			var gone []types.UID
			for range 1 + r.IntN(3) {
				gone = append(gone, types.UID(fmt.Sprint(r.IntN(objects))))
			}
			s.remove(gone)
		case 5:
			seen := map[types.UID]struct{}{}
			for i := range objects {
				if r.IntN(4) > 0 {
					seen[types.UID(fmt.Sprint(i))] = struct{}{}
				}
			}
			s.keepOnly(seen)
		default:
			var set []*pod
			for range 1 + r.IntN(4) {
				set = append(set, newPod(r.IntN(objects), fmt.Sprint(r.IntN(3))))
			}
			s.set(set)
		}
	}
}

// Whatever changes between two looks, applying the deltas gives the store.
func TestDeltasAddUp(t *testing.T) {
	for _, objects := range []int{1, 5, 50, 3000} {
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, uint64(objects)))
			s := newStore[*pod](time.Now)
			mutate(s, r, r.IntN(30), objects)
			f := follow(s.subscribe(func() {}))
			for range 30 {
				f.take(t)
				same(t, f.have, s.at())
				mutate(s, r, r.IntN(40), objects)
			}
		}
	}
}

// The same while others write and read.
func TestDeltasUnderConcurrency(t *testing.T) {
	s := newStore[*pod](time.Now)
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	followers := make([]*follower[*pod], 3)
	for i := range followers {
		followers[i] = follow(s.subscribe(func() {}))
		reading.Go(func() {
			for {
				select {
				case <-followers[i].sub.Changed():
					followers[i].take(t)
				case <-done:
					return
				}
			}
		})
	}
	writing.Go(func() { mutate(s, rand.New(rand.NewPCG(1, 2)), 5000, 400) })
	writing.Go(func() {
		for i := range 200 {
			f := follow(s.subscribe(func() {}))
			f.take(t)
			f.take(t)
			_ = f.sub.Status()
			f.sub.Close()
			s.setPhase(Phase(i%2)+Live, nil)
		}
	})
	writing.Wait()
	close(done)
	reading.Wait()
	for _, f := range followers {
		f.take(t)
		same(t, f.have, s.at())
	}
}

// A subscriber that does not look for long gets everything anew instead of a
// list of changes that is longer.
func TestPendingIsBounded(t *testing.T) {
	s := newStore[*pod](time.Now)
	f := follow(s.subscribe(func() {}))
	f.take(t)
	for i := range 10_000 {
		s.set([]*pod{newPod(i, "a")})
		s.remove([]types.UID{types.UID(fmt.Sprint(i))})
		if n := len(f.sub.pending); n > 1001 {
			t.Fatalf("%d changes are remembered for a store of %d objects", n, i)
		}
	}
	f.take(t)
	same(t, f.have, s.at())
}

func TestDelta(t *testing.T) {
	old, changed, other := newPod(1, "a"), newPod(1, "b"), newPod(2, "a")
	for name, test := range map[string]struct {
		do             func(*Store[*pod])
		added, removed []*pod
	}{
		"nothing":             {do: func(*Store[*pod]) {}},
		"new":                 {func(s *Store[*pod]) { s.set([]*pod{other}) }, []*pod{other}, nil},
		"changed":             {func(s *Store[*pod]) { s.set([]*pod{changed}) }, []*pod{changed}, []*pod{old}},
		"changed and back":    {func(s *Store[*pod]) { s.set([]*pod{changed}); s.set([]*pod{old}) }, nil, nil},
		"deleted":             {func(s *Store[*pod]) { s.remove([]types.UID{"1"}) }, nil, []*pod{old}},
		"deleted and new":     {func(s *Store[*pod]) { s.remove([]types.UID{"1"}); s.set([]*pod{changed}) }, []*pod{changed}, []*pod{old}},
		"new and deleted":     {func(s *Store[*pod]) { s.set([]*pod{other}); s.remove([]types.UID{"2"}) }, nil, nil},
		"unknown deleted":     {func(s *Store[*pod]) { s.remove([]types.UID{"3"}) }, nil, nil},
		"not in the new list": {func(s *Store[*pod]) { s.keepOnly(map[types.UID]struct{}{}) }, nil, []*pod{old}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore[*pod](time.Now)
			s.set([]*pod{old})
			sub := s.subscribe(func() {})
			if d, _ := sub.Take(); !d.Reset || len(d.Added) != 1 || d.Empty() {
				t.Fatalf("first delta %+v", d)
			}
			test.do(s)
			d, _ := sub.Take()
			if d.Reset || fmt.Sprint(d.Added) != fmt.Sprint(test.added) || fmt.Sprint(d.Removed) != fmt.Sprint(test.removed) {
				t.Errorf("added %v, removed %v, reset %v", d.Added, d.Removed, d.Reset)
			}
			if d.Empty() != (len(test.added)+len(test.removed) == 0) {
				t.Errorf("empty: %v", d.Empty())
			}
		})
	}
}

func TestPhaseKeepsItsSince(t *testing.T) {
	now := time.Unix(1000, 0)
	s := newStore[*pod](func() time.Time { now = now.Add(time.Second); return now })
	sub := s.subscribe(func() {})
	s.setPhase(Live, nil)
	live := sub.Status()
	s.setPhase(Stale, fmt.Errorf("one"))
	first := sub.Status()
	if first.Since != live.Since {
		t.Errorf("stale since %v, and last live at %v", first.Since, live.Since)
	}
	s.setPhase(Stale, fmt.Errorf("two"))
	second := sub.Status()
	if first.Since != second.Since || second.Err.Error() != "two" {
		t.Errorf("since %v, then %v (%v)", first.Since, second.Since, second.Err)
	}
	s.setPhase(Live, nil)
	if st := sub.Status(); st.Since.Equal(first.Since) || st.Err != nil {
		t.Errorf("live since %v, %v", st.Since, st.Err)
	}
	words := ""
	for p := Syncing; p <= Partial; p++ {
		words += p.String() + " "
	}
	if words != "loading live stale forbidden failed partial " {
		t.Error(words)
	}
}
