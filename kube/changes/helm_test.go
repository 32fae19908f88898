package changes

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/store"
)

// payload is the record of a release as Helm packs it.
func payload(t *testing.T, record string) string {
	t.Helper()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(record)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(zipped.Bytes())
}

const released = `{"name":"shop","version":3,"info":{"last_deployed":"2026-03-04T05:06:07.5Z","status":"deployed","description":"Upgrade complete\u001b[31m"},
	"chart":{"metadata":{"name":"web","version":"1.2.3","appVersion":"9"},"values":{"password":"hunter2"}},"config":{"password":"hunter2"}}`

func TestReadRelease(t *testing.T) {
	s := apitest.New(t)
	name := "sh.helm.release.v1.shop.v3"
	meta := metav1.ObjectMeta{Namespace: "shop", Name: name, UID: "r"}
	s.Put(
		&corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{"release": []byte(payload(t, released))}},
		&corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"release": payload(t, released)}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other", UID: "o"}, Data: map[string]string{"release": "?"}},
	)
	hub := store.NewHub(func(gv schema.GroupVersion) (rest.Interface, error) {
		return rest.RESTClientFor(&rest.Config{Host: s.URL, APIPath: "/api", ContentConfig: rest.ContentConfig{GroupVersion: &gv, NegotiatedSerializer: scheme.Codecs.WithoutConversion()}})
	}, store.Options{})
	defer hub.Close()
	var entries []*Entry
	for _, kind := range []string{"Secret", "ConfigMap"} {
		on := coreRef(kind, strings.ToLower(kind)+"s", "shop", name)
		got, err := ReadRelease(t.Context(), hub, on)
		if err != nil || got.Name != "shop" || got.Revision != 3 || !strings.HasPrefix(got.Description, "Upgrade complete") || got.String() != "chart web 1.2.3 (app 9), deployed" || got.Deployed.Unix() != 1772600767 {
			t.Errorf("%s: %v %+v", kind, err, got)
		}
		if all := strings.Join([]string{got.Name, got.Status, got.Description, got.Chart, got.Version, got.App}, " "); strings.Contains(all, "hunter2") || strings.Contains(all, "\x1b") {
			t.Errorf("%s: %q", kind, all)
		}
		entries = append(entries, &Entry{ID: kind, On: on, Note: "helm release shop", Source: FromHelm})
	}
	bad := []kube.Ref{coreRef("ConfigMap", "configmaps", "shop", "other"), coreRef("Secret", "secrets", "shop", "gone")}
	for _, on := range bad {
		if _, err := ReadRelease(t.Context(), hub, on); err == nil {
			t.Errorf("%s was read", on)
		}
		entries = append(entries, &Entry{ID: on.Name, On: on, Note: "helm release gone", Source: FromHelm})
	}
	with, notRead := Charts(t.Context(), hub, entries, 3)
	if len(with) != 4 || with[0].Note != "helm release shop, chart web 1.2.3 (app 9), deployed" || with[3].Note != "helm release gone" || len(notRead) != 1 || entries[0].Note != "helm release shop" {
		t.Errorf("%v %v", with[0].Note, notRead)
	}
}

// A record may be anything.
func FuzzRecord(f *testing.F) {
	for _, text := range []string{released, "{}", "", "null", `{"info":{"last_deployed":"never"}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		r, err := decodeRelease(record)
		if err == nil && strings.ContainsAny(r.String()+r.Name+r.Description, "\x1b\n\x07") {
			t.Errorf("%q", r)
		}
		body, _ := json.Marshal(map[string]any{"data": map[string]string{"release": base64.StdEncoding.EncodeToString(record)}}) // of strings alone
		if again, other := decodeRecord("configmaps", body); (other == nil) != (err == nil) || again != r {
			t.Errorf("%v %v, but %v %v", again, other, r, err)
		}
	})
}
