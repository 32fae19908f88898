package headroom

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	"quarterdeck/kube/object"
)

// total is a sum of int64s in 128 bits: amounts may be as large as an int64, and
// what is added must be taken away again without a trace.
type total struct {
	hi int64
	lo uint64
}

func (t *total) add(v int64) {
	lo, carry := bits.Add64(t.lo, uint64(v), 0)
	t.lo = lo
	t.hi += v>>63 + int64(carry)
}

func (t *total) sub(v int64) {
	lo, borrow := bits.Sub64(t.lo, uint64(v), 0)
	t.lo = lo
	t.hi -= v>>63 + int64(borrow)
}

// value returns the sum, the nearest int64 if it is none.
func (t total) value() int64 {
	switch {
	case t.hi == int64(t.lo)>>63:
		return int64(t.lo)
	case t.hi < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// sum is a sum of amounts.
type sum struct {
	cpu, memory, ephemeral total
	others                 []otherTotal // ordered by name
	pods                   int64
}

type otherTotal struct {
	name string
	total
}

// other returns the sum of a resource, with room made for it.
func (s *sum) other(name string) *total {
	i, ok := slices.BinarySearchFunc(s.others, name, func(o otherTotal, name string) int { return strings.Compare(o.name, name) })
	if !ok {
		s.others = slices.Insert(s.others, i, otherTotal{name: name})
	}
	return &s.others[i].total
}

func (s *sum) add(a *object.Amounts) {
	s.cpu.add(a.CPU)
	s.memory.add(a.Memory)
	s.ephemeral.add(a.Ephemeral)
	for i := range a.Others {
		s.other(a.Others[i].Name).add(a.Others[i].Value)
	}
}

func (s *sum) sub(a *object.Amounts) {
	s.cpu.sub(a.CPU)
	s.memory.sub(a.Memory)
	s.ephemeral.sub(a.Ephemeral)
	for i := range a.Others {
		s.other(a.Others[i].Name).sub(a.Others[i].Value)
	}
}

func (s *sum) addVector(v *Vector) {
	s.add(&v.Amounts)
	s.pods += v.Pods
}

// vector returns the sums. Other resources of which there is nothing are left
// out, so that a sum does not depend on what was in it before.
func (s *sum) vector() Vector {
	v := Vector{
		Amounts: object.Amounts{
			Resources: object.Resources{CPU: s.cpu.value(), Memory: s.memory.value()}, Ephemeral: s.ephemeral.value(),
		},
		Pods: s.pods,
	}
	for i := range s.others {
		if n := s.others[i].value(); n != 0 {
			v.Others = append(v.Others, object.Amount{Name: s.others[i].name, Value: n})
		}
	}
	return v
}

// minus returns a − b, of the other resources those that either has.
func minus(a, b *Vector) Vector {
	var s sum
	s.addVector(a)
	s.sub(&b.Amounts)
	s.pods -= b.Pods
	v := s.vector()
	v.Others = v.Others[:0:0]
	for i := range s.others { // a resource used up is worth a zero
		v.Others = append(v.Others, object.Amount{Name: s.others[i].name, Value: s.others[i].value()})
	}
	return v
}
