package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// server is the kubelet API of all nodes on one port: pods are found by
// namespace and name, whichever node they are on.
type server struct {
	agent  *agent
	meter  *meter
	root   string // of the containers' scratch directories
	tls    *tls.Config
	grants grants
}

func newServer(c Config, a *agent) (*server, error) {
	pki := func(name string) string { return filepath.Join(c.dir, "pki", name) }
	certificate, err := tls.LoadX509KeyPair(pki("kubelet.crt"), pki("kubelet.key"))
	if err != nil {
		return nil, fmt.Errorf("load the kubelets' certificate: %w", err)
	}
	authority, err := os.ReadFile(pki("ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the cluster's certificate authority: %w", err)
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("read the cluster's certificate authority: %s holds no certificate", pki("ca.crt"))
	}
	return &server{
		agent: a,
		meter: newMeter(),
		root:  filepath.Join(c.dir, "containers"),
		tls: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			Certificates: []tls.Certificate{certificate},
			// Whoever may exec here runs a shell: only the cluster's own may ask.
			ClientAuth: tls.RequireAndVerifyClientCert,
			ClientCAs:  clients,
		},
		grants: grants{client: a.client, until: map[string]time.Time{}},
	}, nil
}

// run serves until ctx is done, and ends every stream then.
func (s *server) run(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.logs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", s.exec)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", s.attach)
	mux.HandleFunc("/portForward/{namespace}/{pod}", s.portForward)
	mux.HandleFunc("GET /metrics/nodes/{node}/metrics/resource", s.metrics)
	web := &http.Server{
		Handler:           s.authorised(mux),
		TLSConfig:         s.tls,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		// Handshakes that break off are not worth a line on the terminal.
		ErrorLog: log.New(io.Discard, "", 0),
		// SPDY upgrades need HTTP/1.1.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-ctx.Done()
		_ = web.Close()
	}()
	err := web.ServeTLS(listener, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		<-done
		return nil
	}
	return fmt.Errorf("serve the kubelet API: %w", err)
}

// authorised lets through who may use the kubelet API, as a kubelet asks: by
// the subresource proxy of nodes.
func (s *server) authorised(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := r.TLS.PeerCertificates[0].Subject
		allowed, err := s.grants.allow(r.Context(), who.CommonName, who.Organization)
		switch {
		case err != nil:
			http.Error(w, "authorization failed: "+err.Error(), http.StatusInternalServerError)
		case !allowed:
			http.Error(w, fmt.Sprintf("user %q may not use the kubelet API", who.CommonName), http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// grants remembers for a minute who was allowed.
type grants struct {
	client kubernetes.Interface
	mu     sync.Mutex
	until  map[string]time.Time
}

func (g *grants) allow(ctx context.Context, user string, groups []string) (bool, error) {
	g.mu.Lock()
	until := g.until[user]
	g.mu.Unlock()
	if time.Now().Before(until) {
		return true, nil
	}
	review, err := g.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user, Groups: groups,
			ResourceAttributes: &authorizationv1.ResourceAttributes{Version: "v1", Resource: "nodes", Subresource: "proxy", Verb: "create"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	if review.Status.Allowed {
		g.mu.Lock()
		g.until[user] = time.Now().Add(time.Minute)
		g.mu.Unlock()
	}
	return review.Status.Allowed, nil
}

// place is a container that a request is about.
type place struct {
	pod    *corev1.Pod
	spec   corev1.Container
	status corev1.ContainerStatus
	init   bool
}

// find returns the pod of a request, if its node's kubelet is alive.
func (s *server) find(r *http.Request) (*corev1.Pod, error) {
	pod, ok := s.agent.pod(r.PathValue("namespace") + "/" + r.PathValue("pod"))
	if !ok {
		return nil, errUnknownPod
	}
	if node, known := s.agent.site.node(pod.Spec.NodeName); !known || stopped(node) {
		return nil, errNoKubelet
	}
	return pod, nil
}

// container returns the container of a request.
func (s *server) container(r *http.Request) (place, error) {
	pod, err := s.find(r)
	if err != nil {
		return place{}, err
	}
	name := r.PathValue("container")
	specs := append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
	for _, c := range pod.Spec.EphemeralContainers {
		specs = append(specs, corev1.Container(c.EphemeralContainerCommon))
	}
	for i, spec := range specs {
		if spec.Name != name {
			continue
		}
		found := place{pod: pod, spec: spec, init: i < len(pod.Spec.InitContainers)}
		for _, list := range [][]corev1.ContainerStatus{
			pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses,
		} {
			for _, status := range list {
				if status.Name == name {
					found.status = status
				}
			}
		}
		return found, nil
	}
	return place{}, fmt.Errorf("container %q not found in pod %q", name, pod.Namespace+"/"+pod.Name)
}

// errNoKubelet answers for nodes whose kubelet is stopped.
var errNoKubelet = errors.New("connection refused: the kubelet of this node is stopped")

// fail answers a request that cannot be served.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, errUnknownPod):
		status = http.StatusNotFound
	case errors.Is(err, errNoKubelet):
		status = http.StatusBadGateway
	}
	http.Error(w, err.Error(), status)
}
