package object

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"*.example.com", "shop.example.org"}, IPAddresses: []net.IP{net.IPv4(203, 0, 113, 1)},
		NotBefore: time.Unix(1000, 0), NotAfter: time.Unix(5000, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret := func(typ corev1.SecretType, chain []byte) *Certificate {
		return compact(t, Certificates(), &corev1.Secret{Type: typ, Data: map[string][]byte{corev1.TLSCertKey: chain, corev1.TLSPrivateKeyKey: []byte("hidden")}})[0]
	}
	whole := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	got := secret(corev1.SecretTypeTLS, whole)
	if want := []string{"*.example.com", "shop.example.org", "203.0.113.1"}; !reflect.DeepEqual(got.Names, want) || got.From != 1000 || got.Until != 5000 || got.Broken != "" {
		t.Errorf("%+v", got)
	}
	for host, want := range map[string]bool{
		"a.example.com": true, "A.Example.com": true, "a.b.example.com": false, "example.com": false, "shop.example.org": true, "*.example.com": true,
		"203.0.113.1": true, "": false, "com": false,
	} {
		if got.Covers(host) != want {
			t.Errorf("Covers(%q) = %v", host, !want)
		}
	}
	for name, c := range map[string]*Certificate{
		"opaque": secret(corev1.SecretTypeOpaque, whole), "empty": secret(corev1.SecretTypeTLS, nil),
		"cut": secret(corev1.SecretTypeTLS, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[:20]})),
	} {
		if c.Broken == "" || c.Until != 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// What was decoded of a secret is overwritten as soon as it was looked at.
func TestKeysAreForgotten(t *testing.T) {
	key := []byte("hidden")
	newCertificate(&corev1.Secret{Type: corev1.SecretTypeTLS, Data: map[string][]byte{corev1.TLSPrivateKeyKey: key}}, nil)
	if !bytes.Equal(key, make([]byte, len(key))) {
		t.Errorf("left %q", key)
	}
}
