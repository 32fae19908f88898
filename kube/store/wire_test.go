package store

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type numbers = []protowire.Number

// richPod returns a pod with random contents in many fields.
func richPod(r *rand.Rand) *corev1.Pod {
	word := func() string { return "w" + string(make([]byte, r.IntN(300))) }
	p := newCorePod(r.IntN(100))
	p.Annotations = map[string]string{"a": word()}
	p.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(word())
	for range r.IntN(4) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: word()})
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{
			Name: word(), Image: word(), Command: []string{word(), word()}, Env: []corev1.EnvVar{{Name: "A", Value: word()}},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("250m")}},
		})
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, Message: word()}}
	return p
}

// What is left decodes to the same object without the dropped fields.
func TestPrunedObject(t *testing.T) {
	p := prunePaths(numbers{1, 17}, numbers{1, 12}, numbers{2, 1}, numbers{2, 2, 3}, numbers{2, 2, 7}, numbers{3, 2, 6}, numbers{99, 1})
	var buf []byte
	for seed := range uint64(500) {
		pod := richPod(rand.New(rand.NewPCG(seed, 0)))
		raw, err := pod.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if buf, err = p.appendPruned(append(buf[:0], "before"...), raw); err != nil {
			t.Fatal(err)
		}
		var got corev1.Pod
		if err := got.Unmarshal(bytes.TrimPrefix(buf, []byte("before"))); err != nil {
			t.Fatal(err)
		}
		pod.ManagedFields, pod.Annotations, pod.Spec.Volumes = nil, nil, nil
		for i := range pod.Spec.Containers {
			pod.Spec.Containers[i].Command, pod.Spec.Containers[i].Env = nil, nil
		}
		for i := range pod.Status.Conditions {
			pod.Status.Conditions[i].Message = ""
		}
		if !equality.Semantic.DeepEqual(&got, pod) {
			t.Fatalf("seed %d: got %v\nwant %v", seed, &got, pod)
		}
	}
}

// The pruned bytes are what encoding the pruned message gives, whatever the
// lengths on the way.
func TestPrunedLengths(t *testing.T) {
	p := prunePaths(numbers{1, 1, 1})
	for _, dropped := range []int{0, 1, 100, 126, 127, 128, 200, 16383, 16384, 1 << 20} {
		for _, kept := range []int{0, 1, 100, 124, 127, 128, 16380, 16384} {
			message := func(withDropped bool) []byte {
				var inner []byte
				if withDropped {
					inner = protowire.AppendBytes(protowire.AppendTag(inner, 1, protowire.BytesType), make([]byte, dropped))
				}
				inner = protowire.AppendBytes(protowire.AppendTag(inner, 2, protowire.BytesType), bytes.Repeat([]byte{7}, kept))
				mid := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
				out := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), mid)
				return protowire.AppendVarint(protowire.AppendTag(out, 3, protowire.VarintType), 5)
			}
			got, err := p.appendPruned(nil, message(true))
			if err != nil || !bytes.Equal(got, message(false)) {
				t.Errorf("dropped %d, kept %d: %d bytes, want %d (%v)", dropped, kept, len(got), len(message(false)), err)
			}
		}
	}
}

func TestFrames(t *testing.T) {
	f := frames{r: bufio.NewReader(bytes.NewReader([]byte("\x00\x00\x00\x0b\x0a\x03ADD\x12\x04\x0a\x02ab\x00\x00\x00\x00\x00\x00")))}
	typ, object, err := f.next()
	if typ != "ADD" || string(object) != "ab" || err != nil {
		t.Errorf("%q %q %v", typ, object, err)
	}
	if typ, object, err = f.next(); typ != "" || object != nil || err != nil {
		t.Errorf("empty frame: %q %q %v", typ, object, err)
	}
	if _, _, err = f.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a length: %v", err)
	}
}

// Whatever a server sends, reading it ends, and not in a panic.
func FuzzWire(f *testing.F) {
	pod := newCorePod(1)
	raw, _ := pod.Marshal()
	list := &corev1.PodList{ListMeta: metav1.ListMeta{Continue: "x"}, Items: []corev1.Pod{*pod}}
	listRaw, _ := list.Marshal()
	for _, b := range [][]byte{
		raw, listRaw, append(append([]byte{}, magic...), protowire.AppendBytes([]byte{0x12}, listRaw)...),
		[]byte("\x00\x00\x00\x0b\x0a\x03ADD\x12\x04\x0a\x02ab"), []byte(`{"type":"ADDED","object":{}}`), []byte(`{"kind":"Table","rows":[{"cells":[{}],"object":{}}]}`),
		{0x0b, 0x0b, 0x0b},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		{0x08},
	} {
		f.Add(b)
	}
	kind, table := podKind(), Table(podKind().GVR, "Pod", true)
	f.Fuzz(func(t *testing.T, b []byte) {
		p := prunePaths(numbers{1, 17}, numbers{1}, numbers{2, 2, 3}, numbers{3, 8, 7})
		pruned, err := p.appendPruned(nil, b)
		if err == nil && len(pruned) > len(b) {
			t.Errorf("pruning made %d bytes of %d", len(pruned), len(b))
		}
		if err == nil {
			again, err := p.appendPruned(nil, pruned)
			if err != nil || !bytes.Equal(again, pruned) {
				t.Errorf("pruned again: %v, %d bytes of %d", err, len(again), len(pruned))
			}
		}
		tryCodec(kind.newCodec(), b)
		tryCodec(table.newCodec(), b)
	})
}

// tryCodec reads b as a page and as a watch.
func tryCodec[T Object](c codec[T], b []byte) {
	in := newInterner()
	for _, body := range [][]byte{b, append(append([]byte{}, magic...), b...)} {
		_, _ = c.meta(body)
		_ = c.page(body, in, func(T) {})
	}
	events := c.events(bytes.NewReader(b))
	for range 1000 {
		if _, err := events.next(in); err != nil {
			return
		}
	}
}
