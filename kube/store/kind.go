package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/kube/sanitize"
)

// Kind declares how the objects of one resource are read and kept.
type Kind[T Object] struct {
	GVR        schema.GroupVersionResource
	Kind       string // "Pod"
	Namespaced bool

	accept   string
	newCodec func() codec[T]
}

// Decode returns the objects of a list as a server sends it.
func (k Kind[T]) Decode(list []byte) ([]T, error) {
	var objects []T
	err := k.newCodec().page(list, newInterner(), func(o T) { objects = append(objects, o) })
	return objects, err
}

// codec turns what the server sends into compact objects. Its methods are
// called by one goroutine at a time, the store's own.
type codec[T Object] interface {
	// meta returns the list metadata of a page.
	meta(body []byte) (metav1.ListMeta, error)
	// page calls yield with every object of a page.
	page(body []byte, in *Interner, yield func(T)) error
	// events returns a reader of a watch's body.
	events(body io.Reader) eventReader[T]
}

// eventReader reads a watch event by event.
type eventReader[T Object] interface {
	// next returns the next event: its type and resource version, and the
	// objects in it (none for a bookmark).
	next(in *Interner) (event[T], error)
}

type event[T Object] struct {
	typ     string // as in metav1.WatchEvent
	version string
	objects []T
	status  *metav1.Status // of an ERROR event
}

// message is the pointer type of a Kubernetes API struct O.
type message[O any] interface {
	*O
	runtime.Object
	metav1.Object
	Unmarshal([]byte) error
	Reset()
}

// Typed declares a built-in resource that is read in protobuf. compact makes
// the object that is kept of the one decoded, which is used again for the next:
// compact must not keep a pointer, slice or map of it. drop holds the paths of
// protobuf field numbers that compact does not look at; they are not decoded.
// managedFields are dropped too; TypedManaged leaves them.
func Typed[T Object, O any, P message[O]](gvr schema.GroupVersionResource, kind string, namespaced bool,
	compact func(P, *Interner) T, drop ...[]protowire.Number,
) Kind[T] {
	const metadata, managedFields = 1, 17 // of every object, of metav1.ObjectMeta
	return TypedManaged(gvr, kind, namespaced, compact, append(drop, []protowire.Number{metadata, managedFields})...)
}

// TypedManaged is Typed for a resource of which compact looks at managedFields,
// often a third of an object: for what is few, and changed by people.
func TypedManaged[T Object, O any, P message[O]](gvr schema.GroupVersionResource, kind string, namespaced bool,
	compact func(P, *Interner) T, drop ...[]protowire.Number,
) Kind[T] {
	prune := prunePaths(drop...)
	return Kind[T]{
		GVR: gvr, Kind: kind, Namespaced: namespaced,
		accept: runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON,
		newCodec: func() codec[T] {
			return &typedCodec[T, O, P]{compact: compact, prune: prune, gvk: gvr.GroupVersion().WithKind(kind)}
		},
	}
}

type typedCodec[T Object, O any, P message[O]] struct {
	compact func(P, *Interner) T
	prune   pruner
	gvk     schema.GroupVersionKind
}

func (c *typedCodec[T, O, P]) meta(body []byte) (metav1.ListMeta, error) {
	if !isProtobuf(body) {
		var list struct {
			Metadata metav1.ListMeta `json:"metadata"`
		}
		err := json.Unmarshal(body, &list)
		return list.Metadata, err
	}
	list, err := unwrap(body)
	if err != nil {
		return metav1.ListMeta{}, err
	}
	return listMeta(list)
}

func (c *typedCodec[T, O, P]) page(body []byte, in *Interner, yield func(T)) error {
	if !isProtobuf(body) {
		return c.jsonPage(body, in, yield)
	}
	list, err := unwrap(body)
	if err != nil {
		return err
	}
	d := objectDecoder[T, O, P]{codec: c}
	return eachField(list, func(num protowire.Number, _, value []byte) error {
		if num != 2 {
			return nil
		}
		o, err := d.decode(value)
		if err == nil {
			yield(c.compact(o, in))
		}
		return err
	})
}

// jsonPage reads what a proxy made of the protobuf that was asked for.
func (c *typedCodec[T, O, P]) jsonPage(body []byte, in *Interner, yield func(T)) error {
	var list runtime.Object = &metav1.PartialObjectMetadataList{}
	var err error
	if _, metadata := any(new(O)).(*metav1.PartialObjectMetadata); metadata {
		err = json.Unmarshal(body, list) // no group has such a kind, so that no scheme knows it
	} else {
		list, err = runtime.Decode(scheme.Codecs.UniversalDeserializer(), body)
	}
	if err != nil {
		return err
	}
	return meta.EachListItem(list, func(o runtime.Object) error {
		p, ok := o.(P)
		if !ok {
			return fmt.Errorf("got a %T in a list of %s", o, c.gvk.Kind)
		}
		yield(c.compact(p, in))
		return nil
	})
}

func (c *typedCodec[T, O, P]) events(body io.Reader) eventReader[T] {
	return &typedEvents[T, O, P]{frames: frames{r: bufio.NewReader(body)}, decoder: objectDecoder[T, O, P]{codec: c}}
}

// objectDecoder decodes one object after the other into the same memory.
type objectDecoder[T Object, O any, P message[O]] struct {
	codec  *typedCodec[T, O, P]
	object O
	buf    []byte
}

func (d *objectDecoder[T, O, P]) decode(raw []byte) (P, error) {
	var err error
	if d.buf, err = d.codec.prune.appendPruned(d.buf[:0], raw); err != nil {
		return nil, err
	}
	p := P(&d.object)
	p.Reset()
	if err := p.Unmarshal(d.buf); err != nil {
		return nil, fmt.Errorf("decode %s: %w", d.codec.gvk.Kind, err)
	}
	return p, nil
}

type typedEvents[T Object, O any, P message[O]] struct {
	frames  frames
	json    *json.Decoder // of a watch that a proxy made JSON of, nil otherwise
	decoder objectDecoder[T, O, P]
}

func (e *typedEvents[T, O, P]) next(in *Interner) (event[T], error) {
	if first, err := e.frames.r.Peek(1); e.json == nil && err == nil && first[0] == '{' {
		e.json = json.NewDecoder(e.frames.r) // a frame of that length is not taken
	}
	if e.json != nil {
		return e.nextJSON(in)
	}
	typ, object, err := e.frames.next()
	if err != nil {
		return event[T]{}, err
	}
	raw, err := unwrap(object)
	if err != nil {
		return event[T]{}, err
	}
	if typ == "ERROR" {
		var s metav1.Status
		err := s.Unmarshal(raw)
		return event[T]{typ: typ, status: &s}, err
	}
	o, err := e.decoder.decode(raw)
	if err != nil {
		return event[T]{}, err
	}
	ev := event[T]{typ: typ, version: o.GetResourceVersion()}
	if typ != "BOOKMARK" {
		ev.objects = []T{e.decoder.codec.compact(o, in)}
	}
	return ev, nil
}

func (e *typedEvents[T, O, P]) nextJSON(in *Interner) (event[T], error) {
	var w jsonEvent
	if err := e.json.Decode(&w); err != nil {
		return event[T]{}, err
	}
	ev := event[T]{typ: w.Type}
	if w.Type == "ERROR" {
		ev.status = &metav1.Status{}
		return ev, json.Unmarshal(w.Object, ev.status)
	}
	p := P(new(O))
	if err := json.Unmarshal(w.Object, p); err != nil {
		return ev, fmt.Errorf("decode %s: %w", e.decoder.codec.gvk.Kind, err)
	}
	ev.version = p.GetResourceVersion()
	if w.Type != "BOOKMARK" {
		ev.objects = []T{e.decoder.codec.compact(p, in)}
	}
	return ev, nil
}

// jsonEvent is a metav1.WatchEvent whose object is not yet decoded.
type jsonEvent struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// Row is an object of any kind as the server itself shows it: the cells of
// kubectl's table. See "Receiving resources as Tables" in the API concepts of
// Kubernetes' documentation.
type Row struct {
	Meta
	Columns *[]metav1.TableColumnDefinition // shared by all rows of a store
	Cells   []any                           // string, int64, float64, bool or nil
}

// Table declares a resource that is read as the server's own table. Of a server
// that makes none, as some aggregated ones, it has the columns NAME and AGE.
func Table(gvr schema.GroupVersionResource, kind string, namespaced bool) Kind[*Row] {
	return Kind[*Row]{
		GVR: gvr, Kind: kind, Namespaced: namespaced,
		accept:   "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
		newCodec: func() codec[*Row] { return &tableCodec{} },
	}
}

type tableCodec struct {
	columns *[]metav1.TableColumnDefinition
}

func (c *tableCodec) decode(body []byte) (*metav1.Table, error) {
	var t metav1.Table
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&t); err != nil {
		return nil, fmt.Errorf("decode table: %w", err)
	}
	if t.Kind != "Table" {
		if err := plainTable(body, &t); err != nil {
			return nil, err
		}
	}
	for i := range t.ColumnDefinitions {
		t.ColumnDefinitions[i].Name = sanitize.Line(t.ColumnDefinitions[i].Name)
	}
	// Later parts of an answer have none. A custom resource's may change.
	if len(t.ColumnDefinitions) > 0 && (c.columns == nil || !slices.Equal(*c.columns, t.ColumnDefinitions)) {
		c.columns = &t.ColumnDefinitions
	}
	return &t, nil
}

// plainTable makes a table of a list, or of one object.
func plainTable(body []byte, t *metav1.Table) error {
	var o struct {
		Kind     string                 `json:"kind"`
		Metadata metav1.ObjectMeta      `json:"metadata"`
		Items    []runtime.RawExtension `json:"items"`
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return fmt.Errorf("decode what is no table: %w", err)
	}
	switch {
	case o.Items != nil:
	case o.Metadata.ResourceVersion != "" && o.Kind != "":
		o.Items = []runtime.RawExtension{{Raw: body}}
	default:
		return fmt.Errorf("the server sent a %q where a Table was asked for", o.Kind)
	}
	t.ColumnDefinitions = []metav1.TableColumnDefinition{{Name: "Name"}, {Name: "Age"}}
	for _, item := range o.Items {
		t.Rows = append(t.Rows, metav1.TableRow{Object: item})
	}
	return nil
}

func (c *tableCodec) meta(body []byte) (metav1.ListMeta, error) {
	var t struct {
		Metadata metav1.ListMeta `json:"metadata"`
	}
	err := json.Unmarshal(body, &t)
	return t.Metadata, err
}

func (c *tableCodec) page(body []byte, in *Interner, yield func(*Row)) error {
	t, err := c.decode(body)
	if err != nil {
		return err
	}
	rows, err := c.rows(t, in)
	for _, r := range rows {
		yield(r)
	}
	return err
}

func (c *tableCodec) rows(t *metav1.Table, in *Interner) ([]*Row, error) {
	rows := make([]*Row, 0, len(t.Rows))
	for i := range t.Rows {
		var o metav1.PartialObjectMetadata
		if err := json.Unmarshal(t.Rows[i].Object.Raw, &o); err != nil {
			return rows, fmt.Errorf("decode metadata of a table row: %w", err)
		}
		cells := t.Rows[i].Cells
		for j, cell := range cells {
			cells[j] = compactCell(cell, in)
		}
		rows = append(rows, &Row{Meta: in.Meta(&o.ObjectMeta), Columns: c.columns, Cells: cells})
	}
	return rows, nil
}

// compactCell makes a cell safe to show, and a number of a number.
func compactCell(cell any, in *Interner) any {
	switch v := cell.(type) {
	case string:
		return in.String(v)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case bool, nil:
		return v
	default: // a custom resource's column may hold an object or a list
		b, _ := json.Marshal(v)
		return in.String(string(b))
	}
}

func (c *tableCodec) events(body io.Reader) eventReader[*Row] {
	return &tableEvents{codec: c, dec: json.NewDecoder(body)}
}

type tableEvents struct {
	codec *tableCodec
	dec   *json.Decoder
}

func (e *tableEvents) next(in *Interner) (event[*Row], error) {
	var w jsonEvent
	if err := e.dec.Decode(&w); err != nil {
		return event[*Row]{}, err
	}
	ev := event[*Row]{typ: w.Type}
	if w.Type == "ERROR" {
		ev.status = &metav1.Status{}
		return ev, json.Unmarshal(w.Object, ev.status)
	}
	t, err := e.codec.decode(w.Object)
	if err != nil {
		return ev, err
	}
	ev.version = t.ResourceVersion
	if len(t.Rows) > 0 {
		var o metav1.PartialObjectMetadata
		if err := json.Unmarshal(t.Rows[0].Object.Raw, &o); err != nil {
			return ev, err
		}
		ev.version = o.ResourceVersion
	}
	if ev.version == "" {
		return ev, errors.New("a watch event without resource version")
	}
	if w.Type != "BOOKMARK" {
		ev.objects, err = e.codec.rows(t, in)
	}
	return ev, err
}
