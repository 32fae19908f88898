package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

func resources(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

// podList is what a metrics server says of n pods.
func podList(n int) *v1beta1.PodMetricsList {
	list := &v1beta1.PodMetricsList{TypeMeta: metav1.TypeMeta{Kind: "PodMetricsList", APIVersion: "metrics.k8s.io/v1beta1"}}
	for i := range n {
		list.Items = append(list.Items, v1beta1.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: fmt.Sprintf("team-%02d", i%40), Name: fmt.Sprintf("service-%03d-7f9c%05d-x2", i%700, i),
				Labels: map[string]string{"app": "service", "tier": "web"},
			},
			Timestamp: metav1.NewTime(time.Unix(1_700_000_000, 0)), Window: metav1.Duration{Duration: 15 * time.Second},
			Containers: []v1beta1.ContainerMetrics{
				{Name: "app", Usage: resources(fmt.Sprintf("%dn", 1_234_567*(i+1)), fmt.Sprintf("%dKi", 1000+i))},
				{Name: "proxy", Usage: resources("2500u", "33Mi")},
			},
		})
	}
	return list
}

func encode(t testing.TB, list interface{ Marshal() ([]byte, error) }, kind string) []byte {
	t.Helper()
	raw, err := list.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	wrapped := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "metrics.k8s.io/v1beta1", Kind: kind}, Raw: raw}
	body, err := wrapped.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(protobufMagic), body...)
}

func decodeBytes(body []byte, nodes bool) (*usage, error) {
	return decode(bufio.NewReader(bytes.NewReader(body)), nodes, nil)
}

func TestDecodePods(t *testing.T) {
	list := podList(50)
	inJSON, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"protobuf": encode(t, list, "PodMetricsList"), "json": inJSON} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeBytes(body, false)
			if err != nil {
				t.Fatal(err)
			}
			if got.Len() != 50 || got.Window() != 15*time.Second {
				t.Errorf("%d pods over %s", got.Len(), got.Window())
			}
			for _, pod := range list.Items {
				want := make(map[string]Usage)
				var sum Usage
				for _, c := range pod.Containers {
					u := Usage{c.Usage.Cpu().MilliValue(), c.Usage.Memory().Value()}
					want[c.Name] = u
					sum.MilliCPU += u.MilliCPU
					sum.Bytes += u.Bytes
				}
				if have := maps.Collect(got.Containers(pod.Namespace, pod.Name)); !maps.Equal(have, want) {
					t.Errorf("%s: %v, want %v", pod.Name, have, want)
				}
				if have, ok := got.Pod(pod.Namespace, pod.Name); !ok || have != sum {
					t.Errorf("%s: %v, %v, want %v", pod.Name, have, ok, sum)
				}
				if have, ok := got.Container(pod.Namespace, pod.Name, "proxy"); !ok || have != want["proxy"] {
					t.Errorf("%s proxy: %v, %v", pod.Name, have, ok)
				}
			}
			if _, ok := got.Pod("team-00", "nobody"); ok {
				t.Error("an unknown pod has values")
			}
			if _, ok := got.Container("team-00", list.Items[0].Name, "nobody"); ok {
				t.Error("an unknown container has values")
			}
		})
	}
}

func TestDecodeNodes(t *testing.T) {
	list := &v1beta1.NodeMetricsList{
		TypeMeta: metav1.TypeMeta{Kind: "NodeMetricsList"},
		Items: []v1beta1.NodeMetrics{
			{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}, Window: metav1.Duration{Duration: 20 * time.Second}, Usage: resources("3500m", "12Gi")},
			{ObjectMeta: metav1.ObjectMeta{Name: "node-2"}, Window: metav1.Duration{Duration: 20 * time.Second}, Usage: resources("2", "1e9")},
		},
	}
	inJSON, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"protobuf": encode(t, list, "NodeMetricsList"), "json": inJSON} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeBytes(body, true)
			if err != nil {
				t.Fatal(err)
			}
			if u, ok := got.Node("node-1"); !ok || u != (Usage{3500, 12 << 30}) {
				t.Errorf("node-1: %v, %v", u, ok)
			}
			if u, ok := got.Node("node-2"); !ok || u != (Usage{2000, 1e9}) {
				t.Errorf("node-2: %v, %v", u, ok)
			}
		})
	}
}

func TestDecodeBroken(t *testing.T) {
	whole := encode(t, podList(3), "PodMetricsList")
	for name, body := range map[string][]byte{
		"empty":    nil,
		"html":     []byte("<html>login</html>"),
		"cut":      whole[:len(whole)/2],
		"cut JSON": []byte(`{"kind":"PodMetricsList","items":[{"metadata":{"name":"a"}},`),
		"quantity": []byte(`{"items":[{"metadata":{"name":"a"},"containers":[{"usage":{"cpu":"many"}}]}]}`),
		"type":     []byte(`{"items":[{"metadata":17}]}`),
	} {
		if got, err := decodeBytes(body, false); err == nil {
			t.Errorf("%s: %d pods and no error", name, got.Len())
		}
	}
	for _, body := range []string{`{"items":null}`, `{"items":[]}`, `{}`} {
		if got, err := decodeBytes([]byte(body), false); err != nil || got.Len() != 0 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestParseQuantity(t *testing.T) {
	for _, s := range []string{
		"0", "1", "999999999n", "1n", "1000000n", "2500u", "250m", "1500", "3k", "2M", "64Ki", "33Mi", "2Gi", "1.5", "1e3", "100000000000000000", "2E",
	} {
		q := resource.MustParse(s)
		var u Usage
		if err := u.set([]byte("cpu"), []byte(s)); err != nil || u.MilliCPU != q.MilliValue() {
			t.Errorf("cpu %s: %d, %v, want %d", s, u.MilliCPU, err, q.MilliValue())
		}
		if err := u.set([]byte("memory"), []byte(s)); err != nil || u.Bytes != q.Value() {
			t.Errorf("memory %s: %d, %v, want %d", s, u.Bytes, err, q.Value())
		}
	}
	if got, ok := parseQuantity([]byte("999999999999999999"), resource.Milli); ok {
		t.Errorf("an overflow was read as %d", got)
	}
	if u := (Usage{}); u.set([]byte("cpu"), []byte("")) == nil {
		t.Error("an empty quantity is no error")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, podList(2), "PodMetricsList"), false)
	f.Add([]byte(`{"items":[{"metadata":{"name":"a"},"usage":{"cpu":"1"}}]}`), true)
	f.Add([]byte("k8s\x00\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false)
	f.Fuzz(func(_ *testing.T, body []byte, nodes bool) {
		if got, err := decodeBytes(body, nodes); err == nil {
			for k := range got.items {
				got.Pod(k.namespace, k.name)
			}
		}
	})
}

func BenchmarkDecode50000(b *testing.B) {
	body := encode(b, podList(50_000), "PodMetricsList")
	prev, err := decodeBytes(body, false)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(bufio.NewReader(bytes.NewReader(body)), false, prev); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(math.Round(float64(len(body))/50_000), "B/pod")
}

func BenchmarkLookup(b *testing.B) {
	list := podList(50_000)
	got, err := decodeBytes(encode(b, list, "PodMetricsList"), false)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		pod := &list.Items[i%len(list.Items)]
		got.Pod(pod.Namespace, pod.Name)
		i++
	}
}
