package views

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// namespaces returns the choice of a namespace. A name that is typed in full is
// always taken: who may work in one namespace often may not list them.
func (s *Session) namespaces(open func(namespace string) tea.Msg) *ui.Picker {
	item := func(name string) ui.Item {
		return ui.Item{Label: name, Current: name == s.Namespace, Run: func() tea.Msg { return open(name) }}
	}
	all := ui.Item{
		Label: "all", Detail: "all namespaces", Current: s.Namespace == "",
		Note: s.Keys.Label("namespace.all"), Run: func() tea.Msg { return open("") },
	}
	return &ui.Picker{
		Title: "namespace",
		Items: []ui.Item{all},
		Free: func(name string) ui.Item {
			it := item(name)
			it.Detail = "typed"
			return it
		},
		Load: func() tea.Msg {
			ctx, cancel := s.Client.Call(context.Background())
			defer cancel()
			names, err := s.NamespaceNames(ctx)
			var loaded ui.Loaded
			for _, n := range names {
				loaded.Items = append(loaded.Items, item(n))
			}
			if err != nil {
				loaded.Problem = "not listed: type a name (" + s.explain(err, "list namespaces", clusterScope) + ")"
				for _, n := range []string{s.Client.Namespace, "default"} {
					if n != "" && !slices.Contains(names, n) {
						loaded.Items, names = append(loaded.Items, item(n)), append(names, n)
					}
				}
			}
			return loaded
		},
	}
}

// NamespaceNames asks the server for the names of all namespaces.
func (s *Session) NamespaceNames(ctx context.Context) ([]string, error) {
	r, err := s.Client.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		return nil, err
	}
	body, err := r.Get().Resource("namespaces").
		VersionedParams(&metav1.ListOptions{}, scheme.ParameterCodec).
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, sanitize.Line(list.Items[i].Name))
	}
	slices.Sort(names)
	return names, nil
}

// contexts returns the choice of a context. It reads files only, so that it
// opens even while a cluster does not answer.
func (s *Session) contexts() *ui.Picker {
	p := &ui.Picker{Title: "context"}
	list, err := s.Connector.Contexts()
	if err != nil {
		p.Items = []ui.Item{{Label: "contexts", Disabled: err.Error()}}
		return p
	}
	for _, c := range list {
		style := s.Settings.Context(c.Name)
		tone := style.Tone
		detail := c.Server
		if c.Namespace != "" {
			detail += " namespace " + c.Namespace
		}
		if style.Protected {
			tone, detail = theme.Error, detail+" (protected)"
		}
		p.Items = append(p.Items, ui.Item{
			Label: c.Name, Detail: detail, Tone: tone, Current: c.Name == s.Client.Context,
			Run: func() tea.Msg { return s.switchContext(c.Name) },
		})
	}
	return p
}

// switchContext opens the home view of another context.
func (s *Session) switchContext(name string) tea.Msg {
	c, err := s.Connect(name)
	if err != nil {
		return ui.Toast(theme.Error, sanitize.Line(err.Error()))
	}
	to := s.Program.Session(c, "", false)
	return ui.Root(s.home().Frame(to, Scope{}))
}

// Palette returns what can be gone to by name: the resources. A namespace or a
// context is typed behind ns or ctx; see command.
func (p *Program) Palette(ui.View) *ui.Picker {
	s := p.session()
	picker := &ui.Picker{Title: ":"}
	for _, o := range Catalog() {
		n := o.Names()
		detail := n.Kind
		if len(n.Short) > 0 {
			detail += " (" + strings.Join(n.Short, ", ") + ")"
		}
		picker.Items = append(picker.Items, ui.Item{
			Label: n.Plural, Detail: detail,
			Run: func() tea.Msg { return ui.Root(o.Frame(s, Scope{})) },
		})
	}
	picker.Free = func(text string) ui.Item { return s.command(text) }
	picker.Load = func() tea.Msg {
		more, err := s.discovered(false)
		loaded := ui.Loaded{}
		for _, o := range more {
			n := o.Names()
			loaded.Items = append(loaded.Items, ui.Item{
				Label: n.Plural, Detail: n.Kind + " " + n.GVR.GroupVersion().String(),
				Run: func() tea.Msg { return ui.Root(o.Frame(s, Scope{})) },
			})
		}
		if err != nil {
			loaded.Problem = "not all kinds: " + Cause(err)
		}
		return loaded
	}
	return picker
}

// command returns what a line typed into the palette does: KIND, KIND
// NAMESPACE, KIND /FILTER, ns NAME, ctx NAME.
func (s *Session) command(line string) ui.Item {
	return ui.Item{Label: line, Run: func() tea.Msg {
		words := strings.Fields(line)
		if len(words) == 0 {
			return nil
		}
		word, args := words[0], words[1:]
		switch {
		case (word == "ns" || word == "namespace") && len(args) == 1:
			return ui.Root(s.home().Frame(s.In(args[0]), Scope{}))
		case (word == "ctx" || word == "context") && len(args) == 1:
			return s.switchContext(args[0])
		case word == "ctx" || word == "contexts":
			return ui.Pick(s.contexts())
		case word == "q" || word == "quit":
			return tea.Quit
		}
		to := s
		if len(args) > 0 && !strings.HasPrefix(args[0], "/") {
			to, args = s.In(args[0]), args[1:]
		}
		scope := Scope{}
		if rest := strings.Join(args, " "); strings.HasPrefix(rest, "/") {
			scope.Filter = rest[1:]
		}
		return s.with(word, func(o Opener) tea.Msg { return ui.Root(o.Frame(to, scope)) })
	}}
}
