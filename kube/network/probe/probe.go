// Package probe asks one port of the cluster once whether anybody answers there:
// by HTTP, HTTPS, or a mere connection.
//
//	a, err := probe.Ask(ctx, client, probe.Question{Ref: service, Port: "http", Path: "/healthz"})
//	if err == nil {
//		fmt.Println(a, a.Connect, a.FirstByte) // 200 OK (pod/web-1 port 8080)
//	}
//
// It goes through a port-forward, which no network policy, no address of a
// Service and nothing of the way in from outside is part of: see Limits. It is
// no read. The guard refuses it where everything is read-only, and the server
// to who may not create pods/portforward.
package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/forward"
	"quarterdeck/kube/sanitize"
)

// Patience is how long a probe may take if its Question does not say.
const Patience = 5 * time.Second

// Limits says what no answer proves.
const Limits = "the connection is made inside the pod, by its node: network policies, the address of the Service and the way in from outside were not tried"

// Question is what to probe, and how.
type Question struct {
	Ref    kube.Ref      // a pod, a service or a workload
	Port   string        // its number or name, of the service for a service; "" for the first
	Scheme Scheme        // "" for what the port is for
	Host   string        // that HTTP asks for; "" for the name of Ref
	Path   string        // that HTTP asks for; "" for /
	Wait   time.Duration // Patience if it is 0
}

// Answer is what came of a probe.
type Answer struct {
	OK     bool   // somebody answered, and not that the server failed
	Words  string // what came: "200 OK", "refused: connection refused"
	Pod    string
	Port   int // of the pod
	Scheme Scheme
	Status int // of HTTP, 0 if there was none
	// Connect is how long it took to get to the pod, through the API server;
	// FirstByte until it sent anything, from the same start. 0 if it never did.
	Connect, FirstByte time.Duration
	Certificate        *Certificate // that was presented; it was not verified
}

// String says it in a line.
func (a *Answer) String() string {
	return fmt.Sprintf("%s (pod/%s port %d)", a.Words, a.Pod, a.Port)
}

// Asked says what was asked: GET http://cart.shop.svc/healthz of svc/cart port 80.
func (a *Answer) Asked(q Question) string {
	what := "a connection to "
	if a.Scheme != TCP {
		what = "GET " + string(a.Scheme) + "://" + sanitize.Line(q.host()+cmp.Or(q.Path, "/")) + " of "
	}
	what += q.Ref.String()
	if q.Port != "" {
		what += " port " + sanitize.Line(q.Port)
	}
	return what
}

// Times says how long it took to reach the pod, and until it sent anything.
func (a *Answer) Times() string {
	words := "reached after " + Took(a.Connect)
	if a.FirstByte > 0 {
		words += ", first byte after " + Took(a.FirstByte)
	}
	return words
}

// Took is a time in words: "12 ms".
func Took(d time.Duration) string {
	if d < time.Millisecond {
		return "less than 1 ms"
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// Ask makes a probe. The error says why none could be made; that nobody answers
// is an Answer.
func Ask(ctx context.Context, c *kube.Client, q Question) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(q.Wait, Patience), errSlow)
	defer cancel()
	began := time.Now()
	conn, err := forward.Dial(ctx, c, q.Ref, q.Port)
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errSlow):
		return nil, fmt.Errorf("%s was not reached within %s, so nobody was asked: the API server or the node is slow", q.Ref, cmp.Or(q.Wait, Patience))
	case err != nil:
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // it never fails
	a := &Answer{Pod: conn.Pod.Name, Port: conn.Port, Scheme: cmp.Or(q.Scheme, schemeOf(conn)), Connect: time.Since(began)}
	a.ask(ctx, conn, q, began)
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSlow) {
		return nil, context.Cause(ctx)
	}
	return a, nil
}

var errSlow = errors.New("nothing came within the time that a probe has")

// ask asks on a connection.
func (a *Answer) ask(ctx context.Context, conn halfCloser, q Question, began time.Time) {
	if a.Scheme == TCP {
		a.listen(ctx, conn, began)
		return
	}
	a.request(ctx, conn, q, began)
}

// failed notes why nothing came.
func (a *Answer) failed(ctx context.Context, err error) {
	var refused *forward.RefusedError
	switch {
	case errors.As(err, &refused):
		a.Words = "refused: " + sanitize.Line(lastPart(refused.Reason))
	case ctx.Err() != nil:
		a.Words = "no answer: " + context.Cause(ctx).Error()
	default:
		a.Words = "no answer: " + sanitize.Line(err.Error())
	}
}

// lastPart is what a chain of errors ends with.
func lastPart(text string) string {
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// host is who HTTP asks for.
func (q *Question) host() string {
	switch {
	case q.Host != "":
		return q.Host
	case q.Ref.GVR.Resource == "services":
		return q.Ref.Name + "." + q.Ref.Namespace + ".svc"
	}
	return q.Ref.Name
}
