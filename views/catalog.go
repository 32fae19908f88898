package views

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube/sanitize"
	"quarterdeck/nearest"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// Catalog returns the resources with columns of their own and the well-known
// ones that the server's columns serve well, in the order of the palette. Any
// other kind is found by discovery.
func Catalog() []Opener {
	return []Opener{
		triageList(), workloads(), rollouts(), headroomList(), networkList(), changesList(),
		pods(), containers(),
		deployments(), statefulSets(), daemonSets(), replicaSets(), jobs(), cronJobs(),
		services(),
		builtin("", "v1", "endpoints", "Endpoints", true, "ep"),
		builtin("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true),
		builtin("networking.k8s.io", "v1", "ingresses", "Ingress", true, "ing"),
		builtin("networking.k8s.io", "v1", "ingressclasses", "IngressClass", false),
		builtin("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true, "netpol"),
		builtin("", "v1", "configmaps", "ConfigMap", true, "cm"),
		builtin("", "v1", "secrets", "Secret", true),
		claims(),
		builtin("", "v1", "persistentvolumes", "PersistentVolume", false, "pv"),
		builtin("storage.k8s.io", "v1", "storageclasses", "StorageClass", false, "sc"),
		nodes(), namespaces(), events(),
		autoscalers(), budgets(), quotas(),
		builtin("", "v1", "limitranges", "LimitRange", true, "limits"),
		builtin("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false, "pc"),
		builtin("", "v1", "serviceaccounts", "ServiceAccount", true, "sa"),
		builtin("rbac.authorization.k8s.io", "v1", "roles", "Role", true),
		builtin("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true),
		builtin("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false),
		builtin("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false),
		crds(),
		builtin("apiregistration.k8s.io", "v1", "apiservices", "APIService", false),
		builtin("coordination.k8s.io", "v1", "leases", "Lease", true),
		replicationControllers(),
		builtin("apps", "v1", "controllerrevisions", "ControllerRevision", true),
		builtin("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false),
		builtin("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", false),
		journalList(), forwards(), drainList(), waitList(),
	}
}

func builtin(group, version, plural, kind string, namespaced bool, short ...string) Opener {
	return genericResource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural}, kind, namespaced, short...)
}

// known returns the resource of the catalog that a word names. It asks nobody.
func known(word string) (Opener, bool) {
	for _, o := range Catalog() {
		if o.Names().Matches(word) {
			return o, true
		}
	}
	return nil, false
}

// with opens something of the resource that a word names: at once if the
// catalog has it, else when discovery has answered.
func (s *Session) with(word string, open func(Opener) tea.Msg) tea.Msg {
	if o, ok := known(word); ok {
		return open(o)
	}
	return func() tea.Msg {
		o, err := s.Find(word)
		if err != nil {
			return ui.ToastMsg{Text: err.Error(), Tone: theme.Error}
		}
		return open(o)
	}
}

// Find returns the resource that a word names: a plural, a kind, a short name,
// or plural.group. What the catalog does not have is looked up by discovery.
func (s *Session) Find(word string) (Opener, error) {
	if o, ok := known(word); ok {
		return o, nil
	}
	var more []Opener
	var err error
	for _, fresh := range []bool{false, true} { // it may be newer than the cache
		more, err = s.discovered(fresh)
		for _, o := range more {
			if o.Names().Matches(word) {
				return o, nil
			}
		}
	}
	catalog := Catalog()
	if err != nil {
		return nil, fmt.Errorf("the server's kinds could not be read, so %q was not found: %s", word, Cause(err))
	}
	names := make([]string, 0, len(catalog)+len(more))
	for _, o := range append(catalog, more...) {
		names = append(names, o.Names().Plural)
	}
	return nil, fmt.Errorf("the server has no kind %q%s", sanitize.Line(word), nearest.Hint(word, names))
}

// discovered returns the kinds of the server that the catalog does not have,
// from the cache on disk unless fresh ones are asked for.
func (s *Session) discovered(fresh bool) ([]Opener, error) {
	kinds, err := s.Client.Kinds(fresh)
	return without(kinds, Catalog()), err
}

func without(kinds []metav1.APIResource, catalog []Opener) []Opener {
	var more []Opener
	for _, k := range kinds {
		gr := schema.GroupResource{Group: k.Group, Resource: k.Name}
		known := slices.ContainsFunc(catalog, func(o Opener) bool { return o.Names().GVR.GroupResource() == gr })
		if known || k.Group == "events.k8s.io" || k.Group == "metrics.k8s.io" {
			continue
		}
		more = append(more, generic(gr.WithVersion(k.Version), k.Kind, k.Namespaced, k.ShortNames...))
	}
	slices.SortFunc(more, func(a, b Opener) int { return strings.Compare(a.Names().Plural, b.Names().Plural) })
	return more
}

// home returns the view in which a session begins: the one that the user wants
// to begin with, if the catalog has it.
func (s *Session) home() Opener {
	if o, ok := known(s.Settings.Home); ok {
		return o
	}
	return triageList()
}

// Primary returns the views under number keys. Each opens in the session of the
// view on top.
func (p *Program) Primary() []ui.Primary {
	in := func(id keymap.ActionID, open func() Opener) ui.Primary {
		return ui.Primary{ID: id, Open: func(ui.View) ui.Frame {
			s := p.session()
			return open().Frame(s, Scope{})
		}}
	}
	return []ui.Primary{
		in(keymap.ViewTriage, func() Opener { return triageList() }),
		in(keymap.ViewWorkloads, func() Opener { return workloads() }),
		in(keymap.ViewRollouts, func() Opener { return rollouts() }),
		in(keymap.ViewHeadroom, func() Opener { return headroomList() }),
		in(keymap.ViewNetwork, func() Opener { return networkList() }),
		in(keymap.ViewChanges, func() Opener { return changesList() }),
	}
}

// Start returns the first frame: the view or the kind called name. Only kinds
// that the catalog does not have wait for discovery.
func (s *Session) Start(name string) (ui.Frame, error) {
	o, err := s.Find(name)
	if err != nil {
		return ui.Frame{}, err
	}
	return o.Frame(s, Scope{}), nil
}
