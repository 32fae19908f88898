package probe

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube/sanitize"
)

// halfCloser is a connection whose other side can be told that nothing more is
// sent.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// headerLimit is how many bytes of headers an answer may have. Nothing of its body
// is read.
const headerLimit = 64 << 10

// request asks for a path by HTTP, and follows nothing that the answer says. What
// http.Transport does beside that, and in which order, would only blur what comes
// of the one connection.
func (a *Answer) request(ctx context.Context, conn net.Conn, q Question, began time.Time) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // upon which what reads ends
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(a.Scheme)+"://"+q.host()+cmp.Or(q.Path, "/"), http.NoBody)
	if err != nil {
		a.Words = "not asked: " + sanitize.Line(err.Error())
		return
	}
	req.Close = true
	req.Header.Set("User-Agent", "quarterdeck-probe")
	if a.Scheme == HTTPS {
		secure := tls.Client(conn, &tls.Config{
			ServerName:         serverName(q.host()),
			InsecureSkipVerify: true, //nolint:gosec // who answers is looked at, and trusted with nothing
		})
		err := secure.HandshakeContext(ctx)
		a.Certificate = newCertificate(secure.ConnectionState().PeerCertificates, q.host())
		if err != nil {
			a.unspoken(ctx, err)
			return
		}
		conn = secure
	}
	_ = req.Write(conn) // what it is worth, the answer tells
	res, err := a.read(bufio.NewReader(io.LimitReader(conn, headerLimit)), req, began)
	if err != nil {
		a.unspoken(ctx, err)
		return
	}
	a.Status, a.OK = res.StatusCode, res.StatusCode < http.StatusInternalServerError
	a.Words = sanitize.Line(strings.TrimSpace(res.Status))
	if to := res.Header.Get("Location"); to != "" && res.StatusCode/100 == 3 {
		a.Words += ", to " + sanitize.Line(to) + ", which was not followed"
	}
}

// read reads the head of the answer, after those that only say that it will come.
func (a *Answer) read(from *bufio.Reader, req *http.Request, began time.Time) (*http.Response, error) {
	if _, err := from.Peek(1); err != nil {
		return nil, err
	}
	a.FirstByte = time.Since(began)
	for {
		res, err := http.ReadResponse(from, req)
		if err != nil {
			return nil, &garbledError{err}
		}
		_ = res.Body.Close() // nothing of it is wanted
		if res.StatusCode >= http.StatusOK || res.StatusCode == http.StatusSwitchingProtocols {
			return res, nil
		}
	}
}

// garbledError is why what came cannot be read as HTTP.
type garbledError struct{ error }

func (e *garbledError) Unwrap() error { return e.error }

// unspoken notes why no answer came that could be read.
func (a *Answer) unspoken(ctx context.Context, err error) {
	var record tls.RecordHeaderError
	var garbled *garbledError
	switch {
	case ctx.Err() != nil:
		a.failed(ctx, err)
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		a.Words = "no TLS, but plain HTTP"
	case errors.As(err, &record):
		a.Words = "no TLS, but something else"
	case errors.As(err, &garbled):
		a.Words = "no HTTP, but something else: " + sanitize.Line(garbled.Error())
	case errors.Is(err, io.EOF):
		a.Words = "no answer: the connection was closed instead"
	default:
		a.failed(ctx, err)
	}
}

// serverName is the name that a certificate is asked for: that of a host, without
// its port.
func serverName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// How long a connection may be silent to be taken for one, and how much is kept
// of what it says.
const (
	quiet = 2 * time.Second
	few   = 64 // bytes
)

// listen finds out whether a connection stands. That it could be opened here says
// nothing: whether somebody takes it at the other end shows by what comes back. A
// refusal does at once; and the other end is told that nothing will be sent, upon
// which most that took the connection end it.
func (a *Answer) listen(ctx context.Context, conn halfCloser, began time.Time) {
	_ = conn.CloseWrite() // what it is worth, the answer tells
	type heard struct {
		text string
		err  error
	}
	answer := make(chan heard, 1)
	go func() {
		defer utilruntime.HandleCrash()
		buf := make([]byte, few)
		n, err := conn.Read(buf)
		answer <- heard{string(buf[:n]), err}
	}()
	silent := time.NewTimer(quiet)
	defer silent.Stop()
	select {
	case h := <-answer:
		switch {
		case h.text != "":
			a.OK, a.FirstByte = true, time.Since(began)
			first, _, _ := strings.Cut(h.text, "\n")
			a.Words = fmt.Sprintf("connected, and greeted with %q", strings.TrimSpace(sanitize.Line(first)))
		case errors.Is(h.err, io.EOF):
			a.OK, a.Words = true, "connected: nothing was sent, and the connection ended"
		default:
			a.failed(ctx, h.err)
		}
	case <-silent.C:
		a.OK = true
		a.Words = fmt.Sprintf("connected as far as can be told: nothing refused the connection within %s, and nothing was sent", quiet)
	case <-ctx.Done():
		a.failed(ctx, ctx.Err())
	}
}

// Certificate is what a server presents to prove who it is.
type Certificate struct {
	Names   []string // that it is for
	Expires time.Time
	Issuer  string
	Fits    bool // it is for the host that was asked for
}

func newCertificate(chain []*x509.Certificate, host string) *Certificate {
	if len(chain) == 0 {
		return nil
	}
	leaf := chain[0]
	c := &Certificate{Expires: leaf.NotAfter, Issuer: sanitize.Line(leaf.Issuer.String()), Fits: leaf.VerifyHostname(serverName(host)) == nil}
	for _, name := range leaf.DNSNames {
		c.Names = append(c.Names, sanitize.Line(name))
	}
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	if len(c.Names) == 0 {
		c.Names = []string{sanitize.Line(leaf.Subject.String())}
	}
	return c
}

// Words says who it is for and how long it is valid.
func (c *Certificate) Words(now time.Time) string {
	words := "for " + strings.Join(c.Names, ", ")
	if !c.Fits {
		words += ", not for the host that was asked for"
	}
	if left := c.Expires.Sub(now); left <= 0 {
		words += ", expired on " + c.Expires.UTC().Format(time.DateOnly)
	} else {
		words += fmt.Sprintf(", valid until %s, %d days", c.Expires.UTC().Format(time.DateOnly), int(left.Hours()/24))
	}
	return words + "; it was not verified"
}
