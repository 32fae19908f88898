package uitest

import (
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
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

// Golden compares text, without blanks at the ends of lines and without escape
// sequences, to testdata/<name of the test>.golden. Running the tests with
// -update writes that file instead.
func Golden(t testing.TB, text string) {
	t.Helper()
	golden.RequireEqual(t, trim(ansi.Strip(text))+"\n")
}
