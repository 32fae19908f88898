package field

import "strconv"

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	year   = 365 * day
)

// Age returns a length of time as kubectl's users read it, in at most six
// characters: 45s, 4m, 4m30s, 3h, 3h20m, 41d, 2y30d. Negative lengths, which
// a skewed clock produces, are 0s.
func Age(sec int64) string {
	switch {
	case sec <= 0:
		return "0s"
	case sec < 2*minute:
		return unit(sec, "s")
	case sec < 10*minute:
		return two(sec, minute, "m", 1, "s")
	case sec < 3*hour:
		return unit(sec/minute, "m")
	case sec < 8*hour:
		return two(sec, hour, "h", minute, "m")
	case sec < 2*day:
		return unit(sec/hour, "h")
	case sec < 8*day:
		return two(sec, day, "d", hour, "h")
	case sec < 2*year:
		return unit(sec/day, "d")
	case sec < 8*year:
		return two(sec, year, "y", day, "d")
	}
	return unit(sec/year, "y")
}

func unit(n int64, u string) string { return strconv.FormatInt(n, 10) + u }

func two(sec, big int64, bigUnit string, small int64, smallUnit string) string {
	s := unit(sec/big, bigUnit)
	if rest := sec % big / small; rest > 0 {
		s += unit(rest, smallUnit)
	}
	return s
}

// Cores returns an amount of CPU: 250m, 2, 2.5, 128.
func Cores(milli int64) string {
	switch {
	case milli < 1000 && milli > -1000:
		return strconv.FormatInt(milli, 10) + "m"
	case milli%1000 == 0 || milli >= 100_000:
		return strconv.FormatInt((milli+500)/1000, 10)
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', 1, 64)
}

// Size returns a number of bytes with a binary unit: 512, 1.5Ki, 64Mi, 2Gi.
func Size(n int64) string {
	const units = "KMGTPE"
	if n < 1024 && n > -1024 {
		return strconv.FormatInt(n, 10)
	}
	f, i := float64(n)/1024, 0
	for (f >= 1023.5 || f <= -1023.5) && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	prec := 0
	if f < 10 && f > -10 && f != float64(int64(f)) {
		prec = 1
	}
	return strconv.FormatFloat(f, 'f', prec, 64) + units[i:i+1] + "i"
}
