package field

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	const m, h, d, y = 60, 3600, 86400, 365 * 86400
	for sec, want := range map[int64]string{
		math.MinInt64: "0s", -5: "0s", 0: "0s", 1: "1s", 119: "119s", 2 * m: "2m", 2*m + 1: "2m1s", 9*m + 59: "9m59s", 10 * m: "10m", 10*m + 59: "10m",
		3*h - 1: "179m", 3 * h: "3h", 3*h + 20*m: "3h20m", 8*h - 1: "7h59m", 8 * h: "8h", 2*d - 1: "47h", 2 * d: "2d", 2*d + 5*h: "2d5h",
		8 * d: "8d", 2*y - 1: "729d", 2 * y: "2y", 2*y + 30*d: "2y30d", 8 * y: "8y", 100 * y: "100y",
	} {
		if got := Age(sec); got != want {
			t.Errorf("Age(%d) is %s, want %s", sec, got, want)
		}
	}
	for sec := int64(0); sec < 9*y; sec += 977 {
		if s := Age(sec); len(s) > 6 {
			t.Fatalf("Age(%d) is %s", sec, s)
		}
	}
}

func TestCores(t *testing.T) {
	for milli, want := range map[int64]string{
		0: "0m", 1: "1m", 999: "999m", 1000: "1", 1500: "1.5", 1999: "2.0", 2000: "2", 12340: "12.3", 99_900: "99.9", 100_400: "100", 128_000: "128", -5: "-5m", -1500: "-1.5",
	} {
		if got := Cores(milli); got != want {
			t.Errorf("Cores(%d) is %s, want %s", milli, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1023: "1023", 1024: "1Ki", 1536: "1.5Ki", 64 << 20: "64Mi", 100<<20 + 512<<10: "100Mi", 2 << 30: "2Gi", 1<<30 - 1: "1.0Gi",
		15 << 30: "15Gi", 1 << 40: "1Ti", math.MaxInt64: "8Ei", -2048: "-2Ki", -1: "-1",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) is %s, want %s", n, got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	now := time.Unix(10_000, 0)
	for _, test := range []struct {
		v    Value
		want string
		json string
	}{
		{Value{}, "", "null"},
		{Of(""), "", `""`},
		{Of("a\"b"), `a"b`, `"a\"b"`},
		{Int(-3), "-3", "-3"},
		{Int(int32(7)), "7", "7"},
		{SinceUnix(9_700), "5m", `"1970-01-01T02:41:40Z"`},
		{SinceUnix(10_500), "0s", `"1970-01-01T02:55:00Z"`},
		{SinceUnix(0), "", "null"},
		{Seconds(90), "90s", "90"},
		{Millicores(250), "250m", "250"},
		{ByteCount(1 << 20), "1Mi", "1048576"},
		{PercentOf(1, 3), "33%", "33"},
		{PercentOf(2, 3), "67%", "67"},
		{PercentOf(5, 0), "", "null"},
		{PercentOf(5, -1), "", "null"},
		{Int(2).WithText("2/10"), "2/10", `"2/10"`},
		{Value{}.WithText("-"), "-", "null"},
		{SinceUnix(9_000).WithText("long ago"), "long ago", `"1970-01-01T02:30:00Z"`},
	} {
		if got := test.v.Format(now); got != test.want {
			t.Errorf("%+v is %q, want %q", test.v, got, test.want)
		}
		b, err := json.Marshal(test.v)
		if err != nil || string(b) != test.json {
			t.Errorf("%+v in JSON is %s, want %s (%v)", test.v, b, test.json, err)
		}
	}
}

func TestCompare(t *testing.T) {
	for name, rising := range map[string][]Value{
		"texts":    {Of(""), Of("Z"), Of("a"), Of("ab"), Of("가")},
		"numbers":  {Int(-1), Int(0), Int(2).WithText("2/10"), Int(10), {}},
		"ages":     {SinceUnix(300), SinceUnix(200), SinceUnix(100), {}}, // the youngest first
		"memory":   {ByteCount(5), ByteCount(1 << 40), {}},
		"percents": {PercentOf(0, 1), PercentOf(9, 10), Value{}.WithText("-")},
	} {
		for i := range rising {
			for j := range rising {
				got, want := Compare(rising[i], rising[j]), 0
				if i < j {
					want = -1
				} else if i > j {
					want = 1
				}
				if got != want {
					t.Errorf("%s: %+v and %+v compare as %d, want %d", name, rising[i], rising[j], got, want)
				}
			}
		}
	}
}

// Whatever stands in a column, its order is one.
func TestCompareIsAnOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	one := func() Value {
		switch r.IntN(4) {
		case 0:
			return Value{}
		case 1:
			return Value{}.WithText("-")
		}
		return Int(r.IntN(5) - 2).WithText([]string{"", "x"}[r.IntN(2)])
	}
	for range 20_000 {
		a, b, c := one(), one(), one()
		if Compare(a, b) != -Compare(b, a) {
			t.Fatalf("%+v %+v", a, b)
		}
		if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
			t.Fatalf("%+v %+v %+v", a, b, c)
		}
	}
	list := []Value{Int(3), {}, Int(1), Int(2)}
	slices.SortFunc(list, Compare)
	if !list[3].IsNone() || list[0].Num() != 1 || list[0].Kind() != Number || list[0].Raw() != "" {
		t.Errorf("%+v", list)
	}
}
