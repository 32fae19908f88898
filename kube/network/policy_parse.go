package network

import (
	"fmt"
	"net/netip"
	"strings"

	"quarterdeck/kube/sanitize"
)

// ParseEnd reads one end of a connection as somebody types it: NAMESPACE/POD, a
// POD in a namespace, "" for none, or an address.
func ParseEnd(text, namespace string) (End, error) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return End{Address: a}, nil
	}
	in, name, ok := strings.Cut(text, "/")
	if !ok {
		in, name = namespace, text
	}
	switch {
	case in == "" && !ok && name != "":
		return End{}, fmt.Errorf("%q names no namespace, and none is chosen either: type NAMESPACE/POD", sanitize.Line(text))
	case in == "" || name == "" || strings.ContainsAny(name, "/: "):
		return End{}, fmt.Errorf("%q is no pod: type it as NAMESPACE/POD, or an address", sanitize.Line(text))
	}
	return End{Namespace: in, Pod: name}, nil
}

// ParsePort reads an end with the port of a connection behind it, and after a slash
// its protocol: NAMESPACE/POD:PORT/UDP, or the same with an address. The end is for
// ParseEnd.
func ParsePort(text string) (end, port, protocol string, err error) {
	end, port, ok := cutPort(text)
	port, protocol, named := strings.Cut(port, "/")
	protocol = strings.ToUpper(protocol)
	switch {
	case !ok || port == "":
		return "", "", "", fmt.Errorf("%q has no port: type it as NAMESPACE/POD:PORT, such as shop/cart-0:8080", sanitize.Line(text))
	case named && protocol != "TCP" && protocol != "UDP" && protocol != "SCTP":
		return "", "", "", fmt.Errorf("%q is no protocol that network policies know: type TCP, UDP or SCTP", sanitize.Line(protocol))
	}
	return end, port, protocol, nil
}

// cutPort splits at the colon before the port, which is none of those of an IPv6
// address: that stands in brackets.
func cutPort(text string) (head, port string, ok bool) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || i < strings.LastIndexByte(text, ']') {
		return text, "", false
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}
