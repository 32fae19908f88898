package views

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
)

// containersRead returns whose logs were asked for, each once.
func (s *logServer) containersRead() []string {
	var names []string
	for _, r := range s.requests() {
		name, _, _ := strings.Cut(r, " ")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Every kind that has pods leads to their logs, the others say so.
func TestLogsOf(t *testing.T) {
	shop := []string{
		"payments/checkout-68cb6c9f4-p1m2n/app", "payments/checkout-68cb6c9f4-t7r8s/app",
		"payments/checkout-7f9c5d6b8-x2k9p/app", "payments/checkout-7f9c5d6b8-x2k9p/proxy",
	}
	ledger := []string{"payments/ledger-0/backup", "payments/ledger-0/db", "payments/ledger-0/debugger", "payments/ledger-0/migrate"}
	etl := []string{"batch/etl-29043-9x8y7/check", "batch/etl-29043-9x8y7/fetch"}
	for _, test := range []struct {
		kind, find string
		title      string
		read       []string
	}{
		{"namespaces", "payments", "logs › ns/payments", append(slices.Clone(shop), ledger...)},
		{"jobs", "etl-29043", "logs › job/etl-29043", etl},
		{"cronjobs", "etl", "logs › cronjob/etl", etl},
		{"workloads", "etl", "logs › cronjob/etl", etl},
		{"workloads", "ledger", "logs › sts/ledger", ledger},
		{"workloads", "debug-shell", "logs › pod/debug-shell", []string{"web/debug-shell/shell"}},
		{"services", "checkout", "logs › svc/checkout", shop},
		{"replicasets", "checkout-68cb6c9f4", "logs › rs/checkout-68cb6c9f4", shop[:2]},
		{"poddisruptionbudgets", "checkout", "logs › pdb/checkout", shop},
		{"databases", "cluster", "logs › database/cluster", shop[:2]},
	} {
		t.Run(test.kind+" "+test.find, func(t *testing.T) {
			s := shopLogs()
			pipe(t, func(set *settings) {
				withLogs(s, test.kind)(set)
				set.prepare = func(server *apitest.Server) {
					server.PutRow(custom("cluster", map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"pod-template-hash": "68cb6c9f4"}}}), "cluster")
				}
			}, func(b *bench) {
				b.press("/")
				b.text("name=" + test.find)
				b.press("enter", "l")
				time.Sleep(3 * time.Second)
				b.settle()
				b.want(test.title, "● live")
			})
			if got := s.containersRead(); !slices.Equal(got, test.read) {
				t.Errorf("read %q, want %q", got, test.read)
			}
		})
	}
}

func custom(name string, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "data.example.com", Version: "v1", Kind: "Database"})
	u.SetName(name)
	u.SetNamespace("payments")
	u.SetCreationTimestamp(metav1.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC))
	return u
}

func TestLogsOfNoPods(t *testing.T) {
	pipe(t, withLogs(shopLogs(), "databases"), func(b *bench) {
		b.press("l")
		b.want("selects no pods: choose a pod, a service or a workload")
		b.press("esc")
		b.open(mustKnow(t, "configmaps"))
		b.press("l")
		b.want("is not for what is selected")
	})
}

func mustKnow(t *testing.T, word string) Opener {
	o, ok := known(word)
	if !ok {
		t.Fatal(word)
	}
	return o
}

func TestParseLogsOf(t *testing.T) {
	for _, test := range []struct {
		text string
		want logsName
		err  string
	}{
		{text: "web-0", want: logsName{kind: "pod", name: "web-0"}},
		{text: "deploy/web", want: logsName{kind: "deploy", name: "web"}},
		{text: "rollouts.argoproj.io/web -n shop -c app", want: logsName{kind: "rollouts.argoproj.io", name: "web", namespace: "shop", container: "app"}},
		{text: "app=web", want: logsName{selector: "app=web"}},
		{text: "-A app=web,tier!=cache", want: logsName{selector: "app=web,tier!=cache", all: true}},
		{text: "tier in (web, api),!old", want: logsName{selector: "tier in (web, api),!old"}},
		{text: "app.kubernetes.io/name=web", want: logsName{selector: "app.kubernetes.io/name=web"}},
		{text: "-l canary", want: logsName{selector: "canary"}},
		{text: "-n shop -l app.kubernetes.io/name", want: logsName{selector: "app.kubernetes.io/name", namespace: "shop"}},
		{text: " ", err: "whose logs?"},
		{text: "-l", err: "whose logs?"},
		{text: "app=web -n", err: "-n lacks a value"},
		{text: "app=web --since 5m", err: "--since is not known here"},
		{text: "app=(", err: "not a label selector"},
		{text: "deploy/", err: "half of KIND/NAME"},
		{text: "/web", err: "half of KIND/NAME"},
	} {
		got, err := parseLogsOf(test.text)
		switch {
		case test.err == "" && (err != nil || got != test.want):
			t.Errorf("%q: %+v, %v, want %+v", test.text, got, err, test.want)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%q: %v, want %q", test.text, err, test.err)
		}
	}
}

// In the palette, logs and a space lead to what has pods; anything can be typed.
func TestLogsPalette(t *testing.T) {
	s := shopLogs()
	var seen screens
	pipe(t, func(set *settings) {
		withLogs(s, "")(set)
		set.all, set.namespace = false, "payments"
	}, func(b *bench) {
		b.press(":")
		b.text("logs ")
		seen.both(b, "logs-of")
		b.text("app=che")
		seen.both(b, "logs-of-typed")
		b.press("backspace")
		b.text("eckout -c proxy")
		b.press("enter")
		time.Sleep(2 * time.Second)
		b.settle()
		b.want("logs › app=checkout proxy", "● live")
		b.press(":")
		b.text("logs sts/led")
		b.press("tab")
		b.want("logs of› sts/ledger")
		b.press("enter")
		time.Sleep(2 * time.Second)
		b.settle()
		b.want("logs › sts/ledger")
		for _, test := range [][2]string{
			{"deployment/nothing", "cannot get deploy/nothing in namespace payments"},
			{"unicorn/x", `the server has no kind "unicorn"`},
			{"web-0 -n UP", "no namespace can have this name"},
			{"x=(", "not a label selector"},
			{"-A deploy/checkout", "of which namespace?"},
		} {
			b.press(":")
			b.text("logs " + test[0])
			b.press("enter")
			b.want(test[1])
			b.press("esc", "esc")
		}
	})
	want := []string{
		"payments/checkout-7f9c5d6b8-x2k9p/proxy", "payments/ledger-0/backup", "payments/ledger-0/db", "payments/ledger-0/debugger", "payments/ledger-0/migrate",
	}
	if got := s.containersRead(); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	seen.compare(t)
}
