package store

import (
	"encoding/json"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// fields is the pointer type of a struct O with what is looked at of a custom
// resource.
type fields[O any] interface {
	*O
	metav1.Object
}

// Custom declares a resource that the server has in JSON only, as it does custom
// ones. O is a struct with the JSON fields that compact looks at; compact must
// keep no pointer, slice or map of it.
func Custom[T Object, O any, P fields[O]](gvr schema.GroupVersionResource, kind string, namespaced bool, compact func(P, *Interner) T) Kind[T] {
	return Kind[T]{
		GVR: gvr, Kind: kind, Namespaced: namespaced, accept: runtime.ContentTypeJSON,
		newCodec: func() codec[T] { return customCodec[T, O, P]{compact: compact, kind: kind} },
	}
}

type customCodec[T Object, O any, P fields[O]] struct {
	compact func(P, *Interner) T
	kind    string
}

func (c customCodec[T, O, P]) meta(body []byte) (metav1.ListMeta, error) {
	var list struct {
		Metadata metav1.ListMeta `json:"metadata"`
	}
	err := json.Unmarshal(body, &list)
	return list.Metadata, err
}

func (c customCodec[T, O, P]) page(body []byte, in *Interner, yield func(T)) error {
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("decode a list of %s: %w", c.kind, err)
	}
	for _, raw := range list.Items {
		o, err := c.decode(raw)
		if err != nil {
			return err
		}
		yield(c.compact(o, in))
	}
	return nil
}

func (c customCodec[T, O, P]) decode(raw []byte) (P, error) {
	p := P(new(O))
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("decode %s: %w", c.kind, err)
	}
	return p, nil
}

func (c customCodec[T, O, P]) events(body io.Reader) eventReader[T] {
	return &customEvents[T, O, P]{codec: c, dec: json.NewDecoder(body)}
}

type customEvents[T Object, O any, P fields[O]] struct {
	codec customCodec[T, O, P]
	dec   *json.Decoder
}

func (e *customEvents[T, O, P]) next(in *Interner) (event[T], error) {
	var w jsonEvent
	if err := e.dec.Decode(&w); err != nil {
		return event[T]{}, err
	}
	ev := event[T]{typ: w.Type}
	if w.Type == "ERROR" {
		ev.status = &metav1.Status{}
		return ev, json.Unmarshal(w.Object, ev.status)
	}
	o, err := e.codec.decode(w.Object)
	if err != nil {
		return ev, err
	}
	ev.version = o.GetResourceVersion()
	if w.Type != "BOOKMARK" {
		ev.objects = []T{e.codec.compact(o, in)}
	}
	return ev, nil
}
