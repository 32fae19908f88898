package guard

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Rule restricts some writes. Its patterns are globs in which * stands for any
// text and ? for one character; a list without patterns is for everything, and
// a rule is for the writes that all its lists are for.
type Rule struct {
	Contexts []string // names of kubeconfig contexts
	// Namespaces are their names. What is in no namespace has the name "",
	// which only * matches; a namespace itself is in the one that it is.
	Namespaces []string
	// Kinds are resources (deployments), kinds (Deployment) or either with
	// its group (deployments.apps), in any case of letters. The resource of a
	// kind is guessed as Kubernetes does; one with an irregular plural has to
	// be named by that.
	Kinds []string
	Verbs []string // of Verbs

	Deny   bool
	Level  Level  // what the write needs at least
	Max    int    // how many objects may be changed at once; 0 is any number
	Reason string // for the user, such as "production is changed by the pipeline"
}

// Verbs returns the words for writes in rules. Those of RBAC are for objects and
// their subresources; exec, attach, portforward, proxy and evict are requests of
// their own, which create does not match although RBAC calls them so. scale and
// debug (a container put into a running pod) change a part of an object and are
// matched by update and patch too, as deletecollection is by delete.
func Verbs() []string {
	return []string{
		"create", "update", "patch", "delete", "deletecollection",
		"exec", "attach", "portforward", "proxy", "evict", "scale", "debug",
	}
}

// Call is a write to one object, or to a resource if it has no name. It has the
// form of a question about permission, so that one declaration serves both.
type Call struct {
	Verb        string // as RBAC says it
	Group       string
	Resource    string // in the plural
	Subresource string
	Namespace   string
	Name        string
}

// words returns what the call may be called in rules.
func (c Call) words() []string {
	verb := strings.ToLower(c.Verb)
	switch c.Subresource {
	case "exec", "attach", "portforward", "proxy":
		return []string{c.Subresource}
	case "eviction":
		return []string{"evict"}
	case "scale":
		return []string{"scale", verb}
	case "ephemeralcontainers":
		return []string{"debug", verb}
	}
	if c.Resource == "proxy" { // api/v1/proxy/…, of old servers
		return []string{"proxy"}
	}
	if verb == "deletecollection" {
		return []string{verb, "delete"}
	}
	return []string{verb}
}

// String describes the call after "refused to".
func (c Call) String() string {
	object := c.Resource
	if c.Name != "" {
		object += "/" + c.Name
	}
	if c.Namespace != "" && c.Resource != "namespaces" {
		object += " in " + c.Namespace
	}
	switch c.Subresource {
	case "":
	case "exec":
		return "exec into " + object
	case "attach":
		return "attach to " + object
	case "portforward":
		return "forward a port of " + object
	case "proxy":
		return "send a request through " + object
	default:
		object = c.Subresource + " of " + object
	}
	if c.Verb == "deletecollection" {
		return "delete all " + object
	}
	return c.Verb + " " + object
}

// Verdict is what a write needs.
type Verdict struct {
	Denied bool   // whatever is approved
	Level  Level  // what the user has to agree to
	Reason string // why it is denied, or needs its level

	Max       int // how many objects may be changed at once; 0 is any number
	MaxReason string
}

// allows reports whether an approval is enough for a call.
func (v Verdict) allows(c Call, a Approval) bool {
	return !v.Denied && a.Level >= v.Level && !v.tooMany(c, a)
}

// tooMany reports whether more objects are changed than may be. Who deletes all
// there are without saying how many is over any limit.
func (v Verdict) tooMany(c Call, a Approval) bool {
	return v.Max > 0 && (a.Objects > v.Max || a.Objects == 0 && c.Verb == "deletecollection")
}

// Blocked is the error for a write that was not sent because of a rule.
type Blocked struct {
	Call     Call
	Verdict  Verdict
	Approval Approval // which was not enough
}

// Error names the rule's reason and what to do.
func (e *Blocked) Error() string {
	what := "refused to " + e.Call.String() + ": "
	switch v := e.Verdict; {
	case v.Denied:
		return what + "a rule denies it" + because(v.Reason) + ": leave it, or change the rule"
	case v.tooMany(e.Call, e.Approval) && e.Approval.Objects == 0:
		return what + fmt.Sprintf("a rule allows %s at once%s: name the objects", objects(v.Max), because(v.MaxReason))
	case v.tooMany(e.Call, e.Approval):
		return what + fmt.Sprintf("a rule allows %s at once, not %d%s: take fewer at a time", objects(v.Max), e.Approval.Objects, because(v.MaxReason))
	case v.Level == Typed:
		return what + "a rule wants the name typed" + because(v.Reason) + ": type it where you are asked to"
	}
	return what + "a rule wants it confirmed" + because(e.Verdict.Reason) + ": confirm it where you are asked to"
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// rule is a Rule for the context of its guard.
type rule struct {
	namespaces, kinds, verbs patterns
	Rule
}

// SetRules makes g hold the rules that are for a kubeconfig context, instead of
// those it had.
func (g *Guard) SetRules(context string, all []Rule) {
	var rules []rule
	for _, r := range all {
		if !globs(r.Contexts).match(context) {
			continue
		}
		var kinds []string
		for _, k := range r.Kinds {
			kinds = append(kinds, resources(k)...)
		}
		verbs := make([]string, len(r.Verbs))
		for i, v := range r.Verbs {
			verbs[i] = strings.ToLower(v)
		}
		rules = append(rules, rule{namespaces: globs(r.Namespaces), kinds: globs(kinds), verbs: globs(verbs), Rule: r})
	}
	if len(rules) == 0 {
		g.rules.Store(nil)
		return
	}
	g.rules.Store(&rules)
}

// resources returns a pattern for kinds as patterns for resources: as it is, and
// in the plural, for it may be a kind.
func resources(pattern string) []string {
	pattern = strings.ToLower(pattern)
	kind, group, qualified := strings.Cut(pattern, ".")
	plural, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	if qualified {
		return []string{pattern, plural.Resource + "." + group}
	}
	return []string{pattern, plural.Resource}
}

// Judge returns what a write needs, or that it is denied, by a rule or because
// everything is read-only. It is how a dialog knows what to ask for.
func (g *Guard) Judge(c Call) Verdict {
	if reason, on := g.ReadOnly(); on {
		return Verdict{Denied: true, Reason: "read-only: " + reason}
	}
	return g.judge(c)
}

// judge returns the strictest of what the rules want.
func (g *Guard) judge(c Call) Verdict {
	rules := g.rules.Load()
	if rules == nil {
		return Verdict{}
	}
	if c.Group == "" && c.Resource == "namespaces" {
		c.Namespace = c.Name
	}
	var v Verdict
	for _, r := range *rules {
		if !r.holds(c) {
			continue
		}
		switch {
		case v.Denied:
		case r.Deny:
			v.Denied, v.Reason = true, r.Reason
		case r.Level > v.Level:
			v.Level, v.Reason = r.Level, r.Reason
		}
		if r.Max > 0 && (v.Max == 0 || r.Max < v.Max) {
			v.Max, v.MaxReason = r.Max, r.Reason
		}
	}
	return v
}

func (r rule) holds(c Call) bool {
	return r.namespaces.match(c.Namespace) &&
		(r.kinds.match(c.Resource) || r.kinds.match(c.Resource+"."+c.Group)) &&
		slices.ContainsFunc(c.words(), r.verbs.match)
}

// patterns are globs of which one must match; none match everything.
type patterns []*regexp.Regexp

func globs(list []string) patterns {
	var all patterns
	for _, glob := range list {
		expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(glob))
		all = append(all, regexp.MustCompile(`(?s)^`+expression+`$`)) // quoted, so it compiles
	}
	return all
}

func (p patterns) match(s string) bool {
	return len(p) == 0 || slices.ContainsFunc(p, func(r *regexp.Regexp) bool { return r.MatchString(s) })
}
