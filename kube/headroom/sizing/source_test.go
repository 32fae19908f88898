package sizing

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
)

func TestRecommendations(t *testing.T) {
	s := apitest.NewPipe(t)
	client, err := s.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	read := func(namespace string) (Recommendations, error) {
		return ReadRecommendations(t.Context(), client, namespace, now)
	}
	if got, err := read(""); err != nil || len(got) != 0 {
		t.Errorf("where there is no such resource: %v, %v", got, err)
	}
	const vpa = `{"items":[
		{"metadata":{"namespace":"shop","name":"a","creationTimestamp":"2026-01-01T00:00:00Z"},
		 "spec":{"targetRef":{"apiVersion":"apps/v1","kind":"StatefulSet","name":"a"}},
		 "status":{"recommendation":{"containerRecommendations":[{"containerName":"app","target":{"cpu":"323m","memory":"262144k"},"lowerBound":{"cpu":"25m"}}]}}},
		{"metadata":{"namespace":"shop","name":"new"},"spec":{"targetRef":{"apiVersion":"apps/v1","kind":"StatefulSet","name":"new"}}}]}`
	s.Serve("/apis/autoscaling.k8s.io/v1/verticalpodautoscalers", vpa)
	s.Serve("/apis/autoscaling.k8s.io/v1/namespaces/shop/verticalpodautoscalers", vpa)
	for _, namespace := range []string{"", "shop"} {
		got, err := read(namespace)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		u := got[key("a")]
		if u.Source != VPA || u.Span != 48*time.Hour || *u.Target != (object.Resources{CPU: 323, Memory: 262144000}) {
			t.Errorf("%+v %+v", u, u.Target)
		}
	}
	s.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("dev") })
	if _, err := read(""); err == nil || !strings.Contains(err.Error(), "list VerticalPodAutoscalers") {
		t.Errorf("forbidden: %v", err)
	}
	s.OnRequest(func(apitest.Request) *apitest.Answer {
		return &apitest.Answer{Body: "<html>", ContentType: "text/html"}
	})
	if _, err := read(""); err == nil {
		t.Error("no list, and no error")
	}
}

// matrix returns an answer with one series a container.
func matrix(of map[string][]string) string {
	var series []string
	for container, values := range of {
		for i, v := range values {
			values[i] = fmt.Sprintf("[%d.123,%q]", 1_700_000_000+i*300, v)
		}
		series = append(series, fmt.Sprintf(`{"metric":{"container":%q},"values":[%s]}`, container, strings.Join(values, ",")))
	}
	return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(series, ",") + `]}}`
}

func TestEndpoint(t *testing.T) {
	var queries []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		q := r.URL.Query()
		if r.URL.Path != "/prom/api/v1/query_range" || user != "me" || password != "secret" || q.Get("step") != "300" ||
			q.Get("start") != "1699913600" || q.Get("end") != "1700000000" {
			t.Errorf("asked %s as %s", r.URL, user)
		}
		queries = append(queries, q.Get("query"))
		if strings.Contains(q.Get("query"), "cpu") {
			_, _ = fmt.Fprint(w, matrix(map[string][]string{"app": {"100.4", "200", "NaN", "300", "+Inf"}, "half": {"1"}}))
			return
		}
		_, _ = fmt.Fprint(w, matrix(map[string][]string{"app": {"1048576", "3145728", "2097152", "2097152"}}))
	}))
	defer server.Close()
	e, err := NewEndpoint(strings.Replace(server.URL, "://", "://me:secret@", 1)+"/prom", server.Client())
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Use(t.Context(), key("a.b").Workload, 24*time.Hour, time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	want := Use{Source: Prometheus, Span: 15 * time.Minute, Samples: 3, P95: amounts(300, 3), Max: amounts(300, 3)}
	if len(got) != 1 || got["app"] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(queries) != 2 || !strings.Contains(queries[0], `namespace="shop",pod=~"a\\.b-[0-9]+"`) {
		t.Errorf("%q", queries)
	}
}

func TestEndpointThatIsNone(t *testing.T) {
	answers := map[string]struct {
		code int
		body string
		want string
	}{
		"an error of Prometheus":  {http.StatusBadRequest, `{"status":"error","errorType":"bad_data","error":"parse\u001b[2J error"}`, "the server says: parse"},
		"an error of a proxy":     {http.StatusBadGateway, "<html>", "502"},
		"a page":                  {http.StatusOK, "<html>", "not that of Prometheus"},
		"another kind of numbers": {http.StatusOK, `{"status":"success","data":{"resultType":"vector","result":[]}}`, "not that of Prometheus"},
		"something else's JSON":   {http.StatusOK, `{"hello":1}`, "not that of Prometheus"},
		"numbers that are none":   {http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"x"]]}]}}`, "not that of Prometheus"},
	}
	for name, a := range answers {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(a.code)
			_, _ = fmt.Fprint(w, a.body)
		}))
		e, err := NewEndpoint(server.URL, server.Client())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Use(t.Context(), key("a").Workload, time.Hour, time.Unix(0, 0)); err == nil || !strings.Contains(err.Error(), a.want) || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%s: %v, want %q", name, err, a.want)
		}
		server.Close()
		if _, err := e.Use(t.Context(), key("a").Workload, time.Hour, time.Unix(0, 0)); err == nil {
			t.Errorf("%s: no error of a server that is gone", name)
		}
	}
	for _, address := range []string{"", "prometheus:9090", "ftp://x", "http://", "http://[", "/x"} {
		if _, err := NewEndpoint(address, nil); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

// The names that a workload gives its pods match, those of others do not.
func TestPodNames(t *testing.T) {
	all := []string{"web", "web-0", "web-x2k9p", "web-7f9c5d8b4-x2k9p", "web-29000000-x2k9p", "web-api-7f9c5d8b4-x2k9p", "webb-0"}
	for kind, want := range map[string][]string{
		"Pod": {"web"}, "StatefulSet": {"web-0"}, "DaemonSet": {"web-x2k9p"},
		"Deployment": {"web-7f9c5d8b4-x2k9p", "web-29000000-x2k9p"}, "CronJob": {"web-7f9c5d8b4-x2k9p", "web-29000000-x2k9p"},
	} {
		re := regexp.MustCompile("^(?:" + podNames(headroom.Workload{Kind: kind, Name: "web"}) + ")$")
		got := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !re.MatchString(name) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
}
