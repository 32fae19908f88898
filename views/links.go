package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// openPods opens the list of the pods in scope.
func (s *Session) openPods(scope Scope) tea.Msg { return ui.Push(pods().Frame(s, scope)) }

// openNode opens the list of nodes with one node in it.
func (s *Session) openNode(name string) tea.Msg {
	return ui.Push(nodes().Frame(s, only(nodes(), "", name)))
}

// only is the scope of a list that holds one object. In the path it is called
// "nodes: a", since what is opened from it, such as the node's pods, is called
// after the object: "node/a".
func only(o Opener, namespace, name string) Scope {
	return Scope{
		Namespace: namespace, AllNamespaces: namespace == "", Fields: "metadata.name=" + name,
		Title: o.Names().Plural + ": " + name,
	}
}

// openOwner opens the list of the object that controls another.
func (s *Session) openOwner(m *store.Meta) tea.Msg {
	return s.openNamed(m.Owner.Kind, m.Owner.APIVersion, m.Namespace, m.Owner.Name, m.Owner.UID)
}

// openNamed opens a list that holds one object, so that everything that can be
// done with it is at hand. apiVersion may be empty for kinds that everybody
// knows.
func (s *Session) openNamed(kind, apiVersion, namespace, name string, _ types.UID) tea.Msg {
	open := func(o Opener) tea.Msg { return ui.Push(o.Frame(s, only(o, namespace, name))) }
	gv, err := schema.ParseGroupVersion(apiVersion)
	if o, ok := known(kind); ok && (err != nil || gv.Group == "" || gv.Group == o.Names().GVR.Group) {
		return open(o)
	}
	return func() tea.Msg {
		word := kind
		if mapper, err := s.Client.Mapper(); err == nil {
			if m, err := mapper.RESTMapping(gv.WithKind(kind).GroupKind(), gv.Version); err == nil {
				word = m.Resource.GroupResource().String()
			}
		}
		o, err := s.Find(word)
		if err != nil {
			return ui.ToastMsg{Text: fmt.Sprintf("cannot open %s/%s: %s", strings.ToLower(kind), name, err), Tone: theme.Error}
		}
		return open(o)
	}
}
