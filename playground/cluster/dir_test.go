package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// openTestDir is short enough for sockets, which paths of tests often are not.
func openTestDir(t *testing.T) *Dir {
	t.Helper()
	path, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(dir.Close(), os.RemoveAll(path)); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestDirBelongsToOne(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var inUse *InUseError
	if _, err := OpenDir(path); !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
		t.Errorf("a second owner got %v", err)
	}
	if pid, err := Supervisor(path); err != nil || pid != os.Getpid() {
		t.Errorf("supervisor is %d, %v", pid, err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	if pid, err := Supervisor(path); err != nil || pid != 0 {
		t.Errorf("after closing, supervisor is %d, %v", pid, err)
	}
	dir, err = OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDirIsCleanedButForLogs(t *testing.T) {
	path := t.TempDir()
	dir, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"kubeconfig", "pki/ca.crt", "etcd/data", "log/etcd.log"} {
		if err := dir.Write([]byte("x"), filepath.FromSlash(file)); err != nil {
			t.Fatal(err)
		}
	}
	// As after a crash: the lock is gone with its process, the files are not.
	if err := dir.lock.Close(); err != nil {
		t.Fatal(err)
	}
	dir, err = OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"kubeconfig", "pki/ca.crt", "etcd/data", "log/etcd.log"} {
		if _, err := os.Stat(dir.Join(gone)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s of the crashed run is still there", gone)
		}
	}
	if err := dir.Write([]byte("x"), "log", "etcd.log"); err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if strings.Join(left, " ") != "log "+lockName {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(filepath.Join(path, "log", "etcd.log")); err != nil {
		t.Error("the log is gone, and with it why it ended")
	}
}

func TestDirRefusesOtherPeoplesFiles(t *testing.T) {
	path := t.TempDir()
	precious := filepath.Join(path, "thesis.txt")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(path); err == nil {
		t.Error("it was taken")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(path, lockName)); !errors.Is(err, os.ErrNotExist) {
		t.Error("a refused directory was marked as a playground's")
	}
}

func TestDirRefusesLongPaths(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("x", maxPath))
	if _, err := OpenDir(path); err == nil {
		t.Error("it was taken")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("it was created")
	}
}

// A playground that begins or ends holds its lock for a moment without its
// process id in it: who asks then waits.
func TestSupervisorIsAskedInBetween(t *testing.T) {
	for what, c := range map[string]struct {
		then func(*Dir) error
		want int
	}{
		"begins": {func(d *Dir) error {
			_, err := d.lock.WriteAt([]byte("42\n"), 0)
			return err
		}, 42},
		"ends": {(*Dir).Close, 0},
	} {
		t.Run(what, func(t *testing.T) {
			dir, err := OpenDir(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer dir.lock.Close() //nolint:errcheck // it may be closed already
			if err := dir.lock.Truncate(0); err != nil {
				t.Fatal(err)
			}
			then := time.AfterFunc(2*pollInterval, func() {
				if err := c.then(dir); err != nil {
					t.Error(err)
				}
			})
			defer then.Stop()
			if pid, err := Supervisor(dir.Path()); err != nil || pid != c.want {
				t.Errorf("process %d, %v; want %d", pid, err, c.want)
			}
		})
	}
}
