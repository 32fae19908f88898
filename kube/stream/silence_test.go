package stream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestUntilSilent(t *testing.T) {
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "version"}, "", nil)
	never := func() time.Time { return time.Time{} }
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	fail := func(context.Context) error { return errors.New("connection refused") }
	tests := []struct {
		name   string
		ask    func(context.Context) error
		heard  func() time.Time
		silent bool
	}{
		{"answers", func(context.Context) error { return nil }, never, false},
		{"refuses", func(context.Context) error { return refused }, never, false},
		{"hangs", hang, never, true},
		{"gone", fail, never, true},
		{"gone, yet the connection lives", fail, time.Now, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := untilSilent(t.Context(), tt.ask, tt.heard)
				defer cancel()
				time.Sleep(giveUp + askEvery + askTimeout) // of a clock that only tests have
				synctest.Wait()
				if got := errors.Is(context.Cause(ctx), ErrSilent); got != tt.silent {
					t.Errorf("silent %v, want %v: %v", got, tt.silent, context.Cause(ctx))
				}
			})
		})
	}
}

// However the silence falls between two questions, it is noticed in time: not
// while a question may still be answered, and not later than is promised.
func TestUntilSilentInTime(t *testing.T) {
	const promised = 15 * time.Second
	for _, fails := range []bool{false, true} {
		for into := time.Duration(0); into <= 2*askEvery; into += 130 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				ask := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
				if fails {
					ask = func(context.Context) error { return errors.New("connection refused") }
				}
				start := time.Now()
				falls := start.Add(into)
				heard := func() time.Time { // something came all the time until then
					if now := time.Now(); now.Before(falls) {
						return now
					}
					return falls
				}
				ctx, cancel := untilSilent(t.Context(), ask, heard)
				defer cancel()
				<-ctx.Done()
				if took := time.Since(falls); took < askEvery+askTimeout || took >= promised {
					t.Errorf("fails %v, silent after %v: noticed after %v", fails, into, took)
				}
			})
		}
	}
}

// An answer, however late, keeps a connection.
func TestUntilSilentSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := untilSilent(t.Context(), func(ctx context.Context) error {
			select {
			case <-time.After(askTimeout - time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, func() time.Time { return time.Time{} })
		defer cancel()
		time.Sleep(10 * time.Minute)
		if ctx.Err() != nil {
			t.Errorf("given up: %v", context.Cause(ctx))
		}
	})
}

// A connection that is given up ends at once, also while a question is open.
func TestUntilSilentCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := untilSilent(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			func() time.Time { return time.Time{} })
		time.Sleep(askEvery + time.Second)
		start := time.Now()
		cancel()
		if time.Since(start) != 0 || !errors.Is(context.Cause(ctx), context.Canceled) {
			t.Errorf("took %v, cause %v", time.Since(start), context.Cause(ctx))
		}
	})
}
