// Package journal keeps what the user did to clusters: in memory for the
// screen, and if wanted in a file of one JSON object a line.
//
// It is given what was done and itself decides what of it may be written down.
// The contents of Secrets and ConfigMaps, the values of environment variables,
// copies of whole objects in annotations, and what else looks like a credential
// never get into it. See Redact.
package journal

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/sanitize"
)

// Done is something that was done to one object, or that failed.
type Done struct {
	Time     time.Time // when it began; now if zero
	Duration time.Duration
	Context  string // of the kubeconfig
	User     string // as the server knows the user, "" if nobody asked
	Verb     string // "scale"
	Ref      kube.Ref
	Summary  string // "replicas 3 → 5"
	Edits    []Edit
	Err      error  // why it failed
	Undoes   string // ID of the entry that it took back
}

// Edit is a field that was set.
type Edit struct {
	Path          []string // an element of a list is named by its index
	Before, After any      // as JSON has them, nil where there was no such field
}

// Entry is what the journal has of something Done. All texts are of one line,
// short, and safe to show.
type Entry struct {
	ID       string
	Time     time.Time
	Duration time.Duration
	Context  string
	User     string
	Verb     string
	Ref      kube.Ref
	Summary  string
	Before   string // the values of the fields that were set
	After    string
	Err      string // "" if it was done
	Undoes   string // ID of the entry that this one took back
	UndoneBy string // ID of the entry that took this one back
}

// Options are a journal's settings. Zero values are sensible.
type Options struct {
	Max int // entries in memory; default 1,000

	Path     string // of the file; "" for none
	MaxBytes int64  // size at which the file becomes Path.1; default 5 MiB

	Now func() time.Time // for tests
}

// Journal keeps entries. It is safe for many goroutines.
type Journal struct {
	opts Options
	file *file // nil if there is none

	mu      sync.Mutex
	entries []Entry // the oldest first
	changed chan struct{}
}

// New returns an empty journal. What earlier ones wrote stays in the file.
func New(opts Options) *Journal {
	if opts.Max <= 0 {
		opts.Max = 1000
	}
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = 5 << 20
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	j := &Journal{opts: opts, changed: make(chan struct{})}
	if opts.Path != "" {
		j.file = &file{path: opts.Path, max: opts.MaxBytes}
	}
	return j
}

// Add keeps what was done and returns the entry of it. An error says that the
// file cannot be written; it is returned when that begins, and not again for
// every entry: see Err. The entry is in memory all the same.
func (j *Journal) Add(d Done) (Entry, error) {
	e := j.entry(d)
	j.mu.Lock()
	j.entries = append(j.entries, e)
	if over := len(j.entries) - j.opts.Max; over > 0 {
		j.entries = slices.Delete(j.entries, 0, over)
	}
	if i := slices.IndexFunc(j.entries, func(other Entry) bool { return other.ID == e.Undoes }); i >= 0 && e.Err == "" {
		j.entries[i].UndoneBy = e.ID
	}
	close(j.changed)
	j.changed = make(chan struct{})
	j.mu.Unlock()
	if j.file == nil {
		return e, nil
	}
	return e, j.file.append(lineOf(e))
}

// entry makes what was done fit to be kept.
func (j *Journal) entry(d Done) Entry {
	e := Entry{
		ID: rand.Text()[:12], Time: d.Time, Duration: d.Duration, Context: line(d.Context), User: line(d.User), Verb: line(d.Verb),
		Ref: d.Ref, Undoes: d.Undoes,
	}
	if e.Time.IsZero() {
		e.Time = j.opts.Now()
	}
	e.Ref.GVR.Group, e.Ref.GVR.Version, e.Ref.GVR.Resource = line(d.Ref.GVR.Group), line(d.Ref.GVR.Version), line(d.Ref.GVR.Resource)
	e.Ref.Kind, e.Ref.Namespace, e.Ref.Name, e.Ref.UID = line(d.Ref.Kind), line(d.Ref.Namespace), line(d.Ref.Name), types.UID(line(string(d.Ref.UID)))
	r := redaction{of: d.Ref.GVR.GroupResource()}
	e.Before, e.After = r.edits(d.Edits)
	e.Summary = r.summary(d.Summary, d.Edits)
	if d.Err != nil {
		e.Err = r.failure(d.Err)
	}
	return e
}

// line makes a name fit for one line.
func line(s string) string { return short(sanitize.Line(s)) }

// Entries returns what there is in memory, the newest first.
func (j *Journal) Entries() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries := slices.Clone(j.entries)
	slices.Reverse(entries)
	return entries
}

// Changed returns a channel that is closed when there is another entry. Who
// waits takes it before the Entries.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// Sent writes to the file, and nowhere else, that a request was sent that
// changes something in the cluster of a context: for guard.Observe. What is
// done by several requests, or by one that no action stands for, shows there.
func (j *Journal) Sent(context string, w guard.Write) {
	if j.file != nil {
		_ = j.file.append(lineOfWrite(context, w)) // kept for Err
	}
}

// Err returns why the last thing could not be written to the file, nil if it
// was.
func (j *Journal) Err() error {
	if j.file == nil {
		return nil
	}
	return j.file.failed()
}
