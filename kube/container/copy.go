package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"quarterdeck/kube"
)

// Progress is how far a copy is.
type Progress struct {
	Bytes int64  // of file contents
	Total int64  // 0 if unknown
	Files int    // finished
	Name  string // of the file under way
}

// CopyOptions are the wishes for a copy. The zero value is fine.
type CopyOptions struct {
	// Progress, if not nil, is called a few times a second, from one goroutine.
	Progress func(Progress)
	// Replace lets a download write over local files.
	Replace bool
}

// Copied is the result of a copy.
type Copied struct {
	To    string // where it is now
	Bytes int64
	Files int
	// Skipped are the things that were left out, each with its reason: devices,
	// links that lead elsewhere.
	Skipped []string
}

// meter counts a copy and reports it.
type meter struct {
	Progress
	report func(Progress)
	last   time.Time
}

func newMeter(o CopyOptions, total int64) *meter {
	m := &meter{report: o.Progress}
	m.Total = total
	return m
}

// reportEvery is often enough for the eye.
const reportEvery = 100 * time.Millisecond

func (m *meter) tell(now bool) {
	if m.report == nil || !now && time.Since(m.last) < reportEvery {
		return
	}
	m.last = time.Now()
	m.report(m.Progress)
}

// copy is io.Copy with the bytes counted.
func (m *meter) copy(w io.Writer, r io.Reader) (int64, error) {
	return io.Copy(w, io.TeeReader(r, counter{m}))
}

type counter struct{ *meter }

func (c counter) Write(p []byte) (int, error) {
	c.Bytes += int64(len(p))
	c.tell(false)
	return len(p), nil
}

// split returns the directory and the base of a path in a container. What ends
// in a slash is the thing itself.
func split(remote string) (dir, base string) {
	clean := path.Clean(remote)
	dir, base = path.Dir(clean), path.Base(clean)
	if base == "/" || base == "." || base == ".." {
		return clean, "."
	}
	return dir, base
}

// remoteSize returns the size of a file in a container, false if that cannot be
// learnt: there is no wc, or the path is none of a file.
func remoteSize(ctx context.Context, c *kube.Client, t Target, remote string) (int64, bool) {
	var out strings.Builder
	err := command{client: c, target: t, args: []string{"wc", "-c", argument(remote)}, out: &out}.run(ctx)
	if err != nil {
		return 0, false
	}
	number, _, _ := strings.Cut(strings.TrimSpace(out.String()), " ")
	n, err := strconv.ParseInt(number, 10, 64)
	return n, err == nil
}

// argument keeps a path from being read as an option.
func argument(remote string) string {
	if strings.HasPrefix(remote, "-") {
		return "./" + remote
	}
	return remote
}

// verify compares what was sent with what is there.
func verify(ctx context.Context, c *kube.Client, t Target, remote string, want int64) error {
	if got, ok := remoteSize(ctx, c, t, remote); ok && got != want {
		return fmt.Errorf("%s in %s has %d bytes and not %d after the copy: something else writes to it, or its disk is full; copy it again", remote, t, got, want)
	}
	return nil
}

// copyTrouble puts the error of a copy into a sentence.
func copyTrouble(what, from, to string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("copy of %s stopped: %s is not complete: %w", from, to, err)
	}
	return fmt.Errorf("%s %s to %s: %w", what, from, to, err)
}
