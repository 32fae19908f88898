package store

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptrace"
	"os"
	"strconv"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
)

// A watch may be silent for hours, and so may a dead connection. HTTP/2 tells
// them apart by pings. HTTP/1.1, which some proxies speak and which some
// gateways force, cannot. There the server is asked to end a watch soon, and
// the next goes on from the version it came to, on the same connection: one
// small request, which shows at once that changes still get through.
// Together these times stay below 15 s.
const (
	// How long a watch lasts where there are no pings.
	shortWatch = 9 * time.Second
	// So long after its end, or after its last event, it is given up.
	overdue = time.Second
	// An answer that takes longer makes what is shown stale.
	lateTime = 4 * time.Second
)

// stream sends a request and returns the body of the answer, of which the
// headers have come. Where there are no pings, it tells the subscribers if they
// are late, and goes on waiting.
func (r *reflector[T]) stream(ctx context.Context, req *rest.Request) (io.ReadCloser, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { r.pings.Store(isHTTP2(info.Conn)) },
	})
	if r.pings.Load() || !r.store.synced() { // in a first list nobody takes the rows for all
		return req.Stream(ctx)
	}
	answered, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer utilruntime.HandleCrash()
		defer close(done)
		select {
		case <-time.After(lateTime):
			r.fail(noAnswer(lateTime))
		case <-answered:
		}
	}()
	body, err := req.Stream(ctx)
	close(answered)
	<-done // what the caller says of the answer comes later
	return body, err
}

// pingSilence returns how long HTTP/2 hears nothing before it takes a connection
// for dead: it waits for a frame, and then for the answer to a ping. client-go
// reads these variables too (k8s.io/apimachinery/pkg/util/net, http.go).
func pingSilence() time.Duration {
	var all time.Duration
	for name, seconds := range map[string]int{"HTTP2_READ_IDLE_TIMEOUT_SECONDS": 30, "HTTP2_PING_TIMEOUT_SECONDS": 15} {
		if set, err := strconv.Atoi(os.Getenv(name)); err == nil {
			seconds = set
		}
		all += time.Duration(seconds) * time.Second
	}
	return all
}

// noAnswer is the error of a server that says nothing.
func noAnswer(within time.Duration) error {
	return fmt.Errorf("the server did not answer within %s: %w", within, context.DeadlineExceeded)
}

// isHTTP2 reports whether a connection was agreed to be one of HTTP/2.
func isHTTP2(c net.Conn) bool {
	secure, ok := c.(interface{ ConnectionState() tls.ConnectionState })
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}
