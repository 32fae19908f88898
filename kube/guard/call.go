package guard

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/json"
)

// call is what a request asks of the API server. Where the path is not that of
// a resource only method and path are set.
type call struct {
	method, path string
	clean        bool // the path has no empty or dot segments
	upgrade      bool // the connection becomes a stream in both directions

	group, resource, namespace, name, subresource string
}

// parse reads req as the API server does; base is where its API begins.
func parse(req *http.Request, base string) call {
	c := call{method: req.Method, path: req.URL.Path, upgrade: req.Header.Get("Upgrade") != ""}
	p := strings.Trim(req.URL.Path, "/")
	c.clean = p == "" || path.Clean(p) == p
	if base != "" {
		rest, ok := strings.CutPrefix(p+"/", base+"/")
		if !ok {
			return c
		}
		p = strings.TrimSuffix(rest, "/")
	}
	parts := strings.Split(p, "/")
	switch {
	case parts[0] == "api" && len(parts) > 2: // api/VERSION/…
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3: // apis/GROUP/VERSION/…
		c.group, parts = parts[1], parts[3:]
	default:
		return c
	}
	if parts[0] == "namespaces" && len(parts) > 1 {
		c.namespace = parts[1]
		if len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
			parts = parts[2:]
		}
	}
	c.resource = parts[0]
	if len(parts) > 1 {
		c.name = parts[1]
	}
	if len(parts) > 2 {
		c.subresource = parts[2]
	}
	return c
}

// harmless reports whether the call leaves the cluster as it is. It returns the
// request to send, which replaces req when its body had to be read.
func (c call) harmless(req *http.Request) (bool, *http.Request, error) {
	if !c.clean || c.upgrade || c.connects() {
		return false, req, nil
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return true, req, nil
	case http.MethodPost:
		if c.selfReview() {
			return true, req, nil
		}
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return false, req, nil
	}
	switch {
	case c.resource == "":
		return false, req, nil
	case c.subresource == "token": // issues a real token, dry run or not
		return false, req, nil
	case req.Method == http.MethodDelete && req.Body != nil && req.Body != http.NoBody:
		return deleteBody(req)
	}
	return dryRunQuery(req.URL), req, nil
}

// connects reports whether the call reaches into a container, node or service,
// where anything can happen.
func (c call) connects() bool {
	switch c.subresource {
	case "exec", "attach", "portforward", "proxy":
		return true
	}
	return c.resource == "proxy" // api/v1/proxy/…, of old servers
}

func (c call) selfReview() bool {
	if c.name != "" || c.namespace != "" {
		return false
	}
	switch c.group {
	case "authorization.k8s.io":
		return c.resource == "selfsubjectaccessreviews" || c.resource == "selfsubjectrulesreviews"
	case "authentication.k8s.io":
		return c.resource == "selfsubjectreviews"
	}
	return false
}

func dryRunQuery(u *url.URL) bool {
	q, err := url.ParseQuery(u.RawQuery)
	return err == nil && dryRun(q["dryRun"])
}

func dryRun(values []string) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return v != metav1.DryRunAll })
}

// maxDeleteOptions is far above any real DeleteOptions.
const maxDeleteOptions = 64 << 10

// deleteBody reports whether a DELETE is a dry run by its body. The server
// looks at the query only when the body is empty, so a body decides alone.
func deleteBody(req *http.Request) (bool, *http.Request, error) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxDeleteOptions+1))
	if err != nil {
		return false, req, fmt.Errorf("read the options of a delete: %w", err)
	}
	if len(body) > maxDeleteOptions { // the rest is still to be read by the next
		again := req.Clone(req.Context())
		again.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), req.Body), req.Body}
		return false, again, nil
	}
	if err := req.Body.Close(); err != nil {
		return false, req, fmt.Errorf("read the options of a delete: %w", err)
	}
	again := req.Clone(req.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 {
		return dryRunQuery(req.URL), again, nil
	}
	opts, ok := decodeDeleteOptions(req.Header.Get("Content-Type"), body)
	return ok && dryRun(opts.DryRun), again, nil
}

// decodeDeleteOptions reads body as the server would; false if it cannot.
func decodeDeleteOptions(contentType string, body []byte) (*metav1.DeleteOptions, bool) {
	if contentType == "" {
		contentType = runtime.ContentTypeJSON
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, false
	}
	var opts metav1.DeleteOptions
	switch media {
	case runtime.ContentTypeJSON:
		err = json.UnmarshalCaseSensitivePreserveInts(body, &opts)
	case runtime.ContentTypeProtobuf:
		raw, ok := bytes.CutPrefix(body, []byte("k8s\x00"))
		var wrapped runtime.Unknown
		if !ok || wrapped.Unmarshal(raw) != nil {
			return nil, false
		}
		err = opts.Unmarshal(wrapped.Raw)
	default:
		return nil, false
	}
	return &opts, err == nil
}

// public returns the call in the words of RBAC.
func (c call) public() Call {
	p := Call{Group: c.group, Resource: c.resource, Subresource: c.subresource, Namespace: c.namespace, Name: c.name}
	switch c.method {
	case http.MethodPost:
		p.Verb = "create"
	case http.MethodPut:
		p.Verb = "update"
	case http.MethodPatch:
		p.Verb = "patch"
	case http.MethodDelete:
		p.Verb = "delete"
		if c.name == "" {
			p.Verb = "deletecollection"
		}
	case "", http.MethodGet:
		p.Verb = "get"
	default:
		p.Verb = c.method
	}
	if c.connects() {
		p.Verb = "create" // even where a GET begins it
	}
	if c.resource == "" { // not a resource, but it has to be called something
		p.Verb, p.Resource = c.method, c.path
	}
	return p
}
