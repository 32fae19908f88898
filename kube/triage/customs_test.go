package triage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// followed runs a test with a Feed of a server, in a bubble.
func followed(t *testing.T, scope store.Scope, fill func(*apitest.Server), test func(s *apitest.Server, take func() *triage.Report)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		fill(s)
		hub := store.NewHub(s.REST, store.Options{Linger: -1})
		defer hub.Close()
		f := triage.Open(hub, scope)
		defer f.Close()
		test(s, func() *triage.Report {
			synctest.Wait()
			f.Take(time.Now()) // what the definitions say is asked for now
			time.Sleep(time.Second)
			synctest.Wait()
			return f.Take(time.Now())
		})
	})
}

// defined returns the definition of a kind of data.example.com.
func defined(plural, kind, scope string) *unstructured.Unstructured {
	name := plural + ".data.example.com"
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": name, "uid": name},
		"spec": map[string]any{
			"group": "data.example.com", "scope": scope, "names": map[string]any{"plural": plural, "kind": kind},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true}},
		},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}},
	}}
}

// instance returns a custom resource that has been as it is for an hour.
func instance(kind, namespace, name, ready string) *unstructured.Unstructured {
	meta := map[string]any{"name": name, "uid": namespace + name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "data.example.com/v1", "kind": kind, "metadata": meta,
		"status": map[string]any{"conditions": []any{map[string]any{
			"type": "Ready", "status": ready, "reason": "Full", "lastTransitionTime": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
		}}},
	}}
}

func define(s *apitest.Server, kinds ...string) {
	s.Define(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}, apitest.Kind{Kind: "CustomResourceDefinition"})
	for _, kind := range kinds {
		plural := strings.ToLower(kind) + "s"
		s.Define(schema.GroupVersionResource{Group: "data.example.com", Version: "v1", Resource: plural}, apitest.Kind{Kind: kind, Namespaced: kind != "Region"})
		scope := "Namespaced"
		if kind == "Region" {
			scope = "Cluster"
		}
		s.Put(defined(plural, kind, scope))
	}
}

// names returns the names of the custom resources that are in trouble.
func names(r *triage.Report) []string {
	var all []string
	for _, i := range r.Incidents {
		if slices.Contains(i.Rules, "custom-resource") {
			all = append(all, i.Root.Name)
		}
	}
	slices.Sort(all)
	return all
}

func TestCustomResourcesArePolled(t *testing.T) {
	followed(t, store.Scope{}, func(s *apitest.Server) {
		define(s, "Database", "Region")
		for i := range 600 { // more than a page
			s.Put(instance("Database", "shop", fmt.Sprintf("fine-%d", i), "True"))
		}
		s.Put(instance("Database", "shop", "orders", "False"), instance("Region", "", "north", "False"))
	}, func(s *apitest.Server, take func() *triage.Report) {
		if got := names(take()); !slices.Equal(got, []string{"north", "orders"}) {
			t.Error(got)
		}
		if n := s.Count("list", "databases"); n != 2 {
			t.Errorf("%d requests for two pages", n)
		}
		s.Put(instance("Database", "shop", "orders", "True"), instance("Database", "shop", "fine-7", "False"))
		define(s, "Queue")
		s.Put(instance("Queue", "shop", "mail", "False"))
		if got := names(take()); !slices.Equal(got, []string{"mail", "north", "orders"}) { // what is new is asked for at once
			t.Error(got)
		}
		time.Sleep(time.Minute)
		if got := names(take()); !slices.Equal(got, []string{"fine-7", "mail", "north"}) {
			t.Error(got)
		}
		s.Delete(defined("queues", "Queue", "Namespaced"))
		if got := names(take()); !slices.Equal(got, []string{"fine-7", "north"}) {
			t.Error(got)
		}
		if n := s.Watches("databases"); n != 0 {
			t.Errorf("%d watches", n)
		}
	})
}

func TestCustomResourcesOfANamespace(t *testing.T) {
	followed(t, store.Scope{Namespace: "shop"}, func(s *apitest.Server) {
		define(s, "Database", "Region")
		s.Put(instance("Database", "shop", "orders", "False"), instance("Database", "data", "other", "False"), instance("Region", "", "north", "False"))
	}, func(_ *apitest.Server, take func() *triage.Report) {
		if got := names(take()); !slices.Equal(got, []string{"orders"}) {
			t.Error(got)
		}
	})
}

func TestCustomResourcesNotRead(t *testing.T) {
	unread := func(r *triage.Report) string {
		for _, n := range r.NotRead {
			if n.Resource == triage.CustomResources {
				return fmt.Sprintf("%v %v", n.Status.Err, n.Rules)
			}
		}
		return ""
	}
	followed(t, store.Scope{}, func(s *apitest.Server) {
		define(s, "Database", "Queue", "Secretive")
		s.Put(instance("Database", "shop", "orders", "False"))
		for i := range 5001 {
			s.Put(instance("Queue", "shop", fmt.Sprint(i), "False"))
		}
		s.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == "secretives" {
				return r.Forbid("dev")
			}
			return nil
		})
	}, func(s *apitest.Server, take func() *triage.Report) {
		r := take()
		if got := names(r); !slices.Equal(got, []string{"orders"}) {
			t.Error(got)
		}
		const want = "queues.data.example.com has 5001 objects, more than the 5000 that are looked at; secretives.data.example.com may not be listed [custom-resource]"
		if got := unread(r); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		time.Sleep(5 * time.Minute)
		if n := s.Count("list", "secretives"); n != 1 {
			t.Errorf("who may not was asked for %d times", n)
		}
	})
	// Who may not list the definitions is told that once.
	followed(t, store.Scope{}, func(s *apitest.Server) {
		define(s, "Database")
		s.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == "customresourcedefinitions" {
				return r.Forbid("dev")
			}
			return nil
		})
	}, func(_ *apitest.Server, take func() *triage.Report) {
		r := take()
		if got := unread(r); got != "" {
			t.Error(got)
		}
		if i := slices.IndexFunc(r.NotRead, func(n triage.NotRead) bool { return n.Resource == triage.Definitions }); i < 0 || !slices.Contains(r.NotRead[i].Rules, "custom-resource") {
			t.Errorf("%+v", r.NotRead)
		}
		if r.Loading {
			t.Error("something is still being read")
		}
	})
}

// A resource that a server does not have is no gap in what is known.
func TestWhatAServerDoesNotHave(t *testing.T) {
	followed(t, store.Scope{}, func(s *apitest.Server) {
		define(s)
		s.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == "ingresses" {
				return apitest.Fail(apierrors.NewNotFound(r.GVR.GroupResource(), ""))
			}
			return nil
		})
	}, func(_ *apitest.Server, take func() *triage.Report) {
		for _, n := range take().NotRead {
			if n.Resource == triage.Ingresses {
				t.Errorf("%+v", n.Status)
			}
		}
	})
}
