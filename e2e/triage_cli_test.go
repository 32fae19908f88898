//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"quarterdeck/kube/rig"
)

// triageTime is how long it may take until incidents show, and until they are
// gone. It is far more than it does, for busy machines.
const triageTime = 4 * time.Minute

// triage breaks things and checks what `qd triage` says of them, by what users
// may read.
func (s *stage) triage(t *testing.T) {
	p := s.playground(t, workshop)
	names := []string{"crash-loop", "service-no-endpoints", "node-not-ready"}
	if err := p.Incident(t.Context(), "add", names...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Incident(context.Background(), "clear", names...); err != nil {
			t.Error(err)
		}
	})
	b := &broken{s, p}
	b.await(t, "Deployment payments/checkout", "Service web/search", "Node /std-c-02")
	t.Run("rows and exit codes", b.rows)
	t.Run("evidence and changes", b.evidence)
	t.Run("report", b.report)
	t.Run("with few rights", b.fewRights)
}

// broken runs `qd triage` in a playground where things are broken.
type broken struct {
	stage      *stage
	playground *rig.Playground
}

func (b *broken) run(t *testing.T, user string, args ...string) output {
	t.Helper()
	return b.stage.execWithin(t, triageTime, b.playground.Kubeconfig(), append([]string{"triage", "--context", user, "--timeout", "2m"}, args...)...)
}

// triageReport is what the tests read of a document.
type triageReport struct {
	Complete bool
	NotRead  []struct{ Verb, Resource, Why string }
	Checked  []struct{ Rule, Checks string }

	Incidents []struct {
		Severity, Title, Cause string
		Root                   struct{ Kind, Namespace, Name string }
		Evidence               []struct{ Text, Source, At string }
		Changes                []struct{ Text, Source, By string }
		Actions                []struct{ Do, Words string }
		NotRead                []struct{ Verb, Resource, Why string }
	}
}

func (b *broken) document(t *testing.T, user string, args ...string) (triageReport, output) {
	t.Helper()
	return read(t, b.run(t, user, append(args, "-o", "json")...))
}

// read returns what a run of the program printed.
func read(t *testing.T, out output) (triageReport, output) {
	t.Helper()
	var r triageReport
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil {
		t.Fatalf("%v: %+v", err, out)
	}
	return r, out
}

func (r *triageReport) roots() []string {
	var roots []string
	for _, i := range r.Incidents {
		roots = append(roots, i.Root.Kind+" "+i.Root.Namespace+"/"+i.Root.Name)
	}
	return roots
}

// await returns when all of the roots are in trouble.
func (b *broken) await(t *testing.T, roots ...string) {
	t.Helper()
	deadline := time.Now().Add(triageTime)
	for {
		r, _ := b.document(t, "playground", "-A", "--inspect=false")
		found := r.roots()
		missing := slices.DeleteFunc(slices.Clone(roots), func(root string) bool { return slices.Contains(found, root) })
		if len(missing) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not found: %q, only %q", missing, found)
		}
	}
}

// crashLog is what checkout writes before it ends.
const crashLog = "missing env DB_URL"

// until repeats a command until it finds an incident: between two crashes a pod
// may be well for a moment. Nil whole takes any output; each question about an
// incident has a few seconds, in which a log may not come on a loaded machine.
func (b *broken) until(t *testing.T, whole func(stdout string) bool, user string, args ...string) output {
	t.Helper()
	deadline := time.Now().Add(triageTime)
	for {
		out := b.run(t, user, args...)
		if out.code == 2 && (whole == nil || whole(out.stdout)) {
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q does not find all: %+v", args, out)
		}
	}
}

func (b *broken) rows(t *testing.T) {
	for filter, root := range map[string]string{
		"kind=deploy ns=payments name=checkout": "deploy payments/checkout", "kind=svc ns=web": "svc web/search", "kind=node": "node std-c-02",
	} {
		out := b.until(t, nil, "playground", "-A", "--filter", filter)
		if out.stderr != "" || !strings.HasPrefix(out.stdout, "SEV") || strings.Count(out.stdout, " "+root+" ") != 1 {
			t.Errorf("%s: %+v", filter, out)
		}
	}
	out := b.run(t, "playground", "-A", "--filter", "kind=svc ns=web name=search sev>=warn")
	if out.code != 2 || !strings.Contains(out.stdout, "svc web/search") || strings.Contains(out.stdout, "checkout") {
		t.Errorf("%+v", out)
	}
	out = b.run(t, "playground", "-n", "kube-public")
	if out.code != 2 || !strings.Contains(out.stdout, "node std-c-02") { // which is in no namespace
		t.Errorf("%+v", out)
	}
	if out = b.run(t, "playground", "-n", "kube-public", "--filter", "ns=kube-public"); out.code != 0 {
		t.Errorf("%+v", out)
	}
}

// inspected reports whether a report tells of one incident, with the log of what
// crashed, and could ask all that it wanted.
func inspected(stdout string) bool {
	var r triageReport
	return json.Unmarshal([]byte(stdout), &r) == nil && len(r.Incidents) == 1 && len(r.Incidents[0].NotRead) == 0 && strings.Contains(stdout, crashLog)
}

func (b *broken) evidence(t *testing.T) {
	r, out := read(t, b.until(t, inspected, "playground", "-n", "payments", "--filter", "name=checkout kind=deploy", "-o", "json"))
	if out.code != 2 || out.stderr != "" || len(r.Incidents) != 1 || len(r.Checked) == 0 {
		t.Fatalf("%+v", out)
	}
	i := r.Incidents[0]
	log, image := false, false
	for _, e := range i.Evidence {
		log = log || e.Source == "log" && strings.Contains(e.Text, crashLog) && e.At != ""
	}
	for _, c := range i.Changes {
		image = image || c.Source == "revision" && c.By == "argocd-controller" && strings.Contains(c.Text, "→ v2.3.1")
	}
	if !log || !image || len(i.NotRead) > 0 {
		t.Errorf("the log is evidence: %t, the image has changed: %t, not read: %v\n%s", log, image, i.NotRead, out.stdout)
	}
	if !strings.Contains(i.Cause, "v2.3.1 exits 1") || len(i.Actions) == 0 {
		t.Errorf("cause %q, actions %v", i.Cause, i.Actions)
	}
	r, out = b.document(t, "playground", "-n", "web", "--filter", "name=search kind=svc")
	if len(r.Incidents) != 1 {
		t.Fatalf("%+v", out)
	}
	selector := false
	for _, c := range r.Incidents[0].Changes {
		selector = selector || c.By == "kubectl-edit" && strings.Contains(c.Text, "selector is now") && strings.Contains(c.Text, "serch")
	}
	if !selector {
		t.Errorf("nobody edited the selector: %+v", r.Incidents[0].Changes)
	}
}

func (b *broken) report(t *testing.T) {
	want := []string{
		"| Object | Deployment checkout in payments |", "## What changed since", "→ v2.3.1", "## Timeline", "panic: " + crashLog,
		"kubectl --context playground -n payments rollout history deployments.apps/checkout",
	}
	whole := func(stdout string) bool { return containsAll(stdout, want) }
	out := b.until(t, whole, "playground", "-n", "payments", "--filter", "name=checkout kind=deploy", "-o", "markdown")
	if strings.Contains(out.stdout, "last-applied") {
		t.Errorf("a copy of the whole object is in the report:\n%s", out.stdout)
	}
}

func (b *broken) fewRights(t *testing.T) {
	r, out := read(t, b.until(t, nil, "payments-dev", "-n", "payments", "--filter", "name=checkout kind=deploy", "-o", "json"))
	if out.code != 2 || r.Complete || !slices.Equal(r.roots(), []string{"Deployment payments/checkout"}) {
		t.Fatalf("%+v", out)
	}
	nodes := false
	for _, n := range r.NotRead {
		nodes = nodes || n.Resource == "nodes" && n.Why == "forbidden: list nodes"
	}
	if !nodes {
		t.Errorf("nobody says that nodes were not read: %+v", r.NotRead)
	}
	out = b.run(t, "nobody", "-A")
	if out.code != 1 || out.stdout != "" {
		t.Errorf("%+v", out)
	}
	oneSentence(t, out.stderr, []string{"nobody can say what is wrong", "you (nobody) may not list"})
}
