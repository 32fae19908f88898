//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/ui/uitest"
)

// changing looks at what was changed.
func changing() []scenario {
	return []scenario{
		{
			name: "what somebody changes is seen with its values and its rollout", cluster: workshop, args: []string{"-n", "altered"}, size: size{150, 40},
			run: func(t *terminal) {
				t.workspace("altered")
				t.Live().Press("6").Header("6 changes").Sees("seen since").Live()
				w := rolled{t, "altered", "deployments", "front"}
				w.create()
				w.complete()
				// Looks may be seconds apart: what is changed before the first has no old value.
				t.within(rolloutPatience, "made · then 2× pod made, 1× rs made", "deploy altered/front")
				patch := `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/shop/toolbox:2.0"}]}}}}`
				_, err := t.api.AppsV1().Deployments("altered").Patch(t.Context(), "front", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "terraform"})
				t.must(err)
				t.within(rolloutPatience, "revision 2: image toolbox:1.0 → toolbox:2.0 · then", "terraform")
				t.Select("terraform").Press(uitest.Tab).within(rolloutPatience, "pod altered/front-", "rs altered/front-")
				t.Select("terraform").Press("o").Header("rollout ", "front").Press(uitest.Esc).Header("6 changes")
				t.Select("terraform").Press(uitest.Enter).Header("change ").Sees("seen as it happened", "revision 1 → 2", "+ registry.example.com/shop/toolbox:2.0").Press(uitest.Esc).Header("6 changes")
				t.Press("2").Misses("seen since").Live().Select("front").Press("t").Header("changes deploy/front").within(rolloutPatience, "revision 2: image", "terraform")
			},
		},
	}
}

// changes prints what was changed before the program was started, by what users
// may read.
func (s *stage) changes(t *testing.T) {
	p := s.playground(t, shop)
	t.Run("inferred", func(t *testing.T) {
		out := s.exec(t, p.Kubeconfig(), "changes", "--timeout", "80s", "-n", "payments", "deploy/checkout", "--since", "2000h", "-o", "json")
		var d changesDocument
		if err := json.Unmarshal([]byte(out.stdout), &d); err != nil || out.code != 0 || !d.Complete {
			t.Fatalf("%v: %+v", err, out)
		}
		images := slices.ContainsFunc(d.Changes, func(c changeDocument) bool {
			return !c.Exact && c.Object.Name == "checkout" && c.Source == "revision" && strings.Contains(c.What, "image checkout:")
		})
		if !images {
			t.Errorf("no revision is listed:\n%s", out.stdout)
		}
	})
	t.Run("with few rights", func(t *testing.T) {
		out := s.exec(t, p.Kubeconfig(), "changes", "--timeout", "80s", "--context", "payments-dev", "-n", "payments", "--since", "2000h", "-o", "json")
		var d changesDocument
		if err := json.Unmarshal([]byte(out.stdout), &d); err != nil || out.code != 0 || d.Complete || len(d.Changes) == 0 {
			t.Fatalf("%v: %+v", err, out)
		}
		if !slices.Contains(d.NotRead, unreadDocument{"nodes", "forbidden"}) {
			t.Errorf("nobody says that nodes were not read: %v", d.NotRead)
		}
		out = s.exec(t, p.Kubeconfig(), "changes", "--timeout", "80s", "--context", "nobody", "-A")
		if out.code != 1 || out.stdout != "" {
			t.Errorf("%+v", out)
		}
		oneSentence(t, out.stderr, []string{"nobody can say what was changed", "you (nobody) may not list"})
	})
}

// changesDocument is what the tests read of qd changes.
type changesDocument struct {
	Complete bool
	Changes  []changeDocument
	NotRead  []unreadDocument
}

type changeDocument struct {
	Exact        bool
	Object       struct{ Kind, Namespace, Name string }
	What, Source string
}

type unreadDocument struct{ Resource, Why string }
