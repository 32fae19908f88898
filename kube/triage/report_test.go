package triage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarterdeck/kube"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/triage"
)

// inspected returns an incident and its inspection, as made by hand: every field
// of the documents is in them.
func inspected() (*triage.Report, *triage.Incident, *triage.Inspection) {
	root, p := deploymentRef("checkout"), deploymentRef("checkout-1-a")
	p.GVR.Group, p.GVR.Resource, p.Kind = "", "pods", "Pod"
	f := &triage.Finding{
		Rule: "crash-loop", On: p, Home: root,
		Evidence: []triage.Evidence{{Text: "Error 1", Source: triage.FromField, Where: "pod/checkout-1-a status", On: p, At: clock.Unix() - 20}},
	}
	i := &triage.Incident{
		ID: "deployments.apps/shop/checkout", Severity: triage.Crit, Title: "rollout stuck, 2 of 10 ready", Cause: "v2 exits 1", Since: clock.Unix() - 240,
		Root: root, Affected: []kube.Ref{p}, Pods: 1, Works: 1, Rules: []string{"rollout-stuck", "crash-loop"}, Findings: []*triage.Finding{f},
		Actions: []triage.Action{{Do: triage.ShowLogs, On: p, Container: "app", Previous: true, Words: "shows what app wrote before it exited"}},
	}
	n := &triage.Inspection{
		ID: i.ID, At: clock, ChangesFrom: clock.Add(-86_400e9), FirstFailure: clock.Add(-240e9),
		Evidence: []triage.Evidence{{Text: "panic: missing env DB_URL", Source: triage.FromLog, Where: "pod/checkout-1-a log of app", On: p, At: clock.Unix() - 20}},
		Events:   []triage.Evidence{{Text: "BackOff: again", Source: triage.FromEvent, Where: "kubelet of pod/checkout-1-a", On: p, At: clock.Unix() - 10, First: clock.Unix() - 200, Count: 7}},
		Changes: []triage.Alteration{{
			At: clock.Unix() - 300, By: "argocd", Text: "revision 12: image v1 → v2", Source: triage.FromRevision, On: root,
			Fields: []triage.FieldChange{{Name: "containers[app].image", Was: "checkout:v1", Is: "checkout:v2"}},
		}},
		Log:     &triage.LogTail{On: p, Container: "app", Previous: true, Lines: []logs.Line{{Time: clock.UnixNano(), Raw: "panic: missing env DB_URL", Level: logs.Fatal}}},
		NotRead: []triage.Unread{{Verb: "list", Resource: "events", Namespace: "shop", Err: fmt.Errorf("no answer")}},
	}
	return &triage.Report{At: clock, Incidents: []*triage.Incident{i}}, i, n
}

// same compares a text with a file of testdata, which is a promise to those who
// read such texts by program.
func same(t *testing.T, got []byte, file string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
	}
}

func TestDocument(t *testing.T) {
	r, i, n := inspected()
	scope := triage.DocumentScope{Context: "prod", Namespace: "shop"}
	got, err := json.MarshalIndent(triage.NewDocument(r, scope, map[string]*triage.Inspection{i.ID: n}), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	same(t, append(got, '\n'), "document.json")
	// Lists are never null, so that programs need not ask.
	empty, err := json.Marshal(triage.NewDocument(&triage.Report{At: clock}, scope, nil))
	if err != nil || string(empty) != `{"scope":{"context":"prod","namespace":"shop"},"generatedAt":"2027-01-15T08:00:00Z","complete":true,"checked":[],"notRead":[],"incidents":[]}` {
		t.Errorf("%v: %s", err, empty)
	}
}

func TestMarkdown(t *testing.T) {
	_, i, n := inspected()
	var b bytes.Buffer
	if err := triage.WriteMarkdown(&b, i, n, triage.ReportInfo{Context: "prod", Program: "qd 1.0.0", Server: "v1.36.3", At: clock}); err != nil {
		t.Fatal(err)
	}
	same(t, b.Bytes(), "report.md")
	b.Reset()
	if err := triage.WriteMarkdown(&b, i, nil, triage.ReportInfo{At: clock}); err != nil || !strings.Contains(b.String(), "was not asked") {
		t.Errorf("%v: %s", err, b.String())
	}
}

// credential returns a text that has a credential in it, and the credential, as
// programs write them.
func credential(r *rand.Rand) (text, planted string) {
	word := func(letters string, n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	s := word(letters, 16+r.IntN(30))
	forms := []string{
		"Authorization: Bearer %s", "authorization=Basic %s", `{"Authorization":"Token %s"}`, "password=%s", `{"password": "%s", "user": "x"}`, "DB_PASSWORD: %s",
		"--api-key %s", `"--token","%s"`, "postgres://app:%s@db.shop:5432/x", "amqp://%s@queue", "https://u:a@%s@host/path", "Set-Cookie: session=%s; Path=/",
		"client_secret='%s'", "AWS_SECRET_ACCESS_KEY=%s", "-----BEGIN PRIVATE KEY----- %s", `token\":\"%s\"`,
	}
	switch r.IntN(len(forms) + 4) {
	case 0:
		s = "eyJhbGciOiJIUzI1NiJ9." + word(letters, 30) + "." + word(letters, 30)
		return "claims " + s, s
	case 1:
		s = "AKIA" + word("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
		return "signed with " + s + " today", s
	case 2:
		s = "ghp_" + word(letters, 36)
		return "clone with " + s, s
	case 3:
		s = "aB3" + word(letters, 37)
		return "key " + s + " refused", s
	}
	return fmt.Sprintf(forms[r.IntN(len(forms))], s), s
}

// leaks checks that no document of an incident has a text in it, wherever the
// incident has it.
func leaks(t *testing.T, text, planted string) {
	t.Helper()
	r, i, n := inspected()
	i.Title, i.Cause = text, text
	i.Findings[0].Evidence[0].Text, i.Findings[0].Evidence[0].Where = text, "elsewhere"
	n.Evidence[0].Text, n.Events[0].Text, n.Changes[0].Text = text, text, text
	n.Changes[0].Fields[0] = triage.FieldChange{Name: "containers[app].args", Was: text, Is: text}
	n.NotRead[0].Err = fmt.Errorf("%s", text)
	n.Log.Lines[0].Raw = text
	var b bytes.Buffer
	if err := triage.WriteMarkdown(&b, i, n, triage.ReportInfo{At: clock}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), planted) {
		t.Errorf("%q comes through in the report of %q:\n%s", planted, text, b.String())
	}
	doc, err := json.Marshal(triage.NewDocument(r, triage.DocumentScope{}, map[string]*triage.Inspection{i.ID: n}))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(doc, []byte(planted)) {
		t.Errorf("%q comes through in the document of %q:\n%s", planted, text, doc)
	}
}

func TestNoCredentialInReports(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		text, planted := credential(r)
		leaks(t, text, planted)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzNoCredentialInReports(f *testing.F) {
	f.Add(uint64(1), "level=error msg=", " at db.go:12")
	f.Fuzz(func(t *testing.T, seed uint64, before, after string) {
		text, planted := credential(rand.New(rand.NewPCG(seed, 1)))
		if strings.Contains(before+after, planted) || !strings.HasSuffix(before, " ") && before != "" || len(before) > 1000 {
			return // as if the text itself were the secret, or glued to it
		}
		if strings.ContainsAny(before, "\x1b\u009b") { // what a terminal swallows may hide that a word is a name
			return
		}
		leaks(t, before+text+" "+after, planted)
	})
}

// TestNoKeyOfManyLines: of a key in a log no line comes through, also where the
// beginning is not there any more.
func TestNoKeyOfManyLines(t *testing.T) {
	body := strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj", 1) + "AgEAAoIBAQC7VJTUt9Us8cKj"
	for _, text := range []string{
		"-----BEGIN RSA PRIVATE KEY-----\n" + body + "\nshortLastLine==\n-----END RSA PRIVATE KEY-----\nafter it",
		body + "\n" + body + "\n-----END RSA PRIVATE KEY-----\nafter it",
	} {
		_, i, n := inspected()
		n.Log.Lines = nil
		for line := range strings.SplitSeq(text, "\n") {
			n.Log.Lines = append(n.Log.Lines, logs.Line{Raw: line})
		}
		var b bytes.Buffer
		if err := triage.WriteMarkdown(&b, i, n, triage.ReportInfo{At: clock}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); strings.Contains(got, body) || strings.Contains(got, "shortLastLine") || !strings.Contains(got, "after it") {
			t.Errorf("%s", got)
		}
	}
}

// TestReportsStayReadable: what is no credential is not left out.
func TestReportsStayReadable(t *testing.T) {
	for _, text := range []string{
		"panic: missing env DB URL", "image registry.example.com/shop/checkout@sha256:0f2dd1b1e33a4fb6a28d2bbf2ce4a3b0e3f1bd7d5e1a9f2e1d0c4b5a69788796",
		"pod 8f3cb84d-2f6c-44f7-b8ef-65a1b2c3d4e5 exits 1", "open /etc/config/app.yaml: no such file or directory",
	} {
		_, i, n := inspected()
		n.Log.Lines[0].Raw = text
		var b bytes.Buffer
		if err := triage.WriteMarkdown(&b, i, n, triage.ReportInfo{At: clock}); err != nil || !strings.Contains(b.String(), text) {
			t.Errorf("%v: %q is not in\n%s", err, text, b.String())
		}
	}
}
