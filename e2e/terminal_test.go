//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube/rig"
	"quarterdeck/ui/uitest"
)

// terminal is what a scenario works with: the program on a screen, and the
// cluster behind its back. The methods that look at the screen wait until it
// shows what they say; if it never does, the scenario fails and the screen is
// printed.
type terminal struct {
	*testing.T
	screen     *uitest.Process
	api        kubernetes.Interface // as somebody who may do everything
	playground *rig.Playground
	dir        string // that the program runs in, the scenario's own
	stage      *stage
}

// await waits until ok is true of the screen.
func (t *terminal) await(what string, within time.Duration, ok func(screen string) bool) *terminal {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	end := time.After(within)
	for {
		gone := syscall.Kill(t.screen.PID(), 0) != nil // before looking, so that its last words count
		text := t.screen.Text()
		if ok(text) {
			return t
		}
		if gone {
			t.Fatalf("the program ended before the screen showed %s; it is:\n%s", what, text)
		}
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("waited %s for %s; the screen is:\n%s", within, what, text)
		}
	}
}

// soon reports whether the screen becomes ok within a moment.
func (t *terminal) soon(ok func(screen string) bool) bool {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.After(2 * time.Second); !ok(t.screen.Text()); {
		select {
		case <-look.C:
		case <-end:
			return false
		}
	}
	return true
}

// Press types keys, one after the other, or text.
func (t *terminal) Press(keys ...string) *terminal {
	t.screen.Type(keys...)
	return t
}

// Sees waits until all texts are on the screen.
func (t *terminal) Sees(texts ...string) *terminal {
	t.Helper()
	return t.within(patience, texts...)
}

// within is Sees for what has to come within a time that was promised.
func (t *terminal) within(limit time.Duration, texts ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("%q on the screen", texts), limit, func(screen string) bool { return containsAll(screen, texts) })
}

// Misses waits until none of the texts is on the screen.
func (t *terminal) Misses(texts ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("%q gone", texts), patience, func(screen string) bool {
		for _, text := range texts {
			if strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// Header waits until all texts are in the first line.
func (t *terminal) Header(texts ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("%q in the header", texts), patience, func(screen string) bool {
		first, _, _ := strings.Cut(screen, "\n")
		return containsAll(first, texts)
	})
}

// Live waits until the header says that the rows are those of the cluster.
func (t *terminal) Live() *terminal {
	t.Helper()
	return t.Header("● live")
}

// Footer waits until all texts are in the last line.
func (t *terminal) Footer(texts ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("%q in the footer", texts), patience, func(screen string) bool {
		return containsAll(screen[strings.LastIndex(screen, "\n")+1:], texts)
	})
}

// Row waits until one row has all the texts, cell by cell or as parts of one.
func (t *terminal) Row(texts ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("a row with %q", texts), patience, func(screen string) bool {
		for _, row := range rows(screen) {
			if containsAll(row, texts) {
				return true
			}
		}
		return false
	})
}

// Rows waits until the rows begin with these words, in this order, and there
// are no others.
func (t *terminal) Rows(first ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("the rows %q", first), patience, func(screen string) bool {
		shown := rows(screen)
		if len(shown) != len(first) {
			return false
		}
		for i, row := range shown {
			if strings.Fields(row)[0] != first[i] {
				return false
			}
		}
		return true
	})
}

// Cursor waits until the selected row has all the texts.
func (t *terminal) Cursor(texts ...string) *terminal {
	t.Helper()
	return t.await(fmt.Sprintf("the cursor on %q", texts), patience, func(screen string) bool {
		return containsAll(selected(screen), texts)
	})
}

// Select moves the cursor to a visible row that has all the texts, with the
// arrow keys.
func (t *terminal) Select(texts ...string) *terminal {
	t.Helper()
	t.Row(texts...)
	steps, name, pressed := 0, "", time.Time{}
	return t.await(fmt.Sprintf("the cursor to reach %q", texts), patience, func(screen string) bool {
		from, to, under := -1, -1, ""
		for i, line := range strings.Split(screen, "\n") {
			if strings.HasPrefix(line, bar) {
				from, under = i, identity(strings.TrimPrefix(line, bar))
			}
			if to < 0 && i > 1 && containsAll(line, texts) {
				to = i
			}
		}
		if from < 0 || to < 0 || from == to {
			return from == to && to >= 0
		}
		// One step at a time: rows may move meanwhile, and carry the cursor along.
		// The step before must have been taken, unless rows moved with it so that
		// it cannot be seen.
		if steps != from && name != under || time.Since(pressed) > 10*time.Second {
			steps, name, pressed = from, under, time.Now()
			key := uitest.Down
			if to < from {
				key = uitest.Up
			}
			t.Press(key)
		}
		return false
	})
}

// identity is what tells a row from others while its numbers change: its first
// two cells, and the others without digits.
func identity(row string) string {
	cells := strings.Fields(row)
	for i := 2; i < len(cells); i++ {
		cells[i] = strings.Trim(cells[i], "0123456789.")
	}
	return strings.Join(cells, " ")
}

// Resize changes the size of the terminal.
func (t *terminal) Resize(width, height int) *terminal {
	t.Helper()
	t.screen.Resize(t, width, height)
	return t
}

// Ends waits until what runs in the terminal has ended with an exit code.
func (t *terminal) Ends(code int) *terminal {
	t.Helper()
	if got := t.screen.Wait(t); got != code {
		t.Fatalf("exit code %d, want %d; the screen is:\n%s", got, code, t.screen.Text())
	}
	return t
}

// bar marks the selected row.
const bar = "▌"

// selected returns the row that the cursor is on.
func selected(screen string) string {
	for line := range strings.SplitSeq(screen, "\n") {
		if row, ok := strings.CutPrefix(line, bar); ok {
			return row
		}
	}
	return ""
}

// rows returns the lines of a table: those between the titles and the footer,
// or the first empty line.
func rows(screen string) []string {
	lines := strings.Split(screen, "\n")
	if len(lines) < 4 {
		return nil
	}
	var found []string
	for _, line := range lines[2 : len(lines)-1] {
		row, ok := strings.CutPrefix(line, bar)
		if !ok {
			row = strings.TrimPrefix(line, " ")
		}
		if strings.TrimSpace(row) == "" {
			break
		}
		found = append(found, row)
	}
	return found
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
