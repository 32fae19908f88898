// Package kube connects to clusters: which contexts there are, one client per
// context, what the server can show. It and the packages below it know nothing
// of a terminal and can be used as a library.
package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"quarterdeck/kube/guard"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Client talks to one cluster as one user. It is safe for many goroutines.
type Client struct {
	Context   string // of the kubeconfig, "" in a cluster
	Cluster   string
	User      string
	Server    string
	Namespace string // the context's own, "" if it names none
	Guard     *guard.Guard
	Stores    *store.Hub

	config   *rest.Config
	timeout  time.Duration // for a single call
	warnings *Warnings
	flags    *genericclioptions.ConfigFlags

	http *http.Client

	mu        sync.Mutex
	rest      map[schema.GroupVersion]rest.Interface
	discovery discovery.CachedDiscoveryInterface
	mapper    meta.ResettableRESTMapper
}

// Config returns a copy of the connection's settings.
func (c *Client) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Warnings returns what the API server warned of.
func (c *Client) Warnings() *Warnings { return c.warnings }

// Close ends what the client has running.
func (c *Client) Close() {
	c.Stores.Close()
	c.http.CloseIdleConnections()
}

// Call returns a context for one call, ended after the time that a user waits
// for one answer: --request-timeout, else 15 s.
func (c *Client) Call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.timeout)
}

// REST returns the client of one API group and version. Built-in types are
// decoded by their Go types, every other only raw or as a table.
func (c *Client) REST(gv schema.GroupVersion) (rest.Interface, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.rest[gv]; ok {
		return r, nil
	}
	cfg := rest.CopyConfig(c.config)
	cfg.GroupVersion = &gv
	cfg.APIPath = "/apis"
	if gv.Group == "" {
		cfg.APIPath = "/api"
	}
	cfg.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	r, err := rest.RESTClientForConfigAndClient(cfg, c.http)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", gv, err)
	}
	c.rest[gv] = r
	return r, nil
}

// HTTP returns the connections that all clients of the cluster share.
func (c *Client) HTTP() *http.Client { return c.http }

// ServerVersion asks the server for its version: the cheapest call that shows
// whether it answers.
func (c *Client) ServerVersion(ctx context.Context) (*version.Info, error) {
	ctx, cancel := c.Call(ctx)
	defer cancel()
	r, err := c.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		return nil, err
	}
	var info version.Info
	body, err := r.Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return nil, fmt.Errorf("read server version: %w", err)
	}
	return &info, nil
}

// HasPlugin reports whether the user's credentials come from a program.
func (c *Client) HasPlugin() bool { return c.config.ExecProvider != nil }

// WhoAmI asks the server for the name it knows the user by. Unlike the version,
// this needs valid credentials. It has no deadline, since a credential plugin
// may ask the user first.
func (c *Client) WhoAmI(ctx context.Context) (string, error) {
	r, err := c.REST(authenticationv1.SchemeGroupVersion)
	if err != nil {
		return "", err
	}
	review := &authenticationv1.SelfSubjectReview{}
	err = r.Post().Resource("selfsubjectreviews").Body(review).Do(ctx).Into(review)
	return review.Status.UserInfo.Username, err
}

// Discovery returns the discovery cache that kubectl keeps on disk too.
func (c *Client) Discovery() (discovery.CachedDiscoveryInterface, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.discovery == nil {
		d, err := c.flags.ToDiscoveryClient()
		if err != nil {
			return nil, fmt.Errorf("open discovery cache: %w", err)
		}
		c.discovery = d
	}
	return c.discovery, nil
}

// Mapper maps kinds to resources by discovery.
func (c *Client) Mapper() (meta.RESTMapper, error) {
	d, err := c.Discovery()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mapper == nil {
		c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(d)
	}
	return c.mapper, nil
}

// Kinds returns every resource that the server can list, as discovery knows
// them. An aggregated API that is down makes the answer partial: the error
// names it and the resources of all others are returned.
func (c *Client) Kinds(fresh bool) ([]metav1.APIResource, error) {
	d, err := c.Discovery()
	if err != nil {
		return nil, err
	}
	if fresh {
		d.Invalidate()
	}
	lists, err := d.ServerPreferredResources()
	var kinds []metav1.APIResource
	for _, list := range lists {
		gv, parseErr := schema.ParseGroupVersion(list.GroupVersion)
		if parseErr != nil {
			continue
		}
		for _, r := range list.APIResources {
			if !listable(r) || sanitize.Line(r.Name) != r.Name { // what is not safe to show is no path either
				continue
			}
			r.Group, r.Version, r.Kind = gv.Group, gv.Version, sanitize.Line(r.Kind)
			short := make([]string, len(r.ShortNames))
			for i, name := range r.ShortNames {
				short[i] = sanitize.Line(name)
			}
			r.ShortNames = short
			kinds = append(kinds, r)
		}
	}
	if err != nil {
		err = fmt.Errorf("discover the server's resources: %w", err)
	}
	return kinds, err
}

func listable(r metav1.APIResource) bool {
	for _, v := range r.Verbs {
		if v == "list" {
			return true
		}
	}
	return false
}
