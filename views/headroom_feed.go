package views

import (
	"context"
	"slices"
	"sync"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/headroom/sizing"
	"quarterdeck/kube/headroom/whatif"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/store"
)

// headroomTable is what the table of Headroom shows in one grouping: the rows,
// and above them the whole cluster in a few lines. Its list opens it when it is
// shown; its banner reads what was taken last.
type headroomTable struct {
	by headroom.Grouping

	mu       sync.Mutex
	now      func() time.Time
	summary  *headroom.Summary // nil until something was read
	notRead  []string
	usage    *metrics.Snapshot
	survival survival
}

func newHeadroomTable(by headroom.Grouping) *headroomTable { return &headroomTable{by: by} }

// headroomFeed is a headroom.Feed whose methods may be called by anybody.
type headroomFeed struct {
	mu     sync.Mutex
	feed   *headroom.Feed
	closed bool
}

// watchHeadroom opens a feed. The caller closes it.
func (s *Session) watchHeadroom(podUse bool) *headroomFeed {
	from := headroom.Sources{Stores: s.Client.Stores, Namespace: s.ownNamespace(), PodUse: podUse}
	if s.Settings.Metrics {
		if src, err := s.metricsSource(); err == nil {
			from.Metrics = src
		}
	}
	return &headroomFeed{feed: headroom.Open(from, headroom.Options{PoolLabels: s.Settings.Headroom.PoolLabels})}
}

// ownNamespace is where to read what may not be read in all namespaces.
func (s *Session) ownNamespace() string {
	for _, ns := range []string{s.Namespace, s.Settings.Context(s.Client.Context).Namespace, s.Client.Namespace} {
		if ns != "" {
			return ns
		}
	}
	return "default"
}

// with calls f with the ledger brought up to date, unless the feed is closed. The
// ledger must not be kept.
func (f *headroomFeed) with(use func(l *headroom.Ledger)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	use(f.feed.Take())
	return true
}

// Status joins the states of what is read.
func (f *headroomFeed) Status() store.Status {
	f.mu.Lock()
	all := f.feed.Statuses()
	f.mu.Unlock()
	return joinStatuses(all)
}

// Close gives everything back.
func (f *headroomFeed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.feed.Close()
}

// headroomSource makes rows of a feed, and tries in the background what the
// cluster survives.
type headroomSource struct {
	*headroomFeed
	table   *headroomTable
	session *Session
	scope   Scope
	changed store.Signal
	end     context.CancelFunc
}

func (t *headroomTable) open(s *Session, scope Scope) source[*headroom.Row] {
	ctx, end := context.WithCancel(context.Background())
	podUse := t.by == headroom.ByNamespace || t.by == headroom.ByWorkload
	src := &headroomSource{headroomFeed: s.watchHeadroom(podUse), table: t, session: s, scope: scope, changed: store.NewSignal(), end: end}
	t.mu.Lock()
	t.now, t.survival = s.Now, survival{}
	t.mu.Unlock()
	go src.changed.Relay(src.feed.Changed(), ctx.Done())
	go src.survive(ctx)
	return src
}

// Changed receives a value after a change of what is known.
func (s *headroomSource) Changed() <-chan struct{} { return s.changed }

// Take returns all rows: those that did not change are the same as before.
func (s *headroomSource) Take() (store.Delta[*headroom.Row], store.Status) {
	d := store.Delta[*headroom.Row]{Reset: true}
	s.with(func(l *headroom.Ledger) {
		d.Added = l.Rows(s.table.by)
		if ns := s.scope.Namespace; ns != "" && s.table.by == headroom.ByWorkload {
			d.Added = slices.DeleteFunc(d.Added, func(r *headroom.Row) bool { return r.Namespace != ns })
		}
		s.session.sizings(l)
		s.table.take(l)
	})
	return d, s.Status()
}

// Close ends the reading and what is tried.
func (s *headroomSource) Close() {
	s.end()
	s.headroomFeed.Close()
}

func (t *headroomTable) take(l *headroom.Ledger) {
	summary, notRead, usage := l.Summary(), l.NotRead(), l.UsageOfNodes()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.summary, t.notRead, t.usage = summary, notRead, usage
}

// sizings remembers what pods use, and returns what is known of it since the
// first look.
func (s *Session) sizings(l *headroom.Ledger) *sizing.History {
	s.mu.Lock()
	h := s.seen[s.Client]
	if h == nil {
		h = sizing.NewHistory()
		if s.seen == nil {
			s.seen = map[*kube.Client]*sizing.History{}
		}
		s.seen[s.Client] = h
	}
	s.mu.Unlock()
	if use := l.UsageOfPods(); use != nil {
		h.Add(use, l.AllPods())
	}
	return h
}

// survival is what is known of what the cluster survives.
type survival struct {
	of          fit.Survival
	zones       int       // how many there are
	at          time.Time // when it was tried last, zero if never
	done, total int       // of the losses tried just now; total is 0 if none is
	err         error     // why it could not be tried
}

// survivePause is the shortest time between the end of trying what survives and
// trying again; that it took is waited for many times over.
const (
	survivePause = 30 * time.Second
	surviveShare = 10
)

// survive tries what the cluster survives, and tries again when it has changed.
func (s *headroomSource) survive(ctx context.Context) {
	defer utilruntime.HandleCrash()
	reader := whatif.Open(s.session.Client.Stores, s.session.Client, s.session.ownNamespace())
	defer reader.Close()
	for {
		began := time.Now()
		found, zones, err := s.try(ctx, reader)
		if ctx.Err() != nil {
			return
		}
		s.survived(func(v *survival) {
			if *v = (survival{of: found, zones: zones, at: s.session.Now(), err: err}); err != nil {
				v.at = time.Time{}
			}
		})
		pause := time.NewTimer(max(survivePause, surviveShare*time.Since(began)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
		select {
		case <-reader.Changed():
		case <-ctx.Done():
			return
		}
	}
}

func (s *headroomSource) try(ctx context.Context, reader *whatif.Reader) (found fit.Survival, zones int, err error) {
	state, err := reader.State(ctx)
	if err != nil {
		return found, 0, err
	}
	cluster := fit.New(state)
	found, err = cluster.Survive(ctx, func(done, total int) {
		s.survived(func(v *survival) { v.done, v.total = max(done, v.done), total })
	})
	return found, len(cluster.Zones()), err
}

func (s *headroomSource) survived(change func(*survival)) {
	s.table.mu.Lock()
	change(&s.table.survival)
	s.table.mu.Unlock()
	s.changed.Send()
}
