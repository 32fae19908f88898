//go:build e2e

package e2e

import "quarterdeck/ui/uitest"

// filtering finds the few rows of interest.
func filtering() []scenario {
	return []scenario{
		{
			name: "filter by text as one types",
			run: func(t *terminal) {
				t.Live().Press("/").Footer("/").Press("led").Row("ledger").Misses("checkout").Header("1 of ")
				t.Press(uitest.Enter).Header("/led").Footer("? help")
				t.Press(uitest.Esc).Row("checkout").Row("ledger").Header("2 workloads")
			},
		},
		{
			name: "filter by typed terms",
			args: []string{"pods", "-A"},
			run: func(t *terminal) {
				t.Live().Press("/", "status!=Running", uitest.Enter).
					Misses("kube-proxy-").Row("migrate-schema-", "Completed")
				t.Press("/", uitest.Ctrl('u'), "age<1s", uitest.Enter).Sees("none of", "matches /age<1s")
				t.Press("/", uitest.Ctrl('u'), "-l app=redis,!x ready=1", uitest.Enter).Row("redis-0").Row("redis-2").Misses("postgres-0")
			},
		},
		{
			name: "a filter that is wrong says why and hides nothing",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Press("/", "ca").Rows("cart", "catalog").Press("[").
					Footer("/ca[", "not a regular expression").Rows("cart", "catalog", "search", "storefront", "wishlist")
				t.Press(uitest.Enter).Footer("not a regular expression").Rows("cart", "catalog", "search", "storefront", "wishlist")
				t.Press(uitest.Esc).Footer("? help").Rows("cart", "catalog", "search", "storefront", "wishlist")
			},
		},
		{
			name: "a cancelled filter leaves the one before",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Press("/", "ca", uitest.Enter).Rows("cart", "catalog").
					Press("/", "t").Rows("cart", "catalog").Press("a").Rows("catalog").
					Press(uitest.Esc).Rows("cart", "catalog").Header("/ca")
			},
		},
	}
}
