package apitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// Writes returns the requests so far that were to change something or to reach
// into a container. Dry runs and the reviews of users of themselves are none.
func (s *Server) Writes() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return !r.IsWrite() })
}

// IsWrite reports whether a request is one of Writes.
func (r Request) IsWrite() bool {
	switch r.Subresource() {
	case "exec", "attach", "portforward":
		return true
	}
	switch r.Verb {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.GVR.Group != "authorization.k8s.io" && r.GVR.Group != "authentication.k8s.io" && !r.DryRun()
	}
	return false
}

// DryRun reports whether a request asks for nothing to be kept.
func (r Request) DryRun() bool {
	values := r.Query["dryRun"]
	if r.Verb == http.MethodDelete && len(r.Body) > 0 { // which hides the query
		options, err := r.deleteOptions()
		if err != nil {
			return false
		}
		values = options.DryRun
	}
	return slices.Contains(values, metav1.DryRunAll)
}

func (r Request) deleteOptions() (*metav1.DeleteOptions, error) {
	options := &metav1.DeleteOptions{}
	if len(r.Body) == 0 {
		return options, nil
	}
	kind := metav1.SchemeGroupVersion.WithKind("DeleteOptions")
	_, _, err := scheme.Codecs.UniversalDeserializer().Decode(r.Body, &kind, options)
	return options, err
}

// write answers a request that changes something.
func (s *Server) write(w http.ResponseWriter, r Request) {
	var done func(http.ResponseWriter, Request) *apierrors.StatusError
	switch {
	case r.Verb == http.MethodPost && r.Subresource() == "eviction":
		done = s.evict
	case r.Verb == http.MethodPost && r.Name == "":
		done = s.create
	case r.Verb == http.MethodPatch && r.Name != "":
		done = s.patch
	case r.Verb == http.MethodDelete && r.Name != "" && r.Subresource() == "":
		done = s.remove
	default:
		s.fail(w, r, apierrors.NewMethodNotSupported(r.GVR.GroupResource(), r.Verb))
		return
	}
	if err := done(w, r); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) create(w http.ResponseWriter, r Request) *apierrors.StatusError {
	var o Object
	decoded, _, err := scheme.Codecs.UniversalDeserializer().Decode(r.Body, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		u := &unstructured.Unstructured{}
		decoded, err = u, u.UnmarshalJSON(r.Body)
	}
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	o, ok := decoded.(Object)
	if !ok {
		return apierrors.NewBadRequest(fmt.Sprintf("%T is no object", decoded))
	}
	o.SetNamespace(r.Namespace)
	if o.GetName() == "" {
		o.SetName(o.GetGenerateName() + "x7k2p")
	}
	r.Name = o.GetName()
	if _, missing := s.find(r); missing == nil {
		return apierrors.NewAlreadyExists(r.GVR.GroupResource(), r.object())
	}
	if r.DryRun() {
		s.show(w, r, http.StatusCreated, o)
		return nil
	}
	s.Put(o)
	e, gone := s.find(r)
	if gone != nil {
		return gone
	}
	s.show(w, r, http.StatusCreated, e.object)
	return nil
}

func (s *Server) patch(w http.ResponseWriter, r Request) *apierrors.StatusError {
	e, failed := s.find(r)
	if failed != nil {
		return failed
	}
	subject := e.object
	if r.Subresource() == "scale" {
		scale, ok := scaleOf(e.object)
		if !ok {
			return noSuchPath(r)
		}
		subject = scale
	}
	after, failed := r.patched(subject)
	if failed != nil {
		return failed
	}
	if after.GetUID() != e.object.GetUID() {
		return apierrors.NewConflict(r.GVR.GroupResource(), r.object(), fmt.Errorf("precondition failed: UID in precondition: %s, UID in object meta: %s", after.GetUID(), e.object.GetUID()))
	}
	if !r.DryRun() {
		kept := after
		if r.Subresource() == "scale" {
			kept = scaled(e.object, after.(*autoscalingv1.Scale).Spec.Replicas)
		}
		if s.PutRow(kept, e.cells...); kept.GetDeletionTimestamp() != nil && len(kept.GetFinalizers()) == 0 {
			s.Delete(kept)
		}
	}
	s.show(w, r, http.StatusOK, after)
	return nil
}

// patched returns what the request's patch makes of an object.
func (r Request) patched(o Object) (Object, *apierrors.StatusError) {
	before, err := json.Marshal(asJSON(o))
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	var after []byte
	switch kind := types.PatchType(r.Header.Get("Content-Type")); kind {
	case types.JSONPatchType:
		patch, bad := jsonpatch.DecodePatch(r.Body)
		if bad != nil {
			return nil, apierrors.NewBadRequest(bad.Error())
		}
		if after, err = patch.Apply(before); err != nil {
			return nil, apierrors.NewInvalid(o.GetObjectKind().GroupVersionKind().GroupKind(), r.Name,
				field.ErrorList{field.Invalid(field.NewPath("patch"), string(r.Body), err.Error())})
		}
	case types.MergePatchType:
		after, err = jsonpatch.MergePatch(before, r.Body)
	case types.ApplyYAMLPatchType: // as if nobody else owned a field
		var fields []byte
		if fields, err = yaml.YAMLToJSON(r.Body); err == nil {
			after, err = jsonpatch.MergePatch(before, fields)
		}
	case types.StrategicMergePatchType:
		after, err = strategicpatch.StrategicMergePatch(before, r.Body, o)
	default:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("no patches of type %q here", kind))
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	made := reflect.New(reflect.TypeOf(o).Elem()).Interface().(Object)
	if err := json.Unmarshal(after, made); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return made, nil
}

// asJSON returns an object with its kind in it.
func asJSON(o Object) any {
	if isUnstructured(o) {
		return o
	}
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		panic(err)
	}
	return toUnstructured(kinds[0], o)
}

func (s *Server) remove(w http.ResponseWriter, r Request) *apierrors.StatusError {
	options, err := r.deleteOptions()
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	if failed := s.end(r, options); failed != nil {
		return failed
	}
	s.told(w, r, &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess})
	return nil
}

func (s *Server) evict(w http.ResponseWriter, r Request) *apierrors.StatusError {
	eviction := &policyv1.Eviction{}
	if _, _, err := scheme.Codecs.UniversalDeserializer().Decode(r.Body, nil, eviction); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	options := eviction.DeleteOptions
	if options == nil {
		options = &metav1.DeleteOptions{}
	}
	if failed := s.end(r, options); failed != nil {
		return failed
	}
	s.told(w, r, &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess})
	return nil
}

// end deletes an object, or begins to if it has finalizers.
func (s *Server) end(r Request, options *metav1.DeleteOptions) *apierrors.StatusError {
	e, failed := s.find(r)
	if failed != nil {
		return failed
	}
	if p := options.Preconditions; p != nil && p.UID != nil && *p.UID != e.object.GetUID() {
		return apierrors.NewConflict(r.GVR.GroupResource(), r.object(), fmt.Errorf("the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted and then recreated", *p.UID, e.object.GetUID()))
	}
	switch {
	case r.DryRun():
	case len(e.object.GetFinalizers()) > 0:
		ending := e.object.DeepCopyObject().(Object)
		ending.SetDeletionTimestamp(new(metav1.Now()))
		s.PutRow(ending, e.cells...)
	default:
		s.Delete(e.object)
	}
	return nil
}

// scaleOf returns the replicas of an object as its subresource scale; false if
// it has none.
func scaleOf(o Object) (*autoscalingv1.Scale, bool) {
	u, ok := asJSON(o).(*unstructured.Unstructured)
	if !ok {
		return nil, false
	}
	n, found, err := unstructured.NestedInt64(u.Object, "spec", "replicas")
	if !found || err != nil {
		return nil, false
	}
	return &autoscalingv1.Scale{
		TypeMeta: metav1.TypeMeta{Kind: "Scale", APIVersion: autoscalingv1.SchemeGroupVersion.String()},
		ObjectMeta: metav1.ObjectMeta{
			Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(),
			ResourceVersion: o.GetResourceVersion(), CreationTimestamp: o.GetCreationTimestamp(),
		},
		Spec: autoscalingv1.ScaleSpec{Replicas: int32(n)}, //nolint:gosec // counts of replicas
	}, true
}

// scaled returns an object with another count of replicas.
func scaled(o Object, n int32) Object {
	u := asJSON(o).(*unstructured.Unstructured).DeepCopy()
	if err := unstructured.SetNestedField(u.Object, int64(n), "spec", "replicas"); err != nil {
		panic(err)
	}
	if isUnstructured(o) {
		return u
	}
	made := reflect.New(reflect.TypeOf(o).Elem()).Interface().(Object)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, made); err != nil {
		panic(err)
	}
	return made
}
