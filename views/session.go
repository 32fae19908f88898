// Package views holds every screen: the lists of resources, what is shown of one
// object, and the choices of namespace and context. Adding a resource is one
// file with one Resource value and its name in catalog.go.
package views

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/forward"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/sizing"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/store"
	"quarterdeck/ui/theme"
)

// Program is what all screens share, whatever cluster they show.
type Program struct {
	Theme     *theme.Theme
	Keys      keymap.Map
	Connector *kube.Connector
	Settings  Settings
	Journal   *journal.Journal
	Forwards  *forward.Forwards
	Now       func() time.Time
	// Lent is above 0 while another program has the terminal: the interrupts that
	// the terminal sends are meant for it.
	Lent *atomic.Int32

	mu       sync.Mutex
	clients  map[string]*kube.Client // by context; kept until the program ends
	current  *Session                // of the view shown last
	sources  map[*kube.Client]*metrics.Source
	rights   map[*kube.Client]*rights
	changers map[*kube.Client]*action.Client
	history  history
	drafts   map[draftKey]*draft
	drains   drains
	waits    waits

	triageWatch *triageWatch // of the scope looked at, nil if none is needed yet
	recording   *recording   // of the scope looked at, nil if nobody needs it yet
	networks    map[networkScope]*networkWatch
	dismissals  dismissals
	inspections inspections

	groupedBy headroom.Grouping                // of Headroom
	seen      map[*kube.Client]*sizing.History // of what containers use
	typed     []string                         // filters, oldest first
	reached   bool                             // some list has been read
	failure   string                           // why none has been
	told      []string                         // what came up beside what the user looks at
}

// Settings are the user's wishes.
type Settings struct {
	Home            string // the view in which a context begins, "" for Triage
	Wide            bool
	Detail          Detail
	Metrics         bool
	MetricsInterval time.Duration
	Triage          bool // incidents are looked for on every screen, not on Triage alone
	// Refresh is the shortest time between two looks at changed objects.
	Refresh time.Duration
	// Editor is the command that edits texts, Pager the one that shows them. Drafts
	// is the directory that the texts are in, "" for that of temporary files.
	Editor, Pager, Drafts string
	Logs                  LogSettings
	Headroom              HeadroomSettings
	// Context says how a context is shown.
	Context func(name string) ContextStyle
}

// LogSettings are what of logs is read.
type LogSettings struct {
	Bytes int       // that the lines of one view may take; logs.DefaultBytes if not positive
	Span  logs.Span // of each container to begin with
}

// HeadroomSettings are what Headroom goes by.
type HeadroomSettings struct {
	PoolLabels []string      // labels that name the pool of a node; nil: the usual ones
	Prometheus string        // address of a server with the history of use, "" for none
	Window     time.Duration // how far back it is asked
	MinHistory time.Duration // no request is proposed from less; 0 for the usual
}

// Detail says when a list has a pane with details of the selected object.
type Detail uint8

// When the detail pane is shown.
const (
	DetailAuto Detail = iota // if there is room beside the list
	DetailOn
	DetailOff
)

// ContextStyle is how a context looks in the header.
type ContextStyle struct {
	Tone      theme.Tone
	Protected bool
	Namespace string // to begin with, "" for the kubeconfig's
}

// Session is one context and the namespaces looked at in it. It does not
// change: another namespace is another session.
type Session struct {
	*Program
	Client    *kube.Client
	Namespace string // "" for all
	// Fallback is the namespace to show instead if all may not be listed and
	// nobody asked for all; "" otherwise.
	Fallback string
}

// Session returns the session in which to begin: the namespace asked for, the
// context's own, or all.
func (p *Program) Session(c *kube.Client, namespace string, all bool) *Session {
	s := &Session{Program: p, Client: c, Namespace: namespace}
	switch {
	case all:
		s.Namespace = ""
	case namespace == "":
		s.Namespace = c.Namespace
		if own := p.Settings.Context(c.Context).Namespace; own != "" {
			s.Namespace = own
		}
		if s.Namespace == "" {
			s.Fallback = "default"
		}
	}
	return s
}

// In returns the session that looks at another namespace, "" for all.
func (s *Session) In(namespace string) *Session {
	return &Session{Program: s.Program, Client: s.Client, Namespace: namespace}
}

// Connect returns the client of a context, the one in use if there is one.
func (p *Program) Connect(context string) (*kube.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.clients[context]; ok {
		return c, nil
	}
	c, err := p.Connector.Connect(context)
	if err != nil {
		return nil, err
	}
	if p.clients == nil {
		p.clients = map[string]*kube.Client{}
	}
	p.clients[c.Context] = c
	return c, nil
}

// enter notes the session of the view that is shown now.
func (s *Session) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Program.current = s
}

// looked reports whether the view shown last is of the session's scope.
func (s *Session) looked() bool {
	now := s.session()
	return now != nil && now.Client == s.Client && now.Namespace == s.Namespace
}

// session returns the session of the view shown last.
func (p *Program) session() *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Notices returns what the servers warned of since the last call.
func (p *Program) Notices() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	news := p.told
	p.told = nil
	for _, c := range p.clients {
		news = append(news, c.Warnings().Take()...)
	}
	return news
}

// warn shows a line to the user when there is room for it.
func (p *Program) warn(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, text)
}

// filters returns the filters typed before, oldest first.
func (p *Program) filters() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.typed)
}

// filterLimit is how many filters are remembered.
const filterLimit = 50

func (p *Program) rememberFilter(text string) {
	if text == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.typed = append(slices.DeleteFunc(p.typed, func(s string) bool { return s == text }), text)
	if len(p.typed) > filterLimit {
		p.typed = p.typed[1:]
	}
}

// note remembers whether a list could be read.
func (s *Session) note(st store.Status, problem string) {
	if (st.Phase == store.Live || st.Phase == store.Partial) && s.Settings.Triage && s.looked() {
		s.triaging() // now that what the user wants to see is there
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st.Phase {
	case store.Live, store.Stale, store.Partial:
		s.reached = true
	case store.Failed, store.Forbidden:
		s.failure = problem
	case store.Syncing:
	}
}

// Unreached returns why nothing could be read, "" if something was.
func (p *Program) Unreached() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reached {
		return ""
	}
	return p.failure
}

// Close ends all connections.
func (p *Program) Close() {
	p.Forwards.Close()
	p.waits.end()
	p.mu.Lock()
	watch, recording := p.triageWatch, p.recording
	networks := slices.Collect(maps.Values(p.networks))
	p.mu.Unlock()
	for _, w := range networks {
		w.end()
	}
	if recording != nil {
		recording.Close()
	}
	if watch != nil {
		watch.end()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.Close()
	}
}

// metricsSource returns the poller of the session's cluster.
func (s *Session) metricsSource() (*metrics.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if src, ok := s.sources[s.Client]; ok {
		return src, nil
	}
	r, err := s.Client.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		return nil, err
	}
	src := metrics.New(r, s.Settings.MetricsInterval)
	if s.sources == nil {
		s.sources = map[*kube.Client]*metrics.Source{}
	}
	s.sources[s.Client] = src
	return src, nil
}

// Scope returns the namespaces of the session as a word.
func (s *Session) Scope() string {
	if s.Namespace == "" {
		return "all"
	}
	return s.Namespace
}
