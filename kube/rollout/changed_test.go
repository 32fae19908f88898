package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"quarterdeck/kube"
)

func TestReferences(t *testing.T) {
	got := []string{}
	for _, r := range template(t, `
metadata: {annotations: {configMap: no}}
spec:
  containers:
  - name: app
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: env, key: a}}}
    - {name: B, valueFrom: {secretKeyRef: {name: both, key: b, optional: true}}}
    - {name: secret, value: no}
    envFrom:
    - configMapRef: {name: from}
    - secretRef: {name: maybe, optional: true}
  initContainers:
  - name: init
    env:
    - {name: B, valueFrom: {secretKeyRef: {name: both, key: b}}}
  imagePullSecrets: [{name: registry}, {}]
  volumes:
  - {name: a, configMap: {name: volume}}
  - {name: b, secret: {secretName: volume, optional: true}}
  - {name: c, projected: {sources: [{secret: {name: part}}, {configMap: {name: part}}, {serviceAccountToken: {path: x}}]}}
  - {name: d, csi: {driver: x, nodePublishSecretRef: {name: csi}}}
  - {name: e, azureFile: {secretName: azure, shareName: x}}
  - {name: f, cephfs: {secretRef: {name: ceph}}}
  nodeSelector: {secret: no}
`).References("web") {
		got = append(got, fmt.Sprint(r.Ref.GVR.Resource, " ", r.Ref.Where(), " ", r.Optional))
	}
	want := []string{
		"configmaps cm/env in web false", "configmaps cm/from in web false", "configmaps cm/part in web false", "configmaps cm/volume in web false",
		"secrets secret/azure in web false", "secrets secret/both in web false", "secrets secret/ceph in web false", "secrets secret/csi in web false",
		"secrets secret/maybe in web true", "secrets secret/part in web false", "secrets secret/registry in web true", "secrets secret/volume in web true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReferents(t *testing.T) {
	object := func(name string, made int, fields ...metav1.ManagedFieldsEntry) runtime.Object {
		return &metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "web", CreationTimestamp: began(made), ManagedFields: fields},
		}
	}
	const data, labels = `{"f:data":{".":{},"f:a":{}}}`, `{"f:metadata":{"f:labels":{"f:a":{}}}}`
	f := newFake(t, nil,
		object("same", 1, wrote("helm", began(2), data), wrote("labeller", began(9), labels)),
		object("changed", 1, wrote("helm", began(2), data), wrote("kubectl-edit\x1b[2J", began(9), data), wrote("z", began(8), data)),
		object("binary", 1, wrote("helm", began(9), `{"f:binaryData":{}}`)),
		object("made", 7, wrote("helm", began(7), data)),
		object("untold", 1),
		object("new", 8),
	)
	f.metadata.PrependReactor("get", "secrets", func(a clienttesting.Action) (bool, runtime.Object, error) {
		name := a.(clienttesting.GetAction).GetName()
		if name == "hidden" {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, name, errors.New("no"))
		}
		return false, nil, nil
	})
	var refs []Reference
	for _, name := range []string{"same", "changed", "binary", "made", "untold", "new", "hidden", "missing", "maybe"} {
		refs = append(refs, Reference{
			Ref:      kube.Ref{GVR: corev1.SchemeGroupVersion.WithResource("secrets"), Kind: "Secret", Namespace: "web", Name: name},
			Optional: name == "maybe",
		})
	}
	got := []string{}
	for _, r := range ReadReferents(t.Context(), f, refs, began(5).Time) {
		got = append(got, r.Words(3))
	}
	want := []string{
		"secret/missing is not there: pods cannot start without it",
		"secret/maybe is not there; it is optional",
		"secret/hidden could not be read, so it may have changed: forbidden: get secrets in web",
		"secret/changed was changed by kubectl-edit after revision 3; its earlier contents are not kept",
		"secret/binary was changed by helm after revision 3; its earlier contents are not kept",
		"secret/made was made after revision 3; its earlier contents are not kept",
		"secret/new was made after revision 3; its earlier contents are not kept",
		"secret/untold may have changed after revision 3: the server keeps no record of its writes",
		"",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
