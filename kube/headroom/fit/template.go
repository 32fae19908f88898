package fit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// OfSize returns a pod in namespace that asks for amounts, by the name of the
// resource: cpu, memory, example.com/gpu.
func OfSize(namespace string, amounts map[string]string) (*corev1.Pod, error) {
	if len(amounts) == 0 {
		return nil, errors.New("a pod of no size is asked for: give at least one of --cpu and --memory")
	}
	list := corev1.ResourceList{}
	for _, name := range slices.Sorted(maps.Keys(amounts)) {
		q, err := resource.ParseQuantity(strings.TrimSpace(amounts[name]))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s %q is not an amount: write 500m or 4 for cpu, 512Mi or 8Gi for memory", name, amounts[name])
		case q.Sign() < 0:
			return nil, fmt.Errorf("%s %q is less than nothing", name, amounts[name])
		case q.CmpInt64(tooMuch) > 0:
			return nil, fmt.Errorf("%s %q is more than any node can have", name, amounts[name])
		case name == "memory" && q.MilliValue()%1000 != 0:
			return nil, fmt.Errorf("%s %q is a part of a byte: M is a million, m a thousandth", name, amounts[name])
		}
		list[corev1.ResourceName(name)] = q
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pod"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{Requests: list}}}},
	}, nil
}

// tooMuch is far above what anything has, and far below where numbers overflow:
// an exabyte, or as many cores.
const tooMuch = 1_000_000_000_000_000

// FromManifest returns the pod that a manifest describes, in YAML or JSON: of a
// Pod, of a PodTemplate, or of a workload. namespace is for one that names none.
func FromManifest(manifest []byte, namespace string) (*corev1.Pod, error) {
	var found *corev1.Pod
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		var raw runtime.RawExtension
		err := documents.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the manifest: %w", err)
		}
		if len(bytes.TrimSpace(raw.Raw)) == 0 || string(raw.Raw) == "null" {
			continue
		}
		if found != nil {
			return nil, errors.New("read the manifest: it has more than one object: ask about one at a time")
		}
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(raw.Raw, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("read the manifest: %w", err)
		}
		if found, err = podOf(object); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, errors.New("read the manifest: there is nothing in it")
	}
	if found.Namespace == "" {
		found.Namespace = namespace
	}
	return found, nil
}

func podOf(object runtime.Object) (*corev1.Pod, error) {
	of := func(meta metav1.ObjectMeta, t corev1.PodTemplateSpec) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
		p.Namespace, p.Name = meta.Namespace, meta.Name
		return p
	}
	switch o := object.(type) {
	case *corev1.Pod:
		return o, nil
	case *corev1.PodTemplate:
		return of(o.ObjectMeta, o.Template), nil
	case *appsv1.Deployment:
		return of(o.ObjectMeta, o.Spec.Template), nil
	case *appsv1.StatefulSet:
		return of(o.ObjectMeta, o.Spec.Template), nil
	case *appsv1.ReplicaSet:
		return of(o.ObjectMeta, o.Spec.Template), nil
	case *batchv1.Job:
		return of(o.ObjectMeta, o.Spec.Template), nil
	case *batchv1.CronJob:
		return of(o.ObjectMeta, o.Spec.JobTemplate.Spec.Template), nil
	}
	return nil, fmt.Errorf("read the manifest: a %s has no pods to place", object.GetObjectKind().GroupVersionKind().Kind)
}
