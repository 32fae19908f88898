//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"k8s.io/client-go/rest"
)

const (
	starts  = 5  // of the program, and raw lists
	idleFor = 20 // seconds
)

// quiet measures the program while nothing changes in the cluster.
func (c *cluster) quiet(t *table) error {
	config, err := c.playground.Config("")
	if err != nil {
		return err
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return fmt.Errorf("connect to the playground: %w", err)
	}
	var first, all, raw samples
	var size int64
	for range starts { // in turn, so that what else the machine does hits both
		f, a, err := c.start()
		if err != nil {
			return err
		}
		first, all = append(first, f), append(all, a)
		took, n, err := c.rawList(transport, config.Host)
		if err != nil {
			return err
		}
		raw, size = append(raw, took), n
	}
	t.add("first screenful after start", "≤ "+ms(firstRows), first.String(), first.median() <= firstRows)
	budget := c.allPods
	words := "≤ " + ms(budget)
	if budget == 0 {
		budget = time.Duration(overRawList * float64(raw.median()))
		words = fmt.Sprintf("≤ %.1f × raw LIST = %s", overRawList, ms(budget))
	}
	t.add("all pods counted", words, all.String(), all.median() <= budget)
	t.note("raw LIST, protobuf, gzip", fmt.Sprintf("%s, %.1f MB", raw, float64(size)/1e6))

	term, err := c.open()
	if err != nil {
		return err
	}
	defer term.close()
	if _, err := term.until(c.ctx, "all pods", c.all); err != nil {
		return err
	}
	if err := c.measureIdle(t, term); err != nil {
		return err
	}
	if err := c.measureKeys(t, term); err != nil {
		return err
	}
	term.close()
	return c.triage(t)
}

// rawList reads all pods in one request, as bytes that nobody looks at, and
// returns how long that took and how many they are.
func (c *cluster) rawList(transport http.RoundTripper, host string) (time.Duration, int64, error) {
	request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, host+"/api/v1/pods", nil)
	if err != nil {
		return 0, 0, fmt.Errorf("list pods: %w", err)
	}
	request.Header.Set("Accept", "application/vnd.kubernetes.protobuf")
	request.Header.Set("Accept-Encoding", "gzip") // by hand, so that nothing unpacks it
	start := time.Now()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, 0, fmt.Errorf("list pods: %w", err)
	}
	size, err := io.Copy(io.Discard, response.Body)
	took := time.Since(start)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return 0, 0, fmt.Errorf("list pods: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("list pods: %s", response.Status)
	}
	c.progress("raw LIST %s", ms(took))
	return took, size, nil
}

// start opens the program and returns how long it took to show a screenful of
// pods, and to have counted all.
func (c *cluster) start() (first, all time.Duration, err error) {
	term, err := c.open()
	if err != nil {
		return 0, 0, err
	}
	defer term.close()
	at, err := term.until(c.ctx, "a screenful of pods", screenful)
	if err != nil {
		return 0, 0, err
	}
	first = at.Sub(term.started)
	if at, err = term.until(c.ctx, "all pods", c.all); err != nil {
		return 0, 0, err
	}
	c.progress("first screenful %s, all %s", ms(first), ms(at.Sub(term.started)))
	return first, at.Sub(term.started), nil
}

// measureIdle measures what a screen costs that does not change.
func (c *cluster) measureIdle(t *table, term *terminal) error {
	pid := term.cmd.Process.Pid
	// Loading is over when the program has been still for a while.
	if err := c.settle(pid); err != nil {
		return err
	}
	var u use
	for range idleFor {
		before, _ := term.lines()
		second, err := c.use(term, time.Second)
		if err != nil {
			return err
		}
		u.cpu += second.cpu / idleFor
		// Ages change by themselves now and then.
		if after, _ := term.lines(); slices.Equal(before, after) {
			u.bytes += second.bytes
		}
	}
	resident, err := memory(pid, "VmRSS")
	if err != nil {
		return err
	}
	peak, err := memory(pid, "VmHWM")
	if err != nil {
		return err
	}
	t.add("resident memory", fmt.Sprintf("≤ %d MiB", c.resident), fmt.Sprintf("%d MiB, peak %d MiB", resident, peak), resident <= c.resident)
	t.add("CPU when nothing changes", fmt.Sprintf("≤ %.1f %%", c.idle), fmt.Sprintf("%.2f %% of a core", u.cpu), u.cpu <= c.idle)
	t.add("bytes to the terminal when nothing changes", "0", fmt.Sprintf("%.0f in %d s", u.bytes, idleFor), u.bytes == 0)
	return nil
}

// use is what the program takes a second.
type use struct{ cpu, bytes float64 } // percent of a core, bytes to the terminal

// use measures for a time.
func (b *bench) use(term *terminal, d time.Duration) (use, error) {
	pid := term.cmd.Process.Pid
	before, err := cpu(pid)
	if err != nil {
		return use{}, err
	}
	written, _ := term.output()
	start := time.Now()
	select {
	case <-time.After(d):
	case <-b.ctx.Done():
		return use{}, b.ctx.Err()
	}
	after, err := cpu(pid)
	if err != nil {
		return use{}, err
	}
	now, _ := term.output()
	seconds := time.Since(start).Seconds()
	return use{cpu: (after - before).Seconds() / seconds * 100, bytes: float64(now-written) / seconds}, nil
}

// settle waits until the program has used next to nothing for two seconds.
func (c *cluster) settle(pid int) error {
	const still = 3 * tick
	for end := time.Now().Add(limit); time.Now().Before(end); {
		before, err := cpu(pid)
		if err != nil {
			return err
		}
		select {
		case <-time.After(2 * time.Second):
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
		after, err := cpu(pid)
		if err != nil {
			return err
		}
		if after-before <= still {
			return nil
		}
	}
	return nil // it never rests, which the measurement will show
}

// measureKeys types keys and measures how soon and with how many bytes the
// screen answers.
func (c *cluster) measureKeys(t *table, term *terminal) error {
	const (
		down, up, pageDown, top = "\x1b[B", "\x1b[A", "\x1b[6~", "g"
		quiet                   = 40 * time.Millisecond
		moves                   = terminalRows - 6 // within a page
	)
	var took, filtered samples
	var moved, paged, most int64
	press := func(key string, times int, bytes *int64) error {
		for range times {
			// Not in step with the frames.
			select {
			case <-time.After(rand.N(20 * time.Millisecond)):
			case <-c.ctx.Done():
				return c.ctx.Err()
			}
			d, n, err := term.response(c.ctx, key, quiet)
			if err != nil {
				return err
			}
			took = append(took, d)
			*bytes += n
			if bytes == &moved {
				most = max(most, n)
			}
		}
		return nil
	}
	for range 2 {
		if err := errors.Join(press(down, moves, &moved), press(up, moves, &moved), press(pageDown, 40, &paged)); err != nil {
			return err
		}
		if _, _, err := term.response(c.ctx, top, quiet); err != nil {
			return err
		}
	}
	t.add("key to changed screen", "p99 ≤ "+ms(keyToScreen), took.String(), took.quantile(0.99) <= keyToScreen)
	each := moved / (4 * moves)
	t.add("bytes for a cursor move", fmt.Sprintf("≤ %d", bytesPerMove), fmt.Sprintf("%d, most %d", each, most), most <= bytesPerMove)
	t.note("bytes for a page", fmt.Sprint(paged/80))

	for _, word := range []string{"cache", "worker", "team-01", "node-0004", "running"} {
		if _, _, err := term.response(c.ctx, "/", quiet); err != nil {
			return err
		}
		for _, letter := range word {
			d, _, err := term.response(c.ctx, string(letter), 250*time.Millisecond)
			if err != nil {
				return err
			}
			filtered = append(filtered, d)
		}
		if _, _, err := term.response(c.ctx, "\x1b", 250*time.Millisecond); err != nil {
			return err
		}
	}
	t.add("key of a filter to filtered rows", "p50 ≤ "+ms(filterToScreen), filtered.String(), filtered.median() <= filterToScreen)
	return nil
}
