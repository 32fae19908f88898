package stream

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/kube"
)

// ErrSilent is why a connection was given up whose server answers nothing.
var ErrSilent = errors.New("the API server stopped answering")

// How often a server is asked that was not heard of, and after how long
// without an answer a connection through it is given up. The libraries notice
// a server that accepts everything and says nothing after a minute, or never.
const (
	askEvery   = 5 * time.Second
	giveUp     = 15 * time.Second
	askTimeout = 5 * time.Second
)

// UntilSilent returns a context that ends with the cause ErrSilent when the
// server is not heard of for 15 s: neither by heard, which returns when the
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
		defer close(done)
		tick := time.NewTicker(askEvery)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if at := heard(); at.After(last) {
				last = at
			}
			if time.Since(last) < askEvery {
				continue
			}
			question, stop := context.WithTimeout(ctx, askTimeout)
			err := ask(question)
			stop()
			switch {
			case answered(err):
				last = time.Now()
			case time.Since(last) >= giveUp:
				end(ErrSilent)
				return
			}
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
