package detail

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube"
)

// fake is an API server of a few objects in one namespace.
type fake struct {
	objects   []*unstructured.Unstructured
	happened  []corev1.Event
	pageSize  int              // of lists; 0 is unlimited
	failing   map[string]error // by resource, or resource and namespace
	listed    []string         // the lists asked for
	eventOpts []metav1.ListOptions
}

func (f *fake) fail(resource, namespace string) error {
	if err := f.failing[resource+" "+namespace]; err != nil {
		return err
	}
	return f.failing[resource]
}

func (f *fake) get(_ context.Context, ref kube.Ref) (*unstructured.Unstructured, error) {
	if err := f.fail("get", ref.Namespace); err != nil {
		return nil, err
	}
	for _, o := range f.objects {
		if o.GetKind() == ref.Kind && o.GetName() == ref.Name && o.GetNamespace() == ref.Namespace {
			return o.DeepCopy(), nil
		}
	}
	return nil, apierrors.NewNotFound(ref.GVR.GroupResource(), ref.Name)
}

func (f *fake) metadata(_ context.Context, gvr schema.GroupVersionResource, namespace string, opts metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	f.listed = append(f.listed, gvr.Resource)
	if err := f.fail(gvr.Resource, namespace); err != nil {
		return nil, err
	}
	selector, err := labels.Parse(opts.LabelSelector)
	if err != nil {
		return nil, err
	}
	list := new(metav1.PartialObjectMetadataList)
	for _, o := range f.objects {
		if strings.ToLower(o.GetKind())+"s" == gvr.Resource && selector.Matches(labels.Set(o.GetLabels())) {
			list.Items = append(list.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
				Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), OwnerReferences: o.GetOwnerReferences(),
			}})
		}
	}
	list.Items, list.Continue = cut(list.Items, opts.Continue, f.pageSize)
	return list, nil
}

func (f *fake) events(_ context.Context, namespace string, opts metav1.ListOptions) (*corev1.EventList, error) {
	f.eventOpts = append(f.eventOpts, opts)
	if err := f.fail("events", namespace); err != nil {
		return nil, err
	}
	if opts.Continue != "" {
		if err := f.fail("more events", namespace); err != nil {
			return nil, err
		}
	}
	list := new(corev1.EventList)
	list.Items, list.Continue = cut(slices.Clone(f.happened), opts.Continue, f.pageSize)
	return list, nil
}

// cut returns the page of items that a continue token begins.
func cut[T any](items []T, token string, size int) ([]T, string) {
	start, _ := strconv.Atoi(token)
	items = items[min(start, len(items)):]
	if size == 0 || len(items) <= size {
		return items, ""
	}
	return items[:size], strconv.Itoa(start + size)
}

// object reads an object of the namespace pay from YAML.
func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := new(unstructured.Unstructured)
	if err := yaml.Unmarshal([]byte(text), &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

// owned returns an object of which owner is the owner.
func owned(kind, name, uid, owner string) *unstructured.Unstructured {
	obj := new(unstructured.Unstructured)
	obj.SetKind(kind)
	obj.SetName(name)
	obj.SetNamespace("pay")
	obj.SetUID(types.UID(uid))
	obj.SetOwnerReferences([]metav1.OwnerReference{{UID: types.UID(owner)}})
	return obj
}

func ref(group, resource, kind, name, uid string) kube.Ref {
	return kube.Ref{
		GVR: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}, Kind: kind,
		Namespace: "pay", Name: name, UID: types.UID(uid),
	}
}
