//go:build e2e

package guard

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/remotecommand"

	"quarterdeck/kube/kubetest"
)

// TestAgainstAPIServer shows that what passes as a dry run is one to the server.
func TestAgainstAPIServer(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "1")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	free := kubernetes.NewForConfigOrDie(kubetest.Config(t, kubeconfig, "")).CoreV1().ConfigMaps("default")
	if _, err := free.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	g := new(Guard)
	g.Refuse("started with --readonly")
	for _, contentType := range []string{"application/json", "application/vnd.kubernetes.protobuf"} {
		cfg := kubetest.Config(t, kubeconfig, "")
		cfg.ContentType = contentType
		if err := g.Apply(cfg); err != nil {
			t.Fatal(err)
		}
		client := kubernetes.NewForConfigOrDie(cfg)
		maps, dry := client.CoreV1().ConfigMaps("default"), []string{metav1.DryRunAll}
		now := int64(0)

		if err := maps.Delete(ctx, "kept", metav1.DeleteOptions{DryRun: dry, GracePeriodSeconds: &now}); err != nil {
			t.Errorf("dry delete: %v", err)
		}
		if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{DryRun: dry}, metav1.ListOptions{}); err != nil {
			t.Errorf("dry delete of all: %v", err)
		}
		if _, err := maps.Patch(ctx, "kept", types.MergePatchType, []byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{DryRun: dry}); err != nil {
			t.Errorf("dry patch: %v", err)
		}
		for what, err := range map[string]error{
			"delete":     maps.Delete(ctx, "kept", metav1.DeleteOptions{}),
			"delete all": maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}),
			// The query is what a curious caller might try; the server heeds the body.
			"delete with dryRun in the query": client.CoreV1().RESTClient().Delete().Namespace("default").Resource("configmaps").
				Name("kept").Param("dryRun", "All").Body(&metav1.DeleteOptions{}).Do(ctx).Error(),
		} {
			if !errors.Is(err, ErrReadOnly) {
				t.Errorf("%s: %v", what, err)
			}
		}
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "delete", Resource: "configmaps"},
		}}
		if got, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{}); err != nil || !got.Status.Allowed {
			t.Errorf("review: %v, %v", got, err)
		}
		exec := client.CoreV1().RESTClient().Get().Namespace("default").Resource("pods").Name("p").SubResource("exec").Param("command", "true").URL()
		ws, err := remotecommand.NewWebSocketExecutor(cfg, http.MethodGet, exec.String())
		if err != nil {
			t.Fatal(err)
		}
		spdy, err := remotecommand.NewSPDYExecutor(cfg, http.MethodPost, exec)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []remotecommand.Executor{ws, spdy} { // of which SPDY keeps only the words of an error
			err := e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: new(bytes.Buffer)})
			if err == nil || !strings.Contains(err.Error(), "refused to exec into pods/p in default") {
				t.Errorf("exec by %T: %v", e, err)
			}
		}
	}
	got, err := free.Get(ctx, "kept", metav1.GetOptions{})
	if err != nil || got.Data != nil || got.DeletionTimestamp != nil {
		t.Errorf("a dry run was kept: %v, %v", got, err)
	}
}
