package action

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
)

func TestKubectl(t *testing.T) {
	deploy := kube.Ref{GVR: deployments(), Kind: "Deployment", Namespace: "web", Name: "shop"}
	db := kube.Ref{GVR: schema.GroupVersionResource{Group: "data.example.com", Version: "v1", Resource: "databases"}, Namespace: "data", Name: "orders"}
	node := kube.Ref{GVR: schema.GroupVersionResource{Version: "v1", Resource: "nodes"}, Kind: "Node", Name: "std-a-01"}
	for _, tt := range []struct {
		context string
		ref     kube.Ref
		words   []string
		want    string
	}{
		{"", node, []string{"cordon", node.Name}, "kubectl cordon std-a-01"},
		{"prod eu", deploy, []string{"scale", object(deploy), "--replicas=3"}, "kubectl --context 'prod eu' -n web scale deployments/shop --replicas=3"},
		{"prod", db, []string{"delete", object(db)}, "kubectl --context prod -n data delete databases.data.example.com/orders"},
		{"", node, []string{"label", `a=it's $HOME "x"`, "b=", "c-", ""}, `kubectl label 'a=it'\''s $HOME "x"' b= c- ''`},
		{"", node, []string{"x;rm", "`x`", "a\nb", "~", "!", "{}", "é"}, "kubectl 'x;rm' '`x`' 'a\nb' '~' '!' '{}' 'é'"},
	} {
		c := &Client{context: tt.context}
		if got := c.kubectl(tt.ref, tt.words...); got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
}

func TestContainers(t *testing.T) {
	for _, tt := range []struct {
		name, object string
		want         []Container
	}{
		{"workload", `{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"x:1"},{"name":"b","image":"y"}],"initContainers":[{"name":"i","image":"z"}]}}}}`, []Container{
			{"a", "x:1", false, strings.Fields("spec template spec containers 0 image")},
			{"b", "y", false, strings.Fields("spec template spec containers 1 image")},
			{"i", "z", true, strings.Fields("spec template spec initContainers 0 image")},
		}},
		{"cronjob", `{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"x"}]}}}}}}`, []Container{
			{"a", "x", false, strings.Fields("spec jobTemplate spec template spec containers 0 image")},
		}},
		{"pod", `{"spec":{"containers":[{"name":"a","image":"x\u001b[2J"}]}}`, []Container{
			{"a", "x", false, strings.Fields("spec containers 0 image")},
		}},
		{"something else", `{"spec":{"containers":"many"}}`, nil},
		{"nothing", `{}`, nil},
	} {
		got := Containers(objectOf(t, tt.object))
		if !slices.EqualFunc(got, tt.want, func(a, b Container) bool {
			return a.Name == b.Name && a.Image == b.Image && a.Init == b.Init && slices.Equal(a.path, b.path)
		}) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestJobName(t *testing.T) {
	for _, name := range []string{"mail", strings.Repeat("x", 63), strings.Repeat("x", 49) + ".-." + "y", strings.Repeat("a.", 100)} {
		got := jobName(name, "manual")
		if len(got) > 63 || strings.Contains(got, ".-manual-") || !strings.Contains(got, "-manual-") {
			t.Errorf("a job of %s is called %s", name, got)
		}
	}
}

// TestMake shows that every change has its outcome, in whatever order they end,
// and that those which have not begun when it is cancelled are not made.
func TestMake(t *testing.T) {
	const n = 3 * parallel
	failed := errors.New("no")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	release := make(chan struct{})
	var begun sync.WaitGroup // 1 to parallel-1
	begun.Add(parallel - 1)
	changes := make([]Change, n)
	for i := range changes {
		changes[i].do = func(_ context.Context, dryRun bool) (string, error) {
			switch {
			case dryRun:
				return "", errors.New("tried")
			case i == 0:
				return "", failed
			case i == parallel:
				begun.Wait()
				cancel()
				close(release)
			case i < parallel:
				begun.Done()
				<-release
			}
			return "said", nil
		}
	}
	outcomes := map[int]Outcome{} // done is called by one goroutine at a time, which -race sees to
	Make(ctx, changes, func(i int, o Outcome) { outcomes[i] = o })
	if len(outcomes) != n {
		t.Fatalf("%d outcomes of %d changes", len(outcomes), n)
	}
	for i := range n {
		o := outcomes[i]
		switch {
		case i == 0 && !errors.Is(o.Err, failed),
			i > 0 && i <= parallel && (o.Err != nil || o.Said != "said"),
			i > parallel && !errors.Is(o.Err, context.Canceled):
			t.Errorf("change %d: %q, %v", i, o.Said, o.Err)
		}
	}
	for i, err := range Try(t.Context(), changes) {
		if !says(err, "tried") {
			t.Errorf("change %d tried: %v", i, err)
		}
	}
}

func TestPrepare(t *testing.T) {
	refs := make([]kube.Ref, 20)
	for i := range refs {
		refs[i].Name = strings.Repeat("x", i)
	}
	got := Prepare(t.Context(), refs, func(_ context.Context, ref kube.Ref) (Change, error) {
		if len(ref.Name) == 7 {
			return Change{}, ErrGone
		}
		return Change{Summary: ref.Name}, nil
	})
	for i, p := range got {
		if p.Ref.Name != refs[i].Name || (i == 7) != errors.Is(p.Err, ErrGone) || i != 7 && p.Change.Summary != refs[i].Name {
			t.Errorf("object %d: %+v", i, p)
		}
	}
}
