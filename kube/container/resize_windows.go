package container

import "time"

// resized returns a channel that is sent to when the terminal may have another
// size. Windows says so among the keys, which belong to the other side, so that
// it has to be asked.
func resized() (changed <-chan time.Time, stop func()) {
	t := time.NewTicker(250 * time.Millisecond)
	return t.C, t.Stop
}
