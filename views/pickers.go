package views

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// namespaces returns the choice of a namespace. A name that the server does not
// list can be typed: who may work in one namespace often may not list them.
func (s *Session) namespaces(open func(namespace string) tea.Msg) *ui.Picker {
	item := func(name string) ui.Item {
		return ui.Item{Label: name, Current: name == s.Namespace, Run: func() tea.Msg { return open(name) }}
	}
	all := ui.Item{
		Label: "all", Detail: "all namespaces", Current: s.Namespace == "",
		Note: s.Keys.Label("namespace.all"), Run: func() tea.Msg { return open("") },
	}
	return &ui.Picker{
		Title: "namespace", Loads: "namespaces",
		Items: []ui.Item{all},
		Free: func(name string) (ui.Item, bool) {
			it := item(name)
			it.Label, it.Detail, it.Disabled = fmt.Sprintf("use %q", name), "the server did not list it", notNamespace(name)
			return it, false
		},
		Load: []tea.Cmd{func() tea.Msg {
			names, err := s.askNamespaces()
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
		}},
	}
}

// notNamespace says why a name cannot be that of a namespace, "" if it can.
func notNamespace(name string) string {
	if len(validation.IsDNS1123Label(name)) == 0 {
		return ""
	}
	return "no namespace can have this name: it takes small letters, digits and -"
}

// askNamespaces is NamespaceNames for as long as the user should wait.
func (s *Session) askNamespaces() ([]string, error) {
	ctx, cancel := s.Client.Call(context.Background())
	defer cancel()
	return s.NamespaceNames(ctx)
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
