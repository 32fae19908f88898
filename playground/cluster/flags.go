package cluster

// etcdArgs trades durability for speed: the data dies with the playground.
func etcdArgs(dir *Dir, pki func(string) string, port, peerPort int) []string {
	client, peer := "https://"+loopback(port), "https://"+loopback(peerPort)
	return []string{
		flag("name", "playground"),
		flag("data-dir", dir.Join("etcd")),
		flag("listen-client-urls", client),
		flag("advertise-client-urls", client),
		flag("client-cert-auth", true),
		flag("trusted-ca-file", pki("etcd-ca.crt")),
		flag("cert-file", pki("etcd.crt")),
		flag("key-file", pki("etcd.key")),
		flag("peer-client-cert-auth", true),
		flag("peer-trusted-ca-file", pki("etcd-ca.crt")),
		flag("peer-cert-file", pki("etcd.crt")),
		flag("peer-key-file", pki("etcd.key")),
		flag("listen-peer-urls", peer),
		flag("initial-advertise-peer-urls", peer),
		flag("initial-cluster", "playground="+peer),
		// The only member elects itself; it need not wait for others.
		flag("heartbeat-interval", 10),
		flag("election-timeout", 100),
		flag("unsafe-no-fsync", true),
		flag("quota-backend-bytes", 8<<30),
		flag("log-level", "warn"),
	}
}

func apiServerArgs(pki func(string) string, etcd string, port int, static bool) []string {
	args := []string{
		flag("etcd-servers", etcd),
		flag("etcd-cafile", pki("etcd-ca.crt")),
		flag("etcd-certfile", pki("etcd-client.crt")),
		flag("etcd-keyfile", pki("etcd-client.key")),
		flag("bind-address", "127.0.0.1"),
		flag("secure-port", port),
		// Published as the endpoint of the service "kubernetes" and used
		// for nothing else. Loopback is not valid there; this address is
		// reserved for documentation.
		flag("advertise-address", "192.0.2.10"),
		flag("service-cluster-ip-range", "10.96.0.0/16"),
		flag("tls-cert-file", pki("apiserver.crt")),
		flag("tls-private-key-file", pki("apiserver.key")),
		flag("client-ca-file", pki("ca.crt")),
		flag("authorization-mode", "Node,RBAC"),
		flag("allow-privileged", true),
		flag("service-account-issuer", "https://kubernetes.default.svc"),
		flag("service-account-key-file", pki("service-account.key")),
		flag("service-account-signing-key-file", pki("service-account.key")),
		flag("kubelet-certificate-authority", pki("ca.crt")),
		flag("kubelet-client-certificate", pki("kubelet-client.crt")),
		flag("kubelet-client-key", pki("kubelet-client.key")),
		flag("kubelet-preferred-address-types", "InternalDNS,InternalIP"),
		flag("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
		flag("requestheader-username-headers", "X-Remote-User"),
		flag("requestheader-group-headers", "X-Remote-Group"),
		flag("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
		flag("proxy-client-cert-file", pki("front-proxy.crt")),
		flag("proxy-client-key-file", pki("front-proxy.key")),
	}
	if static {
		// Nobody would create the service accounts it insists on.
		args = append(args, flag("disable-admission-plugins", "ServiceAccount"))
	}
	return args
}

// controllerManagerArgs make the controllers react within the patience of
// somebody watching a demo, where their defaults are minutes.
func controllerManagerArgs(pki func(string) string) []string {
	return []string{
		kubeconfigFlag(pki, ControllerManager),
		flag("secure-port", 0),
		flag("leader-elect", false),
		flag("use-service-account-credentials", true),
		flag("service-account-private-key-file", pki("service-account.key")),
		flag("root-ca-file", pki("ca.crt")),
		flag("node-monitor-grace-period", "40s"),
		flag("horizontal-pod-autoscaler-cpu-initialization-period", "30s"),
		flag("horizontal-pod-autoscaler-initial-readiness-delay", "10s"),
		flag("kube-api-qps", 200),
		flag("kube-api-burst", 400),
	}
}

func schedulerArgs(pki func(string) string) []string {
	return []string{
		kubeconfigFlag(pki, Scheduler),
		flag("secure-port", 0),
		flag("leader-elect", false),
		flag("kube-api-qps", 200),
		flag("kube-api-burst", 400),
	}
}

// kwokArgs leave nodes with the label "unmanaged" alone: their heartbeats
// stop, and the node controller finds them gone.
func kwokArgs(pki func(string) string, config string, port, kubeletPort int) []string {
	return []string{
		kubeconfigFlag(pki, Kwok),
		flag("config", config),
		flag("manage-nodes-with-label-selector", "!unmanaged"),
		flag("server-address", loopback(port)),
		flag("node-ip", "127.0.0.1"),
		flag("node-port", kubeletPort),
		flag("cidr", "10.0.0.0/16"),
		flag("tls-cert-file", pki("kubelet.crt")),
		flag("tls-private-key-file", pki("kubelet.key")),
		flag("node-lease-duration-seconds", 40),
	}
}

// metricsServerArgs scrape as often as metrics-server allows.
func metricsServerArgs(pki func(string) string, port int) []string {
	kubeconfig := pki(MetricsServer + ".kubeconfig")
	return []string{
		flag("kubeconfig", kubeconfig),
		flag("authentication-kubeconfig", kubeconfig),
		flag("authorization-kubeconfig", kubeconfig),
		flag("bind-address", "127.0.0.1"),
		flag("secure-port", port),
		flag("tls-cert-file", pki("metrics-server.crt")),
		flag("tls-private-key-file", pki("metrics-server.key")),
		flag("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
		flag("kubelet-certificate-authority", pki("ca.crt")),
		flag("kubelet-use-node-status-port", true),
		flag("kubelet-preferred-address-types", "InternalDNS,InternalIP"),
		flag("metric-resolution", "10s"),
		flag("kubelet-request-timeout", "5s"),
	}
}
