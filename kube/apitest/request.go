package apitest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Request is what a client asked for.
type Request struct {
	Verb      string // get, list, watch, or the method in capitals
	Path      string
	GVR       schema.GroupVersionResource
	Namespace string
	Name      string // with the subresource, if there is one: web/scale
	Query     url.Values
	Header    http.Header
	Body      []byte // of what is no GET
}

// Continues reports whether the request is for a page after the first.
func (r Request) Continues() bool { return r.Query.Get("continue") != "" }

// object returns the name without the subresource.
func (r Request) object() string {
	name, _, _ := strings.Cut(r.Name, "/")
	return name
}

// Subresource returns the part of an object that is asked for, "" for all of it.
func (r Request) Subresource() string {
	_, subresource, _ := strings.Cut(r.Name, "/")
	return subresource
}

// Answer replaces what the server would answer.
type Answer struct {
	// Status is an error to answer with.
	Status *metav1.Status
	// Body is answered as it is, as ContentType.
	Body        string
	ContentType string
	// Stream, if not nil, writes the answer as it comes, until it returns or the
	// client leaves, when ctx ends.
	Stream func(ctx context.Context, w io.Writer)
	// RetryAfter is the header of that name, in seconds.
	RetryAfter string
	// Until holds the answer back until it is closed or the client leaves.
	Until <-chan struct{}
	// Cut breaks the connection, after the Body if there is one.
	Cut bool
}

// Fail returns an Answer with an error made by apimachinery's api/errors.
func Fail(err apierrors.APIStatus) *Answer {
	s := err.Status()
	return &Answer{Status: &s}
}

// Forbid returns the answer to somebody who may not do this.
func (r Request) Forbid(user string) *Answer {
	where := "at the cluster scope"
	if r.Namespace != "" {
		where = fmt.Sprintf("in the namespace %q", r.Namespace)
	}
	resource := r.GVR.Resource
	if part := r.Subresource(); part != "" {
		resource += "/" + part
	}
	return Fail(apierrors.NewForbidden(r.GVR.GroupResource(), r.Name, fmt.Errorf( //nolint:staticcheck // the server's own words
		"User %q cannot %s resource %q in API group %q %s", user, r.Verb, resource, r.GVR.Group, where)))
}

// Unavailable returns an internal error.
func Unavailable() *Answer {
	return Fail(apierrors.NewInternalError(fmt.Errorf("etcdserver: request timed out")))
}

func parse(req *http.Request) Request {
	r := Request{Verb: req.Method, Path: req.URL.Path, Query: req.URL.Query(), Header: req.Header}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		r.GVR.Version, parts = parts[1], parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		r.GVR.Group, r.GVR.Version, parts = parts[1], parts[2], parts[3:]
	default:
		return r
	}
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "finalize" && parts[2] != "status" {
		r.Namespace, parts = parts[1], parts[2:]
	}
	r.GVR.Resource = parts[0]
	if len(parts) > 1 {
		r.Name = strings.Join(parts[1:], "/")
	}
	if req.Method == http.MethodGet {
		switch {
		case r.Name != "":
			r.Verb = "get"
		case r.Query.Get("watch") == "true" || r.Query.Get("watch") == "1":
			r.Verb = "watch"
		default:
			r.Verb = "list"
		}
	}
	return r
}

// matcher returns what the request's namespace and selectors let through.
func (r Request) matcher() (func(Object) bool, error) {
	byLabel, err := labels.Parse(r.Query.Get("labelSelector"))
	if err != nil {
		return nil, err
	}
	byField, err := fields.ParseSelector(r.Query.Get("fieldSelector"))
	if err != nil {
		return nil, err
	}
	return func(o Object) bool {
		if o == nil || (r.Namespace != "" && o.GetNamespace() != r.Namespace) {
			return false
		}
		return byLabel.Matches(labels.Set(o.GetLabels())) && byField.Matches(selectable(o))
	}, nil
}

// selectable are the fields that a field selector may name.
func selectable(o Object) fields.Set {
	set := fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}
	switch o := o.(type) {
	case *corev1.Pod:
		set["spec.nodeName"], set["status.phase"] = o.Spec.NodeName, string(o.Status.Phase)
	case *corev1.Event:
		about := o.InvolvedObject
		set["involvedObject.uid"], set["involvedObject.name"] = string(about.UID), about.Name
		set["involvedObject.kind"], set["involvedObject.namespace"] = about.Kind, about.Namespace
	}
	return set
}

// form is how a client wants an object: its media type, and what it is to be
// turned into.
type form struct {
	protobuf bool
	as       string // Table, PartialObjectMetadata or its list
}

func (s *Server) form(r Request, typed bool) form {
	var f form
	first, _, _ := strings.Cut(r.Header.Get("Accept"), ",")
	for i, param := range strings.Split(first, ";") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(param), "="); {
		case i == 0:
			f.protobuf = name == "application/vnd.kubernetes.protobuf" && typed && !s.jsonOnly
		case name == "as" && value == "Table" && s.noTables:
		case name == "as":
			f.as, f.protobuf = value, false
		}
	}
	return f
}
