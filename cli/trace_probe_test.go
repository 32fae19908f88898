package cli

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"quarterdeck/kube/network"
	"quarterdeck/kube/network/probe"
	"quarterdeck/ui/theme"
	"quarterdeck/views"
)

func answered(ok bool, words string) *probed {
	return &probed{answer: &probe.Answer{
		OK: ok, Words: words, Pod: "cart-1", Port: 8080, Scheme: probe.HTTPS, Status: 200, Connect: 1500 * time.Microsecond, FirstByte: 20 * time.Millisecond,
		Certificate: &probe.Certificate{Names: []string{"cart.shop.svc"}, Issuer: "CN=ca", Expires: time.Unix(1_800_000_000, 0).UTC(), Fits: true},
	}}
}

func TestProbesVerdict(t *testing.T) {
	failed := &exitError{code: exitFailed}
	yes, no, unmade := answered(true, "200 OK"), answered(false, "refused"), &probed{not: "read-only"}
	code := func(err error) int {
		var exit *exitError
		switch {
		case err == nil:
			return 0
		case errors.As(err, &exit):
			return exit.code
		}
		return 1
	}
	for _, tt := range []struct {
		name   string
		probes []*probed
		ways   error
		want   error
	}{
		{"not probed", nil, nil, nil},
		{"answers", []*probed{yes}, nil, nil},
		{"one does not", []*probed{yes, no, unmade}, nil, failed},
		{"not made", []*probed{yes, unmade}, nil, errSilent},
		{"broken already", []*probed{unmade}, failed, failed},
		{"unknown, and does not answer", []*probed{no}, errSilent, failed},
		{"unknown, and answers", []*probed{yes}, errSilent, errSilent},
	} {
		if got := probesVerdict(tt.probes, tt.ways); code(got) != code(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestProbedDocument(t *testing.T) {
	ways := &network.Ways{Traces: []*network.Trace{{Route: network.Route{Host: "a.example.com"}, Broken: -1}, {Broken: -1}}}
	d := newProbedDocument(ways, []*probed{answered(true, "200 OK"), {not: "it leads to no service that is known"}}, time.Now())
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(d)
	if err != nil || !strings.Contains(string(asYAML), "reachedMs: 1.5") {
		t.Errorf("%v\n%s", err, asYAML)
	}
	var got struct {
		Routes []struct {
			Host, State string
			Probe       map[string]any
		}
		NotRead []string
	}
	if err := json.Unmarshal(text, &got); err != nil || len(got.Routes) != 2 || got.NotRead == nil {
		t.Fatalf("%v\n%s", err, text)
	}
	first, second := got.Routes[0], got.Routes[1]
	if first.Host != "a.example.com" || first.State == "" || first.Probe["ok"] != true || first.Probe["firstByteMs"] != 20.0 || first.Probe["pod"] != "cart-1" {
		t.Errorf("%s", text)
	}
	if c, _ := first.Probe["certificate"].(map[string]any); c["issuer"] != "CN=ca" || c["expires"] != "2027-01-15T08:00:00Z" {
		t.Errorf("%s", text)
	}
	if ok, there := second.Probe["ok"]; !there || ok != nil || second.Probe["made"] != false || second.Probe["notMade"] == "" {
		t.Errorf("%s", text)
	}
}

func TestWriteProbe(t *testing.T) {
	th, err := theme.New(nil, theme.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracing{Session: &views.Session{Program: &views.Program{Theme: th}}, command: &command{env: os.Environ()}}
	var b strings.Builder
	probes := []*probed{answered(true, "200 OK"), {not: "svc/cart has no pods"}}
	for _, p := range probes {
		tr.writeProbe(&b, p, time.Unix(1_790_000_000, 0), 1000)
	}
	writeLimits(&b, probes, 1000)
	for _, want := range []string{
		"probe    200 OK (pod/cart-1 port 8080), reached after 1 ms, first byte after 20 ms; its certificate is for cart.shop.svc, valid until 2027-01-15, 115 days; it was not verified\n",
		": svc/cart has no pods\n", "\nof the probes: " + probe.Limits + "\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	b.Reset()
	if writeLimits(&b, slices.Clone(probes[1:]), 80); b.Len() > 0 {
		t.Errorf("limits of no probe: %s", b.String())
	}
}
