package views

import (
	"errors"
	"strings"
	"testing"
	"time"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// ratedLog is a log as it is at a moment.
type ratedLog struct {
	status  logs.Status
	sources []logs.Source
}

func (l *ratedLog) Status() logs.Status    { return l.status }
func (l *ratedLog) Sources() []logs.Source { return l.sources }

// SourceRates draws waves, each source another, with an error now and then.
func (l *ratedLog) SourceRates(id logs.SourceID, _ time.Time, n int, each time.Duration) logs.Rates {
	r := logs.Rates{Each: each, Lines: make([]uint32, n), Errors: make([]uint32, n)}
	if l.sources[id].Lines == 0 {
		return r
	}
	for i := range n {
		r.Lines[i] = uint32((i*int(id+3))%11) * 40
		if l.sources[id].Errors > 0 && i%5 == int(id) {
			r.Errors[i] = uint32(i)
		}
	}
	return r
}

func newRatedLog() *ratedLog {
	written := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC).UnixNano()
	return &ratedLog{
		status: logs.Status{
			Pods: store.Status{Phase: store.Live}, Sources: 6, Live: 2, Waiting: 1, Broken: 1, Refused: 1, Lines: 48210, Errors: 31,
			Err: errors.New("connection reset by peer"),
		},
		sources: []logs.Source{
			{ID: 0, Namespace: "payments", Pod: "checkout-7f9c5d6b8-x2k9p", Container: "app", State: logs.Live, Lines: 40118, Errors: 4, Latest: written},
			{ID: 1, Namespace: "payments", Pod: "checkout-7f9c5d6b8-k9abc", Container: "app", State: logs.Broken, Lines: 7092, Errors: 27, Capped: 2, Latest: written, Err: errors.New("connection reset by peer")},
			{ID: 2, Namespace: "payments", Pod: "checkout-68cb6c9f4-p1m2n", Container: "app", State: logs.Live, Lines: 900, Latest: written},
			{ID: 3, Namespace: "payments", Pod: "checkout-68cb6c9f4-p1m2n", Container: "migrate", State: logs.Ended, Lines: 100, Latest: written - int64(time.Hour)},
			{ID: 4, Namespace: "payments", Pod: "checkout-68cb6c9f4-t7r8s", Container: "app", State: logs.Waiting},
			{ID: 5, Namespace: "payments", Pod: "checkout-68cb6c9f4-t7r8s", Container: "vault", State: logs.Refused, Err: errors.New(`pods "checkout-68cb6c9f4-t7r8s" is forbidden: cannot get resource "pods/log"`)},
		},
	}
}

func TestLogSources(t *testing.T) {
	var seen screens
	var chosen string
	frame := func(b *bench, log rated) ui.Frame {
		only := func(s logs.Source) { chosen = onlyFrom(s, log.Sources()) }
		return sourceList(log, &b.session.Theme.Glyphs, b.session.Now, only).Frame(b.session, Scope{Title: "rates", Namespace: "payments"})
	}
	pipe(t, nil, func(b *bench) {
		b.send(ui.PushMsg{Frame: frame(b, newRatedLog())})
		seen.both(b, "sources")
		b.press("w")
		seen.both(b, "wide")
		b.press("enter")
		b.wantNot("migrate")
		if want := "pod=checkout-7f9c5d6b8-k9abc container=app"; chosen != want { // the one with the most errors is first
			t.Errorf("shows only %q, want %q", chosen, want)
		}
		refused := newRatedLog()
		refused.status.Pods = store.Status{Phase: store.Forbidden, Err: errors.New("you may not list pods")}
		b.send(ui.PushMsg{Frame: frame(b, refused)})
		b.settle()
		b.want("There may be more, since the pods could not be listed: you may not list pods")
	})
	pipe(t, func(set *settings) { set.theme = theme.Plain(theme.Options{ASCII: true}) }, func(b *bench) {
		b.send(ui.PushMsg{Frame: frame(b, newRatedLog())})
		seen.both(b, "ascii")
	})
	seen.compare(t)
}

func TestOnlyFrom(t *testing.T) {
	web := logs.Source{Namespace: "web", Pod: "db-0", Container: "app"}
	other := logs.Source{Namespace: "web", Pod: "db-1", Container: "app"}
	twin := logs.Source{Namespace: "data", Pod: "db-0", Container: "app"}
	if got := onlyFrom(web, []logs.Source{web, other}); got != "pod=db-0 container=app" {
		t.Error(got)
	}
	if got := onlyFrom(web, []logs.Source{web, other, twin}); got != "namespace=web pod=db-0 container=app" {
		t.Error(got)
	}
}

// From the log to its containers, and back to the lines of one.
func TestLogRates(t *testing.T) {
	pipe(t, func(set *settings) {
		set.start = "statefulsets"
		set.answer = func(r apitest.Request) *apitest.Answer {
			pod, ok := strings.CutSuffix(r.Name, "/log")
			if !ok {
				return nil
			}
			at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).Format(time.RFC3339Nano)
			container := r.Query.Get("container")
			body := at + " " + pod + " " + container + " works\n"
			if container == "backup" {
				body += at + " ERROR it broke\n"
			}
			return &apitest.Answer{Body: body, ContentType: "text/plain"}
		}
	}, func(b *bench) {
		b.press("l")
		b.want("ledger-0 db works", "ledger-0 backup works", "ERROR it broke")
		b.press("r")
		b.want("logs › sts/ledger", "rates", "ledger-0/db", "ledger-0/backup", "5 lines", "1 error")
		b.press("enter") // the one with the error is first
		b.want("only pod=ledger-0 container=backup", "it broke")
		b.wantNot("ledger-0 db works")
	})
}
