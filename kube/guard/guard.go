// Package guard keeps a client from changing a cluster. It sits in the
// transport, under every client made from a rest.Config, so that no code path
// can forget it.
//
// While it refuses, these pass: reads, the reviews a user makes of himself, and
// writes that the server is told to try without keeping (dryRun=All). exec,
// attach, port-forward and proxy are writes, although some of them begin as a
// GET. A Guard protects from mistakes of people and programs; it is no
// substitute for RBAC, and an aggregated API server that ignores dryRun is
// beyond it.
package guard

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"k8s.io/client-go/rest"
)

// ErrReadOnly is what every refusal is, by errors.Is.
var ErrReadOnly = errors.New("read-only")

// Guard decides whether writes pass. The zero Guard lets everything pass. It
// may be switched at any time from any goroutine; requests already sent go on.
type Guard struct {
	reason atomic.Pointer[string] // nil: writes pass
}

// Refuse makes g refuse writes and give reason, such as "started with
// --readonly", in its errors.
func (g *Guard) Refuse(reason string) { g.reason.Store(&reason) }

// Permit lets writes pass.
func (g *Guard) Permit() { g.reason.Store(nil) }

// ReadOnly reports whether g refuses writes, and why.
func (g *Guard) ReadOnly() (reason string, on bool) {
	if p := g.reason.Load(); p != nil {
		return *p, true
	}
	return "", false
}

// Apply puts g under every client that will be made from cfg.
func (g *Guard) Apply(cfg *rest.Config) error {
	u, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return fmt.Errorf("guard server %q: %w", cfg.Host, err)
	}
	base := strings.Trim(u.Path, "/")
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper {
		return &transport{guard: g, base: base, next: rt}
	})
	return nil
}

// Wrap puts g before rt, the transport to a server whose API is at the root of
// its host. Apply knows better where the API is.
func (g *Guard) Wrap(rt http.RoundTripper) http.RoundTripper {
	return &transport{guard: g, next: rt}
}

// Refused is the error for a request that was not sent.
type Refused struct {
	What   string // "delete pods/checkout-0 in payments"
	Reason string // why writes are refused
}

func (e *Refused) Error() string {
	if e.Reason == "" {
		return "read-only: refused to " + e.What
	}
	return fmt.Sprintf("read-only (%s): refused to %s", e.Reason, e.What)
}

// Is makes a Refused an ErrReadOnly.
func (e *Refused) Is(target error) bool { return target == ErrReadOnly }

type transport struct {
	guard *Guard
	base  string // path of the server's API, without slashes around it
	next  http.RoundTripper
}

// WrappedRoundTripper lets client-go find the transport beneath.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	reason, on := t.guard.ReadOnly()
	if !on {
		return t.next.RoundTrip(req)
	}
	call := parse(req, t.base)
	allowed, req, err := call.harmless(req)
	if err == nil && !allowed {
		err = &Refused{What: call.String(), Reason: reason}
	}
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper owns the body; nothing was sent
		}
		return nil, err
	}
	return t.next.RoundTrip(req)
}
