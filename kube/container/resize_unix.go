//go:build !windows

package container

import (
	"os"
	"os/signal"
	"syscall"
)

// resized returns a channel that is sent to when the terminal may have another
// size.
func resized() (changed <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGWINCH)
	return ch, func() { signal.Stop(ch) }
}
