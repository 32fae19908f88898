package views

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/detail"
	"quarterdeck/kube/field"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// page shows a text about one object: its YAML, its description, its events.
// It is read when it opens and when the user asks again.
type page struct {
	*ui.Text
	session *Session
	ref     kube.Ref
	kind    pageKind

	ctx     context.Context
	cancel  context.CancelFunc
	loading bool
	read    time.Time // when the text was read, zero if it never was
	problem string
	opts    detail.Options
}

// pageKind is what a page shows of its object.
type pageKind struct {
	title string // "yaml"
	doing string // "get", for the sentence about what went wrong
	load  func(context.Context, *page) (pageText, error)
	yaml  bool
	wrap  bool // long lines are wrapped until the user says otherwise
}

// pageText is what was read.
type pageText struct {
	lines   []textview.Line
	hang    int    // how far the rows after the first of a wrapped line are indented
	partial string // why this is not all, "" if it is
}

func yamlPage() pageKind { return pageKind{title: "yaml", doing: "get", load: loadYAML, yaml: true} }

func describePage() pageKind {
	return pageKind{title: "describe", doing: "describe", load: loadDescription}
}

func eventsPage() pageKind {
	return pageKind{title: "events", doing: "list the events of", load: loadEvents, wrap: true}
}

func (k pageKind) frame(s *Session, ref kube.Ref) ui.Frame {
	return ui.Frame{Place: k.title + " " + ref.String(), Open: func() ui.View {
		text := ui.NewText(s.Theme)
		text.SetWrap(k.wrap)
		return &page{Text: text, session: s, ref: ref, kind: k}
	}}
}

func yamlFrame(s *Session, ref kube.Ref) ui.Frame     { return yamlPage().frame(s, ref) }
func describeFrame(s *Session, ref kube.Ref) ui.Frame { return describePage().frame(s, ref) }
func eventsFrame(s *Session, ref kube.Ref) ui.Frame   { return eventsPage().frame(s, ref) }

type pageMsg struct {
	pageText
	err error
}

// Show reads the text, unless it is there from before.
func (p *page) Show() tea.Cmd {
	p.session.enter()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if !p.read.IsZero() {
		return nil
	}
	return p.load()
}

// Hide ends what is being read.
func (p *page) Hide() { p.cancel() }

// Close ends the view.
func (p *page) Close() {}

func (p *page) load() tea.Cmd {
	p.loading = true
	shown := p.ctx
	snapshot := *p // the Cmd must not see later changes
	return ui.Deliver(p, func() tea.Msg {
		ctx, cancel := snapshot.session.Client.Call(shown)
		defer cancel()
		text, err := snapshot.kind.load(ctx, &snapshot)
		if shown.Err() != nil {
			return nil // hidden meanwhile: it is read again when it is shown again
		}
		return pageMsg{text, err}
	})
}

// Update takes what was read. What was read before stays if it fails.
func (p *page) Update(msg tea.Msg) tea.Cmd {
	m, ok := msg.(pageMsg)
	if !ok {
		return nil
	}
	p.loading = false
	if m.err != nil {
		p.problem = p.session.explain(m.err, p.kind.doing+" "+p.ref.String(), placeOf(p.ref))
		return nil
	}
	p.problem, p.read = m.partial, p.session.Now()
	p.SetHanging(m.hang)
	p.SetLines(m.lines)
	return nil
}

// Title is the page's part of the path.
func (p *page) Title() string { return p.kind.title + " " + p.ref.String() }

// Header says how old the text is.
func (p *page) Header() ui.Header {
	h := p.session.header()
	if p.ref.Namespace != "" {
		h.Scope = p.ref.Namespace
	}
	if !p.read.IsZero() {
		h.Problem = p.problem // else it stands where the text would be, in full
	}
	glyphs := &p.session.Theme.Glyphs
	switch {
	case p.loading:
		h.State, h.StateTone = glyphs.Off+" loading", theme.Busy
	case p.read.IsZero():
		h.State, h.StateTone = glyphs.Off+" not read", theme.Error
	default:
		h.Count = p.Count()
		h.State, h.StateTone = "read "+field.Age(int64(p.session.Now().Sub(p.read).Seconds()))+" ago", theme.Muted
		if p.problem != "" {
			h.StateTone = theme.Warn
		}
	}
	return h
}

// Actions are what can be done with the text and its object.
func (p *page) Actions() []ui.Action {
	var actions []ui.Action
	if p.kind.yaml {
		actions = append(actions, ui.Action{ID: keymap.TextManagedFields, Run: func() tea.Msg {
			p.opts.ManagedFields = !p.opts.ManagedFields
			return p.load()
		}})
		if p.ref.GVR.Resource == "secrets" && p.ref.GVR.Group == "" {
			title := "reveal"
			if p.opts.Reveal {
				title = "mask"
			}
			actions = append(actions, ui.Action{ID: keymap.SecretReveal, Title: title, Run: func() tea.Msg {
				p.opts.Reveal = !p.opts.Reveal
				return p.load()
			}})
		}
	}
	actions = append(actions, p.session.actions(chosen{targets: []target{{Ref: p.ref}}})...)
	if a, ok := p.session.traceAction(p.ref); ok {
		actions = append(actions, a)
	}
	actions = append(actions, p.session.common()...)
	actions = append(actions, p.Text.Actions(p.kind.title+" of "+p.ref.String())...)
	for id, k := range map[keymap.ActionID]pageKind{
		keymap.ObjectYAML: yamlPage(), keymap.ObjectDescribe: describePage(), keymap.ObjectEvents: eventsPage(), keymap.ObjectExplain: explainPage(),
	} {
		if k.title != p.kind.title {
			actions = append(actions, ui.Action{ID: id, Quiet: true, Run: func() tea.Msg { return ui.Replace(k.frame(p.session, p.ref)) }})
		}
	}
	return append(actions,
		ui.Action{ID: keymap.CopyName, Quiet: true, Run: func() tea.Msg { return ui.Copy(p.ref.Name, p.ref.Name) }},
		ui.Action{ID: keymap.ContextSwitch, Quiet: true, Run: func() tea.Msg { return ui.Pick(p.session.contexts()) }},
		ui.Action{ID: keymap.AppRefresh, Quiet: true, Run: func() tea.Msg { return p.load() }},
	)
}

// View draws the text, or what there is instead of it.
func (p *page) View(width, height int) string {
	out := p.Text.View(width, height)
	if p.read.IsZero() {
		word, tone := "loading "+p.Title(), theme.Muted
		if p.problem != "" {
			word, tone = p.problem, theme.Warn
		}
		return over(out, p.session.Theme, tone, word, width, height)
	}
	return out
}

// colourYAML gives the keys of YAML a tone of their own.
func colourYAML(text string) []textview.Line {
	lines := textview.FromText(text, theme.Text)
	for i, l := range lines {
		if len(l) == 0 {
			continue
		}
		s := l[0].Text
		body := strings.TrimLeft(s, " -")
		indent := s[:len(s)-len(body)]
		key, rest, ok := strings.Cut(body, ":")
		if !ok || strings.ContainsAny(key, " \"'{") || (rest != "" && rest[0] != ' ') {
			continue
		}
		lines[i] = textview.Line{
			{Text: indent}, {Text: key, Tone: theme.Field}, {Text: ":" + rest},
		}
	}
	return lines
}
