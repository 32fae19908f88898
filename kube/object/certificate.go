package object

import (
	"crypto/x509"
	"encoding/pem"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// TLSSecrets is the field selector of the secrets that Certificates is for.
const TLSSecrets = "type=" + string(corev1.SecretTypeTLS)

// Certificates declares how the certificates in TLS secrets are read, with the
// field selector TLSSecrets. Nothing else of a secret is kept, its private key
// least of all: what was decoded of it is overwritten.
func Certificates() store.Kind[*Certificate] {
	return store.Typed(corev1.SchemeGroupVersion.WithResource("secrets"), "Secret", true, newCertificate, noAnnotations)
}

// Certificate is what a TLS secret shows to everybody.
type Certificate struct {
	store.Meta
	From, Until int64    // seconds since 1970, 0 if Broken
	Names       []string // hosts that it is for; "*.example.com" for all of one level
	Broken      string   // why it cannot be used, "" if it can
}

// Covers reports whether the certificate is for a host.
func (c *Certificate) Covers(host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	for _, n := range c.Names {
		if strings.EqualFold(n, host) || parent != "" && strings.EqualFold(n, "*."+parent) {
			return true
		}
	}
	return false
}

func newCertificate(s *corev1.Secret, in *store.Interner) *Certificate {
	out := &Certificate{Meta: in.Meta(&s.ObjectMeta)}
	if s.Type == corev1.SecretTypeTLS {
		out.read(s.Data[corev1.TLSCertKey], in)
	} else {
		out.Broken = "no TLS secret"
	}
	for _, data := range s.Data {
		clear(data)
	}
	return out
}

// read takes over what the first certificate, the server's own, says.
func (c *Certificate) read(chain []byte, in *store.Interner) {
	block, _ := pem.Decode(chain)
	if block == nil {
		c.Broken = corev1.TLSCertKey + " holds no certificate"
		return
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		c.Broken = sanitize.Line(err.Error())
		return
	}
	c.From, c.Until = cert.NotBefore.Unix(), cert.NotAfter.Unix()
	for _, n := range cert.DNSNames {
		c.Names = append(c.Names, in.String(n))
	}
	for _, ip := range cert.IPAddresses {
		c.Names = append(c.Names, in.String(ip.String()))
	}
}

// SigningRequests declares how certificate signing requests are read.
func SigningRequests() store.Kind[*SigningRequest] {
	const request = 1 // of CertificateSigningRequestSpec
	return store.Typed(certificatesv1.SchemeGroupVersion.WithResource("certificatesigningrequests"), "CertificateSigningRequest", false,
		func(r *certificatesv1.CertificateSigningRequest, in *store.Interner) *SigningRequest {
			out := &SigningRequest{Meta: in.Meta(&r.ObjectMeta), Signer: in.String(r.Spec.SignerName), By: in.String(r.Spec.Username)}
			out.Issued = len(r.Status.Certificate) > 0
			for i := range r.Status.Conditions {
				c := &r.Status.Conditions[i]
				if c.Type != certificatesv1.CertificateApproved || out.State == "" { // a failure is later than the approval
					out.State, out.Since = in.String(string(c.Type)), unix(&c.LastTransitionTime)
					out.Message = in.String(strings.TrimSuffix(c.Reason+": "+c.Message, ": "))
				}
			}
			return out
		}, noAnnotations, path{specField, request})
}

// SigningRequest is a compact certificate signing request.
type SigningRequest struct {
	store.Meta
	Signer  string // "kubernetes.io/kubelet-serving"
	By      string // who asks: "system:node:node-1"
	State   string // Approved, Denied or Failed, "" while nobody has decided
	Message string // of that
	Since   int64  // of that, seconds since 1970
	Issued  bool   // the certificate is there
}
