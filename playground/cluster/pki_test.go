package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"testing"
)

func TestCertificatesWork(t *testing.T) {
	ca := newTestAuthority(t, "ca")
	server, err := ca.Server("apiserver", "kubernetes.default.svc")
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.Client("viewer", "readers")
	if err != nil {
		t.Fatal(err)
	}
	serverCert, err := tls.X509KeyPair(server.Cert, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	clientConfig, err := clientTLS(ca, client)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "localhost", "kubernetes.default.svc"} {
		config := clientConfig.Clone()
		config.ServerName = name
		near, far := net.Pipe()
		remote := tls.Server(far, &tls.Config{
			Certificates: []tls.Certificate{serverCert},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    pool(ca),
		})
		shaken := make(chan error, 1)
		go func() { shaken <- remote.Handshake() }()
		local := tls.Client(near, config)
		if err := local.Handshake(); err != nil {
			t.Fatalf("dial %s: %v", name, err)
		}
		if err := <-shaken; err != nil {
			t.Fatalf("accept %s: %v", name, err)
		}
		subject := remote.ConnectionState().PeerCertificates[0].Subject
		if subject.CommonName != "viewer" || len(subject.Organization) != 1 || subject.Organization[0] != "readers" {
			t.Errorf("server sees %v", subject)
		}
		for _, c := range []io.Closer{near, far} {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestClientCertificateCannotServe(t *testing.T) {
	ca := newTestAuthority(t, "ca")
	keys, err := ca.Client("viewer")
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(t, ca, keys, x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("a client's certificate is good for a server")
	}
	if err := verify(t, ca, keys, x509.ExtKeyUsageClientAuth); err != nil {
		t.Errorf("a client's certificate is no good for a client: %v", err)
	}
}

func TestAuthoritiesDoNotTrustEachOther(t *testing.T) {
	keys, err := newTestAuthority(t, "ca").Client("nobody")
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(t, newTestAuthority(t, "etcd-ca"), keys, x509.ExtKeyUsageClientAuth); err == nil {
		t.Error("etcd would let in a user of the API")
	}
}

func verify(t *testing.T, ca *Authority, keys KeyPair, usage x509.ExtKeyUsage) error {
	t.Helper()
	_, err := parseCert(t, keys.Cert).Verify(x509.VerifyOptions{Roots: pool(ca), KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func parseCert(t *testing.T, encoded []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(encoded)
	if block == nil {
		t.Fatal("not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newTestAuthority(t *testing.T, name string) *Authority {
	t.Helper()
	ca, err := NewAuthority(name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}
