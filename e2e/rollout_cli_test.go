//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"quarterdeck/ui/uitest"
)

// prompt is a shell that runs qd with the words of each line on an empty screen,
// and says how that ended.
const prompt = `trap : INT; n=0; while printf 'qd '; read -r words; do
printf '\033[H\033[2J'; "$QD" $words; echo "run $((n+=1)) ended with $?"; done`

// tagged is a change of an image to one that does not exist.
const tagged = "registry.example.com/shop/toolbox:never"

// rolling uses `qd rollout`, in a terminal and in pipes. Most of it is waiting for
// controllers, so the scenarios run beside each other, after all others.
func rolling() []scenario {
	return []scenario{
		{
			name: "qd rollout watches what is stuck, and undoes it after a question", cluster: workshop, shell: prompt, size: size{80, 40},
			run: func(t *terminal) {
				t.Parallel()
				t.workspace("rolling")
				t.deployIn("rolling", "asked", 2)
				t.Press("rollout status asked -n rolling", uitest.Enter).Sees(`deployment "asked" successfully rolled out`, "run 1 ended with 0")
				t.breaks("deployments", "asked")
				t.Press("rollout status asked -n rolling", uitest.Enter).Sees("stuck: image "+tagged, "field pod/asked-").
					Press(uitest.Ctrl('c')).Sees("not over: stuck: ", "run 2 ended with 1").Misses("qd: ")
				t.Press("rollout undo asked -n rolling", uitest.Enter).Sees("revision 2 → revision 1", "- "+tagged, "server   would accept it", "undo deploy/asked? Type y:").
					Press(uitest.Enter).Sees("qd: not done: that was no yes", "run 3 ended with 1")
				t.Press("rollout undo asked -n rolling", uitest.Enter).Misses("run 3").Sees("Type y:").
					Press(uitest.Ctrl('c')).Sees("run 4 ended with 1").Misses("qd: not done")
				t.wantTemplate("asked", tagged)
				t.Press("rollout undo asked -n rolling", uitest.Enter).Misses("run 4").Sees("Type y:").
					Press("y", uitest.Enter).Sees("done: deploy/asked: ", `deployment "asked" successfully rolled out`, "run 5 ended with 0")
				t.wantTemplate("asked", "registry.example.com/web:v1")
			},
		},
		{
			name: "in a protected context qd rollout wants the name typed", cluster: workshop, shell: prompt, size: size{80, 40}, env: []string{"QD_CONFIG=protected.yaml"},
			run: func(t *terminal) {
				t.Parallel()
				t.workspace("rolling")
				t.must(os.WriteFile(filepath.Join(t.dir, "protected.yaml"), []byte("contexts:\n- match: playground\n  protected: true\n"), 0o600))
				t.deployIn("rolling", "guarded", 1)
				t.Press("rollout restart guarded -n rolling", uitest.Enter).Sees("protected", "context playground is protected: type the name of the object", "restart deploy/guarded? Type guarded:").
					Press("y", uitest.Enter).Sees("qd: not done", "run 1 ended with 1")
				t.Press("rollout restart guarded -n rolling --yes", uitest.Enter).Misses("run 1").Sees("Type guarded:").
					Press("guarded", uitest.Enter).Sees(`deployment "guarded" successfully rolled out`, "run 2 ended with 0")
			},
		},
		{
			name: "qd rollout in pipes", cluster: workshop, shell: prompt,
			run: func(t *terminal) {
				t.Parallel()
				t.workspace("rolling")
				t.deployIn("rolling", "piped", 2)
				t.pipe(0, "status piped", `deployment "piped" successfully rolled out`)
				t.breaks("deployments", "piped")
				t.eventually(func() bool {
					return t.item("list piped -o json").State == "stuck"
				}, func() string { return "qd does not say that it is stuck" })
				t.pipe(2, "status piped --watch=false", "stuck: image "+tagged, "next: ")
				t.pipe(0, "history piped", "2 ", "current", "last complete")
				t.pipe(0, "diff piped", "containers[app].image\n- registry.example.com/web:v1\n+ "+tagged)
				t.pipe(1, "undo piped", "not done: there is no terminal to ask on")
				t.pipe(0, "undo piped --dry-run", "server   would accept it")
				t.pipe(1, "undo piped --to-revision 9 --yes", "there is no revision 9, kept are 2, 1")
				t.wantTemplate("piped", tagged)
				undone := t.item("undo piped --yes -o json")
				if !undone.Made || undone.To != 1 || undone.Rollout.State != "complete" || undone.Rollout.Revision != "3" {
					t.Errorf("%+v", undone)
				}
				t.wantTemplate("piped", "registry.example.com/web:v1")
				d, err := t.api.AppsV1().Deployments("rolling").Get(t.Context(), "piped", metav1.GetOptions{})
				t.must(err)
				if s := d.Status; s.ObservedGeneration != d.Generation || s.UpdatedReplicas != 2 || s.AvailableReplicas != 2 || s.Replicas != 2 {
					t.Errorf("it was said to be complete, and is %+v", s)
				}
				t.pipe(1, "abort piped --yes", "the rollout is complete")
				t.pipe(0, "pause piped --yes", "done: deploy/piped: pause")
				t.pipe(0, "resume piped --yes", "done: deploy/piped: resume", "successfully rolled out")
			},
		},
		{
			name: "qd rollout undoes a stateful set with the pod that it waits for", cluster: workshop, shell: prompt,
			run: func(t *terminal) {
				t.Parallel()
				t.workspace("rolling")
				t.createSet("ordered", 2)
				t.pipe(0, "status sts/ordered", "partitioned roll out complete: 2 new pods have been updated...")
				t.breaks("statefulsets", "ordered")
				t.eventually(func() bool {
					return t.item("list sts/ordered -o json").State == "stuck"
				}, func() string { return "qd does not say that it is stuck" })
				t.pipe(0, "abort sts/ordered --yes --delete-broken", "delete pod/ordered-1 after this", "done: pod/ordered-1: delete", "partitioned roll out complete: 2 new pods")
				set, err := t.api.AppsV1().StatefulSets("rolling").Get(t.Context(), "ordered", metav1.GetOptions{})
				t.must(err)
				if s := set.Status; s.ReadyReplicas != 2 || s.CurrentRevision != s.UpdateRevision || set.Spec.Template.Spec.Containers[0].Image != "registry.example.com/box:v1" {
					t.Errorf("it was said to be complete, and is %+v", s)
				}
			},
		},
		{
			name: "qd rollout with few rights, and without a server", cluster: workshop, shell: prompt,
			run: func(t *terminal) {
				t.Parallel()
				t.as("payments-dev", 0, "list", "deploy/checkout", "sts/ledger")
				t.as("payments-dev", 1, "list -A", "you (payments-dev) may not list deployments in the cluster")
				t.as("payments-dev", 0, "restart deploy/fraud-check --yes", "done: deploy/fraud-check", "successfully rolled out")
				t.as("payments-dev", 1, "undo deploy/storefront -n web --yes", "you (payments-dev) may not get deployments in namespace web")
				before := t.state("web")
				t.as("viewer", 0, "history deploy/storefront -n web", "current")
				t.as("viewer", 0, "diff deploy/storefront -n web")
				t.as("viewer", 1, "undo deploy/storefront -n web --yes", "server   refuses it: ", "you (viewer) may not patch deployments in namespace web")
				if now := t.state("web"); now != before {
					t.Errorf("the cluster was changed:\n%s\nbefore:\n%s", now, before)
				}
				for _, command := range []string{"list", "status deploy/a", "history deploy/a", "undo a --yes", "restart ds/a"} {
					t.as("nobody", 1, command+" -n web", "you (nobody) may not ")
				}
				dead := editKubeconfig(t.T, t.playground.Kubeconfig(), &scenario{edit: func(_ *testing.T, config *clientcmdapi.Config) {
					config.Clusters["playground"].Server = "https://127.0.0.1:1"
				}})
				for _, command := range []string{"list", "undo a --yes"} {
					out := t.stage.exec(t.T, dead, append([]string{"rollout"}, strings.Fields(command)...)...)
					oneSentence(t.T, out.stderr, []string{"127.0.0.1:1 refuses the connection"})
				}
			},
		},
	}
}

// breaks gives a workload an image that does not exist.
func (t *terminal) breaks(resource, name string) {
	t.Helper()
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"` + tagged + `"}]}}}}`)
	err := t.api.AppsV1().RESTClient().Patch(types.StrategicMergePatchType).Namespace("rolling").Resource(resource).Name(name).Body(patch).Do(t.Context()).Error()
	t.must(err)
}

// createSet makes a StatefulSet whose pods end at once.
func (t *terminal) createSet(name string, replicas int32) {
	t.Helper()
	labels := map[string]string{"app": name}
	_, err := t.api.AppsV1().StatefulSets("rolling").Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: box("box:v1"), TerminationGracePeriodSeconds: new(int64(1))},
			},
		},
	}, metav1.CreateOptions{})
	t.must(err)
}

func (t *terminal) wantTemplate(name, image string) {
	t.Helper()
	d, err := t.api.AppsV1().Deployments("rolling").Get(t.Context(), name, metav1.GetOptions{})
	t.must(err)
	if got := d.Spec.Template.Spec.Containers[0].Image; got != image {
		t.Errorf("the image of deploy/%s is %s, want %s", name, got, image)
	}
}

// rolloutTime is how long a command that follows a rollout may take. It is far
// more than it does, for busy machines.
const rolloutTime = 3 * time.Minute

// pipe runs a command of qd rollout without a terminal, and checks how it ends
// and what it says.
func (t *terminal) pipe(code int, command string, says ...string) {
	t.Helper()
	t.piped("playground", code, command+" -n rolling", says)
}

// as is pipe as another user.
func (t *terminal) as(user string, code int, command string, says ...string) {
	t.Helper()
	t.piped(user, code, command, says)
}

func (t *terminal) piped(user string, code int, command string, says []string) {
	t.Helper()
	out := t.stage.execWithin(t.T, rolloutTime, t.playground.Kubeconfig(), append([]string{"rollout", "--context", user}, strings.Fields(command)...)...)
	if out.code != code || !containsAll(out.stdout+out.stderr, says) || (out.stderr != "") != (code == 1) {
		t.Errorf("qd rollout %s as %s ended with %d, want %d with %q:\n%s%s", command, user, out.code, code, says, out.stdout, out.stderr)
	}
}

// rolloutItem is what the tests look at of what -o json prints of a workload.
type rolloutItem struct {
	State, Revision string
	To              int64
	Made            bool
	Rollout         struct{ State, Revision string }
}

// item runs a command of qd rollout that prints one workload as JSON.
func (t *terminal) item(command string) rolloutItem {
	t.Helper()
	out := t.stage.execWithin(t.T, rolloutTime, t.playground.Kubeconfig(), append([]string{"rollout", "-n", "rolling"}, strings.Fields(command)...)...)
	var printed struct{ Items []rolloutItem }
	if err := json.Unmarshal([]byte(out.stdout), &printed); err != nil || len(printed.Items) != 1 {
		t.Fatalf("qd rollout %s: %v in %s%s", command, err, out.stdout, out.stderr)
	}
	return printed.Items[0]
}
