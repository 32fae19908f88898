package network

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube/object"
	similar "quarterdeck/nearest"
)

// closest returns the position of the word that is most like another one, 0 if
// none is like it at all.
func closest(to string, list []string) int {
	return max(0, similar.Index(len(to)+len(list[0]), to, list))
}

// judgeIngress traces every backend of an ingress.
func (g *Graph) judgeIngress(i *object.Ingress, trace func(start func(*tracer))) {
	for n := range i.Backends {
		trace(func(t *tracer) { t.ingress(i, &i.Backends[n]) })
	}
}

func (t *tracer) ingress(i *object.Ingress, b *object.IngressBackend) {
	t.From = t.ref(Ingresses, i.Namespace, i.Name)
	t.By, t.Host, t.Path = t.From, b.Host, strings.TrimPrefix(b.Path, b.Host)
	at := slices.IndexFunc(i.TLS, func(s object.IngressTLS) bool { return shows(&s, b.Host) })
	scheme := "http://"
	if at >= 0 {
		t.Secure, scheme = true, "https://"
	}
	if host := t.Host; host != "" {
		t.url = scheme + host + t.Path
	} else if i.Address != "" {
		first, _, _ := strings.Cut(i.Address, ",")
		t.url = scheme + first + t.Path
	}
	t.class(i)
	detail := "rule " + b.Path
	if b.Path == "" {
		detail = "all paths"
		if b.Rule < 0 {
			detail = "the default backend"
		}
	}
	if i.Served {
		detail += ", at " + i.Address
	}
	t.hop(t.From, detail)
	if i.Deleted != 0 {
		t.warn(t.From.String() + " is being deleted")
	} else if !i.Served {
		t.warn("no controller has given " + t.From.String() + " an address")
	}
	t.by = len(t.Hops) - 1
	if at >= 0 && i.TLS[at].Secret != "" {
		t.secretOf(t.From, i.Namespace, i.TLS[at].Secret, b.Host, []string{"spec", "tls", strconv.Itoa(at), "secretName"})
	}
	to := []string{"spec", "defaultBackend", "service"}
	if b.Rule >= 0 {
		to = []string{"spec", "rules", strconv.Itoa(int(b.Rule)), "http", "paths", strconv.Itoa(int(b.At)), "backend", "service"}
	}
	port := append(slices.Clone(to), "port", "number")
	if b.Port != "" {
		port[len(port)-1] = "name"
	}
	if s, n := t.serviceNamed(i.Namespace, b.Service, b.Port, b.Number, append(slices.Clone(to), "name"), port); s != nil {
		t.service(s, n)
	}
}

// class adds the class of an ingress, and with it its controller.
func (t *tracer) class(i *object.Ingress) {
	on := t.From
	if i.Legacy {
		t.hop(t.ref(IngressClasses, "", i.Class), "named by an annotation: need not be an object",
			Evidence{"kubernetes.io/ingress.class " + i.Class, on.String() + " metadata.annotations"})
		return
	}
	t.depend(IngressClasses, "", i.Class)
	if !t.sees(IngressClasses, "") {
		t.hop(t.ref(IngressClasses, "", i.Class), "not read")
		t.untold(IngressClasses, "")
		return
	}
	t.depend(IngressClasses, "", "")
	var list []string
	for _, c := range t.classes[""] {
		if c.Name == i.Class || i.Class == "" && c.Default {
			t.hop(t.ref(IngressClasses, "", c.Name), "of controller "+c.Controller)
			return
		}
		list = append(list, c.Name)
	}
	slices.Sort(list)
	path := []string{"spec", "ingressClassName"}
	t.hop(t.ref(IngressClasses, "", i.Class), "does not exist",
		Evidence{fmt.Sprintf("class %q of %s", i.Class, listOr(list, "none")), on.String() + " " + field(path)})
	if i.Class == "" {
		if t.last().Detail = "none, and there is no default"; i.Served {
			return // some controller takes it all the same
		}
		var fix *Fix
		if len(list) == 1 {
			fix = edit(on, nil, list[0], path...)
		}
		t.breaks(on.String()+" names no class and there is no default", fix)
		if fix != nil {
			t.meant("ingressclass/" + list[0])
		}
		return
	}
	var fix *Fix
	n := similar.Index(len(i.Class)/3+1, i.Class, list)
	if n < 0 && len(list) == 1 {
		n = 0
	}
	if n >= 0 {
		fix = edit(on, i.Class, list[n], path...)
	}
	t.breaks("there is no ingress class "+i.Class+similar.Hint(i.Class, list), fix)
	if n >= 0 {
		t.meant("ingressclass/" + list[n])
	}
}

// shows reports whether a certificate is for a host of an ingress.
func shows(s *object.IngressTLS, host string) bool {
	if len(s.Hosts) == 0 {
		return true
	}
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(s.Hosts, func(h string) bool { return h == host || parent != "" && h == "*."+parent })
}
