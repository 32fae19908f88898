package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"quarterdeck/kube/guard"
	"quarterdeck/kube/sanitize"
)

// record is a line of the file: an entry, or a request if Request is there.
type record struct {
	Time    time.Time `json:"time"`
	Context string    `json:"context,omitempty"`

	ID        string `json:"id,omitempty"`
	User      string `json:"user,omitempty"`
	Verb      string `json:"verb,omitempty"`
	Group     string `json:"group,omitempty"`
	Version   string `json:"version,omitempty"`
	Resource  string `json:"resource,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	UID       string `json:"uid,omitempty"`
	Summary   string `json:"summary,omitempty"`
	Before    string `json:"before,omitempty"`
	After     string `json:"after,omitempty"`
	Undoes    string `json:"undoes,omitempty"`

	Request string `json:"request,omitempty"`
	Status  int    `json:"status,omitempty"` // of HTTP

	Result  string  `json:"result"` // "ok" or why not
	Seconds float64 `json:"seconds"`
}

func lineOf(e Entry) record {
	r := record{
		Time: e.Time.UTC(), Context: e.Context, ID: e.ID, User: e.User, Verb: e.Verb,
		Group: e.Ref.GVR.Group, Version: e.Ref.GVR.Version, Resource: e.Ref.GVR.Resource, Kind: e.Ref.Kind,
		Namespace: e.Ref.Namespace, Name: e.Ref.Name, UID: string(e.Ref.UID),
		Summary: e.Summary, Before: e.Before, After: e.After, Undoes: e.Undoes, Result: "ok", Seconds: e.Duration.Seconds(),
	}
	if e.Err != "" {
		r.Result = e.Err
	}
	return r
}

func lineOfWrite(context string, w guard.Write) record {
	r := record{
		Time: w.Start.UTC(), Context: line(context), Request: line(w.Call.String()),
		Status: w.Status, Result: "ok", Seconds: w.Duration.Seconds(),
	}
	switch {
	case w.Err != nil:
		r.Result = (&redaction{}).words(w.Err.Error())
	case w.Status >= 400:
		r.Result = "refused by the server"
	}
	return r
}

// file is a file of lines that several programs append to. Each line is one
// write, so that they do not mix.
type file struct {
	path string
	max  int64

	mu  sync.Mutex
	err error // of the last line
}

// failed returns why the last line was not written.
func (f *file) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// append writes a line. It returns an error if that did not work but did
// before.
func (f *file) append(r record) error {
	text, err := json.Marshal(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.err
	if err == nil {
		err = f.write(append(text, '\n'))
	}
	f.err = nil
	if err == nil {
		return nil
	}
	f.err = fmt.Errorf("the journal cannot be written to %s: %w: what you do goes on, and is kept on the screen only", sanitize.Line(f.path), err)
	if before != nil {
		return nil
	}
	return f.err
}

func (f *file) write(text []byte) error {
	file, size, err := f.open()
	if err != nil {
		return err
	}
	if size > 0 && size+int64(len(text)) > f.max {
		if err := errors.Join(file.Close(), f.rotate()); err != nil {
			return err
		}
		if file, size, err = f.open(); err != nil {
			return err
		}
	}
	whole, err := endsWhole(file, size)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if !whole {
		text = append([]byte{'\n'}, text...)
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// endsWhole reports whether the file ends with the end of a line. If it does not,
// a disk may have been full in the middle of the last one, or another program is
// just writing it, which shows bit by bit and is soon over.
func endsWhole(file *os.File, size int64) (bool, error) {
	const looks, pause = 20, 2 * time.Millisecond
	for range looks {
		last := []byte{'\n'}
		if size > 0 {
			if _, err := file.ReadAt(last, size-1); err != nil && !errors.Is(err, io.EOF) {
				return false, err
			}
		}
		if last[0] == '\n' {
			return true, nil
		}
		time.Sleep(pause)
		info, err := file.Stat()
		if err != nil {
			return false, err
		}
		size = info.Size()
	}
	return false, nil
}

// open returns the file and its size. It is for the user alone, whatever it was
// before.
func (f *file) open() (*os.File, int64, error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, 0, err
	}
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		err = file.Chmod(0o600)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// staleLock is when a lock was left behind by a program that ended.
const staleLock = time.Minute

// rotate makes the file the old one, unless another program just did or does.
func (f *file) rotate() error {
	name := f.path + ".lock"
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > staleLock {
			return unlessGone(os.Remove(name)) // so that the next line rotates
		}
		return nil
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(f.path)
	if err == nil && info.Size() > f.max/2 { // else it is a new one already
		err = os.Rename(f.path, f.path+".1")
	}
	return errors.Join(unlessGone(err), lock.Close(), os.Remove(name))
}

// unlessGone returns nil for an error that says that a file is gone: another
// program was faster.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
