package network

import (
	"slices"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// secretOf adds the certificate that is shown for a host by a hop, whose field
// names it.
func (t *tracer) secretOf(by kube.Ref, namespace, name, host string, fixName []string) {
	ref := t.ref(Secrets, namespace, name)
	t.depend(Secrets, namespace, name)
	cert := t.secrets[namespace][name]
	switch {
	case cert == nil && !t.sees(Secrets, namespace):
		t.hop(ref, "not read")
		t.untold(Secrets, namespace)
		return
	case cert == nil:
		t.depend(Secrets, namespace, "")
		t.hop(ref, "there is no TLS secret of this name", Evidence{by.String() + " names secret " + name, by.String() + " " + field(fixName)})
		t.breaks("there is no TLS secret "+name+" in "+namespace, nil)
		t.otherSecret(by, namespace, name, host, fixName)
		return
	case cert.Broken != "":
		t.hop(ref, cert.Broken, Evidence{cert.Broken, ref.String() + " data[tls.crt]"})
		t.breaks("the certificate of "+ref.String()+" cannot be used: "+cert.Broken, nil)
		t.otherSecret(by, namespace, name, host, fixName)
		return
	}
	if t.Expires == 0 || cert.Until < t.Expires {
		t.Expires = cert.Until
	}
	until := time.Unix(cert.Until, 0).UTC().Format("2006-01-02 15:04 MST")
	t.hop(ref, "for "+listOr(cert.Names, "no host")+", until "+until, Evidence{"valid until " + until + " for " + listOr(cert.Names, "no host"), ref.String() + " data[tls.crt]"})
	switch {
	case cert.Until <= t.now:
		t.breaks("the certificate of "+ref.String()+" has expired: it was valid until "+until, nil)
		t.otherSecret(by, namespace, name, host, fixName)
		return
	case cert.From > t.now:
		t.at(cert.From)
		t.breaks("the certificate of "+ref.String()+" is not valid before "+time.Unix(cert.From, 0).UTC().Format("2006-01-02 15:04 MST"), nil)
		t.otherSecret(by, namespace, name, host, fixName)
		return
	case host != "" && !cert.Covers(host):
		t.breaks("the certificate of "+ref.String()+" is for "+listOr(cert.Names, "no host")+" and not "+host, nil)
		t.otherSecret(by, namespace, name, host, fixName)
		return
	}
	t.at(cert.Until)
	warn := cert.Until - expiryWarning(cert)
	if t.at(warn); warn <= t.now {
		t.warn("the certificate of " + ref.String() + " expires " + until)
	}
}

// expiryWarning returns how long before its end a certificate should have been
// renewed, in seconds: 14 days, or a quarter of a short life.
func expiryWarning(c *object.Certificate) int64 { return min(14*day, (c.Until-c.From)/4) }

// otherSecret finds a certificate to show instead of the one of the last hop,
// which is of no use: the one with the name most like it of those that are valid
// for the host.
func (t *tracer) otherSecret(by kube.Ref, namespace, name, host string, fixName []string) {
	if !t.counted {
		return
	}
	t.depend(Secrets, namespace, "")
	var list []string
	for _, c := range t.secrets[namespace] {
		if c.Name != name && c.Broken == "" && c.From <= t.now && t.now < c.Until && (host == "" || c.Covers(host)) {
			list = append(list, c.Name)
		}
	}
	if len(list) == 0 {
		return
	}
	slices.Sort(list)
	best := list[closest(name, list)]
	t.Nearest = "secret/" + best
	t.Fix = edit(by, name, best, fixName...)
}
