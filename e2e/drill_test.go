//go:build e2e

package e2e

import "quarterdeck/ui/uitest"

// drilling goes from one object to those around it.
func drilling() []scenario {
	return []scenario{
		{
			name: "from a deployment to its pods to their containers and back",
			run: func(t *terminal) {
				t.Live().Select("web", "storefront").Press(uitest.Enter).
					Header("web", "workloads › deploy/storefront").Live().
					Row("storefront-", "2/2", "Running").Cursor("storefront-")
				t.Press(uitest.Enter).Header("deploy/storefront › pod/storefront-").Live().
					Row("nginx", "app", "Running").
					Row("log-shipper", "sidecar", "Running").
					Row("warm-cache", "init", "Completed")
				t.Press(uitest.Esc).Header("workloads › deploy/storefront").Misses("log-shipper").Row("storefront-", "2/2")
				t.Press(uitest.Esc).Header("2 workloads").Cursor("web", "storefront")
				t.Press(uitest.Esc).Footer("nothing to go back to: q quits")
			},
		},
		{
			name: "from a pod to its owner and its node",
			args: []string{"pods", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Select("storefront-", "Running").Press("J").
					Header("pods › replicasets: storefront-").Live().Row("storefront-", "storefront")
				t.Press("J").Header("deployments: storefront").Live().Row("storefront")
				t.Press(uitest.Esc).Header("pods › replicasets: storefront-").Misses("deployments:").Press(uitest.Esc).Misses("replicasets:").Cursor("storefront-")
				t.Press("N").Header("pods › nodes: ").Live().Row("Ready")
				t.Press("P").Live().Row("kube-proxy-", "Running").Row("node-exporter-")
			},
		},
		{
			name: "unfold a workload in place",
			args: []string{"-n", "data"},
			run: func(t *terminal) {
				t.Live().Select("redis", "sts").Press(uitest.Tab).Row("  redis-0", "pod").Row("  redis-2", "pod")
				t.Press(uitest.Tab).Misses("redis-0").Cursor("redis", "sts")
			},
		},
		{
			name: "the palette goes to any kind",
			run: func(t *terminal) {
				t.Live().Press(":").Sees(":›", "workloads").
					Press("ingresses", uitest.Enter).Header("ingresses").Live().Row("web", "shop", "nginx")
				t.Press(":", "db", uitest.Enter).Header("databases").Live().
					Sees("ENGINE").Row("data", "sessions", "redis", "7.4")
				t.Press(":", "po kube-system /cilium", uitest.Enter).Header("kube-system", "/cilium").Live().
					Row("cilium-").Misses("kube-proxy-")
				t.Press(":", "nonsense").Footer("nothing matches").Press(uitest.Enter).Footer(`no kind "nonsense"`)
			},
		},
		{
			name: "history goes back and forward over views and namespaces",
			args: []string{"pods", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Press(":", "services", uitest.Enter).Header("web", "services").Live().Row("storefront")
				t.Press("n", "data", uitest.Enter).Header("data", "services").Live().Row("postgres")
				t.Press("[").Header("web", "services").Live()
				t.Press("[").Header("web", "pods").Live()
				t.Press("[").Footer("this is where the history begins")
				t.Press("]", "]").Header("data", "services").Row("postgres")
			},
		},
	}
}
