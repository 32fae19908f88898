// Package guard keeps a client from changing a cluster, or from doing so without
// what the user's rules want first. It sits in the transport, under every client
// made from a rest.Config, so that no code path can forget it.
//
// These always pass: reads, the reviews a user makes of himself, and writes that
// the server is told to try without keeping (dryRun=All). exec, attach,
// port-forward and proxy are writes, although some of them begin as a GET.
//
// What the user agreed to before a write is an Approval in the context of its
// requests. A write that a rule denies, or that wants more than was approved,
// is not sent.
//
// A Guard protects from mistakes of people and programs; it is no substitute
// for RBAC, and an aggregated API server that ignores dryRun is beyond it.
package guard

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

// ErrReadOnly is what every refusal is, by errors.Is.
var ErrReadOnly = errors.New("read-only")

// Guard decides whether writes pass. The zero Guard lets everything pass. It
// may be switched at any time from any goroutine; requests already sent go on.
type Guard struct {
	reason   atomic.Pointer[string] // nil: not read-only
	rules    atomic.Pointer[[]rule] // nil: there are none
	observer atomic.Pointer[func(Write)]
}

// Write is a write that was sent.
type Write struct {
	Call     Call
	Approval Approval
	Start    time.Time
	Duration time.Duration // until the server answered
	Status   int           // of HTTP; 0 if there is an Err
	Err      error         // why there was no answer, or no WebSocket
}

// Observe makes g tell f of every write that was sent, after its answer: one
// that the server refused too, but no dry run. f is called by the goroutine
// that made the request, so it must be quick and safe for many.
func (g *Guard) Observe(f func(Write)) { g.observer.Store(&f) }

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
	g := t.guard
	reason, readOnly := g.ReadOnly()
	rules, observer := g.rules.Load(), g.observer.Load()
	if !readOnly && rules == nil && observer == nil {
		return t.next.RoundTrip(req)
	}
	call := parse(req, t.base)
	harmless, req, err := call.harmless(req)
	switch {
	case err == nil && harmless:
		return t.next.RoundTrip(req)
	case err == nil && readOnly:
		err = &Refused{What: call.public().String(), Reason: reason}
	case err == nil:
		err = g.permit(call, req)
	}
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper owns the body; nothing was sent
		}
		return nil, err
	}
	if observer == nil {
		return t.next.RoundTrip(req)
	}
	w := Write{Call: call.public(), Approval: ApprovalOf(req.Context()), Start: time.Now()}
	resp, err := t.next.RoundTrip(req)
	w.Duration, w.Err = time.Since(w.Start), err
	if resp != nil {
		w.Status = resp.StatusCode
	}
	(*observer)(w)
	return resp, err
}

// permit returns an error if a rule does not let a write pass.
func (g *Guard) permit(c call, req *http.Request) error {
	call, approval := c.public(), ApprovalOf(req.Context())
	v := g.judge(call)
	if !c.clean && g.rules.Load() != nil {
		v = Verdict{Denied: true, Reason: "its path hides what it is for"}
	}
	if v.allows(call, approval) {
		return nil
	}
	return &Blocked{Call: call, Verdict: v, Approval: approval}
}
