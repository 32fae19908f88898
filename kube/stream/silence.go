package stream

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
)

// ErrSilent is why a connection was given up whose server answers nothing.
var ErrSilent = errors.New("the API server stopped answering")

// How often a server is asked that was not heard of, and after how long
// without an answer a connection through it is given up: so that it is told
// within 15 s, the way to the screen included. The libraries notice a server
// that accepts everything and says nothing after a minute, or never.
const (
	askEvery   = 5 * time.Second
	askTimeout = 5 * time.Second
	giveUp     = 14 * time.Second
)

// UntilSilent returns a context that ends with the cause ErrSilent when the
// server is not heard of for 14 s: neither by heard, which returns when the
// connection last brought anything, nor by an answer to a question asked beside
// it. cancel frees what it takes.
func UntilSilent(ctx context.Context, c *kube.Client, heard func() time.Time) (_ context.Context, cancel context.CancelFunc) {
	return untilSilent(ctx, func(ctx context.Context) error {
		_, err := c.ServerVersion(ctx)
		return err
	}, heard)
}

func untilSilent(ctx context.Context, ask func(context.Context) error, heard func() time.Time) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer utilruntime.HandleCrash()
		defer close(done)
		next := time.NewTimer(askEvery)
		defer next.Stop()
		last := time.Now() // when the server was last heard of
		for {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
			}
			if at := heard(); at.After(last) {
				last = at
			}
			silent := time.Since(last)
			if silent >= giveUp {
				end(ErrSilent)
				return
			}
			wait := askEvery - silent // it may have been heard of since we began to wait
			if wait <= 0 {
				asked := time.Now()
				question, stop := context.WithTimeout(ctx, min(askTimeout, giveUp-silent))
				if answered(ask(question)) {
					last = time.Now()
				}
				stop()
				wait = min(time.Until(last.Add(giveUp)), askEvery-time.Since(asked))
			}
			next.Reset(wait)
		}
	}()
	return ctx, func() {
		end(context.Canceled)
		<-done
	}
}

// answered reports whether err is a server's word, whatever it says.
func answered(err error) bool {
	var status apierrors.APIStatus
	return err == nil || errors.As(err, &status)
}
