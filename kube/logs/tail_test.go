package logs

import (
	"fmt"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	var log strings.Builder
	for i := range 500 {
		fmt.Fprintf(&log, "2026-11-22T08:00:00.%09dZ INFO line %d\n", i, i)
	}
	log.WriteString("2026-11-22T08:00:01Z \x1b]0;title\x07panic: missing env DB_URL\n")
	log.WriteString("2026-11-22T08:00:01Z goroutine 1 [running]:\n")
	log.WriteString("2026-11-22T08:00:01Z " + strings.Repeat("x", 3*tailLine))
	got, err := tail(strings.NewReader(log.String()), 5)
	if err != nil || len(got) != 5 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	for i, want := range []string{"INFO line 498", "INFO line 499", "panic: missing env DB_URL", "goroutine 1 [running]:"} {
		if got[i].Text() != want {
			t.Errorf("line %d is %q, want %q", i, got[i].Text(), want)
		}
	}
	if got[2].Level != Fatal || got[3].Flags&Continued == 0 {
		t.Errorf("the panic is %v, what follows has flags %b", got[2].Level, got[3].Flags)
	}
	if last := got[4]; last.Flags&Capped == 0 || len(last.Raw) > tailLine+100 {
		t.Errorf("a long line has flags %b and %d bytes", last.Flags, len(last.Raw))
	}
	if got, err := tail(strings.NewReader(""), 5); len(got) != 0 || err != nil {
		t.Errorf("an empty log has lines %v, %v", got, err)
	}
}
