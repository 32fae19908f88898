package uitest

import (
	"testing"
	"time"
)

// await waits until done is closed; what says for what in a failure.
func await(t testing.TB, s *Screen, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(Deadline):
		t.Fatalf("waited %s for %s; the screen is:\n%s", Deadline, what, s.Text())
	}
}
