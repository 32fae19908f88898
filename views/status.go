package views

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
	"quarterdeck/kube/stream"
	"quarterdeck/kube/triage"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// header returns what the header says of the session.
func (s *Session) header() ui.Header {
	style := s.Settings.Context(s.Client.Context)
	h := ui.Header{Context: sanitize.Line(s.Client.Context), Tone: style.Tone, Scope: sanitize.Line(s.Scope())}
	if h.Context == "" {
		h.Context = "in-cluster"
	}
	if style.Protected {
		h.Tone = theme.Protected
	}
	if s.Client.Guard != nil {
		_, h.ReadOnly = s.Client.Guard.ReadOnly()
	}
	h.Alarm, h.AlarmTone = s.alarm()
	return h
}

// alarm says how many incidents there are, "" where nobody looks for them or
// nothing is known yet.
func (s *Session) alarm() (string, theme.Tone) {
	w := s.watched()
	if w == nil {
		return "", theme.Muted
	}
	r := w.report.Load()
	if r == nil {
		return "", theme.Muted
	}
	n := map[triage.Severity]int{}
	for _, i := range r.Incidents {
		if !s.dismissals.has(s, i) {
			n[i.Severity]++
		}
	}
	switch {
	case n[triage.Crit] > 0 && n[triage.Warn] > 0:
		return fmt.Sprintf("%d crit %d warn", n[triage.Crit], n[triage.Warn]), theme.Error
	case n[triage.Crit] > 0:
		return fmt.Sprintf("%d crit", n[triage.Crit]), theme.Error
	case n[triage.Warn] > 0:
		return fmt.Sprintf("%d warn", n[triage.Warn]), theme.Warn
	case r.Loading || len(r.Checked) == 0:
		return "", theme.Muted
	case !r.Complete():
		return "0 crit, partial", theme.Muted
	}
	return "0 crit", theme.Muted
}

// describe puts the state of a store into a header. doing says what the store
// does, "list pods", for the sentence about what went wrong.
func (s *Session) describe(h *ui.Header, st store.Status, doing string, at place) {
	glyphs := &s.Theme.Glyphs
	age := field.Age(int64(s.Now().Sub(st.Since).Seconds()))
	switch st.Phase {
	case store.Syncing:
		h.StateTone = theme.Busy
		h.State = glyphs.Off + " loading " + thousands(st.Loaded)
		if st.Total > 0 {
			h.State += "/" + thousands(st.Total)
		}
	case store.Live:
		h.StateTone, h.State = theme.OK, glyphs.On+" live"
	case store.Stale:
		h.StateTone, h.State = theme.Error, glyphs.Off+" stale "+age
	case store.Forbidden:
		h.StateTone, h.State = theme.Error, glyphs.Off+" forbidden"
	case store.Partial:
		h.StateTone, h.State = theme.Warn, glyphs.On
	case store.Failed:
		h.StateTone, h.State = theme.Error, glyphs.Off+" no answer "+age
	}
	var partial *partialError
	several := errors.As(st.Err, &partial)
	if st.Phase == store.Partial && !several {
		h.State += " partial"
	}
	if st.Err == nil {
		return
	}
	if !several {
		h.Problem = s.explain(st.Err, doing, at) + s.remedy(st.Err)
		return
	}
	if partial.lost != nil {
		h.State += " " + glyphs.Separator
		h.Problem = s.explain(partial.lost, doing, at) + s.remedy(partial.lost) + "; "
	}
	h.State += fmt.Sprintf(" partial: %d of %d", partial.of-len(partial.refused), partial.of)
	h.Problem += partial.missing() + s.remedy(partial.refusal)
}

// joinStatus makes one status of several: what is not there yet, is stale or
// may not be read makes the whole so. Stale comes before everything, since that
// is of what is shown. names are those of the resources.
func joinStatus(statuses []store.Status, names []string) store.Status {
	joined := store.Status{Phase: store.Live}
	partial := &partialError{of: len(statuses)}
	badness := map[store.Phase]int{store.Live: 0, store.Partial: 1, store.Syncing: 2, store.Failed: 3, store.Stale: 4}
	for i, st := range statuses {
		joined.Loaded += st.Loaded
		joined.Total += max(st.Total, st.Loaded)
		if st.Phase == store.Forbidden {
			if partial.refused = append(partial.refused, names[i]); partial.refusal == nil {
				partial.refusal = st.Err
			}
			continue
		}
		worse := badness[st.Phase] - badness[joined.Phase]
		if worse > 0 || joined.Since.IsZero() || (worse == 0 && st.Since.Before(joined.Since)) {
			joined.Phase, joined.Since, joined.Err = st.Phase, st.Since, st.Err
		}
	}
	switch refused := len(partial.refused); {
	case refused == 0:
	case refused == len(statuses):
		joined.Phase, joined.Since, joined.Err = store.Forbidden, statuses[0].Since, partial.refusal
	case joined.Phase == store.Live, joined.Phase == store.Partial:
		joined.Phase, joined.Err = store.Partial, partial
	case joined.Phase == store.Stale:
		partial.lost = joined.Err
		joined.Err = partial
	}
	return joined
}

// joinStatuses joins statuses by the names of their resources, in the order of those.
func joinStatuses[R ~string](all map[R]store.Status) store.Status {
	statuses, names := make([]store.Status, 0, len(all)), make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		statuses, names = append(statuses, all[name]), append(names, string(name))
	}
	return joinStatus(statuses, names)
}

// unlessPending takes what is read, and not yet what is shown, for loading: more
// rows come, above others too.
func unlessPending(st store.Status, pending bool) store.Status {
	if pending && (st.Phase == store.Live || st.Phase == store.Partial) {
		st.Phase, st.Err = store.Syncing, nil
	}
	return st
}

// partialError says that some of several lists may not be read.
type partialError struct {
	refused []string
	of      int
	refusal error // the first
	lost    error // why others are stale, nil if none is
}

func (e *partialError) missing() string {
	return fmt.Sprintf("%d of %d lists are missing: you may not list %s", len(e.refused), e.of, strings.Join(e.refused, ", "))
}

func (e *partialError) Error() string {
	if e.lost != nil {
		return e.lost.Error() + "; " + e.missing()
	}
	return e.missing()
}

func (e *partialError) Unwrap() error { return e.refusal }

// missing returns of a joined status' error what may not be read, nil if
// everything may: what else it says is of no concern to who looks only once.
func missing(err error) error {
	var partial *partialError
	if !errors.As(err, &partial) {
		return nil
	}
	return &partialError{refused: partial.refused, of: partial.of, refusal: partial.refusal}
}

// remedy names the key that helps where credentials are the trouble.
func (s *Session) remedy(err error) string {
	switch {
	case !apierrors.IsUnauthorized(err) && !isPluginError(err):
		return ""
	case s.Client.HasPlugin():
		return ", with " + s.Keys.Label(keymap.ContextLogin)
	}
	return ", then press " + s.Keys.Label(keymap.AppRefresh)
}

// isPluginError reports whether a credential plugin gave no credentials.
func isPluginError(err error) bool { return strings.Contains(err.Error(), "getting credentials: ") }

// explain turns an error of the API into one sentence: what, where, why, what
// to do. doing is "list pods".
func (s *Session) explain(err error, doing string, at place) string {
	var partial *partialError
	if errors.As(err, &partial) {
		return partial.Error()
	}
	var blocked *guard.Blocked
	where, instead := at.words()
	switch {
	case errors.Is(err, guard.ErrReadOnly), errors.As(err, &blocked):
		return sanitize.Line(err.Error())
	case apierrors.IsForbidden(err):
		doing = refused(err, doing)
		return fmt.Sprintf("you (%s) may not %s %s: ask for that right%s", s.user(err), doing, where, instead)
	case apierrors.IsUnauthorized(err):
		return fmt.Sprintf("the server does not accept your credentials any more (user %s): log in again", s.Client.User)
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("cannot %s %s: the server does not have it (any more)", doing, where)
	case apierrors.IsTooManyRequests(err):
		return fmt.Sprintf("cannot %s %s: the server asks to slow down; trying again", doing, where)
	}
	return fmt.Sprintf("cannot %s %s: %s", doing, where, Cause(err))
}

// place is where something was asked for: a namespace, all of them (""), or the
// cluster, for kinds that are in no namespace.
type place string

const clusterScope place = "/" // which is no name of a namespace

func placeOf(ref kube.Ref) place {
	if ref.Namespace == "" {
		return clusterScope
	}
	return place(ref.Namespace)
}

// words returns the place in a sentence, and where else one might be allowed to
// do the same.
func (at place) words() (where, instead string) {
	switch at {
	case clusterScope:
		return "in the cluster", ""
	case "":
		return "in the cluster", ", or choose one namespace"
	}
	return "in namespace " + string(at), ", or choose another namespace"
}

// refused names the verb and the resource that the server refused, which a
// view that reads several resources does not know; doing if it does not say.
func refused(err error, doing string) string {
	_, rest, ok := strings.Cut(err.Error(), " cannot ")
	if !ok {
		return doing
	}
	verb, rest, ok := strings.Cut(rest, ` resource "`)
	if !ok {
		return doing
	}
	resource, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return doing
	}
	return sanitize.Line(verb + " " + resource)
}

// user returns who the server takes the user for, from its own words.
func (s *Session) user(err error) string {
	if _, rest, ok := strings.Cut(err.Error(), `User "`); ok {
		if name, _, ok := strings.Cut(rest, `"`); ok {
			return sanitize.Line(name)
		}
	}
	return s.Client.User
}

// Cause returns why a call failed, without the URLs and wrappers around it, and
// what to do where that is clear.
func Cause(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var u *url.Error
	server := "the server"
	if errors.As(err, &u) {
		if parsed, perr := url.Parse(u.URL); perr == nil {
			server = "the server " + parsed.Host
		}
	}
	text := sanitize.Line(err.Error())
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be resolved: check the network and the VPN", dns.Name)
	case strings.Contains(text, "certificate") && strings.Contains(text, "x509"):
		_, why, _ := strings.Cut(text, "x509: ")
		return fmt.Sprintf("%s shows a certificate that is not trusted (%s): check certificate-authority in the kubeconfig", server, why)
	case strings.Contains(text, "connection refused"):
		return server + " refuses the connection: check that it runs, and the address in the kubeconfig"
	case isPluginError(err):
		_, why, _ := strings.Cut(text, "getting credentials: ")
		return "the credential plugin failed (" + why + "): log in with it"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, stream.ErrSilent), strings.Contains(text, "Client.Timeout"), strings.Contains(text, "i/o timeout"), strings.Contains(text, "TLS handshake timeout"):
		return server + " does not answer: check the network and the VPN"
	case errors.As(err, &op):
		return fmt.Sprintf("no connection to %s (%s)", server, op.Err)
	case errors.As(err, &u):
		return fmt.Sprintf("no connection to %s (%s)", server, sanitize.Line(u.Err.Error()))
	}
	return text
}

// shortTime is how an instant is written out in full.
func shortTime(sec int64) string { return time.Unix(sec, 0).Local().Format("2006-01-02 15:04:05") }
