package triage

import (
	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// signingGrace is how long a certificate may be waited for, in seconds.
const signingGrace = 600

// signingRequest finds certificate signing requests that nobody approves, that
// failed or were denied; see
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/.
// A kubelet asks again and again: those that wait for the same signer are one
// incident, that of the oldest.
func signingRequest() Rule {
	return rule(Rule{ID: "signing-request", On: SigningRequests, Checks: "certificate signing requests are answered", Depth: Cause},
		func(c *Cluster, r *object.SigningRequest) *Finding {
			if r.Deleted != 0 || r.Issued {
				return nil
			}
			on := c.Ref(SigningRequests, &r.Meta)
			f := &Finding{Severity: Warn, Since: r.Created, Home: c.firstLike(r)}
			show := Action{Do: ShowYAML, On: on, Words: "shows what " + on.String() + " asks for"}
			f.Actions = []Action{show}
			switch r.State {
			case "Denied":
				f.Severity, f.What, f.Why = Info, "certificate request denied", r.Message
			case "Failed":
				f.What, f.Why = "certificate request failed", r.Message
			case "Approved":
				if !c.Lasted(max(r.Since, r.Created), signingGrace) {
					return nil
				}
				f.What, f.Why, f.Since = "approved certificate is not issued", "signer "+r.Signer+" has not answered", max(r.Since, r.Created)
			default:
				if !c.Lasted(r.Created, signingGrace) {
					return nil
				}
				f.What, f.Why = "certificate request waits for approval", r.Signer+" asked for by "+r.By
			}
			text, where := r.State, " status.conditions["+r.State+"]"
			if r.State == "" {
				text, where = "nobody has approved or denied it", " status.conditions"
			} else if r.Message != "" {
				text += ": " + r.Message
			}
			f.Evidence = []Evidence{{Text: text, Source: FromCondition, Where: on.String() + where, On: on, At: r.Since}}
			return f
		})
}

// firstLike returns the oldest request for the same signer that stands as r does.
func (c *Cluster) firstLike(r *object.SigningRequest) kube.Ref {
	c.Depends(SigningRequests, "")
	first := r
	for o := range In[*object.SigningRequest](c, SigningRequests, "") {
		if o.Signer != r.Signer || o.State != r.State || o.Issued || o.Deleted != 0 {
			continue
		}
		if o.Created < first.Created || o.Created == first.Created && o.Name < first.Name {
			first = o
		}
	}
	return c.Ref(SigningRequests, &first.Meta)
}
