package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The parts of a cluster. The names are also the first argument that turns
// the playground's binary into the part.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"
	MetricsServer     = "metrics-server"
)

// Parts are the names of all parts.
func Parts() []string {
	return []string{Etcd, APIServer, ControllerManager, Scheduler, Kwok, MetricsServer}
}

// SupervisorKubeconfig is where in its directory a running playground keeps
// the access it uses itself.
const SupervisorKubeconfig = "pki/supervisor.kubeconfig"

// Contexts of the kubeconfig that is handed to people. What they may do is
// granted by ApplyAccess.
const (
	AdminContext       = "playground"
	ViewerContext      = "viewer"
	PaymentsDevContext = "payments-dev"
	NobodyContext      = "nobody"

	// PaymentsNamespace is the one namespace payments-dev works in.
	PaymentsNamespace = "payments"
)

// mastersGroup is above RBAC and above flow control. Only the playground's own
// machinery belongs to it: people must meet the limits that they would meet
// in a real cluster.
const mastersGroup = "system:masters"

// Options of a cluster.
type Options struct {
	// Executable becomes the part it is given the name of.
	Executable string
	// KwokConfig is the path of the configuration of the pretend kubelets.
	KwokConfig string
	// KubeletPort is the port nodes announce for logs and exec. Zero means
	// kwok's own server.
	KubeletPort int
	// GCPercent, unless zero, is how much the parts' heaps may grow before
	// they collect garbage, as in GOGC.
	GCPercent int
	// Static is a cluster without controllers: it leaves out the admission
	// that relies on them.
	Static bool
}

// part is one component: how it is started and how to tell that it serves.
type part struct {
	name string
	args []string
	// ready returns nil once the part answers; nil if that cannot be asked.
	ready func(context.Context) error
}

// layout is everything about a cluster that is decided before a part starts.
type layout struct {
	parts   map[string]part
	etcd    EtcdAccess
	config  *rest.Config // of the supervisor, in mastersGroup
	ca      []byte
	metrics int // port of metrics-server
}

// EtcdAccess is how to reach the cluster's etcd.
type EtcdAccess struct {
	Endpoint string
	TLS      *tls.Config
}

// newLayout draws ports, issues every certificate and writes keys and
// kubeconfigs into dir.
func newLayout(dir *Dir, options Options) (*layout, error) {
	ports, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	etcdPort, peerPort, apiPort, kwokPort, metricsPort := ports[0], ports[1], ports[2], ports[3], ports[4]
	server := "https://" + loopback(apiPort)

	keys := keyWriter{dir: dir}
	ca := keys.authority("ca")
	// etcd and the aggregated APIs trust whoever their authority signed
	// for, so they get authorities that sign for nobody else.
	etcdCA := keys.authority("etcd-ca")
	proxyCA := keys.authority("front-proxy-ca")
	keys.server(etcdCA, "etcd")
	etcdClient := keys.client(etcdCA, "etcd-client")
	keys.client(proxyCA, "front-proxy")
	keys.server(ca, "apiserver", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
	keys.server(ca, "kubelet")
	keys.server(ca, "metrics-server", metricsService+".kube-system.svc")
	keys.client(ca, "kubelet-client", mastersGroup)
	keys.signingKey("service-account")
	for file, user := range map[string]struct {
		name   string
		groups []string
	}{
		"supervisor":      {"playground-supervisor", []string{mastersGroup}},
		ControllerManager: {"system:kube-controller-manager", nil},
		Scheduler:         {"system:kube-scheduler", nil},
		Kwok:              {"system:kwok", []string{mastersGroup}},
		MetricsServer:     {"system:metrics-server", []string{mastersGroup}},
	} {
		keys.kubeconfig(ca, server, file, user.name, user.groups...)
	}
	if keys.err != nil {
		return nil, keys.err
	}
	if err := writePeopleKubeconfig(dir, server, ca); err != nil {
		return nil, err
	}

	config, err := clientcmd.BuildConfigFromFlags("", dir.Join(SupervisorKubeconfig))
	if err != nil {
		return nil, fmt.Errorf("read back the supervisor's kubeconfig: %w", err)
	}
	config.QPS, config.Burst = -1, -1
	etcdTLS, err := clientTLS(etcdCA, etcdClient)
	if err != nil {
		return nil, err
	}
	l := &layout{
		etcd:    EtcdAccess{Endpoint: "https://" + loopback(etcdPort), TLS: etcdTLS},
		config:  config,
		ca:      ca.CertPEM(),
		metrics: metricsPort,
	}

	pki := func(name string) string { return dir.Join("pki", name) }
	kubeletPort := options.KubeletPort
	if kubeletPort == 0 {
		kubeletPort = kwokPort
	}
	l.parts = map[string]part{
		Etcd: {
			name: Etcd, ready: probe(etcdTLS, l.etcd.Endpoint+"/readyz"),
			args: etcdArgs(dir, pki, etcdPort, peerPort),
		},
		APIServer: {
			name: APIServer, ready: l.apiReady,
			args: apiServerArgs(pki, l.etcd.Endpoint, apiPort, options.Static),
		},
		ControllerManager: {name: ControllerManager, ready: l.controlled, args: controllerManagerArgs(pki)},
		Scheduler:         {name: Scheduler, args: schedulerArgs(pki)},
		Kwok: {
			name: Kwok, ready: probe(&tls.Config{RootCAs: pool(ca)}, "https://"+loopback(kwokPort)+"/healthz"),
			args: kwokArgs(pki, options.KwokConfig, kwokPort, kubeletPort),
		},
		MetricsServer: {
			name: MetricsServer, ready: probe(&tls.Config{RootCAs: pool(ca)}, "https://"+loopback(metricsPort)+"/livez"),
			args: metricsServerArgs(pki, metricsPort),
		},
	}
	return l, nil
}

// apiReady asks through client-go rather than a bare probe, as every caller
// after it will.
func (l *layout) apiReady(ctx context.Context) error { return l.ask(ctx, "/readyz") }

// controlled asks for what a controller makes in every cluster. All of them have
// been built then: until that, the controller manager ends if the API server goes.
func (l *layout) controlled(ctx context.Context) error {
	return l.ask(ctx, "/api/v1/namespaces/default/serviceaccounts/default")
}

// ask wants status 200 from a path of the API.
func (l *layout) ask(ctx context.Context, path string) error {
	client, err := rest.HTTPClientFor(l.config)
	if err != nil {
		return fmt.Errorf("build client of the API: %w", err)
	}
	return get(ctx, client, l.config.Host+path)
}

// probe returns a readiness check that wants status 200 from url.
func probe(config *tls.Config, url string) func(context.Context) error {
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true},
	}
	return func(ctx context.Context) error { return get(ctx, client, url) }
}

func get(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // nothing was read
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func writePeopleKubeconfig(dir *Dir, server string, ca *Authority) error {
	users := []User{
		{Context: AdminContext},
		{Context: ViewerContext},
		{Context: PaymentsDevContext, Namespace: PaymentsNamespace},
		{Context: NobodyContext},
	}
	for i := range users {
		keys, err := ca.Client(users[i].Context)
		if err != nil {
			return err
		}
		users[i].Keys = keys
	}
	encoded, err := Kubeconfig(server, ca.CertPEM(), users...)
	if err != nil {
		return err
	}
	return dir.Write(encoded, "kubeconfig")
}

// keyWriter issues certificates into dir/pki, where the parts read them. It
// remembers the first failure so that the list of certificates stays a list.
type keyWriter struct {
	dir *Dir
	err error
}

func (w *keyWriter) write(name string, data []byte) {
	if w.err == nil {
		w.err = w.dir.Write(data, "pki", name)
	}
}

func (w *keyWriter) authority(name string) *Authority {
	authority, err := NewAuthority(name)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return &Authority{}
	}
	w.write(name+".crt", authority.CertPEM())
	return authority
}

func (w *keyWriter) pair(name string, issue func() (KeyPair, error)) KeyPair {
	if w.err != nil {
		return KeyPair{}
	}
	keys, err := issue()
	if err != nil {
		w.err = err
		return KeyPair{}
	}
	w.write(name+".crt", keys.Cert)
	w.write(name+".key", keys.Key)
	return keys
}

func (w *keyWriter) server(by *Authority, name string, dnsNames ...string) {
	w.pair(name, func() (KeyPair, error) { return by.Server(name, dnsNames...) })
}

func (w *keyWriter) client(by *Authority, name string, groups ...string) KeyPair {
	return w.pair(name, func() (KeyPair, error) { return by.Client(name, groups...) })
}

func (w *keyWriter) kubeconfig(by *Authority, server, file, user string, groups ...string) {
	if w.err != nil {
		return
	}
	keys, err := by.Client(user, groups...)
	if err != nil {
		w.err = err
		return
	}
	encoded, err := Kubeconfig(server, by.CertPEM(), User{Context: file, Keys: keys})
	if err != nil {
		w.err = err
		return
	}
	w.write(file+".kubeconfig", encoded)
}

func (w *keyWriter) signingKey(name string) {
	if w.err != nil {
		return
	}
	key, err := newSigningKey()
	if err != nil {
		w.err = err
		return
	}
	w.write(name+".key", key)
}

func clientTLS(ca *Authority, keys KeyPair) (*tls.Config, error) {
	cert, err := tls.X509KeyPair(keys.Cert, keys.Key)
	if err != nil {
		return nil, fmt.Errorf("load client certificate: %w", err)
	}
	return &tls.Config{RootCAs: pool(ca), Certificates: []tls.Certificate{cert}}, nil
}

func pool(ca *Authority) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

func flag(name string, value any) string { return fmt.Sprintf("--%s=%v", name, value) }

func kubeconfigFlag(pki func(string) string, part string) string {
	return flag("kubeconfig", pki(part+".kubeconfig"))
}
