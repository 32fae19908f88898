package views

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/logs"
)

func TestParseSpan(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	p := &logPage{session: &Session{Program: &Program{Now: func() time.Time { return noon }}}}
	for _, test := range []struct {
		text  string
		want  logs.Span
		words string
	}{
		{"all", logs.Span{Tail: -1}, "from their start"},
		{" 500 lines ", logs.Span{Tail: 500}, "last 500 of each"},
		{"1 line", logs.Span{Tail: 1}, "last 1 of each"},
		{"20,000", logs.Span{Tail: 20_000}, "last 20,000 of each"},
		{"0", logs.Span{}, "last 0 of each"},
		{"10m", logs.Span{Tail: -1, Since: 10 * time.Minute}, "since 11:50:00"},
		{"2H", logs.Span{Tail: -1, Since: 2 * time.Hour}, "since 10:00:00"},
		{"90s", logs.Span{Tail: -1, Since: 90 * time.Second}, "since 11:58:30"},
		{"10s", logs.Span{Tail: -1, Since: 10 * time.Second}, "since 11:59:50"},
		{"1d6h", logs.Span{Tail: -1, Since: 30 * time.Hour}, "since 03-03 06:00:00"},
		{"11:30", logs.Span{Tail: -1, Since: 30 * time.Minute}, "since 11:30:00"},
		{"12:30", logs.Span{Tail: -1, Since: 23*time.Hour + 30*time.Minute}, "since 03-03 12:30:00"}, // yesterday's
	} {
		got, err := p.parseSpan(test.text)
		if err != nil || got != test.want || spanWords(got, noon) != test.words {
			t.Errorf("%q: %+v, %v (%s)", test.text, got, err, spanWords(got, noon))
		}
	}
	for _, text := range []string{"", "soon", "-5 lines", "xd", "1d2", "-5m", "0m", "5 files"} {
		if got, err := p.parseSpan(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
	if got := spanWords(logs.Span{Tail: 100, Since: time.Hour}, noon); got != "last 100 of each, since 11:00:00" {
		t.Error(got)
	}
}

// countedLogs has 5000 lines, one a second, the newest a second old.
func countedLogs() *logServer {
	s := newLogServer()
	for i := range 5000 {
		s.say("payments/checkout-68cb6c9f4-p1m2n/app", time.Duration(5000-i)*time.Second, fmt.Sprintf("INFO line %d", i))
	}
	return s
}

func (b *bench) readAgain(text string) {
	b.t.Helper()
	b.press("R")
	b.text(text)
	b.press("enter")
	time.Sleep(3 * time.Second)
	b.settle()
}

// More of a log is read, or less, and the line that is looked at stays.
func TestLogReadAgain(t *testing.T) {
	var seen screens
	s := countedLogs()
	pipe(t, withLogs(s, "deployments"), func(b *bench) {
		b.openLogs()
		b.resize(100, 24)
		b.want("last 1,000 of each", "1,000 lines", "line 4999", "follow")
		b.readAgain("all")
		b.want("from their start", "5,000 lines", "line 4999", "follow", "read again from their start")
		b.press("/")
		b.text(`"line 4500"`)
		b.press("enter", "esc", "up", "up")
		b.want("▌04:57:45", "paused")
		b.readAgain("20m")
		b.want("since 04:46:", "1,200 lines", "▌04:57:45", "line 4498", "paused")
		b.wantNot(" new")
		b.press("&")
		b.text("~8$")
		b.press("enter")
		b.want("▌04:57:45", "line 4498", "line 4508")
		b.readAgain("2000 lines")
		b.want("2,000 of each", "only ~8$", "▌04:57:45", "line 4498", "line 4508", "paused")
		b.wantNot("line 4509", "not among it")
		b.readAgain("10 lines")
		b.want("last 10 of each", "line 4998", "paused", "the line you were at is not among it")
		b.press("R")
		seen.both(b, "asked")
		b.text("5 files")
		b.want(`"5 files" is no span`)
		b.press("enter", "esc")
		b.readAgain("05:06:06")
		b.want("since 05:06:06")
	})
	seen.compare(t)
}

// What cannot be read again stays as it was read; what is gone since is said.
func TestLogReadAgainLess(t *testing.T) {
	s := shopLogs()
	pipe(t, withLogs(s, "deployments"), func(b *bench) {
		b.openLogs()
		b.want("68cb6c9f4-p1m2n", "68cb6c9f4-t7r8s")
		b.Delete(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "checkout-68cb6c9f4-p1m2n"}})
		b.settle()
		b.readAgain("all")
		b.want("without 1 container that is gone", "68cb6c9f4-t7r8s")
		b.wantNot("68cb6c9f4-p1m2n")

		b.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Subresource() == "log" {
				return r.Forbid("eve")
			}
			return nil
		})
		b.readAgain("500 lines")
		b.want("reading again: 0 lines", "charge ok")
		time.Sleep(4 * time.Second)
		b.settle()
		b.want("what was read stays: you (eve) may not", "from their start", "charge ok")
		b.wantNot("reading again")
	})
}
