package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// watch is a watch that is open. Its fields are guarded by Server.mu.
type watch struct {
	ended, cut, hung bool
	failed           *metav1.Status // to end with
}

func (s *Server) watch(w http.ResponseWriter, req *http.Request, r Request) {
	match, err := r.matcher()
	if err != nil {
		s.fail(w, r, apierrors.NewBadRequest(err.Error()))
		return
	}
	at, _ := strconv.ParseInt(r.Query.Get("resourceVersion"), 10, 64)
	self := &watch{}
	var out *events
	s.change(func() {
		gvk, typed, ok := s.kindOf(r.GVR)
		if ok {
			s.watches[self] = r.GVR
			out = &events{w: w, form: s.form(r, typed), gvk: gvk, typed: typed, columns: s.columns[r.GVR]}
		}
	})
	if out == nil {
		s.fail(w, r, apierrors.NewGenericServerResponse(http.StatusNotFound, r.Verb, r.GVR.GroupResource(), "", "", 0, true))
		return
	}
	defer s.change(func() { delete(s.watches, self) })
	var over <-chan time.Time
	if seconds, err := strconv.Atoi(r.Query.Get("timeoutSeconds")); err == nil {
		over = time.After(time.Duration(seconds) * time.Second)
	}
	out.begin()
	for {
		s.mu.Lock()
		changed, ended, old := s.changed, *self, at < s.oldest
		var news []change
		for _, c := range s.log {
			if c.version > at {
				news, at = append(news, c), c.version
			}
		}
		s.mu.Unlock()
		if ended.hung {
			select {
			case <-req.Context().Done():
			case <-s.done:
			}
			return
		}
		if old {
			status := apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d", at)).Status()
			out.send("ERROR", entry{}, &status)
			return
		}
		for _, c := range news {
			out.change(c, r.GVR, match)
		}
		switch {
		case ended.failed != nil:
			out.send("ERROR", entry{}, ended.failed)
			return
		case ended.cut:
			panic(http.ErrAbortHandler)
		case ended.ended:
			return
		}
		select {
		case <-changed:
		case <-over:
			return
		case <-req.Context().Done():
			return
		case <-s.done:
			return
		}
	}
}

// events writes the body of a watch.
type events struct {
	w       http.ResponseWriter
	form    form
	gvk     schema.GroupVersionKind
	typed   bool
	columns []metav1.TableColumnDefinition
	sent    bool // the columns, which only the first table has
}

func (e *events) begin() {
	contentType := runtime.ContentTypeJSON
	if e.form.protobuf {
		contentType = runtime.ContentTypeProtobuf + ";stream=watch"
	}
	e.w.Header().Set("Content-Type", contentType)
	e.w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(e.w).Flush()
}

// change writes what a change is for those who only see what matches.
func (e *events) change(c change, gvr schema.GroupVersionResource, match func(Object) bool) {
	before := c.old.object != nil && match(c.old.object)
	after := c.new.object != nil && match(c.new.object)
	switch {
	case c.old.object == nil && c.new.object == nil:
		e.send("BOOKMARK", entry{object: e.empty(c.version)}, nil)
	case c.gvr != gvr:
	case after && before:
		e.send("MODIFIED", c.new, nil)
	case after:
		e.send("ADDED", c.new, nil)
	case before:
		last := c.old
		if c.new.object != nil {
			last.object = last.object.DeepCopyObject().(Object)
			last.object.SetResourceVersion(strconv.FormatInt(c.version, 10))
		}
		e.send("DELETED", last, nil)
	}
}

// empty returns an object of the watched kind that has only a version.
func (e *events) empty(version int64) Object {
	var o Object = &unstructured.Unstructured{}
	if e.typed {
		made, err := scheme.Scheme.New(e.gvk)
		if err != nil {
			panic(err)
		}
		o = made.(Object)
	} else {
		o.(*unstructured.Unstructured).SetGroupVersionKind(e.gvk)
	}
	o.SetResourceVersion(strconv.FormatInt(version, 10))
	return o
}

// send writes one event with an object, or with a status.
func (e *events) send(typ string, about entry, status *metav1.Status) {
	var o runtime.Object = about.object
	f := e.form
	switch {
	case status != nil:
		o, f.as = status, ""
	case f.as == "Table":
		t := table(e.columns, []entry{about})
		if e.sent {
			t.ColumnDefinitions = nil
		}
		e.sent = true
		o = t
	}
	raw, _ := encode(o, f)
	if !e.form.protobuf {
		line, err := json.Marshal(metav1.WatchEvent{Type: typ, Object: runtime.RawExtension{Raw: bytes.TrimSpace(raw)}})
		if err != nil {
			panic(err)
		}
		e.write(append(line, '\n'))
		return
	}
	info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	var frame bytes.Buffer
	event := &metav1.WatchEvent{Type: typ, Object: runtime.RawExtension{Raw: raw}}
	if err := info.StreamSerializer.Encode(event, info.StreamSerializer.NewFrameWriter(&frame)); err != nil {
		panic(err)
	}
	e.write(frame.Bytes())
}

func (e *events) write(b []byte) {
	_, _ = e.w.Write(b)
	_ = http.NewResponseController(e.w).Flush()
}
