package kubelet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
)

// authority signs certificates for one test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.key = newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	a.cert = a.sign(template, template, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// pair issues a certificate for a user, or a server on loopback.
func (a *authority) pair(user string, groups ...string) tls.Certificate {
	key := newKey(a.t)
	cert := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour),
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func (a *authority) write(dir string) {
	server := a.pair("kubelet")
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "pki"), 0o700); err != nil {
		a.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.crt":      {Type: "CERTIFICATE", Bytes: a.cert.Raw},
		"kubelet.crt": {Type: "CERTIFICATE", Bytes: server.Certificate[0]},
		"kubelet.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, "pki", name), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

func (a *authority) client(certificates ...tls.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certificates}}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// serve runs the kubelet API of a cluster with two pods on two nodes, one of
// which is stopped, until the test ends. It returns the API's address.
func serve(t *testing.T, a *authority) string {
	t.Helper()
	started := true
	pod := func(name, node string) *corev1.Pod {
		p := podOf(corev1.RestartPolicyAlways, app("cart:v1.9.0"))
		p.ObjectMeta = metav1.ObjectMeta{Namespace: "web", Name: name, UID: "uid-1"}
		p.Spec.NodeName = node
		begin := metav1.NewTime(time.Now().Add(-time.Minute).Truncate(time.Second))
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &begin, PodIP: "10.42.0.2", ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", Ready: true, Started: &started, ContainerID: "containerd://1",
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: begin}},
		}}}
		return p
	}
	client := fake.NewClientset(
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n2", Labels: map[string]string{StoppedLabel: "true"}}},
		pod("cart-1", "n1"), pod("cart-2", "n2"),
	)
	client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
		for _, group := range review.Spec.Groups {
			review.Status.Allowed = review.Status.Allowed || group == "system:masters"
		}
		return true, review, nil
	})
	dir := t.TempDir()
	a.write(dir)
	config, err := Prepare(dir)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := newAgent(client)
	if err != nil {
		t.Fatal(err)
	}
	server, err := newServer(config, agent)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- agent.run(ctx) }()
	go func() { done <- server.run(ctx, config.listener) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	if !cache.WaitForCacheSync(ctx.Done(), agent.pods.HasSynced, agent.nodes.HasSynced) {
		t.Fatal("the pods never came")
	}
	return "https://" + config.listener.Addr().String()
}

func TestWhoMayAskTheKubelet(t *testing.T) {
	a := newAuthority(t)
	address := serve(t, a)
	if _, err := a.client().Get(address + "/healthz"); err == nil {
		t.Error("somebody without a certificate gets an answer")
	}
	if _, err := a.client(newAuthority(t).pair("admin", "system:masters")).Get(address + "/healthz"); err == nil {
		t.Error("somebody with a certificate of another cluster gets an answer")
	}
	for path, want := range map[string]int{
		"/healthz":                                 http.StatusForbidden,
		"/containerLogs/web/cart-1/app":            http.StatusForbidden,
		"/exec/web/cart-1/app?command=id&output=1": http.StatusForbidden,
		"/metrics/nodes/n1/metrics/resource":       http.StatusForbidden,
	} {
		if status, _ := get(t, a.client(a.pair("nobody")), address+path); status != want {
			t.Errorf("nobody asks for %s: %d, want %d", path, status, want)
		}
	}
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read to the end
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestKubeletAPI(t *testing.T) {
	a := newAuthority(t)
	address := serve(t, a)
	client := a.client(a.pair("apiserver", "system:masters"))
	tests := []struct {
		path   string
		status int
		body   string
	}{
		{"/healthz", 200, "ok"},
		{"/containerLogs/web/cart-1/app?tailLines=2", 200, "component=cart"},
		{"/containerLogs/web/cart-1/app?previous=true", 400, `previous terminated container "app" in pod "cart-1" not found`},
		{"/containerLogs/web/cart-1/nope", 400, `container "nope" not found in pod "web/cart-1"`},
		{"/containerLogs/web/nope/app", 404, "no such pod"},
		{"/containerLogs/web/cart-2/app", 502, "the kubelet of this node is stopped"},
		{"/exec/web/cart-1/app", 400, "you must specify at least 1 of stdin, stdout, stderr"},
		{"/metrics/nodes/n1/metrics/resource", 200, `container_memory_working_set_bytes{container="app",namespace="web",pod="cart-1"} `},
		{"/metrics/nodes/n1/metrics/resource", 200, "node_cpu_usage_seconds_total "},
		{"/metrics/nodes/n2/metrics/resource", 502, "stopped"},
	}
	for _, tt := range tests {
		status, body := get(t, client, address+tt.path)
		if status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s: %d %q, want %d with %q", tt.path, status, body, tt.status, tt.body)
		}
	}
}
