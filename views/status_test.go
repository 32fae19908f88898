package views

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

func podsGVR() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "pods"}
}

func TestExplain(t *testing.T) {
	s := &Session{Program: &Program{}, Client: &kube.Client{User: "ada"}}
	pods := podsGVR().GroupResource()
	forbidden := apierrors.NewForbidden(pods, "", errors.New(`User "eve\x1b[2J" cannot watch resource "pods" in API group "" in the namespace "shop"`))
	get := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://192.0.2.1:6443/api/v1/pods?limit=100", Err: err}
	}
	dial := func(err error) error { return get(&net.OpError{Op: "dial", Net: "tcp", Err: err}) }
	for _, test := range []struct {
		name string
		err  error
		at   place
		want string
	}{
		{"forbidden", apierrors.NewForbidden(pods, "", errors.New("no reason")), "shop", "you (ada) may not list pods in namespace shop: ask for that right, or choose another namespace"},
		{"forbidden watch", forbidden, "", "you (eve"},
		{"forbidden in the cluster", apierrors.NewForbidden(pods, "", nil), clusterScope, "you (ada) may not list pods in the cluster: ask for that right"},
		{"unauthorized", apierrors.NewUnauthorized("Unauthorized"), "", "the server does not accept your credentials any more (user ada): log in again"},
		{"not found", apierrors.NewNotFound(pods, "web"), "shop", "cannot list pods in namespace shop: the server does not have it (any more)"},
		{"too many", apierrors.NewTooManyRequests("slow down", 5), "", "cannot list pods in the cluster: the server asks to slow down; trying again"},
		{"internal", apierrors.NewInternalError(errors.New("etcd\nfailed")), "", "cannot list pods in the cluster: Internal error occurred: etcd failed"},
		{"read-only", fmt.Errorf("x: %w", &guard.Refused{What: "delete pods/a", Reason: "--readonly"}), "", "read-only (--readonly): refused to delete pods/a"},
		{"partial", fmt.Errorf("x: %w", &partialError{refused: []string{"jobs"}, of: 7}), "", "1 of 7 lists are missing: you may not list jobs"},
		{"refused", dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "", "the server 192.0.2.1:6443 refuses the connection: check that it runs"},
		{"no route", dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "", "no connection to the server 192.0.2.1:6443 (connect: no route to host)"},
		{"no name", dial(&net.DNSError{Err: "no such host", Name: "nowhere.example", IsNotFound: true}), "", "the name nowhere.example cannot be resolved: check the network and the VPN"},
		{"timeout", get(context.DeadlineExceeded), "", "the server 192.0.2.1:6443 does not answer"},
		{"handshake", get(errors.New("net/http: TLS handshake timeout")), "", "the server 192.0.2.1:6443 does not answer"},
		{"client timeout", get(errors.New("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")), "", "does not answer"},
		{"wrong CA", get(errors.New("tls: failed to verify certificate: x509: certificate signed by unknown authority")), "", "shows a certificate that is not trusted (certificate signed by unknown authority): check certificate-authority"},
		{"plugin", get(errors.New("getting credentials: exec: executable aws not found\n\nIt looks like\x1b[31m")), "", "the credential plugin failed (exec: executable aws not found  It looks like): log in with it"},
		{"cut", get(io.EOF), "", "no connection to the server 192.0.2.1:6443 (EOF)"},
		{"other", errors.New("odd\x1b]0;x\x07"), "", "cannot list pods in the cluster: odd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.explain(test.err, "list pods", test.at)
			if !strings.Contains(got, test.want) || strings.ContainsAny(got, "\x1b\x07\n\r") {
				t.Errorf("%q\nwant %q", got, test.want)
			}
		})
	}
	if got := s.explain(forbidden, "list workloads", ""); !strings.Contains(got, "may not watch pods") {
		t.Errorf("the verb and the resource that were refused: %q", got)
	}
}

func TestJoinStatus(t *testing.T) {
	at := func(sec int64) time.Time { return time.Unix(sec, 0) }
	live := store.Status{Phase: store.Live, Loaded: 5, Since: at(10)}
	syncing := store.Status{Phase: store.Syncing, Loaded: 3, Total: 9, Since: at(20)}
	stale := store.Status{Phase: store.Stale, Loaded: 2, Since: at(30), Err: errors.New("lost")}
	staler := store.Status{Phase: store.Stale, Loaded: 2, Since: at(25), Err: errors.New("lost before")}
	failed := store.Status{Phase: store.Failed, Since: at(40), Err: errors.New("broken")}
	no := store.Status{Phase: store.Forbidden, Since: at(50), Err: errors.New("refused")}
	for _, test := range []struct {
		name string
		of   []store.Status
		want string
	}{
		{"all live", []store.Status{live, live}, "live 10/10 since 10 <nil>"},
		{"one loads", []store.Status{live, syncing}, "loading 8/14 since 20 <nil>"},
		{"one stale", []store.Status{stale, live}, "stale 7/7 since 30 lost"},
		{"one stale, in any order", []store.Status{live, stale}, "stale 7/7 since 30 lost"},
		{"stale since the first", []store.Status{stale, staler, live}, "stale 9/9 since 25 lost before"},
		{"one failed", []store.Status{live, failed, syncing}, "failed 8/14 since 40 broken"},
		{"one failed and one stale", []store.Status{failed, stale, syncing}, "stale 5/11 since 30 lost"},
		{"all refused", []store.Status{no, no}, "forbidden 0/0 since 50 refused"},
		{"one refused", []store.Status{live, no}, "partial 5/5 since 10 1 of 2 lists are missing: you may not list b"},
		{"first refused", []store.Status{no, live, no}, "partial 5/5 since 10 2 of 3 lists are missing: you may not list a, c"},
		{"refused and loading", []store.Status{no, syncing}, "loading 3/9 since 20 <nil>"},
		{"refused and stale", []store.Status{no, stale}, "stale 2/2 since 30 lost; 1 of 2 lists are missing: you may not list a"},
		{"stale and refused", []store.Status{stale, no}, "stale 2/2 since 30 lost; 1 of 2 lists are missing: you may not list b"},
		{"refused and failed", []store.Status{no, failed, no}, "failed 0/0 since 40 broken"},
	} {
		st := joinStatus(test.of, []string{"a", "b", "c"})
		got := fmt.Sprintf("%s %d/%d since %d %v", st.Phase, st.Loaded, st.Total, st.Since.Unix(), st.Err)
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestUnlessPending(t *testing.T) {
	partial := &partialError{refused: []string{"jobs"}, of: 7}
	for _, test := range []struct {
		of      store.Status
		pending bool
		want    store.Phase
		err     bool
	}{
		{store.Status{Phase: store.Live}, false, store.Live, false},
		{store.Status{Phase: store.Live}, true, store.Syncing, false},
		{store.Status{Phase: store.Partial, Err: partial}, true, store.Syncing, false},
		{store.Status{Phase: store.Partial, Err: partial}, false, store.Partial, true},
		{store.Status{Phase: store.Forbidden, Err: partial}, true, store.Forbidden, true},
		{store.Status{Phase: store.Stale, Err: partial}, true, store.Stale, true},
	} {
		if got := unlessPending(test.of, test.pending); got.Phase != test.want || (got.Err != nil) != test.err {
			t.Errorf("%s, %t: %s, %v", test.of.Phase, test.pending, got.Phase, got.Err)
		}
	}
}

func TestDescribe(t *testing.T) {
	now := time.Unix(100, 0)
	s := &Session{
		Program: &Program{Theme: theme.Plain(theme.Options{}), Now: func() time.Time { return now }, Keys: keymap.Default()},
		Client:  &kube.Client{User: "ada"},
	}
	live := store.Status{Phase: store.Live, Loaded: 5, Since: now}
	stale := store.Status{Phase: store.Stale, Loaded: 2, Since: now.Add(-42 * time.Second), Err: errors.New("lost")}
	no := store.Status{Phase: store.Forbidden, Since: now, Err: apierrors.NewForbidden(podsGVR().GroupResource(), "", nil)}
	part := store.Status{Phase: store.Partial, Since: now, Err: errors.New("a kind")}
	for _, test := range []struct {
		name           string
		of             []store.Status
		state, problem string
	}{
		{"live", []store.Status{live}, "● live", ""},
		{"loading", []store.Status{{Phase: store.Syncing, Loaded: 3, Total: 1500}}, "○ loading 3/1,500", ""},
		{"stale", []store.Status{live, stale}, "○ stale 42s", "cannot list workloads in the cluster: lost"},
		{"partial", []store.Status{live, no, live}, "● partial: 2 of 3", "1 of 3 lists are missing: you may not list b"},
		{
			"stale and partial",
			[]store.Status{stale, no, live},
			"○ stale 42s · partial: 2 of 3",
			"cannot list workloads in the cluster: lost; 1 of 3 lists are missing: you may not list b",
		},
		{"one is partial by itself", []store.Status{live, part, live}, "● partial", "cannot list workloads in the cluster: a kind"},
		{"forbidden", []store.Status{no}, "○ forbidden", "you (ada) may not list workloads in the cluster"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var h ui.Header
			st := joinStatus(test.of, []string{"a", "b", "c"})
			s.describe(&h, st, "list workloads", "")
			if h.State != test.state || !strings.HasPrefix(h.Problem, test.problem) || (h.Problem == "") != (test.problem == "") {
				t.Errorf("%q, %q\nwant %q, %q", h.State, h.Problem, test.state, test.problem)
			}
			if err := missing(st.Err); (err != nil) != strings.Contains(test.state, "partial:") || (err != nil && !strings.HasPrefix(err.Error(), "1 of 3")) {
				t.Errorf("missing: %v", err)
			}
		})
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 50_000: "50,000", 1_234_567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
