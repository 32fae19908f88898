package forward

import (
	"context"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
)

// How long to wait before pods are listed again: after the end of a watch,
// after an error, and where there is no watch.
const (
	soon     = 200 * time.Millisecond
	notSoon  = 2 * time.Second
	pollPods = 3 * time.Second
)

// sight is what a follower sees: the pods of a target, or why it cannot.
type sight struct {
	pods []*corev1.Pod
	err  error
}

// follower keeps an eye on the pods of a target until its context ends.
type follower struct {
	client *kube.Client
	target target
	see    chan sight // the latest, cap 1
}

func (f *follower) run(ctx context.Context) {
	defer utilruntime.HandleCrash()
	for ctx.Err() == nil {
		pause := f.once(ctx)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// show replaces what nobody has looked at yet.
func (f *follower) show(s sight) {
	select {
	case <-f.see:
	default:
	}
	f.see <- s // its one sender made room
}

// once lists the pods and watches them as long as that goes well. It returns
// how long to wait before the next time.
func (f *follower) once(ctx context.Context) time.Duration {
	r, err := f.client.REST(corev1.SchemeGroupVersion)
	if err != nil {
		f.show(sight{err: err})
		return notSoon
	}
	list, err := f.list(ctx, r)
	if err != nil {
		if ctx.Err() == nil {
			f.show(sight{err: err})
		}
		return notSoon
	}
	pods := make(map[types.UID]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[list.Items[i].UID] = &list.Items[i]
	}
	f.show(sight{pods: slices.Collect(maps.Values(pods))})

	o := f.target.options()
	o.ResourceVersion, o.AllowWatchBookmarks = list.ResourceVersion, true
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := r.Get().Namespace(f.target.namespace).Resource("pods").VersionedParams(&o, scheme.ParameterCodec).Param("watch", "true").Watch(ctx)
	switch {
	case apierrors.IsForbidden(err):
		return pollPods
	case err != nil:
		return notSoon
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		p, ok := e.Object.(*corev1.Pod)
		switch {
		case !ok: // an error: list again
			return soon
		case e.Type == watch.Added, e.Type == watch.Modified:
			pods[p.UID] = p
		case e.Type == watch.Deleted:
			delete(pods, p.UID)
		default:
			continue
		}
		f.show(sight{pods: slices.Collect(maps.Values(pods))})
	}
	return soon
}

// list returns the pods. A pod by its name needs no right to list.
func (f *follower) list(ctx context.Context, r rest.Interface) (*corev1.PodList, error) {
	ctx, cancel := f.client.Call(ctx)
	defer cancel()
	list := &corev1.PodList{}
	if f.target.name == "" {
		o := f.target.options()
		err := r.Get().Namespace(f.target.namespace).Resource("pods").VersionedParams(&o, scheme.ParameterCodec).Do(ctx).Into(list)
		return list, err
	}
	p := corev1.Pod{}
	err := r.Get().Namespace(f.target.namespace).Resource("pods").Name(f.target.name).Do(ctx).Into(&p)
	switch {
	case apierrors.IsNotFound(err): // the watch from now on brings it, if it comes
		return list, nil
	case err != nil:
		return nil, err
	}
	list.Items, list.ListMeta = []corev1.Pod{p}, metav1.ListMeta{ResourceVersion: p.ResourceVersion}
	return list, nil
}
