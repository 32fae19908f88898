package probe

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/forward"
	"quarterdeck/kube/network"
)

func TestGuess(t *testing.T) {
	for _, tt := range []struct {
		name, protocol string
		number         int32
		want           Scheme
	}{
		{"", "", 80, HTTP},
		{"", "", 8080, HTTP},
		{"", "", 443, HTTPS},
		{"", "", 5432, TCP},
		{"http", "", 9999, HTTP},
		{"http-admin", "", 9999, HTTP},
		{"admin-http", "", 9999, HTTP},
		{"HTTPS", "", 9999, HTTPS},
		{"metrics-https", "", 9999, HTTPS},
		{"web", "", 8443, HTTPS},
		{"grpc", "", 8080, TCP},
		{"http2", "", 80, TCP},
		{"httpd", "", 9999, TCP},
		{"postgres", "", 5432, TCP},
		{"http", "https", 80, HTTPS},
		{"", "HTTP", 9999, HTTP},
		{"http", "kubernetes.io/h2c", 80, TCP},
		{"http", "redis", 80, TCP},
		{"", "kubernetes.io/wss", 80, HTTPS},
	} {
		if got := Guess(tt.name, tt.protocol, tt.number); got != tt.want {
			t.Errorf("port %q %d for %q: %s, want %s", tt.name, tt.number, tt.protocol, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string][3]string{
		"":                       {"", "", ""},
		"8080":                   {"", "8080", ""},
		" http ":                 {"", "http", ""},
		"http/healthz":           {"", "http", "/healthz"},
		"/a:b?c=d":               {"", "", "/a:b?c=d"},
		"https:8443/x":           {"https", "8443", "/x"},
		"TCP:5432":               {"tcp", "5432", ""},
		"https:":                 {"https", "", ""},
		"udp:53":                 {"nothing that a probe speaks"},
		"tcp:80/x":               {"tcp asks for no path"},
		"70000":                  {"they go from 1 to 65535"},
		"0":                      {"they go from 1 to 65535"},
		"a b":                    {"no port"},
		"http:1:2":               {"no port"},
		"http/a b":               {"has a blank"},
		"http/a\r\nX-Evil: true": {"has a blank"},
	} {
		scheme, port, path, err := Parse(text)
		if err != nil {
			if want[1] != "" || want[2] != "" || !strings.Contains(err.Error(), want[0]) || want[0] == "" {
				t.Errorf("%q: %v", text, err)
			}
		} else if got := [3]string{string(scheme), port, path}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "http:80/x", "https", "tcp:5432", "a:b:c", "/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		scheme, port, path, err := Parse(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(port, ":/ ") || path != "" && path[0] != '/' || strings.ContainsAny(path, " \r\n") {
			t.Errorf("%q: port %q, path %q", text, port, path)
		}
		again := port + path
		if scheme != "" {
			again = string(scheme) + ":" + again
		}
		if s, po, pa, err := Parse(again); err != nil || s != scheme || po != port || pa != path {
			t.Errorf("%q, which is %q: %q %q %q, %v", text, again, s, po, pa, err)
		}
	})
}

// asked returns what comes of a question on a connection.
func asked(t *testing.T, conn halfCloser, scheme Scheme, q Question) *Answer {
	t.Helper()
	q.Ref = kube.Ref{GVR: schema.GroupVersionResource{Version: "v1", Resource: "services"}, Kind: "Service", Namespace: "shop", Name: "cart"}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errSlow)
	defer cancel()
	defer conn.Close() //nolint:errcheck // at the end
	a := &Answer{Pod: "cart-1", Port: 8080, Scheme: scheme}
	a.ask(ctx, conn, q, time.Now())
	return a
}

// connect returns a connection to a server of this machine.
func connect(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

func TestHTTP(t *testing.T) {
	var host, path, agent string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, path, agent = r.Host, r.URL.RequestURI(), r.UserAgent()
		switch r.URL.Path {
		case "/early":
			w.Header().Set("Link", "</x.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		case "/moved":
			http.Redirect(w, r, "http://elsewhere.example.com/", http.StatusFound)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/large":
			_, _ = io.Copy(w, io.LimitReader(zero{}, 1<<30)) // it ends when nobody reads
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // one is asked without TLS on purpose
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	for _, tt := range []struct {
		server *httptest.Server
		scheme Scheme
		q      Question
		ok     bool
		want   string
	}{
		{plain, HTTP, Question{}, true, "200 OK (pod/cart-1 port 8080)"},
		{plain, HTTP, Question{Path: "/early"}, true, "200 OK"},
		{plain, HTTP, Question{Path: "/large"}, true, "200 OK"},
		{plain, HTTP, Question{Path: "/moved"}, true, "302 Found, to http://elsewhere.example.com/, which was not followed"},
		{plain, HTTP, Question{Path: "/down"}, false, "503 Service Unavailable"},
		{plain, HTTPS, Question{}, false, "no TLS, but"},
		{secure, HTTPS, Question{Host: "example.com", Path: "/a?b=c"}, true, "200 OK"},
		{secure, HTTP, Question{}, true, "400 Bad Request"},
	} {
		host, path = "", ""
		a := asked(t, connect(t, tt.server.Listener.Addr().String()), tt.scheme, tt.q)
		if a.OK != tt.ok || !strings.HasPrefix(a.String(), tt.want) {
			t.Errorf("%s %+v: %+v, want %q", tt.scheme, tt.q, a, tt.want)
		}
		if strings.ContainsRune(a.Words, '\x1b') {
			t.Errorf("%q commands the terminal", a.Words)
		}
		if a.Status != 0 && a.FirstByte == 0 {
			t.Errorf("%+v: it came at no time", a)
		}
		switch tt.q.Path {
		case "/a?b=c":
			c := a.Certificate
			if host != "example.com" || path != "/a?b=c" || agent != "quarterdeck-probe" || c == nil || !c.Fits {
				t.Errorf("host %q, path %q, agent %q, certificate %+v", host, path, agent, c)
			}
		case "/large":
			if host != "cart.shop.svc" {
				t.Errorf("host %q", host)
			}
		}
	}
	a := asked(t, connect(t, secure.Listener.Addr().String()), HTTPS, Question{})
	if a.Certificate == nil || a.Certificate.Fits {
		t.Fatalf("%+v", a.Certificate)
	}
	words := a.Certificate.Words(a.Certificate.Expires.Add(-36 * time.Hour))
	for _, want := range []string{"for example.com, ", "not for the host that was asked for", "valid until", "1 days", "not verified"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q does not say %q", words, want)
		}
	}
	if words := a.Certificate.Words(a.Certificate.Expires.Add(time.Hour)); !strings.Contains(words, "expired on") {
		t.Error(words)
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { return len(p), nil }

// pod is the other end of a connection that a test makes.
type pod struct {
	net.Conn
	told chan struct{} // closed when nothing more is sent to it
	read func([]byte) (int, error)
}

func newPod(conn net.Conn) *pod { return &pod{Conn: conn, told: make(chan struct{})} }

func (p *pod) CloseWrite() error { close(p.told); return nil }

func (p *pod) Read(b []byte) (int, error) {
	if p.read != nil {
		return p.read(b)
	}
	return p.Conn.Read(b)
}

// What comes of a connection on which nobody speaks HTTP.
func TestConnection(t *testing.T) {
	refused := &forward.RefusedError{Reason: "failed to connect to localhost:1234 inside pod cart-1: connection refused"}
	for _, tt := range []struct {
		name   string
		scheme Scheme
		serve  func(net.Conn, *pod)
		ok     bool
		want   string
	}{
		{"greeting", TCP, func(far net.Conn, _ *pod) { _, _ = io.WriteString(far, "SSH-2.0-\x1b[1mx\r\nmore") }, true, `connected, and greeted with "SSH-2.0-x"`},
		{"closed", TCP, func(far net.Conn, p *pod) { <-p.told; _ = far.Close() }, true, "connected: nothing was sent, and the connection ended"},
		{"refused", TCP, func(_ net.Conn, p *pod) { p.read = func([]byte) (int, error) { return 0, refused } }, false, "refused: connection refused"},
		{"broken", TCP, func(_ net.Conn, p *pod) { p.read = func([]byte) (int, error) { return 0, errors.New("it broke") } }, false, "no answer: it broke"},
		{"silent", TCP, func(net.Conn, *pod) {}, true, "connected as far as can be told: nothing refused the connection within 2s"},
		{"refused HTTP", HTTP, func(_ net.Conn, p *pod) { p.read = func([]byte) (int, error) { return 0, refused } }, false, "refused: connection refused"},
		{"refused HTTPS", HTTPS, func(_ net.Conn, p *pod) { p.read = func([]byte) (int, error) { return 0, refused } }, false, "refused: connection refused"},
		{"no HTTP", HTTP, func(far net.Conn, _ *pod) { _, _ = io.WriteString(far, "+OK hello\r\n\r\n") }, false, "no HTTP, but something else"},
		{"no TLS", HTTPS, func(far net.Conn, _ *pod) { _, _ = io.WriteString(far, "+OK hello\r\n\r\n") }, false, "no TLS, but something else"},
		{"HTTP, closed", HTTP, func(far net.Conn, _ *pod) { _ = far.Close() }, false, "no answer: the connection was closed instead"},
		{"HTTP, silent", HTTP, func(net.Conn, *pod) {}, false, "no answer: nothing came within the time that a probe has"},
		{"HTTPS, silent", HTTPS, func(net.Conn, *pod) {}, false, "no answer: nothing came within the time that a probe has"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				p := newPod(near)
				go func() { _, _ = io.Copy(io.Discard, far) }()
				go tt.serve(far, p)
				synctest.Wait()
				a := asked(t, p, tt.scheme, Question{})
				_ = far.Close() // at the end
				if a.OK != tt.ok || !strings.HasPrefix(a.Words, tt.want) || strings.ContainsRune(a.Words, '\x1b') {
					t.Errorf("%+v, want %q", a, tt.want)
				}
			})
		})
	}
}

// The way is probed as it asks for what it leads to.
func TestOf(t *testing.T) {
	ref := func(group, resource, name string) kube.Ref {
		return kube.Ref{GVR: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}, Namespace: "shop", Name: name}
	}
	service, ingress := ref("", "services", "cart"), ref("networking.k8s.io", "ingresses", "shop")
	for _, tt := range []struct {
		name  string
		route network.Route
		want  Question
		no    bool
	}{
		{"service", network.Route{By: service, Target: service, TargetPort: "80"}, Question{Ref: service, Port: "80"}, false},
		{"ingress", network.Route{By: ingress, Target: service, TargetPort: "http", Host: "shop.example.com", Path: "/cart"}, Question{Ref: service, Port: "http", Host: "shop.example.com", Path: "/cart"}, false},
		{"patterns", network.Route{By: ingress, Target: service, TargetPort: "http", Host: "*.example.com", Path: "/cart(/|$)(.*)"}, Question{Ref: service, Port: "http"}, false},
		{"several paths", network.Route{By: ingress, Target: service, TargetPort: "http", Path: "/a /b"}, Question{Ref: service, Port: "http"}, false},
		{"no service", network.Route{By: ingress, TargetPort: "http"}, Question{}, true},
	} {
		if got, ok := Of(&tt.route); got != tt.want || ok == tt.no {
			t.Errorf("%s: %+v, %v", tt.name, got, ok)
		}
	}
}
