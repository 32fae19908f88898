package views

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui"
)

// The order of what fits equally well in the palette; the actions come last.
const (
	rankKind = iota
	rankNamespace
	rankContext
)

// Palette returns what can be gone to by name: kinds, namespaces and contexts.
// What the server has to be asked for comes while the palette is open, the
// kinds and the namespaces each as soon as they are there.
func (p *Program) Palette(ui.View) *ui.Picker {
	s := p.session()
	picker := &ui.Picker{Title: ":", Free: s.command, Loads: "names", Sub: s.subPicker}
	for _, o := range Catalog() {
		n := o.Names()
		detail := n.Kind
		if len(n.Short) > 0 {
			detail += " (" + strings.Join(n.Short, ", ") + ")"
		}
		picker.Items = append(picker.Items, s.kindItem(o, detail))
	}
	picker.Items = append(picker.Items, s.logsItem())
	var own []string // known without the server
	for _, name := range []string{s.Namespace, s.Client.Namespace, s.Settings.Context(s.Client.Context).Namespace} {
		if name != "" && !slices.Contains(own, name) {
			own = append(own, name)
		}
	}
	for _, name := range own {
		picker.Items = append(picker.Items, s.namespaceItem(name))
	}
	for _, item := range s.contexts().Items {
		if item.Run == nil { // why there are none; the choice of a context says it
			continue
		}
		item.Rank, item.Current, item.Detail = rankContext, false, "context "+item.Detail
		picker.Items = append(picker.Items, item)
	}
	picker.Load = []tea.Cmd{s.loadKinds, func() tea.Msg { return s.loadNamespaces(own) }}
	return picker
}

func (s *Session) kindItem(o Opener, detail string) ui.Item {
	n := o.Names()
	return ui.Item{
		Label: n.Plural, Detail: detail, Rank: rankKind,
		Aliases: append([]string{n.Kind, n.GVR.GroupResource().String()}, n.Short...),
		Run:     func() tea.Msg { return ui.Root(o.Frame(s, Scope{})) },
	}
}

func (s *Session) namespaceItem(name string) ui.Item {
	return ui.Item{Label: name, Detail: "namespace", Rank: rankNamespace, Run: func() tea.Msg { return s.goTo(name) }}
}

// goTo opens the home view of a namespace.
func (s *Session) goTo(namespace string) tea.Msg {
	return ui.Root(s.home().Frame(s.In(namespace), Scope{}))
}

// loadKinds finds the kinds that the catalog does not have.
func (s *Session) loadKinds() tea.Msg {
	more, err := s.discovered(false)
	loaded := ui.Loaded{}
	for _, o := range more {
		n := o.Names()
		loaded.Items = append(loaded.Items, s.kindItem(o, n.Kind+" "+n.GVR.GroupVersion().String()))
	}
	if err != nil {
		loaded.Problem = "not all kinds: " + Cause(err)
	}
	return loaded
}

// loadNamespaces finds the namespaces that are not among known.
func (s *Session) loadNamespaces(known []string) tea.Msg {
	names, err := s.askNamespaces()
	loaded := ui.Loaded{}
	for _, name := range names {
		if !slices.Contains(known, name) {
			loaded.Items = append(loaded.Items, s.namespaceItem(name))
		}
	}
	if err != nil {
		loaded.Problem = "not all namespaces: " + s.explain(err, "list namespaces", clusterScope)
	}
	return loaded
}

// command returns what a line typed into the palette does: KIND, KIND
// NAMESPACE, KIND /FILTER, ns NAME, ctx NAME, apply PATH. It is sure of a line
// with more than a name.
func (s *Session) command(line string) (item ui.Item, sure bool) {
	word, rest, more := strings.Cut(line, " ")
	args := strings.Fields(rest)
	item = ui.Item{Label: line}
	switch {
	case (word == "ns" || word == "namespace") && len(args) == 1:
		item.Detail, item.Disabled = "go to this namespace", notNamespace(args[0])
		item.Run = func() tea.Msg { return s.goTo(args[0]) }
		return item, true
	case word == "apply" && len(args) > 0:
		return s.applyItem(line, rest), true
	case (word == "ctx" || word == "context") && len(args) == 1:
		item.Detail = "go to this context"
		item.Run = func() tea.Msg { return s.switchContext(args[0]) }
		return item, true
	case word == "ctx" || word == "contexts":
		item.Detail = "choose a context"
		item.Run = func() tea.Msg { return ui.Pick(s.contexts()) }
		return item, true
	}
	to, scope := s, Scope{}
	item.Detail = "a kind of the server"
	if o, ok := known(word); ok {
		item.Detail = o.Names().Kind
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "/") {
		to, args = s.In(args[0]), args[1:]
		item.Detail += " in namespace " + to.Namespace
		item.Disabled = notNamespace(to.Namespace)
	}
	switch text := strings.Join(args, " "); {
	case strings.HasPrefix(text, "/"):
		scope.Filter = text[1:]
		item.Detail += ", filtered by " + scope.Filter
	case text != "":
		item.Disabled = fmt.Sprintf("%q is too much: a kind, a namespace, and a filter that begins with /", text)
	}
	item.Run = func() tea.Msg {
		return s.with(word, func(o Opener) tea.Msg { return ui.Root(o.Frame(to, scope)) })
	}
	return item, more
}
