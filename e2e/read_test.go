//go:build e2e

package e2e

import (
	"encoding/base64"
	"strings"

	"quarterdeck/ui/uitest"
)

// reading looks at one object.
func reading() []scenario {
	return []scenario{
		{
			name: "the YAML of a secret is masked until asked",
			args: []string{"secrets", "-n", "data"},
			run: func(t *terminal) {
				secret := base64.StdEncoding.EncodeToString([]byte("playground-only"))
				t.Live().Select("postgres").Press("y").Header("yaml secret/postgres").
					Sees("password: <15 bytes masked>", "# managedFields").Footer("v reveal")
				t.Press("v").Sees("password: " + secret).Footer("v mask")
				t.Press("v").Sees("<15 bytes masked>").Misses(secret)
				t.Press("m").Sees("manager: helm").Misses("# managedFields")
			},
		},
		{
			name: "YAML, description and events of one object",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Select("catalog").Press("y").Header("yaml deploy/catalog").Sees("kind: Deployment", "read ", "s ago")
				t.Press("/", "image:", uitest.Enter).Sees("match 1/1", "registry.example.com/shop/catalog:v3.2.1")
				t.Press(uitest.Esc).Misses("match 1/1").Press("d").Header("describe deploy/catalog").Sees("StrategyType:", "registry.example.com/shop/catalog:v3.2.1")
				t.Press("E").Header("events deploy/catalog").Sees("ScalingReplicaSet", "pod/catalog-")
				t.Press(uitest.Esc).Header("deployments").Cursor("catalog")
			},
		},
		{
			name: "a custom resource has YAML and a description",
			args: []string{"databases", "-n", "data"},
			run: func(t *terminal) {
				t.Live().Select("orders").Press(uitest.Enter).Sees("kind: Database", "engine: postgres").
					Press("d").Header("describe").Sees("Engine:", "postgres")
			},
		},
		{
			name: "copy through the terminal",
			args: []string{"deployments", "-n", "web"},
			run: func(t *terminal) {
				t.Live().Select("search").Press("c").Footer("copied search")
				t.copied("search")
				t.Select("cart").Press(uitest.Space).Select("catalog").Press(uitest.Space, uitest.Down, "c").Footer("copied 2 names")
				t.copied("cart\ncatalog")
				t.Press(uitest.Ctrl('\\')).Select("wishlist").Press("Y").Sees("copy›").Press("name", uitest.Enter).Footer("copied name wishlist")
				t.copied("wishlist")
			},
		},
	}
}

// copied waits until the terminal was asked to put text on the clipboard.
func (t *terminal) copied(text string) {
	t.Helper()
	request := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(text))
	t.await("a request to copy "+text, patience, func(string) bool { return strings.Contains(t.screen.Raw(), request) })
}
