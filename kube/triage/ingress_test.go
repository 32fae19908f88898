package triage_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube/triage"
)

// ingress returns an ingress of class nginx that leads shop.example.com to a
// service's port.
func ingress(to string, port networkingv1.ServiceBackendPort, change ...func(*networkingv1.Ingress)) *networkingv1.Ingress {
	i := &networkingv1.Ingress{ObjectMeta: meta("shop", "shop"), Spec: networkingv1.IngressSpec{
		IngressClassName: ref("nginx"),
		Rules: []networkingv1.IngressRule{{Host: "shop.example.com", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: to, Port: port}}}},
		}}}},
	}}
	for _, f := range change {
		f(i)
	}
	return i
}

func nginx() *networkingv1.IngressClass {
	return &networkingv1.IngressClass{ObjectMeta: meta("", "nginx"), Spec: networkingv1.IngressClassSpec{Controller: "example.com/nginx"}}
}

// served returns objects of a service cart that is answered.
func served() []runtime.Object {
	p := pod("cart", "a", func(p *corev1.Pod) {
		p.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}
	})
	return []runtime.Object{service("cart", "app", "cart"), p, endpoints("cart", []*corev1.Pod{p}, nil, "http")}
}

func showing(secret string, hosts ...string) func(*networkingv1.Ingress) {
	return func(i *networkingv1.Ingress) {
		i.Spec.TLS = []networkingv1.IngressTLS{{SecretName: secret, Hosts: hosts}}
	}
}

func TestIngress(t *testing.T) {
	http := networkingv1.ServiceBackendPort{Name: "http"}
	classless := func(i *networkingv1.Ingress) { i.Spec.IngressClassName = nil }
	young := func(i *networkingv1.Ingress) { i.CreationTimestamp = ago(10) }
	addressed := func(i *networkingv1.Ingress) {
		i.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "203.0.113.1"}}
	}
	second := func(i *networkingv1.Ingress) {
		i.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "nobody", Port: http}}
	}
	year := 365 * 24 * time.Hour
	byDefault := nginx()
	byDefault.Annotations = map[string]string{"ingressclass.kubernetes.io/is-default-class": "true"}
	with := func(more ...runtime.Object) []runtime.Object { return append(served(), more...) }
	judged(t, map[string]scenery{
		"no service": {
			with(nginx(), ingress("crat", http)),
			"crit | leads nowhere | ingress/shop in shop | there is no service crat: did you mean cart? | ingress-backend",
		},
		"no such port": {
			with(nginx(), ingress("cart", networkingv1.ServiceBackendPort{Number: 8080})),
			"crit | leads nowhere | ingress/shop in shop | service cart has no port 8080, but 80 | ingress-backend",
		},
		"no port of that name": {
			with(nginx(), ingress("cart", networkingv1.ServiceBackendPort{Name: "htp"})),
			`crit | leads nowhere | ingress/shop in shop | service cart has no port "htp": did you mean http? | ingress-backend`,
		},
		"one of two": {
			with(nginx(), ingress("cart", http, second)),
			"warn | 1 of 2 paths lead nowhere | ingress/shop in shop | there is no service nobody | ingress-backend",
		},
		"no such class": {
			with(ingress("cart", http)),
			"warn | no controller takes it | ingress/shop in shop | there is no ingress class nginx | ingress-class",
		},
		"no class": {
			with(nginx(), ingress("cart", http, classless)),
			"warn | no controller takes it | ingress/shop in shop | it names no class and there is no default | ingress-class",
		},
		"no certificate": {
			with(nginx(), ingress("cart", http, showing("shop-tls", "shop.example.com"))),
			"warn | no certificate | ingress/shop in shop | there is no TLS secret shop-tls | ingress-tls",
		},
		"for another host": {
			with(nginx(), ingress("cart", http, showing("shop-tls", "shop.example.com")), tlsSecret(t, "shop-tls", year, "www.example.com")),
			"warn | certificate is for other hosts | ingress/shop in shop | shop-tls is for www.example.com and not shop.example.com | ingress-tls",
		},
		"fine":               {with(nginx(), ingress("cart", http, showing("shop-tls", "shop.example.com")), tlsSecret(t, "shop-tls", year, "*.example.com")), ""},
		"by number":          {with(nginx(), ingress("cart", networkingv1.ServiceBackendPort{Number: 80})), ""},
		"default class":      {with(byDefault, ingress("cart", http, classless)), ""},
		"taken all the same": {with(ingress("cart", http, classless, addressed)), ""},
		"just made":          {with(ingress("crat", http, young, showing("shop-tls"))), ""},
	})
}

// Who may not read secrets is told that certificates were not checked.
func TestIngressWithoutSecrets(t *testing.T) {
	s := newScene(t, append(served(), nginx(), ingress("cart", networkingv1.ServiceBackendPort{Number: 80}, showing("shop-tls")))...).without(triage.Secrets)
	s.none()
	r := s.report()
	if len(r.NotRead) != 1 || r.NotRead[0].Resource != triage.Secrets || len(r.NotRead[0].Rules) != 2 {
		t.Errorf("%+v", r.NotRead)
	}
}

// tlsSecret returns a TLS secret of shop whose certificate is valid from a day
// before the clock until some time after it.
func tlsSecret(t testing.TB, name string, left time.Duration, hosts ...string) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotBefore: clock.AddDate(0, 0, -80), NotAfter: clock.Add(left)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{ObjectMeta: meta("shop", name), Type: corev1.SecretTypeTLS, Data: map[string][]byte{
		corev1.TLSCertKey: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), corev1.TLSPrivateKeyKey: []byte("hidden"),
	}}
}

func TestCertificateExpiry(t *testing.T) {
	const days = 24 * time.Hour
	shown := func(s *corev1.Secret) []runtime.Object {
		return append(served(), nginx(), ingress("cart", networkingv1.ServiceBackendPort{Number: 80}, showing("tls", "shop.example.com")), s)
	}
	broken := tlsSecret(t, "tls", 100*days, "shop.example.com")
	broken.Data[corev1.TLSCertKey] = []byte("nothing")
	short := tlsSecret(t, "tls", 2*days, "a.example.com")
	judged(t, map[string]scenery{
		"expired, shown": {
			shown(tlsSecret(t, "tls", -3*days, "shop.example.com")),
			"crit | certificate expired 3 days ago | secret/tls in shop | for shop.example.com, shown by ingress/shop | certificate-expiry",
		},
		"expired":     {[]runtime.Object{tlsSecret(t, "tls", -3*time.Hour, "a.example.com")}, "warn | certificate expired 3 hours ago | secret/tls in shop | for a.example.com | certificate-expiry"},
		"soon, shown": {shown(tlsSecret(t, "tls", 13*days, "shop.example.com")), "warn | certificate expires in 13 days | secret/tls in shop | for shop.example.com, shown by ingress/shop | certificate-expiry"},
		"soon":        {[]runtime.Object{short}, "info | certificate expires in 2 days | secret/tls in shop | for a.example.com | certificate-expiry"},
		"no use":      {[]runtime.Object{broken}, "warn | certificate cannot be used | secret/tls in shop | tls.crt holds no certificate | certificate-expiry"},
		"in time":     {shown(tlsSecret(t, "tls", 15*days, "shop.example.com")), ""},
	})
}
