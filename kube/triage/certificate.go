package triage

import (
	"fmt"
	"slices"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

const day = 24 * 60 * 60

// expiryWarning returns how long before its end a certificate should have been
// renewed, in seconds: 14 days, or a quarter of its life where that is short.
// Whoever renews short ones by themselves does it before that.
func expiryWarning(cert *object.Certificate) int64 {
	return min(14*day, (cert.Until-cert.From)/4)
}

// certificateExpiry finds certificates in TLS secrets that have expired, are
// about to, or cannot be read.
func certificateExpiry() Rule {
	return rule(Rule{ID: "certificate-expiry", On: Secrets, Checks: "TLS certificates are valid for another 14 days", Depth: Cause},
		func(c *Cluster, s *object.Certificate) *Finding {
			if s.Deleted != 0 {
				return nil
			}
			on := c.Ref(Secrets, &s.Meta)
			f := &Finding{
				Severity: Warn,
				Actions: []Action{
					{Do: ShowEvents, On: on, Words: "shows what was reported about " + on.String() + ", such as why it was not renewed"},
				},
			}
			const data = " data[tls.crt]"
			if s.Broken != "" {
				if !c.Lasted(s.Created, certificateLater) {
					return nil
				}
				f.What, f.Why, f.Since = "certificate cannot be used", s.Broken, s.Created
				f.Evidence = []Evidence{{Text: s.Broken, Source: FromField, Where: on.String() + data, On: on}}
				return f
			}
			warn := s.Until - expiryWarning(s)
			if c.Now < warn {
				c.Later(warn)
				return nil
			}
			c.Later(c.Now + 60*60) // the words tell how long there is
			uses := c.shownBy(s)
			until := time.Unix(s.Until, 0).UTC().Format("2006-01-02 15:04 MST")
			f.Evidence = []Evidence{{Text: "valid until " + until + " for " + listOr(s.Names, "no host"), Source: FromField, Where: on.String() + data, On: on, At: s.Until}}
			for _, u := range uses {
				f.Evidence = append(f.Evidence, Evidence{Text: "shown by " + u.String(), Source: FromField, Where: u.String() + " spec.tls", On: u})
			}
			f.Why = "for " + listOr(s.Names, "no host")
			if len(uses) > 0 {
				f.Why += ", shown by " + uses[0].String()
			}
			if c.Now >= s.Until {
				f.What, f.Since = "certificate expired "+span(c.Now-s.Until)+" ago", s.Until
				if len(uses) > 0 {
					f.Severity = Crit
				}
				return f
			}
			c.Later(s.Until)
			f.What, f.Since = "certificate expires in "+span(s.Until-c.Now), warn
			if len(uses) == 0 {
				f.Severity = Info
			}
			return f
		})
}

// shownBy returns the ingresses that show a certificate.
func (c *Cluster) shownBy(s *object.Certificate) []kube.Ref {
	c.Depends(Ingresses, s.Namespace)
	var refs []kube.Ref
	for i := range In[*object.Ingress](c, Ingresses, s.Namespace) {
		if slices.ContainsFunc(i.TLS, func(t object.IngressTLS) bool { return t.Secret == s.Name }) {
			refs = append(refs, c.Ref(Ingresses, &i.Meta))
		}
	}
	return sortedRefs(refs)
}

// span writes seconds as the largest unit that says enough.
func span(seconds int64) string {
	switch {
	case seconds >= 2*day:
		return fmt.Sprintf("%d days", seconds/day)
	case seconds >= 2*60*60:
		return fmt.Sprintf("%d hours", seconds/(60*60))
	case seconds >= 2*60:
		return fmt.Sprintf("%d minutes", seconds/60)
	}
	return plural(int(seconds), "second")
}
