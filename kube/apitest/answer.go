package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// page is the rest of a list that is read in pages.
type page struct {
	rest    []entry
	version int64
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	r := parse(req)
	if req.Method != http.MethodGet {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the client has left
		}
		r.Body = body
	}
	var answer func(Request) *Answer
	s.change(func() {
		s.requests = append(s.requests, r)
		answer = s.answer
	})
	if answer != nil {
		if a := answer(r); a != nil && s.replace(w, req, r, a) {
			return
		}
	}
	s.mu.Lock()
	static, ok := s.static[r.Path]
	s.mu.Unlock()
	switch {
	case ok:
		write(w, http.StatusOK, "application/json", static)
	case r.Verb == "watch":
		s.watch(w, req, r)
	case r.Verb == "list":
		s.list(w, r)
	case r.Verb == "get":
		s.get(w, r)
	case req.Method == http.MethodGet:
		s.discover(w, r)
	case s.review(w, r):
	default:
		s.write(w, r)
	}
}

// replace answers with a; it reports whether there is nothing left to do.
func (s *Server) replace(w http.ResponseWriter, req *http.Request, r Request, a *Answer) bool {
	if a.Until != nil {
		select {
		case <-a.Until:
		case <-req.Context().Done():
			panic(http.ErrAbortHandler)
		case <-s.done:
			panic(http.ErrAbortHandler)
		}
	}
	if a.RetryAfter != "" {
		w.Header().Set("Retry-After", a.RetryAfter)
	}
	switch {
	case a.Status != nil:
		s.fail(w, r, &apierrors.StatusError{ErrStatus: *a.Status})
	case a.Body != "":
		write(w, http.StatusOK, a.ContentType, []byte(a.Body))
		_ = http.NewResponseController(w).Flush()
	case a.Stream != nil:
		w.Header().Set("Content-Type", a.ContentType)
		out := flushed{w}
		_, _ = out.Write(nil) // the header
		a.Stream(req.Context(), out)
	}
	if a.Cut {
		panic(http.ErrAbortHandler)
	}
	return a.Status != nil || a.Body != "" || a.Stream != nil
}

// flushed sends what is written at once.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	if err == nil {
		err = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}

func write(w http.ResponseWriter, code int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

// fail answers with an error, in the form that the client reads.
func (s *Server) fail(w http.ResponseWriter, r Request, err apierrors.APIStatus) {
	status := err.Status()
	body, contentType := encode(&status, s.form(r, true))
	write(w, int(status.Code), contentType, body)
}

// encode returns an object as f wants it.
func encode(o runtime.Object, f form) (body []byte, contentType string) {
	contentType = runtime.ContentTypeJSON
	if f.protobuf {
		contentType = runtime.ContentTypeProtobuf
	}
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), contentType)
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if !ok || err != nil || isUnstructured(o) { // what client-go has no type for
		body, err = json.Marshal(o)
		if err != nil {
			panic(fmt.Sprintf("encode %T: %v", o, err))
		}
		return body, runtime.ContentTypeJSON
	}
	if !meta.IsListType(o) {
		o = o.DeepCopyObject() // the encoder writes its kind into it
	}
	var b bytes.Buffer
	codec := scheme.Codecs.WithoutConversion().EncoderForVersion(info.Serializer, kinds[0].GroupVersion())
	if err := codec.Encode(o, &b); err != nil {
		panic(fmt.Sprintf("encode %T: %v", o, err))
	}
	return b.Bytes(), contentType
}

func toUnstructured(gvk schema.GroupVersionKind, o Object) *unstructured.Unstructured {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return u
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		panic(err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(gvk)
	return u
}

func isUnstructured(o runtime.Object) bool {
	_, ok := o.(runtime.Unstructured)
	return ok
}

// kindOf returns the kind of a resource that the server knows: from its objects
// or from client-go's types. s.mu must be held.
func (s *Server) kindOf(gvr schema.GroupVersionResource) (gvk schema.GroupVersionKind, typed, ok bool) {
	if k, known := s.kinds[gvr]; known {
		gvk = gvr.GroupVersion().WithKind(k.Kind)
		return gvk, scheme.Scheme.Recognizes(gvk), true
	}
	for kind := range scheme.Scheme.KnownTypes(gvr.GroupVersion()) {
		gvk := gvr.GroupVersion().WithKind(kind)
		if plural, _ := meta.UnsafeGuessKindToResource(gvk); plural == gvr {
			return gvk, true, true
		}
	}
	return gvk, false, false
}

func (s *Server) list(w http.ResponseWriter, r Request) {
	match, err := r.matcher()
	if err != nil {
		s.fail(w, r, apierrors.NewBadRequest(err.Error()))
		return
	}
	s.mu.Lock()
	gvk, typed, ok := s.kindOf(r.GVR)
	token, p := r.Query.Get("continue"), page{version: s.version}
	gone := false
	if token == "" {
		p.rest = s.sorted(r.GVR, match)
	} else if p, gone = s.pages[token], true; p.version != 0 {
		gone = false
	}
	list := metav1.ListMeta{ResourceVersion: strconv.FormatInt(p.version, 10)}
	if limit, _ := strconv.Atoi(r.Query.Get("limit")); limit > 0 && limit < len(p.rest) {
		left := int64(len(p.rest) - limit)
		if r.Query.Get("labelSelector") == "" && r.Query.Get("fieldSelector") == "" {
			list.RemainingItemCount = &left
		}
		list.Continue = fmt.Sprintf("%d-%d-%d", p.version, left, len(s.requests))
		s.pages[list.Continue] = page{p.rest[limit:], p.version}
		p.rest = p.rest[:limit]
	}
	columns := s.columns[r.GVR]
	typed = typed && !slices.ContainsFunc(p.rest, func(e entry) bool { return isUnstructured(e.object) })
	f := s.form(r, typed)
	s.mu.Unlock()
	switch {
	case !ok:
		s.fail(w, r, apierrors.NewGenericServerResponse(http.StatusNotFound, r.Verb, r.GVR.GroupResource(), "", "", 0, true))
	case gone:
		s.fail(w, r, apierrors.NewResourceExpired("The provided continue parameter is too old"))
	default:
		body, contentType := encode(listOf(gvk, typed, f.as, list, columns, p.rest), f)
		write(w, http.StatusOK, contentType, body)
	}
}

// listOf returns a list of the entries as f.as says.
func listOf(gvk schema.GroupVersionKind, typed bool, as string, list metav1.ListMeta,
	columns []metav1.TableColumnDefinition, entries []entry,
) runtime.Object {
	switch as {
	case "Table":
		t := table(columns, entries)
		t.ListMeta = list
		return t
	case "PartialObjectMetadataList":
		out := &metav1.PartialObjectMetadataList{
			TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: as}, ListMeta: list,
			Items: make([]metav1.PartialObjectMetadata, 0, len(entries)),
		}
		for _, e := range entries {
			out.Items = append(out.Items, *partial(e.object))
		}
		return out
	}
	if !typed {
		out := &unstructured.UnstructuredList{}
		out.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		out.SetResourceVersion(list.ResourceVersion)
		out.SetContinue(list.Continue)
		out.SetRemainingItemCount(list.RemainingItemCount)
		for _, e := range entries {
			out.Items = append(out.Items, *toUnstructured(gvk, e.object))
		}
		return out
	}
	out, err := scheme.Scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err != nil {
		panic(err)
	}
	objects := make([]runtime.Object, len(entries))
	for i, e := range entries {
		objects[i] = e.object
	}
	if err := meta.SetList(out, objects); err != nil {
		panic(err)
	}
	to, _ := meta.ListAccessor(out)
	to.SetResourceVersion(list.ResourceVersion)
	to.SetContinue(list.Continue)
	to.SetRemainingItemCount(list.RemainingItemCount)
	return out
}

// partial returns the metadata of an object as an object.
func partial(o Object) *metav1.PartialObjectMetadata {
	p := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}}
	p.Name, p.Namespace, p.UID, p.ResourceVersion = o.GetName(), o.GetNamespace(), o.GetUID(), o.GetResourceVersion()
	p.Labels, p.Annotations, p.OwnerReferences = o.GetLabels(), o.GetAnnotations(), o.GetOwnerReferences()
	p.CreationTimestamp, p.DeletionTimestamp = o.GetCreationTimestamp(), o.GetDeletionTimestamp()
	p.ManagedFields = o.GetManagedFields()
	return p
}

// table returns the entries as a table.
func table(columns []metav1.TableColumnDefinition, entries []entry) *metav1.Table {
	t := &metav1.Table{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "Table"}, ColumnDefinitions: slices.Clone(columns)}
	if len(columns) == 0 {
		t.ColumnDefinitions = []metav1.TableColumnDefinition{
			{Name: "Name", Type: "string", Format: "name"}, {Name: "Age", Type: "string"},
		}
	}
	t.Rows = make([]metav1.TableRow, 0, len(entries))
	for _, e := range entries {
		raw, err := json.Marshal(partial(e.object))
		if err != nil {
			panic(err)
		}
		cells := e.cells
		if cells == nil {
			cells = []any{e.object.GetName(), "1d"}
		}
		t.Rows = append(t.Rows, metav1.TableRow{Cells: cells, Object: runtime.RawExtension{Raw: raw}})
	}
	return t
}

func (s *Server) get(w http.ResponseWriter, r Request) {
	e, err := s.find(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	switch r.Subresource() {
	case "", "status":
		s.show(w, r, http.StatusOK, e.object)
	case "scale":
		if scale, ok := scaleOf(e.object); ok {
			s.show(w, r, http.StatusOK, scale)
			return
		}
		fallthrough
	default:
		s.fail(w, r, noSuchPath(r))
	}
}

// find returns the object that a request names.
func (s *Server) find(r Request) (entry, *apierrors.StatusError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.objects[r.GVR][r.Namespace+"/"+r.object()]
	if !ok {
		return entry{}, apierrors.NewNotFound(r.GVR.GroupResource(), r.object())
	}
	return e, nil
}

// show answers with an object.
func (s *Server) show(w http.ResponseWriter, r Request, code int, o Object) {
	s.mu.Lock()
	_, typed, _ := s.kindOf(r.GVR)
	f := s.form(r, typed)
	s.mu.Unlock()
	var out runtime.Object = o
	if f.as == "PartialObjectMetadata" {
		out = partial(o)
	}
	body, contentType := encode(out, f)
	write(w, code, contentType, body)
}

func noSuchPath(r Request) *apierrors.StatusError {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, r.Verb, r.GVR.GroupResource(), r.object(), "", 0, true)
}
