package guard

import (
	"context"
	"net/http"

	"k8s.io/client-go/rest"
)

// Level is how sure somebody must be, or was, of a write.
type Level uint8

// The levels, each including those before it.
const (
	None      Level = iota // a key was pressed
	Confirmed              // a dialog was answered with yes
	Typed                  // the name of what is changed was typed
)

// String returns what a level asks for.
func (l Level) String() string { return [...]string{"nothing", "a confirmation", "the name typed"}[l] }

// Approval says what the user agreed to before a write.
type Approval struct {
	Level   Level
	Objects int // how many are changed at once by what was agreed to; 0 is one
}

// approvalKey is the key of the approval in a context. An approval belongs to
// one action, and all its requests, made by libraries that know nothing of it,
// carry the action's context down to the transport: so it travels there, as
// nothing else in the program does.
type approvalKey struct{}

// Approve returns ctx for the requests of an action that the user approved of.
func Approve(ctx context.Context, a Approval) context.Context {
	return context.WithValue(ctx, approvalKey{}, a)
}

// ApprovalOf returns what was approved for the requests made with ctx.
func ApprovalOf(ctx context.Context) Approval {
	a, _ := ctx.Value(approvalKey{}).(Approval)
	return a
}

// Apply gives a to every request of the clients made from cfg, which must have
// its guard already. It is for libraries that make requests without a context:
// those of port-forward.
func (a Approval) Apply(cfg *rest.Config) {
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return &approving{approval: a, next: rt} })
}

type approving struct {
	approval Approval
	next     http.RoundTripper
}

// WrappedRoundTripper lets client-go find the transport beneath.
func (t *approving) WrappedRoundTripper() http.RoundTripper { return t.next }

func (t *approving) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.next.RoundTrip(req.WithContext(Approve(req.Context(), t.approval)))
}
