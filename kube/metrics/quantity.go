package metrics

import (
	"fmt"
	"math/bits"

	"k8s.io/apimachinery/pkg/api/resource"
)

// set notes one resource of a map of quantities; others than CPU and memory are
// of no interest.
func (u *Usage) set(name, quantity []byte) error {
	var scale resource.Scale
	var to *int64
	switch string(name) {
	case "cpu":
		scale, to = resource.Milli, &u.MilliCPU
	case "memory":
		scale, to = 0, &u.Bytes
	default:
		return nil
	}
	if n, ok := parseQuantity(quantity, scale); ok {
		*to = n
		return nil
	}
	q, err := resource.ParseQuantity(string(quantity))
	if err != nil {
		return fmt.Errorf("%s of %q: %w", name, quantity, err)
	}
	*to = q.ScaledValue(scale)
	return nil
}

// parseQuantity reads the quantities that metrics servers write, digits and a
// suffix, in units of scale, rounded up as kubectl does; false for all others.
func parseQuantity(s []byte, scale resource.Scale) (int64, bool) {
	var n uint64
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if i == 18 {
			return 0, false // could overflow
		}
		n = n*10 + uint64(s[i]-'0')
	}
	if i == 0 {
		return 0, false
	}
	times, by := uint64(1), uint64(1)
	if scale == resource.Milli {
		times = 1000
	}
	switch string(s[i:]) {
	case "":
	case "n":
		by = 1_000_000_000
	case "u":
		by = 1_000_000
	case "m":
		by = 1000
	case "k":
		times *= 1000
	case "M":
		times *= 1_000_000
	case "Ki":
		times <<= 10
	case "Mi":
		times <<= 20
	case "Gi":
		times <<= 30
	default:
		return 0, false
	}
	hi, lo := bits.Mul64(n, times)
	if hi != 0 || lo > 1<<62 {
		return 0, false
	}
	return int64((lo + by - 1) / by), true // below 1<<62
}
