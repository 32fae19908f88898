package views

import (
	"testing"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/network/probe"
	"quarterdeck/kube/object"
	"quarterdeck/ui"
)

// What came of a probe, as it is shown.
func TestProbeShown(t *testing.T) {
	var seen screens
	q := probe.Question{Ref: kube.Ref{GVR: object.Services().GVR, Kind: "Service", Namespace: "shop", Name: "cart"}, Port: "80", Path: "/healthz"}
	pipe(t, shopOfPolicies(nil), func(b *bench) {
		show := func(name string, a *probe.Answer) {
			a.Pod, a.Port = "cart-1", 8080
			b.send(ui.PushMsg{Frame: probeFrame(b.session, q, a)})
			b.settle()
			seen.both(b, name)
			b.press("esc")
		}
		show("answered", &probe.Answer{OK: true, Words: "200 OK", Scheme: probe.HTTP, Status: 200, Connect: 23 * time.Millisecond, FirstByte: 24 * time.Millisecond})
		show("secure", &probe.Answer{
			OK: true, Words: "404 Not Found", Scheme: probe.HTTPS, Status: 404, Connect: 23 * time.Millisecond, FirstByte: 1240 * time.Millisecond,
			Certificate: &probe.Certificate{Names: []string{"shop.example.com", "www.shop.example.com"}, Issuer: "CN=Example CA", Expires: b.session.Now().Add(-time.Hour)},
		})
		show("refused", &probe.Answer{Words: "refused: connection refused", Scheme: probe.TCP, Connect: 200 * time.Microsecond})
	})
	seen.compare(t)
}

// A probe is asked for what to probe, and says why it was not made.
func TestProbeAsked(t *testing.T) {
	unread := func(set *settings) {
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.Verb == "get" && r.GVR.Resource == "pods" {
				return r.Forbid("eve")
			}
			return nil
		}
	}
	pipe(t, shopOfPolicies(unread), func(b *bench) {
		b.to("cart-1")
		b.press("B")
		b.want("probe pod/cart-1: ")
		b.text("udp:53")
		b.want("is nothing that a probe speaks")
		b.press("esc", "B")
		b.text("9999/x")
		b.press("enter")
		b.want("probe pod/cart-1 port 9999?", "context prod-eu is protected")
		b.press("y")
		b.settle()
		b.want("not probed: you (eve) may not get pods")
	})
	readOnly := func(set *settings) {
		set.guard = func(string) *guard.Guard {
			g := &guard.Guard{}
			g.Refuse("started with --readonly")
			return g
		}
	}
	pipe(t, shopOfPolicies(readOnly), func(b *bench) {
		b.to("cart-1")
		b.press("B")
		b.want("read-only: started with --readonly")
		b.wantNot("probe pod/cart-1: ")
	})
	pipe(t, shopOfPolicies(func(set *settings) {
		set.prepare = func(s *apitest.Server) {
			policed(s)
			s.Permit(looker())
		}
	}), func(b *bench) {
		b.to("cart-1")
		b.look()
		b.press("B")
		b.want("you may not create pods/portforward in shop")
		b.wantNot("probe pod/cart-1: ")
	})
}
