//go:build e2e

package e2e

import "quarterdeck/ui/uitest"

// starting is the first minute with the program.
func starting() []scenario {
	return []scenario{
		{
			name: "start and see the shop",
			run: func(t *terminal) {
				t.Live().Header("playground", "all", "2 workloads").
					Row("payments", "checkout", "deploy").
					Row("payments", "ledger", "sts").
					Row("payments", "reconcile", "cronjob").
					Row("monitoring", "node-exporter", "ds").
					Row("batch", "toolbox", "pod").
					Row("web", "storefront", "deploy")
				t.Row("payments", "checkout", "4/4", "ok").Row("web", "cart", "2/2", "cart:v1.9.0")
				t.Footer("enter open", "/ filter", "? help")
			},
		},
		{
			name: "start on a kind in a namespace",
			args: []string{"sts", "-n", "data"},
			run: func(t *terminal) {
				t.Live().Header("data", "statefulsets").Rows("postgres", "redis")
			},
		},
		{
			name: "start on a custom resource",
			args: []string{"databases.data.example.com", "-A"},
			run: func(t *terminal) {
				t.Live().Sees("ENGINE", "VERSION", "SIZE").
					Row("data", "orders", "postgres", "17.5", "100Gi").
					Row("payments", "card-vault", "18.1")
			},
		},
		{
			name: "an empty namespace is empty and an error is not",
			args: []string{"deployments", "-n", "default"},
			run: func(t *terminal) {
				t.Live().Sees("no deployments in namespace default").Rows("no")
			},
		},
		{
			name: "every key is in the help",
			args: []string{"pods", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Press("?").Header("pods › help").Sees("Move", "page down", "filter")
				t.Press("G").Sees("Prompts and dialogs", "accept")
				t.Press(uitest.Esc).Header("pods").Misses("Prompts and dialogs").Row("storefront")
			},
		},
		{
			name: "the menu lists actions with their keys",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Press("a").Sees("actions›", "describe", "events").
					Press("describe", uitest.Enter).Header("describe deploy/cart").Sees("Pod Template")
			},
		},
	}
}
