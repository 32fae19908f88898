package guard

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// sent is a transport that only remembers what reached it.
type sent struct{ bodies []string }

func (s *sent) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	s.bodies = append(s.bodies, body)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

// try sends one request through a guard that refuses and reports whether it
// was sent.
func try(t *testing.T, g *Guard, method, target, contentType, body string) (bool, error) {
	t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "https://server"+target, rd)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	var next sent
	resp, err := g.Wrap(&next).RoundTrip(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if len(next.bodies) == 1 && next.bodies[0] != body {
		t.Errorf("%s %s: body %q became %q", method, target, body, next.bodies[0])
	}
	return len(next.bodies) == 1, err
}

func refusing() *Guard {
	g := new(Guard)
	g.Refuse("started with --readonly")
	return g
}

const (
	pod  = "/api/v1/namespaces/pay/pods/p"
	pods = "/api/v1/namespaces/pay/pods"
)

func TestGuard(t *testing.T) {
	const jsonType, protoType = "application/json", "application/vnd.kubernetes.protobuf"
	proto := func(opts metav1.DeleteOptions) string { return encodeProto(t, opts) }
	for _, tc := range []struct {
		name, method, target, contentType, body string
		refused                                 string // "" = sent
	}{
		{"get", "GET", pod, "", "", ""},
		{"list", "GET", pods + "?limit=5", "", "", ""},
		{"watch", "GET", "/apis/apps/v1/deployments?watch=1", "", "", ""},
		{"old watch", "GET", "/api/v1/watch/pods", "", "", ""},
		{"logs", "GET", pod + "/log?follow=true", "", "", ""},
		{"scale is read", "GET", "/apis/apps/v1/namespaces/pay/deployments/d/scale", "", "", ""},
		{"version", "GET", "/version", "", "", ""},
		{"openapi", "HEAD", "/openapi/v3", "", "", ""},
		{"a pod called exec", "GET", pods + "/exec", "", "", ""},
		{"a namespace called proxy", "GET", "/api/v1/namespaces/proxy/pods/p", "", "", ""},

		{"access review", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", jsonType, `{"kind":"SelfSubjectAccessReview"}`, ""},
		{"rules review", "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", jsonType, `{}`, ""},
		{"who am I", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", jsonType, `{}`, ""},
		{"review of another", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", jsonType, `{}`, "create subjectaccessreviews"},
		{"token review", "POST", "/apis/authentication.k8s.io/v1/tokenreviews", jsonType, `{}`, "create tokenreviews"},
		{"a review by name only", "POST", "/apis/example.com/v1/selfsubjectreviews", jsonType, `{}`, "create selfsubjectreviews"},
		{"delete a review", "DELETE", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "", "", "delete all selfsubjectreviews"},

		{"create", "POST", pods, jsonType, `{}`, "create pods in pay"},
		{"update", "PUT", pod, jsonType, `{}`, "update pods/p in pay"},
		{"patch", "PATCH", pod, jsonType, `{}`, "patch pods/p in pay"},
		{"delete", "DELETE", pod, "", "", "delete pods/p in pay"},
		{"delete collection", "DELETE", pods, "", "", "delete all pods in pay"},
		{"delete a namespace", "DELETE", "/api/v1/namespaces/pay", "", "", "delete namespaces/pay"},
		{"finalize", "PUT", "/api/v1/namespaces/pay/finalize", jsonType, `{}`, "update finalize of namespaces/pay"},
		{"scale", "PATCH", "/apis/apps/v1/namespaces/pay/deployments/d/scale", jsonType, `{}`, "patch scale of deployments/d in pay"},
		{"evict", "POST", pod + "/eviction", jsonType, `{}`, "create eviction of pods/p in pay"},
		{"unknown method", "PROPFIND", pod, "", "", "PROPFIND pods/p in pay"},
		{"post nowhere", "POST", "/somewhere?dryRun=All", jsonType, `{}`, "POST /somewhere"},

		{"dry create", "POST", pods + "?dryRun=All", jsonType, `{}`, ""},
		{"dry patch", "PATCH", pod + "?fieldManager=qd&dryRun=All", jsonType, `{}`, ""},
		{"dry scale", "PUT", "/apis/apps/v1/namespaces/pay/deployments/d/scale?dryRun=All", jsonType, `{}`, ""},
		{"dry eviction", "POST", pod + "/eviction?dryRun=All", jsonType, `{}`, ""},
		{"dry run of nothing", "PATCH", pod + "?dryRun=", jsonType, `{}`, "patch pods/p in pay"},
		{"dry run of something", "PATCH", pod + "?dryRun=All&dryRun=None", jsonType, `{}`, "patch pods/p in pay"},
		{"dry run misspelt", "PATCH", pod + "?dryrun=All", jsonType, `{}`, "patch pods/p in pay"},
		{"dry run in a broken query", "PATCH", pod + "?dryRun=All&a=%zz", jsonType, `{}`, "patch pods/p in pay"},
		{"token requests ignore dry run", "POST", "/api/v1/namespaces/pay/serviceaccounts/s/token?dryRun=All", jsonType, `{}`, "create token of serviceaccounts/s in pay"},

		{"dry delete by query", "DELETE", pod + "?dryRun=All", "", "", ""},
		{"dry delete by body", "DELETE", pod, jsonType, `{"dryRun":["All"]}`, ""},
		{"dry delete by body without a type", "DELETE", pod, "", `{"dryRun":["All"]}`, ""},
		{"dry delete by protobuf", "DELETE", pod, protoType, proto(metav1.DeleteOptions{DryRun: []string{"All"}}), ""},
		{"a body hides the query", "DELETE", pod + "?dryRun=All", jsonType, `{}`, "delete pods/p in pay"},
		{"protobuf hides the query", "DELETE", pod + "?dryRun=All", protoType, proto(metav1.DeleteOptions{}), "delete pods/p in pay"},
		{"fields have a case", "DELETE", pod, jsonType, `{"DryRun":["All"]}`, "delete pods/p in pay"},
		{"the last of two fields counts", "DELETE", pod, jsonType, `{"dryRun":["All"],"dryRun":[]}`, "delete pods/p in pay"},
		{"a type not understood", "DELETE", pod, "application/yaml", `{"dryRun":["All"]}`, "delete pods/p in pay"},
		{"a body not understood", "DELETE", pod, protoType, `{"dryRun":["All"]}`, "delete pods/p in pay"},
		{"a huge body", "DELETE", pod, jsonType, `{"dryRun":["All"]}` + strings.Repeat(" ", maxDeleteOptions), "delete pods/p in pay"},

		{"exec by GET", "GET", pod + "/exec?command=sh", "", "", "exec into pods/p in pay"},
		{"exec by POST", "POST", pod + "/exec?dryRun=All", "", "", "exec into pods/p in pay"},
		{"attach", "GET", pod + "/attach", "", "", "attach to pods/p in pay"},
		{"port-forward", "GET", pod + "/portforward", "", "", "forward a port of pods/p in pay"},
		{"pod proxy", "GET", pod + "/proxy/healthz", "", "", "send a request through pods/p in pay"},
		{"service proxy", "GET", "/api/v1/namespaces/pay/services/https:s:443/proxy/", "", "", "send a request through services/https:s:443 in pay"},
		{"node proxy", "GET", "/api/v1/nodes/n/proxy/run", "", "", "send a request through nodes/n"},
		{"review through a proxy", "POST", "/api/v1/nodes/n/proxy/apis/authentication.k8s.io/v1/selfsubjectreviews", jsonType, `{}`, "send a request through nodes/n"},
		{"proxy of old servers", "GET", "/api/v1/proxy/nodes/n/x", "", "", "GET nodes of proxy/nodes"},
		{"exec of a virtual machine", "GET", "/apis/subresources.kubevirt.io/v1/namespaces/pay/virtualmachineinstances/v/portforward", "", "", "forward a port of virtualmachineinstances/v in pay"},
		{"escaped slash", "GET", pods + "/p%2Fexec", "", "", "exec into pods/p in pay"},
		{"double slash", "GET", "/api/v1/namespaces/pay//pods/p/exec", "", "", "GET pods of /pay"},
		{"dots", "GET", "/api/v1/nodes/../namespaces/pay/pods/p/exec", "", "", "GET namespaces of nodes/.."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ok, err := try(t, refusing(), tc.method, tc.target, tc.contentType, tc.body)
			if ok != (tc.refused == "") {
				t.Fatalf("sent = %v, %v", ok, err)
			}
			if ok {
				return
			}
			var refused *Refused
			if !errors.Is(err, ErrReadOnly) || !errors.As(err, &refused) {
				t.Fatalf("error %v is no refusal", err)
			}
			switch tc.name {
			case "double slash", "dots", "proxy of old servers": // odd paths are named as they parse
			default:
				if refused.What != tc.refused {
					t.Errorf("refused to %q, want %q", refused.What, tc.refused)
				}
			}
		})
	}
}

func encodeProto(t *testing.T, opts metav1.DeleteOptions) string {
	t.Helper()
	cfg := &rest.Config{Host: "http://server", ContentConfig: rest.ContentConfig{ContentType: "application/vnd.kubernetes.protobuf"}}
	var next sent
	cfg.Transport = &next
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_ = client.CoreV1().Pods("pay").Delete(t.Context(), "p", opts)
	if len(next.bodies) != 1 || !strings.HasPrefix(next.bodies[0], "k8s\x00") {
		t.Fatalf("client-go sent %q", next.bodies)
	}
	return next.bodies[0]
}

func TestUpgradesAreWrites(t *testing.T) {
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://server/apis/x.io/v1/machines/m/console", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	if _, err := refusing().Wrap(&sent{}).RoundTrip(req); !errors.Is(err, ErrReadOnly) { // refused, so there is none
		t.Errorf("error %v is no refusal", err)
	}
}

func TestSwitch(t *testing.T) {
	g := new(Guard)
	if ok, err := try(t, g, "DELETE", pod, "", ""); !ok {
		t.Errorf("the zero guard refuses: %v", err)
	}
	g.Refuse("protected context")
	if _, err := try(t, g, "DELETE", pod, "", ""); err == nil || err.Error() != "read-only (protected context): refused to delete pods/p in pay" {
		t.Errorf("error %v", err)
	}
	if reason, on := g.ReadOnly(); !on || reason != "protected context" {
		t.Errorf("ReadOnly() = %q, %v", reason, on)
	}
	g.Permit()
	if ok, err := try(t, g, "DELETE", pod, "", ""); !ok {
		t.Errorf("refused after Permit: %v", err)
	}
}

// TestApply goes through a whole client, to a server whose API is not at the
// root: what looks like a proxy there is only the way to the API.
func TestApply(t *testing.T) {
	g := refusing()
	var next sent
	cfg := &rest.Config{Host: "https://mgmt/apis/x.io/v1/clusters/c/proxy/", Transport: &next}
	if err := g.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := client.CoreV1().Pods("pay").Get(ctx, "p", metav1.GetOptions{}); errors.Is(err, ErrReadOnly) || len(next.bodies) != 1 {
		t.Errorf("get: %v", err)
	}
	if err := client.CoreV1().Pods("pay").Delete(ctx, "p", metav1.DeleteOptions{DryRun: []string{"All"}}); errors.Is(err, ErrReadOnly) || len(next.bodies) != 2 {
		t.Errorf("dry delete: %v", err)
	}
	err = client.CoreV1().Pods("pay").Delete(ctx, "p", metav1.DeleteOptions{})
	if !errors.Is(err, ErrReadOnly) || len(next.bodies) != 2 {
		t.Errorf("delete: %v", err)
	}
	if res := client.CoreV1().RESTClient().Get().Resource("pods").Namespace("pay").Name("p").SubResource("exec").Do(ctx); !errors.Is(res.Error(), ErrReadOnly) {
		t.Errorf("exec: %v", res.Error())
	}
}

// FuzzNoWritePasses: whatever the path, no mutating request passes but a dry
// run or a review of oneself.
func FuzzNoWritePasses(f *testing.F) {
	f.Add("POST", "/api/v1/namespaces/pay/pods", "dryRun=All")
	f.Add("DELETE", "/apis/apps/v1/namespaces/pay/deployments/d", "")
	f.Add("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "")
	f.Add("GET", "/api/v1/nodes/n/proxy/x", "")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		req := &http.Request{Method: method, URL: &url.URL{Scheme: "https", Host: "server", Path: path, RawQuery: query}, Header: http.Header{}}
		var next sent
		_, err := refusing().Wrap(&next).RoundTrip(req) // the fake has none
		var ruled Guard
		ruled.SetRules("", []Rule{{Deny: true}})
		if _, denied := ruled.Wrap(&sent{}).RoundTrip(req); (denied == nil) != (err == nil) {
			t.Fatalf("%s %s?%s: %v, but a rule that denies everything: %v", method, path, query, err, denied)
		}
		if err != nil {
			if !errors.Is(err, ErrReadOnly) || len(next.bodies) != 0 {
				t.Fatalf("%s %s?%s: %v, sent %d", method, path, query, err, len(next.bodies))
			}
			return
		}
		switch method {
		case "", "GET", "HEAD", "OPTIONS":
			for _, stream := range []string{"/exec", "/attach", "/portforward", "/proxy"} {
				if strings.HasPrefix(path, "/api/v1/namespaces/pay/pods/p"+stream) && strings.HasPrefix(path[len("/api/v1/namespaces/pay/pods/p"+stream):]+"/", "/") {
					t.Fatalf("%s %s passed", method, path)
				}
			}
			return
		}
		values, _ := url.ParseQuery(query)
		review := method == http.MethodPost && strings.Contains(path, "/selfsubject") && strings.Contains(path, "reviews")
		if values.Get("dryRun") != "All" && !review {
			t.Fatalf("%s %s?%s passed", method, path, query)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "https://server"+pod, nil)
	rt := refusing().Wrap(discard{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rt.RoundTrip(req); err != nil { // the fake has none
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) RoundTrip(*http.Request) (*http.Response, error) { return nil, nil }
