package store

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
)

// Several subscriptions are heard of, taken and given back together.
func TestSources(t *testing.T) {
	inBubble(t, 20, Options{Linger: -1}, func(t *testing.T, c *cluster) {
		s, have := NewSources[string](), map[string]int{}
		count := func(key string) func(Delta[*pod]) {
			return func(d Delta[*pod]) {
				if d.Reset {
					have[key] = 0
				}
				have[key] += len(d.Added) - len(d.Removed)
			}
		}
		read := map[string]Status{}
		take := func() { s.Take(func(key string, st Status) { read[key] = st }) }
		s.Add(SourceOf("all", c.hub, podKind(), Scope{}, count("all")))
		s.Add(SourceOf("shop", c.hub, podKind(), Scope{Namespace: "shop"}, count("shop")))
		synctest.Wait()
		<-s.Changed()
		take()
		want := map[string]int{"all": 20, "shop": 10}
		if !maps.Equal(have, want) || read["all"].Phase != Live || read["shop"].Phase != Live {
			t.Errorf("%v, want %v; %v", have, want, read)
		}
		if got := s.Keys(); !slices.Equal(got, []string{"all", "shop"}) {
			t.Error(got)
		}

		c.Put(newCorePod(20), newCorePod(21))
		<-s.Changed()
		synctest.Wait() // until the other has passed it on too
		if st := s.Statuses(); st["all"].Loaded != 22 || st["shop"].Loaded != 11 || have["all"] != 20 {
			t.Errorf("%v before the second look, which has %v", st, have)
		}
		s.Add(SourceOf("late", c.hub, podKind(), Scope{Namespace: "batch"}, count("late")))
		synctest.Wait()
		take()
		if want := map[string]int{"all": 22, "shop": 11, "late": 11}; !maps.Equal(have, want) {
			t.Errorf("%v, want %v", have, want)
		}

		s.Close()
		synctest.Wait()
		if c.hub.open() != 0 || c.Watches("pods") != 0 {
			t.Errorf("%d stores, %d watches after the end", c.hub.open(), c.Watches("pods"))
		}
	})
}
