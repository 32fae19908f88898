package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Logs is about the log view.
type Logs struct {
	Buffer int64         // bytes that the lines of one view may take
	Tail   int           // lines of each container to begin with; AllLines for all
	Since  time.Duration // how old the first of them may be; 0 for any age
}

// AllLines is the Tail of those who want every line.
const AllLines = -1

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// logSettings declares what can be set for the log view.
func logSettings() []field[Config] {
	return []field[Config]{
		option("logs.buffer", 256*mib, byteCount(mib, 64*gib), func(c *Config) *int64 { return &c.Logs.Buffer },
			"How much memory the lines of one log view may take. The oldest make room for the newest, and are counted on the screen."),
		option("logs.tail", 1000, lineCount(10_000_000), func(c *Config) *int { return &c.Logs.Tail },
			"How many lines of each container to begin with; the key of `log.span` reads more."),
		option("logs.since", 0, duration(0, 8760*time.Hour), func(c *Config) *time.Duration { return &c.Logs.Since },
			"How old the first of these lines may be; 0 is any age."),
	}
}

// byteCount is a size in bytes, with its unit.
func byteCount(least, most int64) kind[int64] {
	k := kind[int64]{text: fmt.Sprintf("a size from %s to %s", sizeText(least), sizeText(most))}
	k.format = func(n int64) any { return sizeText(n) }
	k.parse = func(s string) (int64, error) {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return 0, fmt.Errorf("%w: a unit is missing, as in %sMiB", k.expected(s), s)
		}
		n, ok := parseSize(s)
		if !ok || n < least || n > most {
			return 0, k.expected(s)
		}
		return n, nil
	}
	return k
}

// parseSize reads a whole number with a unit: of 1024 (KiB, MiB, GiB), or of
// 1000 (kB, MB, GB), in any case.
func parseSize(s string) (int64, bool) {
	digits := strings.TrimRight(s, "kKmMgGiIbB ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	unit, ok := map[string]int64{
		"kib": kib, "mib": mib, "gib": gib, "kb": 1000, "mb": 1000_000, "gb": 1000_000_000,
	}[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	if !ok || n > (1<<62)/unit {
		return 0, false
	}
	return n * unit, true
}

// sizeText writes a size with the largest unit of which it is a whole number.
func sizeText(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", gib}, {"GB", 1000_000_000}, {"MiB", mib}, {"MB", 1000_000}, {"KiB", kib}} {
		if n%unit.size == 0 {
			return fmt.Sprintf("%d%s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%dkB", n/1000) // every size was written in one of the units
}

// lineCount is a number of lines, or all.
func lineCount(most int) kind[int] {
	number := whole(0, most)
	k := kind[int]{text: number.text + ", or all"}
	k.parse = func(s string) (int, error) {
		if strings.EqualFold(s, "all") {
			return AllLines, nil
		}
		n, err := number.parse(s)
		if err != nil {
			return 0, k.expected(s)
		}
		return n, nil
	}
	k.format = func(n int) any {
		if n == AllLines {
			return "all"
		}
		return n
	}
	return k
}
