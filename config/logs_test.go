package config

import (
	"slices"
	"testing"
	"time"
)

func TestLogs(t *testing.T) {
	c, _, problems := fromFile(t, "logs: {buffer: 1GiB, tail: all, since: 2h}\n")
	if want := (Logs{Buffer: 1 << 30, Tail: AllLines, Since: 2 * time.Hour}); c.Logs != want || len(problems) > 0 {
		t.Errorf("%+v, %q", c.Logs, problems)
	}
	c, _, problems = fromFile(t, "logs:\n  buffer: 256\n  tail: most\n  since: -1h\n")
	want := []string{
		`config.yaml:2: logs.buffer: expected a size from 1MiB to 64GiB, found "256": a unit is missing, as in 256MiB`,
		`config.yaml:3: logs.tail: expected a whole number from 0 to 10000000, or all, found "most"`,
		`config.yaml:4: logs.since: expected a time from 0s to 8760h, found "-1h"`,
	}
	if !slices.Equal(problems, want) {
		t.Errorf("problems\n%q, want\n%q", problems, want)
	}
	if c.Logs != Default().Logs {
		t.Errorf("%+v instead of the defaults", c.Logs)
	}
}

func TestSizes(t *testing.T) {
	k := byteCount(mib, 64*gib)
	for text, want := range map[string]int64{
		"1MiB": mib, "1024KiB": mib, "2 GiB": 2 * gib, "300mb": 300_000_000, "1500kB": 1_500_000, "64gib": 64 * gib, "1GB": 1_000_000_000,
	} {
		got, err := k.parse(text)
		if err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
		again, err := k.parse(sizeText(got))
		if err != nil || again != got {
			t.Errorf("%q is written %s, which is %d, %v", text, sizeText(got), again, err)
		}
	}
	for _, text := range []string{"", "MiB", "1023KiB", "65GiB", "1.5GiB", "-1GiB", "1TiB", "1MiBs", "9999999999999999GiB", "1 M", "0x1MiB"} {
		if got, err := k.parse(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
