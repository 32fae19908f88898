//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"
)

// traceProbe asks the shop's services whether they answer.
func (s *stage) traceProbe(t *testing.T) {
	kubeconfig := s.playground(t, shop).Kubeconfig()
	args := []string{"svc/cart", "-n", "web", "--probe"}
	s.traceUntil(t, shop, 0, "probe    200 OK (pod/cart-", args...)
	out := s.traceUntil(t, shop, 0, `"answer": "200 OK"`, append(args, "-o", "json")...)
	var d struct {
		Routes []struct {
			State string
			Probe struct {
				OK     *bool
				Status int
				Pod    string
			}
		}
	}
	if err := json.Unmarshal([]byte(out.stdout), &d); err != nil || len(d.Routes) == 0 {
		t.Fatalf("%v: %+v", err, out)
	}
	for _, r := range d.Routes {
		if r.State != "reachable" || r.Probe.OK == nil || !*r.Probe.OK || r.Probe.Status != 200 || r.Probe.Pod == "" {
			t.Errorf("%+v", r)
		}
	}
	for want, more := range map[string]string{
		"probe    not made: ":  "--readonly",
		"you (viewer) may not": "--context=viewer",
	} {
		out := s.exec(t, kubeconfig, append([]string{"trace", more}, args...)...)
		if out.code != 1 || !containsAll(out.stdout, []string{"svc/cart", "not made", want}) {
			t.Errorf("%s: %+v", more, out)
		}
	}
	oneSentence(t, s.traceFails(t, "--probe"), []string{"--probe asks what one object leads to"})
}
