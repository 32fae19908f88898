//go:build e2e

package e2e

import (
	"net"
	"testing"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"quarterdeck/ui/uitest"
)

// scoping changes what is looked at: the namespace, the context.
func scoping() []scenario {
	return []scenario{
		{
			name: "choose a namespace",
			run: func(t *terminal) {
				t.Live().Press("n").Sees("all namespaces").Footer("namespace›", " of ").
					Press("monit", uitest.Enter).Header("monitoring").Live().Rows("grafana", "node-exporter", "prometheus")
				t.Press("0").Header(" all ").Live().Row("web", "cart")
				t.Select("payments", "ledger").Press(".").Header("payments").Live().Row("ledger").Misses("storefront")
			},
		},
		{
			name:    "type a namespace that may not be listed",
			context: "payments-dev",
			run: func(t *terminal) {
				t.Live().Press("n").Footer("not listed: type a name").
					Press("web", uitest.Enter).Header("web", "forbidden").Sees("you (payments-dev) may not list")
				t.Press("n", "payments", uitest.Enter).Header("payments").Live().Row("ledger")
			},
		},
		{
			name: "switch contexts",
			run: func(t *terminal) {
				t.Live().Press("@").Sees("context›", "payments-dev", "viewer").
					Press("viewer", uitest.Enter).Header("viewer").Live().Row("web", "cart")
				t.Press("@", "playground", uitest.Enter).Header("playground").Live().Row("web", "cart")
			},
		},
		{
			name: "to a context that refuses and back",
			edit: addContext("dead", "https://127.0.0.1:1"),
			run: func(t *terminal) {
				t.Live().Press("@", "dead", uitest.Enter).Header("dead", "no answer").
					Sees("127.0.0.1:1 refuses the connection")
				t.Press("@", "playground", uitest.Enter).Header("playground").Live().Row("web", "cart")
			},
		},
		{
			name: "to a context that says nothing and back",
			edit: func(t *testing.T, config *clientcmdapi.Config) {
				// The kernel accepts its connections; nobody ever answers.
				silent, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = silent.Close() })
				addContext("silent", "https://"+silent.Addr().String())(t, config)
			},
			run: func(t *terminal) {
				t.Live().Press("@", "silent", uitest.Enter).Header("silent", "loading")
				t.Press("?").Header("help").Press(uitest.Esc).Header("2 workloads") // keys work meanwhile
				t.Press("@", "playground", uitest.Enter).Header("playground").Live().Row("web", "cart")
			},
		},
	}
}

// addContext returns an edit that adds a context of another server, with the
// user who may do everything.
func addContext(name, server string) func(*testing.T, *clientcmdapi.Config) {
	return func(_ *testing.T, config *clientcmdapi.Config) {
		cluster := config.Clusters["playground"].DeepCopy()
		cluster.Server = server
		config.Clusters[name] = cluster
		config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: "playground"}
	}
}

// access is what users see who may not see everything.
func access() []scenario {
	return []scenario{
		{
			name:    "nobody is told what nobody may not see",
			context: "nobody",
			run: func(t *terminal) {
				t.Header("nobody", "default", "○ forbidden").Sees("you (nobody) may not list").
					Press(":", "nodes", uitest.Enter).Header("nodes", "forbidden").Sees("you (nobody) may not list nodes in the cluster: ask for that right")
				t.Press(":", "pods", uitest.Enter).Header("default", "pods", "forbidden").Misses("no pods in")
			},
		},
		{
			name:    "payments-dev starts in the one namespace",
			context: "payments-dev",
			run: func(t *terminal) {
				t.Header("payments-dev", "payments").Live().Row("checkout").Row("ledger").Misses("storefront")
				t.Press("0").Header(" all ", "forbidden").Sees("you (payments-dev) may not list")
				t.Press("[").Header("payments-dev  payments").Live().Row("checkout")
				t.Press(":", "nodes", uitest.Enter).Sees("you (payments-dev) may not list nodes")
			},
		},
		{
			name:    "viewer sees everything but secrets",
			context: "viewer",
			run: func(t *terminal) {
				t.Live().Row("web", "cart").Press(":", "nodes", uitest.Enter).Live().Row("mem-a-", "Ready").
					Press(":", "secrets", uitest.Enter).Header("secrets", "forbidden").Sees("you (viewer) may not list secrets")
			},
		},
		{
			name: "an impersonated user is refused by name",
			args: []string{"pods", "-n", "web", "--as", "intern"},
			run: func(t *terminal) {
				t.Header("forbidden").Sees("you (intern) may not list pods in namespace web")
			},
		},
	}
}
