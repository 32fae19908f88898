package probe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube/forward"
)

// Scheme is what is spoken on a port.
type Scheme string

// The schemes.
const (
	HTTP  Scheme = "http"
	HTTPS Scheme = "https"
	TCP   Scheme = "tcp" // a connection, and nothing is said
)

// schemeOf returns what the ports on the way to a connection are for: what the
// service says counts before what the pod does.
func schemeOf(c *forward.Conn) Scheme {
	name := ""
	for _, container := range c.Pod.Spec.Containers {
		for _, p := range container.Ports {
			if int(p.ContainerPort) == c.Port {
				name = p.Name
			}
		}
	}
	own := Guess(name, "", int32(c.Port)) //nolint:gosec // ports are less
	if c.Service == nil {
		return own
	}
	protocol := ""
	if c.Service.AppProtocol != nil {
		protocol = *c.Service.AppProtocol
	}
	if s := Guess(c.Service.Name, protocol, c.Service.Port); s != TCP || protocol != "" {
		return s
	}
	return own
}

// Guess returns what a port is for as far as its protocol, its name and its
// number tell, in this order: TCP where they do not.
func Guess(name, appProtocol string, number int32) Scheme {
	switch protocol := strings.ToLower(appProtocol); protocol {
	case "":
	case "http", "https":
		return Scheme(protocol)
	case "kubernetes.io/ws":
		return HTTP
	case "kubernetes.io/wss":
		return HTTPS
	default:
		return TCP // something else, such as HTTP/2 without TLS, which this does not speak
	}
	words := strings.Split(strings.ToLower(name), "-")
	switch first, last := words[0], words[len(words)-1]; {
	case slices.Contains([]string{"tcp", "tls", "grpc", "grpcs", "h2c", "http2"}, first):
		return TCP
	case first == "https", last == "https":
		return HTTPS
	case first == "http", first == "web", last == "http":
		if number == 443 || number == 8443 {
			return HTTPS
		}
		return HTTP
	}
	switch number {
	case 80, 8000, 8080:
		return HTTP
	case 443, 8443:
		return HTTPS
	}
	return TCP
}

// Parse reads what to probe as somebody types it: [SCHEME:][PORT][/PATH], such as
// "", "8080", "http/healthz", "https:8443", "tcp:5432".
func Parse(text string) (scheme Scheme, port, path string, err error) {
	rest := strings.TrimSpace(text)
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, path = rest[:i], rest[i:]
	}
	if before, after, ok := strings.Cut(rest, ":"); ok {
		scheme, rest = Scheme(strings.ToLower(before)), after
		if scheme != HTTP && scheme != HTTPS && scheme != TCP {
			return "", "", "", fmt.Errorf("%q is nothing that a probe speaks: type http, https or tcp before the colon", before)
		}
	}
	if n, err := strconv.Atoi(rest); err == nil && (n < 1 || n > 65535) {
		return "", "", "", fmt.Errorf("%q is no port: they go from 1 to 65535", rest)
	}
	switch {
	case strings.ContainsAny(rest, ": "):
		return "", "", "", fmt.Errorf("%q is no port: type one such as 8080 or http", rest)
	case scheme == TCP && path != "":
		return "", "", "", fmt.Errorf("tcp asks for no path: leave %s away, or type http before the colon", path)
	case strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "", "", "", fmt.Errorf("%q is no path: it has a blank in it", path)
	}
	return scheme, rest, path, nil
}
