package cli

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/apitest"
)

func triageQD(t *testing.T, args ...string) result {
	t.Helper()
	return qd(t, append([]string{"triage", "--context", "shop"}, args...)...)
}

// crashing is a server with one pod that crashes, long since.
func crashing(t *testing.T) *apitest.Server {
	t.Helper()
	s := apitest.New(t)
	home(t, s.URL, "", "token: t")
	p := pod("shop", "web", "Running", false)
	p.Spec.Containers = []corev1.Container{{Name: "app", Image: "web:v2"}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "app", RestartCount: 4,
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}},
	}}
	s.Put(p)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.Name == "web/log" {
			return &apitest.Answer{Body: "2027-01-15T08:00:02Z panic: password=hunter2 refused\n", ContentType: "text/plain"}
		}
		return nil
	})
	return s
}

func TestTriageTable(t *testing.T) {
	s := crashing(t)
	r := triageQD(t)
	r.ends(t, 2, []string{"SEV ", "WHY", "pod shop/web", "exits 3"})
	if r.errOut != "" || strings.Contains(r.out, "\x1b") || s.Count("get", "pods") > 0 {
		t.Errorf("%+v", r)
	}
	triageQD(t, "--filter", "sev>=info ns=shop kind=pod").ends(t, 2, []string{"pod shop/web"})
	triageQD(t, "--filter", "ns=elsewhere").ends(t, 0, []string{"not shown: 1 incident, which the filter leaves out"})
	triageQD(t, "-n", "empty").ends(t, 0, []string{"nothing is wrong\nchecked:  ", "containers do not exit again and again"})
}

func TestTriageDocuments(t *testing.T) {
	crashing(t)
	r := triageQD(t, "-o", "json")
	var printed map[string]any
	if err := json.Unmarshal([]byte(r.out), &printed); err != nil || r.code != exitFailed || r.errOut != "" {
		t.Fatalf("%v: %+v", err, r)
	}
	for want, path := range map[string][]any{
		"shop":                     {"scope", "namespace"},
		"web":                      {"incidents", 0, "root", "name"},
		"panic: password=(hidden)": {"incidents", 0, "evidence", 0, "text"},
		"logs":                     {"incidents", 0, "actions", 0, "do"},
		"log":                      {"incidents", 0, "evidence", 0, "source"},
	} {
		if got, _ := at(t, printed, path...).(string); !strings.HasPrefix(got, want) {
			t.Errorf("%v is %q, want %q", path, got, want)
		}
	}
	triageQD(t, "-o", "yaml", "--inspect=false").ends(t, 2, []string{"inspected: false", "namespace: shop"})
	r = triageQD(t, "-o", "markdown")
	r.ends(t, 2, []string{"## Timeline", "panic: password=(hidden)", "kubectl --context shop -n shop logs web -c app"})
	if strings.Contains(r.out, "hunter2") {
		t.Errorf("a password comes through:\n%s", r.out)
	}
	triageQD(t, "-n", "empty", "-o", "markdown").ends(t, 0, []string{"# No incidents", "## Checked"})
}

func TestTriageCannotTell(t *testing.T) {
	s := crashing(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.Verb == "list" {
			return r.Forbid("dev")
		}
		return nil
	})
	r := triageQD(t)
	if r.code != 1 || r.out != "" || !strings.HasPrefix(r.errOut, "qd: nobody can say what is wrong: ") || !strings.Contains(r.errOut, "may not list pods") {
		t.Errorf("%+v", r)
	}
	wait := make(chan struct{})
	t.Cleanup(func() { close(wait) })
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "nodes" {
			return &apitest.Answer{Until: wait}
		}
		return nil
	})
	triageQD(t, "--timeout", "2s", "-n", "empty").ends(t, 1, nil, "not everything was read within 2s")
}

func TestTriageMistakes(t *testing.T) {
	crashing(t)
	for want, args := range map[string][]string{
		"--filter: ":            {"--filter", "severe=crit"},
		"is not a format":       {"-o", "csv"},
		"leaves no time":        {"--timeout", "0s"},
		`"now" is one word too`: {"now"},
	} {
		if r := triageQD(t, args...); r.code != 1 || r.out != "" || !strings.Contains(r.errOut, want) {
			t.Errorf("%q: %+v", args, r)
		}
	}
}
