// Package detail fetches what is shown of one object when somebody opens it:
// its YAML, its description, the events of it and its children. Nothing is
// cached; all text is sanitised. Calls last as long as their context.
package detail

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
)

// Reader reads objects of one cluster. It is safe for concurrent use.
type Reader struct {
	cfg *rest.Config // for kubectl's describers, which make their own clients
	api api
}

// New returns a Reader of the cluster of cfg. Its calls go through client, but
// for those of Describe.
func New(cfg *rest.Config, client *http.Client) (*Reader, error) {
	objects, err := dynamic.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("client for objects: %w", err)
	}
	meta, err := metadata.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("client for metadata: %w", err)
	}
	core, err := corev1client.NewForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("client for events: %w", err)
	}
	return &Reader{cfg: cfg, api: cluster{objects, meta, core}}, nil
}

// api is what a Reader asks of the API server.
type api interface {
	get(ctx context.Context, ref kube.Ref) (*unstructured.Unstructured, error)
	metadata(ctx context.Context, gvr schema.GroupVersionResource, namespace string, opts metav1.ListOptions) (*metav1.PartialObjectMetadataList, error)
	events(ctx context.Context, namespace string, opts metav1.ListOptions) (*corev1.EventList, error)
}

type cluster struct {
	objects dynamic.Interface
	meta    metadata.Interface
	core    corev1client.EventsGetter
}

func (c cluster) get(ctx context.Context, ref kube.Ref) (*unstructured.Unstructured, error) {
	return c.objects.Resource(ref.GVR).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
}

func (c cluster) metadata(ctx context.Context, gvr schema.GroupVersionResource, namespace string, opts metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	return c.meta.Resource(gvr).Namespace(namespace).List(ctx, opts)
}

func (c cluster) events(ctx context.Context, namespace string, opts metav1.ListOptions) (*corev1.EventList, error) {
	return c.core.Events(namespace).List(ctx, opts)
}

// object gets the object that ref names. replaced says that it is another one
// than ref meant, of the same name.
func (r *Reader) object(ctx context.Context, ref kube.Ref) (obj *unstructured.Unstructured, replaced bool, err error) {
	obj, err = r.api.get(ctx, ref)
	if err != nil {
		return nil, false, failed("get", ref, err)
	}
	return obj, ref.UID != "" && obj.GetUID() != ref.UID, nil
}

// failed names the call and the object that an error is about.
func failed(verb string, ref kube.Ref, err error) error {
	if ref.Namespace == "" {
		return fmt.Errorf("%s %s: %w", verb, ref, err)
	}
	return fmt.Errorf("%s %s in %s: %w", verb, ref, ref.Namespace, err)
}

func isSecret(ref kube.Ref) bool {
	return ref.GVR.Group == "" && ref.GVR.Resource == "secrets"
}
