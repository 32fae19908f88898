package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockName is the file that marks a directory as a playground's. Its lock is
// held, and the supervisor's process id written in it, while one is running.
const lockName = "playground.lock"

// maxPath leaves room for the name of a socket in the 104 bytes that the
// strictest system allows its path.
const maxPath = 85

// Dir is the directory of one playground, owned by this process until Close.
type Dir struct {
	path string
	lock *os.File
}

// InUseError says that a playground is already running in a directory.
type InUseError struct {
	Path string
	PID  int
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("a playground is already running in %s (process %d): stop it with `qd-playground down --dir %s` or choose another --dir", e.Path, e.PID, e.Path)
}

// OpenDir takes path for one playground, creating it if needed and removing
// what a crashed one left there. It refuses a directory that holds anything
// else, because Close empties it.
func OpenDir(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("resolve directory %q: %w", path, err)
	}
	if len(path) > maxPath {
		return nil, fmt.Errorf("%s is too long a path for the sockets in it: choose a --dir of at most %d characters", path, maxPath)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("create playground directory: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read playground directory: %w", err)
	}
	lockPath := filepath.Join(path, lockName)
	if _, err := os.Stat(lockPath); errors.Is(err, os.ErrNotExist) && len(entries) > 0 {
		return nil, fmt.Errorf("%s holds files that are not a playground's: choose an empty or new directory with --dir", path)
	}
	lock, err := os.OpenFile(lockPath, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open playground lock: %w", err)
	}
	dir := &Dir{path: path, lock: lock}
	if err := dir.claim(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return dir, nil
}

func (d *Dir) claim() error {
	if err := syscall.Flock(int(d.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			pid, _ := readPID(d.lock)
			return &InUseError{Path: d.path, PID: pid}
		}
		return fmt.Errorf("lock playground directory %s: %w", d.path, err)
	}
	// At once: after a crash it has the id of a process that may be anything by now.
	if err := d.lock.Truncate(0); err != nil {
		return fmt.Errorf("write playground lock: %w", err)
	}
	if err := os.Chmod(d.path, 0o700); err != nil {
		return fmt.Errorf("make playground directory private: %w", err)
	}
	if err := d.clear("log"); err != nil {
		return err
	}
	for _, name := range []string{"log", "pki", "etcd"} {
		if err := os.Mkdir(d.Join(name), 0o700); err != nil {
			return fmt.Errorf("create playground directory: %w", err)
		}
	}
	if _, err := d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write playground lock: %w", err)
	}
	return nil
}

// Path is absolute.
func (d *Dir) Path() string { return d.path }

// Join is the path of something inside the directory.
func (d *Dir) Join(elem ...string) string {
	return filepath.Join(append([]string{d.path}, elem...)...)
}

// Log is where the part called name writes.
func (d *Dir) Log(name string) string { return d.Join("log", name+".log") }

// Write stores private data in a file of the directory.
func (d *Dir) Write(data []byte, elem ...string) error {
	path := d.Join(elem...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Close removes everything but the logs and gives the directory up. The lock
// file stays: it marks the directory as one that may be used again, and
// deleting it would let two processes hold locks on different files.
func (d *Dir) Close() error {
	return errors.Join(d.clear(), d.lock.Truncate(0), d.lock.Close())
}

// clear removes everything but the lock and the logs, and also the entries of
// the given names.
func (d *Dir) clear(also ...string) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("read playground directory: %w", err)
	}
	kept := map[string]bool{lockName: true, "log": true}
	for _, name := range also {
		delete(kept, name)
	}
	for _, entry := range entries {
		if kept[entry.Name()] {
			continue
		}
		if err := os.RemoveAll(d.Join(entry.Name())); err != nil {
			return fmt.Errorf("remove what the last playground left: %w", err)
		}
	}
	return nil
}

// Supervisor returns the process id of the playground running in path, or 0.
func Supervisor(path string) (int, error) {
	lock, err := os.Open(filepath.Join(path, lockName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open playground lock: %w", err)
	}
	defer lock.Close() //nolint:errcheck // opened for reading only
	for end := time.Now().Add(betweenTime); ; time.Sleep(pollInterval) {
		switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); {
		case err == nil:
			return 0, nil // nobody holds it; closing the file releases ours
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return 0, fmt.Errorf("test playground lock in %s: %w", path, err)
		}
		if pid, err := readPID(lock); pid != 0 || err != nil {
			return pid, err
		}
		if time.Now().After(end) {
			return 0, fmt.Errorf("the playground in %s does not say which process it is: %s is locked and empty", path, lockName)
		}
	}
}

// betweenTime is how long a playground that begins or ends may hold its lock
// without its process id in it.
const betweenTime = 5 * time.Second

// readPID returns the process id in a lock, 0 if there is none.
func readPID(lock io.ReaderAt) (int, error) {
	text, err := io.ReadAll(io.NewSectionReader(lock, 0, 32))
	if err != nil {
		return 0, fmt.Errorf("read playground lock: %w", err)
	}
	if len(text) == 0 {
		return 0, nil
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read process id from playground lock: %w", err)
	}
	return pid, nil
}
