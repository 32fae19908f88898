package shop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// publicIP is where the load balancer would be; the range is reserved for
// documentation.
const publicIP = "203.0.113.10"

// established waits until a custom resource can be used.
func (a *applier) established(ctx context.Context, name string) error {
	resource := a.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	err := poll(ctx, "custom resource "+name, func(ctx context.Context) (bool, error) {
		object, err := resource.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		// They are null at first, which is an error here.
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		for _, c := range conditions {
			if m, ok := c.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	// Discovery learns of it a little later.
	plural, group, _ := strings.Cut(name, ".")
	return poll(ctx, "discovery of "+name, func(context.Context) (bool, error) {
		a.mapper.Reset()
		_, err := a.mapper.ResourceFor(schema.GroupVersionResource{Group: group, Resource: plural})
		if meta.IsNoMatchError(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// serviceAccounts waits for the service account that pods get by default.
func (a *applier) serviceAccounts(ctx context.Context, all []item) error {
	for _, it := range all {
		if it.object.GetKind() != "Namespace" {
			continue
		}
		namespace := it.object.GetName()
		if err := poll(ctx, "the default service account of "+namespace, func(ctx context.Context) (bool, error) {
			_, err := a.client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			return err == nil, err
		}); err != nil {
			return err
		}
	}
	return nil
}

// Certificate makes a certificate for one host of the shop, and its key, both
// as PEM.
func Certificate(host string, from, until time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate the key of %s: %w", host, err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: host, Organization: []string{"Example Shop"}},
		DNSNames:     []string{host},
		NotBefore:    from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate of %s: %w", host, err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key of %s: %w", host, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}

// tlsSecret makes the certificate of the shop's Ingress, valid for a year.
func (a *applier) tlsSecret(ctx context.Context) error {
	now := time.Now()
	certificate, key, err := Certificate("shop.example.com", now.Add(-time.Hour), now.AddDate(1, 0, 0))
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-tls", Namespace: "web"},
		Type:       corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       certificate,
			corev1.TLSPrivateKeyKey: key,
		},
	}
	_, err = a.client.CoreV1().Secrets("web").Create(ctx, secret, metav1.CreateOptions{FieldManager: "cert-manager"})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create the shop's certificate: %w", err)
	}
	return nil
}

// statuses reports what controllers that a playground does not have would:
// addresses of load balancers and Ingresses, and databases that work.
func (a *applier) statuses(ctx context.Context, all []item) error {
	for _, it := range all {
		kind, name := it.object.GetKind(), it.object.GetName()
		lb := map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": publicIP}}}}
		var err error
		switch {
		case kind == "Service" && it.object.Object["spec"].(map[string]any)["type"] == "LoadBalancer":
			err = a.status(ctx, it.object, lb, "cloud-controller-manager")
		case kind == "Ingress":
			err = a.status(ctx, it.object, lb, "nginx-ingress-controller")
		case kind == "Database":
			err = a.status(ctx, it.object, databaseStatus(name, it.object.GetNamespace(), time.Now()), "database-operator")
		}
		if err != nil {
			return err
		}
	}
	return a.announce(ctx)
}

func (a *applier) status(ctx context.Context, object *unstructured.Unstructured, status map[string]any, manager string) error {
	resource, err := a.resource(object)
	if err != nil {
		return err
	}
	patch := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": object.GetAPIVersion(), "kind": object.GetKind(),
		"metadata": map[string]any{"name": object.GetName(), "namespace": object.GetNamespace()},
		"status":   status,
	}}
	_, err = resource.ApplyStatus(ctx, object.GetName(), patch, metav1.ApplyOptions{FieldManager: manager, Force: true})
	if err != nil {
		return fmt.Errorf("set status of %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

func databaseStatus(name, namespace string, now time.Time) map[string]any {
	at := now.UTC().Format(time.RFC3339)
	condition := func(kind, status, reason, message string) any {
		return map[string]any{
			"type": kind, "status": status, "reason": reason, "message": message,
			"lastTransitionTime": at, "observedGeneration": int64(1),
		}
	}
	return map[string]any{
		"endpoint":           name + "." + namespace + ".svc",
		"lastBackup":         now.Add(-95 * time.Minute).UTC().Format(time.RFC3339),
		"observedGeneration": int64(1),
		"conditions": []any{
			condition("Ready", "True", "AllReplicasUp", "all replicas accept connections"),
			condition("Reconciling", "False", "UpToDate", ""),
		},
	}
}

// announce leaves an event that is not in ASCII.
func (a *applier) announce(ctx context.Context) error {
	deployment, err := a.client.AppsV1().Deployments("web").Get(ctx, "wishlist", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("find the wishlist: %w", err)
	}
	now := metav1.Now()
	event := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "wishlist.", Namespace: "web"},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "apps/v1", Kind: "Deployment", Namespace: "web", Name: "wishlist", UID: types.UID(deployment.UID),
		},
		Type: corev1.EventTypeNormal, Reason: "ReleaseApproved", Message: "위시리스트 v0.8.0 배포가 승인되었습니다",
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source: corev1.EventSource{Component: "release-bot"}, ReportingController: "release-bot",
	}
	if _, err := a.client.CoreV1().Events("web").Create(ctx, event, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("announce a release: %w", err)
	}
	return nil
}
