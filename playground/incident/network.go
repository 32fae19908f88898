package incident

import (
	"encoding/base64"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/playground/shop"
)

const day = 24 * time.Hour

// network returns what keeps requests from their pods.
func network() []Incident {
	return []Incident{
		{
			Name:        "service-no-endpoints",
			Description: "The selector of Service web/search is misspelt: it matches no pod.",
			changes: []change{{
				object: object{kind: service, namespace: "web", name: "search"}, manager: "kubectl-edit",
				do:   spec(fields{"selector": fields{"app": "serch"}}),
				undo: spec(fields{"selector": fields{"app": "search"}}),
			}},
		},
		{
			Name:        "service-wrong-port",
			Description: "Service web/admin sends to a port named admin that no container of its pods has.",
			extras: created(`
apiVersion: v1
kind: Service
metadata: {name: admin, namespace: web}
spec: {selector: {app: storefront}, ports: [{name: http, port: 80, targetPort: admin}]}`),
		},
		{
			Name:        "service-wrong-port-number",
			Description: "Service web/metrics sends to port 9999, which no container of its pods declares.",
			extras: created(`
apiVersion: v1
kind: Service
metadata: {name: metrics, namespace: web}
spec: {selector: {app: storefront}, ports: [{name: http, port: 80, targetPort: 9999}]}`),
		},
		{
			Name:        "loadbalancer-pending",
			Description: "Service web/edge is of type LoadBalancer and gets no address.",
			extras: created(`
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: web}
spec: {type: LoadBalancer, selector: {app: storefront}, ports: [{name: http, port: 80, targetPort: http}]}`),
		},
		{
			Name:        "external-name-broken",
			Description: "Service web/ledger stands for a Service that does not exist.",
			extras: created(`
apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: web}
spec: {type: ExternalName, externalName: ledger.payment.svc.cluster.local}`),
		},
		{
			Name:        "ingress-no-service",
			Description: "Ingress web/blog leads to a Service that does not exist.",
			extras: created(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: blog, namespace: web}
spec:
  ingressClassName: nginx
  rules: [{host: blog.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: blog, port: {number: 80}}}}]}}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.10}]}}`),
		},
		{
			Name:        "ingress-no-port",
			Description: "Ingress web/news leads to a port that Service storefront does not have.",
			extras: created(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: news, namespace: web}
spec:
  ingressClassName: nginx
  rules: [{host: news.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: storefront, port: {number: 8443}}}}]}}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.10}]}}`),
		},
		{
			Name:        "ingress-no-secret",
			Description: "Ingress web/partners takes its certificate from a Secret that does not exist.",
			extras: created(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: partners, namespace: web}
spec:
  ingressClassName: nginx
  tls: [{hosts: [partners.example.com], secretName: partners-tls}]
  rules: [{host: partners.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: storefront, port: {number: 80}}}}]}}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.10}]}}`),
		},
		{
			Name:        "ingress-no-class",
			Description: "Ingress web/legacy is of a class that does not exist: nobody serves it.",
			extras: created(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: legacy, namespace: web}
spec:
  ingressClassName: traefik
  rules: [{host: legacy.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: storefront, port: {number: 80}}}}]}}]`),
		},
		{
			Name:        "certificate-expired",
			Description: "The certificate of Ingress web/status has expired three days ago.",
			extras:      served("status", -3*day),
		},
		{
			Name:        "certificate-expiring",
			Description: "The certificate of Ingress web/careers expires in six days.",
			extras:      served("careers", 6*day),
		},
		{
			Name:        "networkpolicy-isolates",
			Description: "NetworkPolicy data/lockdown lets nobody reach the pods of Service data/redis.",
			extras: created(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: lockdown, namespace: data}
spec: {podSelector: {matchLabels: {app: redis}}, policyTypes: [Ingress]}`),
		},
	}
}

// served is an Ingress with a certificate that ends in a while.
func served(name string, in time.Duration) []extra {
	ingress := created(strings.ReplaceAll(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, namespace: web}
spec:
  ingressClassName: nginx
  tls: [{hosts: [NAME.example.com], secretName: NAME-tls}]
  rules: [{host: NAME.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: storefront, port: {number: 80}}}}]}}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.10}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: NAME-tls, namespace: web}
type: kubernetes.io/tls`, "NAME", name))
	ingress[1].complete = func(secret *unstructured.Unstructured) error {
		end := time.Now().Add(in)
		certificate, key, err := shop.Certificate(name+".example.com", end.Add(-90*day), end)
		if err != nil {
			return err
		}
		return unstructured.SetNestedStringMap(secret.Object, map[string]string{
			corev1.TLSCertKey:       base64.StdEncoding.EncodeToString(certificate),
			corev1.TLSPrivateKeyKey: base64.StdEncoding.EncodeToString(key),
		}, "data")
	}
	return ingress
}
