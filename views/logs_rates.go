package views

import (
	"fmt"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/logview"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// What graphs of a log show: so many cells of so much time each.
const (
	headCells  = 20 // of the whole log
	headCell   = 3 * logs.BucketWidth
	graphCells = 15 // of one container
	graphCell  = logs.RateSpan / graphCells
	// Lines a second are an average over this time.
	rateTime = 5 * logs.BucketWidth
)

// rated is what the list of containers needs of a log.
type rated interface {
	Status() logs.Status
	Sources() []logs.Source
	SourceRates(id logs.SourceID, end time.Time, n int, each time.Duration) logs.Rates
}

// ratesUntil is when the graphs of a log end: now, or with its newest line if
// nothing more comes.
func (p *logPage) ratesUntil(newest int64) time.Time {
	if !p.opts.Follow {
		return time.Unix(0, newest)
	}
	return p.session.Now()
}

// rates fills in how many lines come, and how many of them are errors.
func (p *logPage) rates(out *logview.Status, newest int64) {
	end := p.ratesUntil(newest)
	r := p.log.Rates(end, headCells, headCell)
	for i := range r.Lines {
		out.Rates = append(out.Rates, logview.Rate{Lines: float64(r.Lines[i]), Errors: float64(r.Errors[i])})
	}
	if p.opts.Follow { // what has ended has no speed
		out.Rate, out.ErrorRate = p.log.Rates(end, int(rateTime/logs.BucketWidth)+1, logs.BucketWidth).PerSecond()
	}
}

// openSources lists the containers of the log.
func (p *logPage) openSources() tea.Msg {
	scope := Scope{Title: "rates", AllNamespaces: true}
	for i, sel := range p.opts.Selections {
		if i > 0 && sel.Namespace != scope.Namespace {
			scope.Namespace = ""
			break
		}
		scope.Namespace = sel.Namespace
	}
	until := func() time.Time { return p.ratesUntil(p.log.Status().Latest) }
	return ui.Push(sourceList(p.log, &p.session.Theme.Glyphs, until, p.showOnly).Frame(p.session, scope))
}

// showOnly shows only the lines of one container.
func (p *logPage) showOnly(of logs.Source) {
	p.alsoOnly(onlyFrom(of, p.log.Sources()))
}

// onlyFrom is the query for the lines of one container among others.
func onlyFrom(of logs.Source, among []logs.Source) string {
	query := "pod=" + of.Pod + " container=" + of.Container
	for _, s := range among {
		if s.Pod == of.Pod && s.Container == of.Container && s.Namespace != of.Namespace {
			return "namespace=" + of.Namespace + " " + query
		}
	}
	return query
}

// logSource is a container of a log, as a row.
type logSource struct {
	store.Meta
	logs.Source
	rates  logs.Rates // up to now
	recent logs.Rates // of which speeds are told
}

// sourceList lists the containers of a log. until is the end of the graphs; only
// is called for the one that is chosen.
func sourceList(log rated, glyphs *theme.Glyphs, until func() time.Time, only func(logs.Source)) *Resource[*logSource] {
	last := "LAST " + strconv.Itoa(int(logs.RateSpan/time.Minute)) + " MIN"
	// What may not be read is not known to be none.
	known := func(c Column[*logSource]) Column[*logSource] {
		value := c.Value
		c.Value = func(r *logSource, env *Env) field.Value {
			if r.State == logs.Refused && r.Lines == 0 {
				return field.Value{}
			}
			return value(r, env)
		}
		return c
	}
	graph := func(id string, cells func(*logSource) []uint32) Column[*logSource] {
		return Column[*logSource]{ID: id, Kind: field.Number, Value: func(r *logSource, _ *Env) field.Value {
			sum := int64(0)
			for _, n := range cells(r) {
				sum += int64(n)
			}
			return field.Int(sum).WithText(logview.Sparkline(glyphs, cells(r)))
		}}
	}
	show := func(r *logSource) tea.Msg {
		only(r.Source)
		return ui.BackMsg{}
	}
	return &Resource[*logSource]{
		Kind: store.Kind[*logSource]{Kind: "Source", GVR: kube.Local("log-sources"), Namespaced: true},
		Name: "containers", Sort: "errors", Desc: true,
		Columns: []Column[*logSource]{
			nameColumn[*logSource]().titled("POD/CONTAINER"),
			text("state", func(r *logSource) string { return r.State.String() }).toned(func(r *logSource, _ *Env) theme.Tone { return sourceTone(r.State) }),
			known(count("lines", func(r *logSource) int64 { return int64(r.Lines) })),
			known(count("errors", func(r *logSource) int64 { return int64(r.Errors) }).toned(func(r *logSource, _ *Env) theme.Tone {
				if r.Errors > 0 {
					return theme.Error
				}
				return theme.Muted
			})),
			known(Column[*logSource]{ID: "rate", Title: "LINES/S", Kind: field.Number, Align: cell.Right, Value: func(r *logSource, _ *Env) field.Value {
				lines, _ := r.recent.PerSecond()
				return field.Int(int64(lines * 1000)).WithText(logview.PerSecond(lines))
			}}),
			graph("graph", func(r *logSource) []uint32 { return r.rates.Lines }).titled(last),
			graph("error-graph", func(r *logSource) []uint32 { return r.rates.Errors }).titled("ERRORS, " + last).wide(),
			text("why", (*logSource).why).flex(1, 6).toned(func(r *logSource, _ *Env) theme.Tone { return sourceTone(r.State) }),
			since("latest", func(r *logSource) int64 { return r.Latest / int64(time.Second) }).wide(),
			count("cut", func(r *logSource) int64 { return int64(r.Capped) }).wide(),
		},
		Tone: func(r *logSource) theme.Tone {
			if r.State == logs.Ended || r.State == logs.Gone {
				return theme.Muted
			}
			return theme.Text
		},
		Open: func(_ *Session, scope Scope) source[*logSource] {
			return newLogSources(log, until, scope.Namespace)
		},
		Ref: func(r *logSource) kube.Ref {
			return kube.Ref{GVR: object.Pods().GVR, Kind: "Pod", Namespace: r.Source.Namespace, Name: r.Pod, UID: r.Source.UID}
		},
		Enter:  func(_ *Session, r *logSource) tea.Msg { return show(r) },
		Banner: func() []textview.Line { return ratesBanner(log.Status()) },
		Own: func(_ *Session, r *logSource) []ui.Action {
			return []ui.Action{{ID: keymap.GoOpen, Title: "only this", Run: func() tea.Msg { return show(r) }}}
		},
	}
}

// why says why there is no log, or not all of it, "" if there is.
func (r *logSource) why() string {
	switch {
	case r.Err != nil:
		return Cause(r.Err)
	case r.State == logs.Waiting:
		return "has not started, or waits for its turn"
	}
	return ""
}

func sourceTone(s logs.State) theme.Tone {
	switch s {
	case logs.Live:
		return theme.OK
	case logs.Opening, logs.Waiting:
		return theme.Busy
	case logs.Broken:
		return theme.Warn
	case logs.Refused:
		return theme.Error
	case logs.Ended, logs.Gone:
	}
	return theme.Muted
}

// ratesBanner says what there is of the log as a whole.
func ratesBanner(st logs.Status) []textview.Line {
	line := textview.Line{
		{Text: counted(st.Sources, "container", "containers") + ", " + counted(int(st.Lines), "line", "lines"), Tone: theme.Title},
		{Text: fmt.Sprintf(", %d live", st.Live), Tone: theme.Text},
	}
	for _, part := range []struct {
		n    int
		word string
		tone theme.Tone
	}{{st.Waiting, "waiting", theme.Busy}, {st.Broken, "reconnecting", theme.Warn}, {st.Refused, "forbidden", theme.Error}} {
		if part.n > 0 {
			line = append(line, textview.Span{Text: fmt.Sprintf(", %d %s", part.n, part.word), Tone: part.tone})
		}
	}
	if n := int(st.Errors); n > 0 {
		line = append(line, textview.Span{Text: ", " + counted(n, "error", "errors"), Tone: theme.Error})
	}
	lines := []textview.Line{line}
	if st.Err != nil {
		lines = append(lines, textview.Line{{Text: Cause(st.Err), Tone: theme.Warn}})
	}
	if err := st.Pods.Err; err != nil {
		lines = append(lines, textview.Line{{Text: "There may be more, since the pods could not be listed: " + Cause(err), Tone: theme.Warn}})
	}
	return lines
}

// logSources makes rows of the containers of a log, a few times a second: also
// where nothing is written the graphs go on.
type logSources struct {
	log       rated
	until     func() time.Time
	namespace string // "" for all
	changed   chan struct{}
	done      chan struct{}
	loaded    int
}

func newLogSources(log rated, until func() time.Time, namespace string) *logSources {
	s := &logSources{log: log, until: until, namespace: namespace, changed: make(chan struct{}), done: make(chan struct{})}
	go s.tick()
	return s
}

// tick says that there is something to take, until Close.
func (s *logSources) tick() {
	defer utilruntime.HandleCrash()
	tick := time.NewTicker(logs.BucketWidth / 2)
	defer tick.Stop()
	for {
		select {
		case s.changed <- struct{}{}: // who has not looked for a while finds it at once
		case <-s.done:
			return
		}
		select {
		case <-tick.C:
		case <-s.done:
			return
		}
	}
}

func (s *logSources) Changed() <-chan struct{} { return s.changed }
func (s *logSources) Close()                   { close(s.done) }

// Status is that of the pods, as far as there may be more of them.
func (s *logSources) Status() store.Status {
	st := store.Status{Phase: store.Live, Loaded: s.loaded}
	if s.log.Status().Pods.Phase == store.Syncing {
		st.Phase = store.Syncing
	}
	return st
}

// Take returns all rows anew: their graphs have moved.
func (s *logSources) Take() (store.Delta[*logSource], store.Status) {
	end := s.until()
	var rows []*logSource
	for _, src := range s.log.Sources() {
		if s.namespace != "" && src.Namespace != s.namespace {
			continue
		}
		rows = append(rows, &logSource{
			Meta: store.Meta{
				UID: types.UID(strconv.Itoa(int(src.ID))), Namespace: src.Namespace, Name: src.Pod + "/" + src.Container,
			},
			Source: src,
			rates:  s.log.SourceRates(src.ID, end, graphCells, graphCell),
			recent: s.log.SourceRates(src.ID, end, int(rateTime/logs.BucketWidth)+1, logs.BucketWidth),
		})
	}
	s.loaded = len(rows)
	return store.Delta[*logSource]{Reset: true, Added: rows}, s.Status()
}
