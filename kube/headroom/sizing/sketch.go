package sizing

import (
	"math"
	"slices"
)

// sketch is the distribution of a series of numbers, to within five percent, in
// a few hundred bytes however long the series is.
type sketch struct {
	buckets []bucket // ordered
	samples int
	max     int64
}

// bucket counts the numbers above growth^(at−1) up to growth^at; that of zero
// counts what is not above zero.
type bucket struct {
	at    uint16
	count uint32
}

const (
	growth      = 1.05
	mostBuckets = 64 // use that varies by more than 1.05^64, twentyfold, loses detail at its low end
)

func (s *sketch) add(v int64) {
	s.samples++
	s.max = max(s.max, v)
	var at uint16
	if v > 0 {
		at = 1 + uint16(math.Ceil(math.Log(float64(v))/math.Log(growth)))
	}
	i, ok := slices.BinarySearchFunc(s.buckets, at, func(b bucket, at uint16) int { return int(b.at) - int(at) })
	if ok {
		s.buckets[i].count++
		return
	}
	s.buckets = slices.Insert(s.buckets, i, bucket{at, 1})
	if len(s.buckets) > mostBuckets { // the low end matters least
		s.buckets[1].count += s.buckets[0].count
		s.buckets = slices.Delete(s.buckets, 0, 1)
	}
}

// quantile returns a number that the share q of the series is not above, the
// least such to within five percent; 0 of an empty series.
func (s *sketch) quantile(q float64) int64 {
	below, want := 0, int(math.Ceil(q*float64(s.samples)))
	for _, b := range s.buckets {
		below += int(b.count)
		if below < want {
			continue
		}
		if b.at == 0 {
			return 0
		}
		return min(s.max, int64(math.Ceil(math.Pow(growth, float64(b.at-1)))))
	}
	return s.max
}
