package cli

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/kube/apitest"
)

func TestNoKubeconfig(t *testing.T) {
	dir := t.TempDir()
	env(t, dir)
	t.Setenv("KUBECONFIG", filepath.Join(dir, "none"))
	qd(t, "get", "pods").fails(t, "no kubeconfig found at "+filepath.Join(dir, "none"), "set KUBECONFIG")
	if err := os.WriteFile(filepath.Join(dir, "none"), []byte("contexts: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	qd(t, "get", "pods").fails(t, "cannot be used", "line 1")
}

func TestRefused(t *testing.T) {
	s := shop(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("eve") })
	qd(t, "get", "pods", "-A").fails(t, "you (eve) may not list pods", "one namespace")
	qd(t, "get", "pods", "-n", "shop").fails(t, "you (eve) may not list pods in namespace shop")
	qd(t, "get", "nodes").fails(t, "you (eve) may not list nodes in the cluster")
	qd(t, "get", "workloads", "-A").fails(t, "you (eve) may not list")
	s.OnRequest(func(apitest.Request) *apitest.Answer { return apitest.Fail(apierrors.NewUnauthorized("Unauthorized")) })
	qd(t, "get", "pods").fails(t, "does not accept your credentials", "log in again")
	for _, key := range []string{"press n", "ctrl+r"} {
		if r := qd(t, "get", "pods"); strings.Contains(r.errOut, key) {
			t.Errorf("a key is offered where there are none: %s", r.errOut)
		}
	}
}

// Who may list but not watch gets the list.
func TestListWithoutWatch(t *testing.T) {
	s := shop(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.Verb == "watch" {
			return r.Forbid("eve")
		}
		return nil
	})
	for range 10 {
		if r := qd(t, "get", "deploy", "-A"); r.code != 0 || !strings.Contains(r.out, "web") {
			t.Fatalf("%+v", r)
		}
	}
}

// What may be read of several kinds is printed, and that it is not all.
func TestPartlyRefused(t *testing.T) {
	s := shop(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "jobs" {
			return r.Forbid("eve")
		}
		return nil
	})
	r := qd(t, "get", "workloads", "-n", "shop")
	if r.code != 1 || !strings.Contains(r.out, "web") || !strings.Contains(r.errOut, "you may not list jobs") {
		t.Errorf("%+v", r)
	}
}

func TestServerProblems(t *testing.T) {
	t.Run("refuses connections", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		home(t, "https://"+l.Addr().String(), "", "token: t")
		qd(t, "get", "pods").fails(t, "cannot list pods", "the server "+l.Addr().String()+" refuses the connection")
		qd(t, "get", "widgets").fails(t, "widgets", l.Addr().String()+" refuses the connection")
	})
	t.Run("says nothing", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		home(t, "https://"+l.Addr().String(), "", "token: t")
		start := time.Now()
		qd(t, "get", "pods", "--request-timeout=1s").fails(t, "cannot list pods", "does not answer")
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
	})
	t.Run("wrong CA", func(t *testing.T) {
		srv := httptest.NewTLSServer(http.NotFoundHandler())
		defer srv.Close()
		srv.Config.ErrorLog = nil
		home(t, srv.URL, "", "token: t")
		qd(t, "get", "pods").fails(t, "cannot list pods", "certificate that is not trusted", "unknown authority", "certificate-authority")
	})
	t.Run("other name", func(t *testing.T) {
		srv := httptest.NewTLSServer(http.NotFoundHandler())
		defer srv.Close()
		ca := filepath.Join(t.TempDir(), "ca.crt")
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
		if err := os.WriteFile(ca, block, 0o600); err != nil {
			t.Fatal(err)
		}
		home(t, srv.URL, "tls-server-name: other.example.org, certificate-authority: "+ca, "token: t")
		qd(t, "get", "pods").fails(t, "certificate", "other.example.org")
	})
	t.Run("wants a client certificate", func(t *testing.T) {
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} // of a test
		srv.StartTLS()
		defer srv.Close()
		home(t, srv.URL, "insecure-skip-tls-verify: true", "")
		qd(t, "get", "pods").fails(t, "cannot list pods", "certificate")
	})
	t.Run("speaks no TLS", func(t *testing.T) {
		srv := httptest.NewServer(http.NotFoundHandler())
		defer srv.Close()
		home(t, strings.Replace(srv.URL, "http:", "https:", 1), "", "token: t")
		qd(t, "get", "pods").fails(t, "cannot list pods", "HTTP response to HTTPS client")
	})
	t.Run("is no API server", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>\x1b[31mlog in</html>")
		}))
		defer srv.Close()
		home(t, srv.URL, "", "token: t")
		qd(t, "get", "pods").fails(t, "cannot list pods")
		qd(t, "get", "widgets").fails(t, "widgets")
	})
	t.Run("has no such name", func(t *testing.T) {
		home(t, "https://nowhere.invalid:6443", "", "token: t")
		qd(t, "get", "pods").fails(t, "cannot list pods", "nowhere.invalid", "resolved")
	})
	t.Run("fails inside", func(t *testing.T) {
		s := shop(t)
		s.OnRequest(func(apitest.Request) *apitest.Answer { return apitest.Unavailable() })
		qd(t, "get", "pods").fails(t, "cannot list pods", "etcdserver: request timed out")
	})
}

func TestCredentialPlugins(t *testing.T) {
	asked := make(chan string, 100)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`)
	}))
	defer srv.Close()
	plugin := func(command string) string {
		return `exec: {apiVersion: client.authentication.k8s.io/v1, command: ` + command + `, interactiveMode: IfAvailable, installHint: "get it from the shelf"}`
	}
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "plugin")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	credential := func(status string) string {
		return script(`echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":` + status + `}'`)
	}
	for name, test := range map[string]struct {
		command string
		want    []string
	}{
		"missing":  {"no-such-plugin-here", []string{"credential plugin failed", "no-such-plugin-here", "not found"}},
		"fails":    {script("exit 3"), []string{"credential plugin failed", "exit code 3", "log in"}},
		"no JSON":  {script("echo hello"), []string{"credential plugin failed"}},
		"no token": {credential(`{}`), []string{"credential plugin failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			home(t, srv.URL, "insecure-skip-tls-verify: true", plugin(test.command))
			qd(t, "get", "pods").fails(t, test.want...)
		})
	}
	t.Run("works", func(t *testing.T) {
		home(t, srv.URL, "insecure-skip-tls-verify: true", plugin(credential(`{"token":"from-plugin"}`)))
		if r := qd(t, "get", "pods"); r.code != 0 || r.errOut != "" {
			t.Errorf("%+v", r)
		}
		if got := <-asked; got != "Bearer from-plugin" {
			t.Errorf("asked with %q", got)
		}
	})
}
