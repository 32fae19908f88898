package fit

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// Server gives the REST client of an API group; *kube.Client is one.
type Server interface {
	REST(schema.GroupVersion) (rest.Interface, error)
}

// ReadStorage reads what the scheduler knows of volumes, claims in namespace only
// or, if that is "", in all. It returns nil if claims, volumes or classes cannot
// be read, without which nothing can be said; unread says what is missing and why.
func ReadStorage(ctx context.Context, server Server, namespace string) (s *Storage, unread []string) {
	s = &Storage{}
	read(ctx, server, &unread, corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims"), namespace, func(l *corev1.PersistentVolumeClaimList) {
		s.Claims = appendAll(s.Claims, l.Items)
	})
	read(ctx, server, &unread, corev1.SchemeGroupVersion.WithResource("persistentvolumes"), "", func(l *corev1.PersistentVolumeList) {
		s.Volumes = appendAll(s.Volumes, l.Items)
	})
	read(ctx, server, &unread, storagev1.SchemeGroupVersion.WithResource("storageclasses"), "", func(l *storagev1.StorageClassList) {
		s.Classes = appendAll(s.Classes, l.Items)
	})
	if len(unread) > 0 {
		return nil, unread
	}
	read(ctx, server, &unread, storagev1.SchemeGroupVersion.WithResource("csinodes"), "", func(l *storagev1.CSINodeList) {
		s.Nodes = appendAll(s.Nodes, l.Items)
	})
	read(ctx, server, &unread, storagev1.SchemeGroupVersion.WithResource("volumeattachments"), "", func(l *storagev1.VolumeAttachmentList) {
		s.Attachments = appendAll(s.Attachments, l.Items)
	})
	before := len(unread)
	read(ctx, server, &unread, storagev1.SchemeGroupVersion.WithResource("csistoragecapacities"), "", func(l *storagev1.CSIStorageCapacityList) {
		s.Capacities = appendAll(s.Capacities, l.Items)
	})
	if len(unread) > before {
		return s, unread // drivers say that capacities count, so none of them are asked for
	}
	read(ctx, server, &unread, storagev1.SchemeGroupVersion.WithResource("csidrivers"), "", func(l *storagev1.CSIDriverList) {
		s.Drivers = appendAll(s.Drivers, l.Items)
	})
	return s, unread
}

// ReadQuotas reads what limits the pods of a namespace. It returns nil if the
// quotas cannot be read; unread says what is missing and why.
func ReadQuotas(ctx context.Context, server Server, namespace string) (q *Quotas, unread []string) {
	q = &Quotas{}
	read(ctx, server, &unread, corev1.SchemeGroupVersion.WithResource("resourcequotas"), namespace, func(l *corev1.ResourceQuotaList) {
		q.Quotas = append(q.Quotas, l.Items...)
	})
	if len(unread) > 0 {
		return nil, unread
	}
	read(ctx, server, &unread, corev1.SchemeGroupVersion.WithResource("limitranges"), namespace, func(l *corev1.LimitRangeList) {
		q.Limits = append(q.Limits, l.Items...)
	})
	return q, unread
}

func appendAll[T any](to []*T, items []T) []*T {
	for i := range items {
		to = append(to, &items[i])
	}
	return to
}

// list is the pointer type of a list of the API.
type list[L any] interface {
	*L
	runtime.Object
	metav1.ListInterface
}

// read calls keep with every page of a list, and notes why if it cannot.
func read[L any, P list[L]](ctx context.Context, server Server, unread *[]string, gvr schema.GroupVersionResource, namespace string, keep func(P)) {
	const page = 1000
	client, err := server.REST(gvr.GroupVersion())
	options := metav1.ListOptions{Limit: page}
	for err == nil {
		l := P(new(L))
		err = client.Get().NamespaceIfScoped(namespace, namespace != "").Resource(gvr.Resource).
			VersionedParams(&options, scheme.ParameterCodec).Do(ctx).Into(l)
		if err != nil {
			break
		}
		keep(l)
		if options.Continue = l.GetContinue(); options.Continue == "" {
			return
		}
	}
	*unread = append(*unread, fmt.Sprintf("list %s: %s", gvr.Resource, why(err)))
}

func why(err error) string {
	switch {
	case apierrors.IsForbidden(err):
		return "forbidden"
	case apierrors.IsNotFound(err):
		return "the server does not have them"
	}
	return strings.TrimSpace(err.Error())
}
