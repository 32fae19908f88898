//go:build e2e

package guard

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"

	"quarterdeck/kube/kubetest"
)

// TestRulesAgainstAPIServer goes the ways of all clients that there are: what is
// not approved of never reaches the server, and what is does.
func TestRulesAgainstAPIServer(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "1")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	free := kubernetes.NewForConfigOrDie(kubetest.Config(t, kubeconfig, "")).CoreV1()
	for _, name := range []string{"one", "two"} {
		if _, err := free.ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}

	var mu sync.Mutex
	var observed []string
	g := new(Guard)
	g.Observe(func(w Write) {
		mu.Lock()
		defer mu.Unlock()
		observed = append(observed, w.Call.String()+" "+http.StatusText(w.Status))
	})
	g.SetRules("playground", []Rule{
		{Contexts: []string{"play*"}, Kinds: []string{"ConfigMap"}, Verbs: []string{"delete"}, Level: Typed, Max: 1},
		{Kinds: []string{"ConfigMap"}, Verbs: []string{"patch"}, Level: Confirmed},
		{Kinds: []string{"Pod"}, Verbs: []string{"exec", "portforward"}, Level: Confirmed, Reason: "people look inside"},
		{Kinds: []string{"Secret"}, Deny: true, Reason: "the vault keeps them"},
	})
	guarded := func() *rest.Config {
		cfg := kubetest.Config(t, kubeconfig, "")
		if err := g.Apply(cfg); err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	client := kubernetes.NewForConfigOrDie(guarded()).CoreV1()
	confirmed, typed := Approve(ctx, Approval{Level: Confirmed}), Approve(ctx, Approval{Level: Typed})
	patch := func(ctx context.Context, opts metav1.PatchOptions) error {
		_, err := client.ConfigMaps("default").Patch(ctx, "one", types.MergePatchType, []byte(`{"data":{"a":"b"}}`), opts)
		return err
	}
	create := func(ctx context.Context) error {
		_, err := client.Secrets("default").Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}}, metav1.CreateOptions{})
		return err
	}
	for what, err := range map[string]error{
		"patch":      patch(ctx, metav1.PatchOptions{}),
		"delete":     client.ConfigMaps("default").Delete(confirmed, "one", metav1.DeleteOptions{}),
		"two":        client.ConfigMaps("default").Delete(Approve(ctx, Approval{Level: Typed, Objects: 2}), "one", metav1.DeleteOptions{}),
		"delete all": client.ConfigMaps("default").DeleteCollection(typed, metav1.DeleteOptions{}, metav1.ListOptions{}),
		"create":     create(typed),
	} {
		if blocked := (*Blocked)(nil); !errors.As(err, &blocked) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"dry patch": patch(ctx, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}),
		"patch":     patch(confirmed, metav1.PatchOptions{}),
		"delete":    client.ConfigMaps("default").Delete(typed, "two", metav1.DeleteOptions{}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}

	// The pod does not exist: an answer of the server shows that it was asked.
	pod := client.RESTClient().Post().Namespace("default").Resource("pods").Name("p")
	exec := *pod.SubResource("exec").Param("command", "true").URL()
	forward := *client.RESTClient().Post().Namespace("default").Resource("pods").Name("p").SubResource("portforward").URL()
	ways := map[string]func(context.Context, Approval) error{
		"exec by WebSocket": func(ctx context.Context, _ Approval) error {
			e, err := remotecommand.NewWebSocketExecutor(guarded(), http.MethodGet, exec.String())
			if err != nil {
				return err
			}
			return e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: new(bytes.Buffer)})
		},
		"exec by SPDY": func(ctx context.Context, _ Approval) error {
			e, err := remotecommand.NewSPDYExecutor(guarded(), http.MethodPost, &exec)
			if err != nil {
				return err
			}
			return e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: new(bytes.Buffer)})
		},
		"port-forward": func(_ context.Context, a Approval) error { // which loses the context
			cfg := guarded()
			a.Apply(cfg)
			dialer, err := portforward.NewSPDYOverWebsocketDialer(&forward, cfg)
			if err != nil {
				return err
			}
			_, _, err = dialer.Dial(portforward.PortForwardProtocolV1Name)
			return err
		},
	}
	for what, try := range ways {
		if err := try(ctx, Approval{}); err == nil || !strings.Contains(err.Error(), "a rule wants it confirmed (people look inside)") {
			t.Errorf("%s, not approved: %v", what, err)
		}
		if err := try(confirmed, Approval{Level: Confirmed}); err == nil || !strings.Contains(err.Error(), `pods "p" not found`) {
			t.Errorf("%s, approved: %v", what, err)
		}
	}

	maps, err := free.ConfigMaps("default").List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, m := range maps.Items {
		if m.Name == "one" || m.Name == "two" {
			left = append(left, m.Name+" "+m.Data["a"])
		}
	}
	if !slices.Equal(left, []string{"one b"}) {
		t.Errorf("left are %q", left)
	}
	slices.Sort(observed)
	t.Logf("observed %q", observed)
	if len(observed) != 5 || observed[0] != "delete configmaps/two in default OK" || observed[4] != "patch configmaps/one in default OK" {
		t.Errorf("observed %q", observed)
	}
}
