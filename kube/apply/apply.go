// Package apply changes objects by their text: one object in an editor, or
// files and directories of manifests.
//
// An edit sends what the user changed and nothing else. What only sets fields
// is a server-side apply of those fields; what takes something away, or moves
// elements of a list, is a JSON patch, since an apply can only give up fields
// that nobody else has. Either way the server tries it first, the owners of the
// fields are asked about, and the request holds for the very object and version
// that were looked at. See docs/adr/0008-edit-by-server-side-apply.md.
//
// Nothing here asks the user: callers put the approval into the context.
package apply

import (
	"context"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
)

// EditManager is the name under which the server keeps what was edited.
//
// Files are applied as action.FieldManager. The names differ because an apply
// replaces all that its manager applied before: under one name the next apply
// of a file would silently take back what was edited since; so it is a conflict
// that names the edit.
const EditManager = action.FieldManager + "-edit"

// Client edits and applies objects of one cluster. It is safe for concurrent
// use.
type Client struct {
	objects dynamic.Interface
	mapper  func() (meta.RESTMapper, error)
	context string // of the kubeconfig, for what is shown
}

// New returns a Client of the cluster of cfg, whose calls go through client.
// mapper finds the resource of a kind; it is asked for when files are applied.
// kubeContext is the name of the cluster's context.
func New(cfg *rest.Config, client *http.Client, mapper func() (meta.RESTMapper, error), kubeContext string) (*Client, error) {
	objects, err := dynamic.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("client for manifests: %w", err)
	}
	return &Client{objects: objects, mapper: mapper, context: kubeContext}, nil
}

func (c *Client) resource(ref kube.Ref) dynamic.ResourceInterface {
	return c.objects.Resource(ref.GVR).Namespace(ref.Namespace)
}

// get reads the object that ref names: that very one.
func (c *Client) get(ctx context.Context, ref kube.Ref) (*unstructured.Unstructured, error) {
	obj, err := c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if ref.UID != "" && obj.GetUID() != ref.UID {
		return nil, action.ErrReplaced
	}
	return obj, nil
}

func dry(run bool) []string {
	if run {
		return []string{metav1.DryRunAll}
	}
	return nil
}
