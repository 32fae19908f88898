package uitest

import (
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
)

// Golden compares text, without blanks at the ends of lines and without escape
// sequences, to testdata/<name of the test>.golden. Running the tests with
// -update writes that file instead.
func Golden(t testing.TB, text string) {
	t.Helper()
	golden.RequireEqual(t, trim(ansi.Strip(text))+"\n")
}
