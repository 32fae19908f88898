package apitest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// discover answers what is not about a resource: the version, the groups, the
// resources of a group.
func (s *Server) discover(w http.ResponseWriter, r Request) {
	path := strings.Trim(r.Path, "/")
	switch parts := strings.Split(path, "/"); {
	case path == "version":
		writeJSON(w, version.Info{Major: "1", Minor: "36", GitVersion: "v1.36.3"})
	case path == "api":
		writeJSON(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case path == "apis":
		writeJSON(w, s.groups())
	case parts[0] == "api" && len(parts) == 2:
		s.resources(w, r, schema.GroupVersion{Version: parts[1]})
	case parts[0] == "apis" && len(parts) == 3:
		s.resources(w, r, schema.GroupVersion{Group: parts[1], Version: parts[2]})
	default:
		s.fail(w, r, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{}, "", path, 0, true))
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	write(w, http.StatusOK, "application/json", body)
}

func (s *Server) groups() metav1.APIGroupList {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	seen := map[schema.GroupVersion]bool{{Version: "v1"}: true}
	for gvr := range s.kinds {
		gv := gvr.GroupVersion()
		if seen[gv] {
			continue
		}
		seen[gv] = true
		v := metav1.GroupVersionForDiscovery{GroupVersion: gv.String(), Version: gv.Version}
		list.Groups = append(list.Groups, metav1.APIGroup{
			Name: gv.Group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v,
		})
	}
	slices.SortFunc(list.Groups, func(a, b metav1.APIGroup) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (s *Server) resources(w http.ResponseWriter, r Request, gv schema.GroupVersion) {
	s.mu.Lock()
	list := metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String(),
	}
	for gvr, k := range s.kinds {
		if gvr.GroupVersion() != gv {
			continue
		}
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: gvr.Resource, SingularName: strings.ToLower(k.Kind), Kind: k.Kind, Namespaced: k.Namespaced, ShortNames: k.Short,
			Verbs: metav1.Verbs{"get", "list", "watch"},
		})
	}
	s.mu.Unlock()
	if len(list.APIResources) == 0 && gv.Group != "" {
		s.fail(w, r, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{}, "", r.Path, 0, true))
		return
	}
	slices.SortFunc(list.APIResources, func(a, b metav1.APIResource) int { return cmp.Compare(a.Name, b.Name) })
	writeJSON(w, list)
}
