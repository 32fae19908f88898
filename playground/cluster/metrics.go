package cluster

import (
	"context"
	"encoding/base64"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

const (
	metricsService = "metrics-server"
	metricsGroup   = "metrics.k8s.io"
	metricsVersion = "v1beta1"
)

// RegisterMetrics puts metrics-server, which must be serving, behind the API.
// It is reached through a Service of type ExternalName, because nothing in a
// playground routes the addresses of other Services.
func (c *Cluster) RegisterMetrics(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.layout.config)
	if err != nil {
		return fmt.Errorf("build client for metrics-server: %w", err)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: metricsService, Labels: map[string]string{"k8s-app": metricsService}},
		Spec: corev1.ServiceSpec{
			Type:         corev1.ServiceTypeExternalName,
			ExternalName: "localhost",
			Ports:        []corev1.ServicePort{{Name: "https", Port: int32(c.layout.metrics)}},
		},
	}
	if _, err := client.CoreV1().Services("kube-system").Create(ctx, service, metav1.CreateOptions{}); ignoreExists(err) != nil {
		return fmt.Errorf("create service of metrics-server: %w", err)
	}
	dynamicClient, err := dynamic.NewForConfig(c.layout.config)
	if err != nil {
		return fmt.Errorf("build client for metrics-server: %w", err)
	}
	apiServices := dynamicClient.Resource(schema.GroupVersionResource{
		Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices",
	})
	apiService := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1",
		"kind":       "APIService",
		"metadata":   map[string]any{"name": metricsVersion + "." + metricsGroup},
		"spec": map[string]any{
			"group":                metricsGroup,
			"version":              metricsVersion,
			"groupPriorityMinimum": int64(100),
			"versionPriority":      int64(100),
			"caBundle":             base64.StdEncoding.EncodeToString(c.layout.ca),
			"service": map[string]any{
				"namespace": "kube-system",
				"name":      metricsService,
				"port":      int64(c.layout.metrics),
			},
		},
	}}
	if _, err := apiServices.Create(ctx, apiService, metav1.CreateOptions{}); ignoreExists(err) != nil {
		return fmt.Errorf("register the metrics API: %w", err)
	}
	return nil
}
