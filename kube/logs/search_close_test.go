package logs

import (
	"math/rand/v2"
	"testing"
)

// A search may be closed at any moment, as when the next letter is typed.
func TestSearchClosedWhileLooking(t *testing.T) {
	r := NewRing(64 << 20)
	fill(r, rand.New(rand.NewPCG(1, 2)), 200_000) //nolint:gosec // reproducible
	r.Publish()
	q, err := ParseQuery("level>=error")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		s := r.Search(q, SearchOptions{Records: true})
		if i%3 == 0 {
			<-s.Changed()
		}
		s.Close()
	}
}
