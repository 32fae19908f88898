package detail

import (
	"encoding/base64"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
)

const secret = `
apiVersion: v1
kind: Secret
metadata:
  annotations:
    kapp.k14s.io/original: '{"data":{"password":"aHVudGVyMi1odW50ZXI="}}'
    kubectl.kubernetes.io/last-applied-configuration: '{"data":{"n":"MQ=="}}'
    note: rotated monthly
    plain: the password is hunter2-hunter
  name: db
  namespace: pay
  uid: u1
type: Opaque
data:
  password: aHVudGVyMi1odW50ZXI=
  "n": MQ==
stringData:
  token: s3cr3t-t0ken
`

func reader(f *fake) *Reader { return &Reader{api: f} }

func TestSecretsAreMasked(t *testing.T) {
	r := reader(&fake{objects: []*unstructured.Unstructured{object(t, secret)}})
	db := ref("", "secrets", "Secret", "db", "u1")
	doc, err := r.YAML(t.Context(), db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"hunter2", "aHVudGVy", "MQ==", "s3cr3t"} {
		if strings.Contains(doc.Text, leak) {
			t.Errorf("%q is in\n%s", leak, doc.Text)
		}
	}
	for _, want := range []string{"password: <14 bytes masked>", "token: <12 bytes masked>", "note: rotated monthly"} {
		if !strings.Contains(doc.Text, want) {
			t.Errorf("%q is not in\n%s", want, doc.Text)
		}
	}
	if doc.Masked != 6 {
		t.Errorf("%d values masked", doc.Masked)
	}
	doc, err = r.YAML(t.Context(), db, Options{Reveal: true})
	if err != nil || doc.Masked != 0 || !strings.Contains(doc.Text, "aHVudGVyMi1odW50ZXI=") {
		t.Errorf("revealed: %v\n%s", err, doc.Text)
	}
}

func TestDescribedSecretIsMasked(t *testing.T) {
	const token = "eyJhbGciOi.header.signature"
	r := reader(&fake{objects: []*unstructured.Unstructured{object(t, `
apiVersion: v1
kind: Secret
metadata:
  name: robot
  namespace: pay
  annotations: {copy: `+token+`, kubernetes.io/service-account.name: robot}
type: kubernetes.io/service-account-token
data:
  token: `+base64.StdEncoding.EncodeToString([]byte(token))+`
  ca.crt: Y2VydGlmaWNhdGU=
`)}})
	text, err := r.Describe(t.Context(), ref("", "secrets", "Secret", "robot", ""))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "signature") || strings.Contains(text, "certificate") {
		t.Errorf("a value is in\n%s", text)
	}
	for _, want := range []string{"<27 bytes masked>", "ca.crt:  11 bytes", "service-account.name: robot"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

const configMap = `
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"data":{}}'
  labels: {app: web}
  managedFields:
  - {manager: kubectl, operation: Apply}
  - {manager: "argo\u202ecd", operation: Update}
  - {manager: kubectl, operation: Update}
  name: settings
  namespace: pay
  uid: u2
data:
  a: "\e[31mred"
  metadata: |
    metadata:
      name: not this
`

func TestManagedFieldsAreFolded(t *testing.T) {
	r := reader(&fake{objects: []*unstructured.Unstructured{object(t, configMap)}})
	cm := ref("", "configmaps", "ConfigMap", "settings", "u2")
	doc, err := r.YAML(t.Context(), cm, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: v1
data:
  a: "\e[31mred"
  metadata: |
    metadata:
      name: not this
kind: ConfigMap
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"data":{}}'
  labels:
    app: web
  # managedFields: 3 entries of kubectl, argo` + "\ufffd" + `cd
  name: settings
  namespace: pay
  uid: u2
`
	if doc.Text != want {
		t.Errorf("got\n%s\nwant\n%s", doc.Text, want)
	}
	if doc.Folded != 3 || doc.Masked != 0 || doc.Replaced {
		t.Errorf("%+v", doc)
	}
	doc, err = r.YAML(t.Context(), cm, Options{ManagedFields: true})
	if err != nil || doc.Folded != 0 || !strings.Contains(doc.Text, "managedFields:\n  - manager: kubectl") {
		t.Errorf("unfolded: %v\n%s", err, doc.Text)
	}
}

func TestReplacedObjectIsSaid(t *testing.T) {
	r := reader(&fake{objects: []*unstructured.Unstructured{object(t, configMap)}})
	doc, err := r.YAML(t.Context(), ref("", "configmaps", "ConfigMap", "settings", "another"), Options{})
	if err != nil || !doc.Replaced {
		t.Errorf("%+v, %v", doc, err)
	}
}

func TestErrorsNameTheObject(t *testing.T) {
	_, err := reader(&fake{}).YAML(t.Context(), ref("apps", "deployments", "Deployment", "web", ""), Options{})
	if !apierrors.IsNotFound(err) || !strings.HasPrefix(err.Error(), "get deploy/web in pay: ") {
		t.Errorf("error %v", err)
	}
	node := kube.Ref{Kind: "Node", Name: "n1"}
	_, err = reader(&fake{}).YAML(t.Context(), node, Options{})
	if !apierrors.IsNotFound(err) || !strings.HasPrefix(err.Error(), "get node/n1: ") {
		t.Errorf("error %v", err)
	}
}
