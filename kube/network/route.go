package network

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// State is how a way in stands.
type State uint8

// The states, what is most in the way first.
const (
	Broken    State = iota // it leads nowhere
	Doubtful               // it may lead nowhere: pods declare other ports, which they need not
	Unknown                // what could not be read may break it
	Idle                   // what is behind it is scaled to zero
	Degraded               // it leads somewhere, and something of it is not as it should be
	Reachable              // as far as the objects tell
)

// String returns the state as a word.
func (s State) String() string {
	return [...]string{"broken", "doubtful", "unknown", "idle", "degraded", "reachable"}[s]
}

// Denies reports whether nobody should count on the way.
func (s State) Denies() bool { return s == Broken || s == Doubtful || s == Idle }

// Route is one way in.
type Route struct {
	From   kube.Ref // where it comes in: a Service, an Ingress, a Gateway
	By     kube.Ref // what declares it: a Service, an Ingress, an HTTPRoute
	Listen string   // "http 80", the port of a service or listener; "" of an ingress
	Host   string   // "" for all
	Path   string   // "" for all
	Secure bool     // with TLS

	Target     kube.Ref // the service, without a name where it could not be told
	TargetPort string   // "80", "http"
	Ready      int      // endpoints that take traffic
	Total      int      // endpoints
	Zones      []string // of those that take traffic
	Expires    int64    // when its certificate does, seconds since 1970, 0 for none
	State      State
	Cause      string // why it is not Reachable
	Mendable   bool   // its Trace has a change that mends it

	url string
}

// Address is what to ask for, to copy: "https://shop.example.com/cart",
// "cart.shop.svc:80".
func (r *Route) Address() string { return r.url }

// DaysLeft returns how long its certificate is valid, in whole days, negative if
// it has expired; ok is false if it has none.
func (r *Route) DaysLeft(now int64) (days int, ok bool) {
	left := r.Expires - now
	if left < 0 {
		left -= day - 1
	}
	return int(left / day), r.Expires != 0
}

const day = 24 * 60 * 60

// Verdict says how a hop stands.
type Verdict uint8

// The verdicts.
const (
	Leads    Verdict = iota // on
	Suspect                 // it may not, or not as well as it should
	Breaks                  // it leads no further
	Untold                  // it could not be read
	Untested                // it is out of sight: beyond the cluster
)

// String returns the verdict as a word.
func (v Verdict) String() string {
	return [...]string{"ok", "warning", "broken", "unknown", "untested"}[v]
}

// Hop is one object on the way.
type Hop struct {
	Ref      kube.Ref
	Verdict  Verdict
	Detail   string // what it is and does: "2 of 3 ready on port 8080"
	Evidence []Evidence
}

// Evidence is a fact with where it can be read.
type Evidence struct {
	Text  string // "selector app=crat matches no pod"
	Where string // "svc/cart spec.selector"
}

// Trace is a way in, hop by hop.
type Trace struct {
	Route
	Hops    []Hop
	Broken  int    // of Hops, the first that leads no further or may not, -1 if there is none
	Nearest string // what was probably meant: "app=cart (3 pods)", "http", "svc/cart"
	Fix     *Fix   // nil if no change of an object is known to mend it
	NotRead []Unread
}

// Fix is a change of one object that mends a way.
type Fix struct {
	On    kube.Ref
	Edit  action.Edit    // of one field, empty if Make is set
	Make  map[string]any // the whole object, of one that does not exist
	Words string         // "change spec.selector[app] of svc/cart from crat to cart"
}

// edit returns the fix that sets a field.
func edit(on kube.Ref, from, to any, path ...string) *Fix {
	e := action.Edit{Path: path, Before: from, After: to}
	words := fmt.Sprintf("change %s of %s from %v to %v", e.Field(), on, from, to)
	if from == nil {
		words = fmt.Sprintf("set %s of %s to %v", e.Field(), on, to)
	}
	return &Fix{On: on, Edit: e, Words: sanitize.Line(words)}
}

// Unread is a resource that could not be read, or not all of it.
type Unread struct {
	Resource  Resource
	Namespace string       // "" for all, or for what is in none
	Status    store.Status // Err says why, if anybody did
}

// String says what was not read, and why as far as that is one word.
func (u Unread) String() string {
	text := "list " + string(u.Resource)
	if u.Namespace != "" {
		text += " in " + u.Namespace
	}
	if u.Status.Phase == store.Live {
		return text + ": outside of what is looked at"
	}
	return text + ": " + u.Status.Phase.String()
}

// tracer walks a way and notes what it meets.
type tracer struct {
	*Graph
	Trace
	by       int  // of Hops: what declares the way, and names what comes after it
	counted  bool // the last break is the first
	suspects bool // Broken is a hop that may lead nowhere
	idle     bool // Broken is a hop that is scaled to zero
	warned   string
	missed   string
	topics   []topic
	later    int64  // when the verdict may be another one, seconds since 1970
	pod      string // the only pod of the way that is asked for, "" for all
	listed   bool   // only the Route is asked for
}

func (t *tracer) depend(r Resource, namespace, name string) {
	t.topics = append(t.topics, topic{r, namespace, name})
}

func (t *tracer) at(when int64) {
	if when > t.now && (t.later == 0 || when < t.later) {
		t.later = when
	}
}

// hop adds one that leads on.
func (t *tracer) hop(ref kube.Ref, detail string, evidence ...Evidence) {
	t.Hops = append(t.Hops, Hop{Ref: ref, Detail: detail, Evidence: evidence})
}

// last returns the hop that was added last.
func (t *tracer) last() *Hop { return &t.Hops[len(t.Hops)-1] }

// breaks marks the last hop as one that leads no further. The first one counts.
func (t *tracer) breaks(cause string, fix *Fix) { t.breaksAt(len(t.Hops)-1, cause, fix) }

// breaksAt marks a hop as one that leads no further.
func (t *tracer) breaksAt(hop int, cause string, fix *Fix) {
	t.Hops[hop].Verdict = Breaks
	if t.Broken < 0 || t.suspects {
		t.Broken, t.Cause, t.Fix, t.Nearest, t.suspects = hop, cause, fix, "", false
		t.counted = true
		return
	}
	t.counted = false
}

// meant tells what was probably meant, of the break that was noted last.
func (t *tracer) meant(what string) {
	if t.counted {
		t.Nearest = what
	}
}

// doubts marks the last hop as one that may lead no further.
func (t *tracer) doubts(cause string, fix *Fix) {
	if t.counted = t.Broken < 0; t.counted {
		t.breaks(cause, fix)
		t.suspects = true
	}
	t.last().Verdict = Suspect
}

// warn says that something of the last hop is not as it should be.
func (t *tracer) warn(why string) {
	if t.last().Verdict == Leads {
		t.last().Verdict = Suspect
	}
	if t.warned == "" {
		t.warned = why
	}
}

// untold says that the last hop could not be judged for want of a resource.
func (t *tracer) untold(r Resource, namespace string) {
	if t.last().Verdict == Leads {
		t.last().Verdict = Untold
	}
	t.miss(r, namespace)
}

func (t *tracer) miss(r Resource, namespace string) {
	if t.kindIsGlobal(r) {
		namespace = ""
	}
	u := Unread{Resource: r, Namespace: namespace, Status: t.read[r]}
	for _, have := range t.NotRead {
		if have.Resource == u.Resource && have.Namespace == u.Namespace {
			return
		}
	}
	t.NotRead = append(t.NotRead, u)
	if t.missed == "" {
		t.missed = "could not " + u.String()
	}
}

func (t *tracer) kindIsGlobal(r Resource) bool {
	return r == IngressClasses || r == GatewayClasses || r == Gateways || r == ReferenceGrants || r == Namespaces
}

// sees reports whether all objects of a resource in a namespace are known.
func (t *tracer) sees(r Resource, namespace string) bool {
	return t.Knows(r) && (t.Within == "" || t.kindIsGlobal(r) || namespace == t.Within)
}

// end says how it stands.
func (t *tracer) end() *Trace {
	switch {
	case t.Broken >= 0 && t.idle:
		t.State = Idle
	case t.Broken >= 0 && t.suspects:
		t.State = Doubtful
	case t.Broken >= 0:
		t.State = Broken
	case len(t.NotRead) > 0:
		t.State, t.Cause = Unknown, t.missed
	case slices.ContainsFunc(t.Hops, func(h Hop) bool { return h.Verdict == Untested }):
		t.State, t.Cause = Unknown, t.warned
	case t.warned != "":
		t.State, t.Cause = Degraded, t.warned
	default:
		t.State = Reachable
	}
	t.Mendable = t.Fix != nil
	return &t.Trace
}

// plural returns "1 pod", "2 pods".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}
