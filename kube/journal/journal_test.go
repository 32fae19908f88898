package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
)

func add(t *testing.T, j *Journal, d Done) Entry {
	t.Helper()
	e, err := j.Add(d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEntries(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	j := New(Options{Max: 3, Now: func() time.Time { return now }})
	changed := j.Changed()
	for i := range 5 {
		add(t, j, Done{Verb: fmt.Sprint(i)})
	}
	<-changed
	entries := j.Entries()
	if len(entries) != 3 || entries[0].Verb != "4" || entries[2].Verb != "2" || !entries[0].Time.Equal(now) {
		t.Fatalf("%+v", entries)
	}
	add(t, j, Done{Verb: "5"})
	if entries[0].Verb != "4" || len(j.Entries()) != 3 {
		t.Error("a snapshot changes")
	}
	if j.Err() != nil {
		t.Error(j.Err())
	}
}

func TestUndo(t *testing.T) {
	j := New(Options{})
	first := add(t, j, Done{Verb: "scale"})
	add(t, j, Done{Verb: "scale", Undoes: first.ID, Err: errors.New("conflict")})
	if e := j.Entries()[1]; e.UndoneBy != "" {
		t.Errorf("undone by what failed: %+v", e)
	}
	undo := add(t, j, Done{Verb: "scale", Undoes: first.ID})
	if e := j.Entries()[2]; e.ID != first.ID || e.UndoneBy != undo.ID || undo.Undoes != first.ID || undo.ID == first.ID {
		t.Errorf("%+v is not undone by %+v", e, undo)
	}
}

// read returns the lines of a file, which must all be whole.
func read(t *testing.T, path string) []record {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []record
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s in %s: %v", lines.Text(), path, err)
		}
		all = append(all, r)
	}
	return all
}

func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "quarterdeck")
	path := filepath.Join(dir, "journal.jsonl")
	j := New(Options{Path: path})
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	e := add(t, j, Done{
		Time: began, Duration: 1500 * time.Millisecond, Context: "prod", User: "ann", Verb: "scale", Summary: "replicas 3 → 5",
		Ref:    kube.Ref{GVR: deployments, Kind: "Deployment", Namespace: "pay", Name: "checkout", UID: "u-1"},
		Edits:  []Edit{{split("spec/replicas"), int64(3), int64(5)}},
		Undoes: "x",
	})
	add(t, j, Done{Verb: "delete", Err: errors.New("forbidden\x1b[2J")})
	j.Sent("prod", guard.Write{Call: guard.Call{Verb: "patch", Resource: "pods", Namespace: "pay", Name: "p"}, Start: began, Status: 200})
	j.Sent("prod", guard.Write{Call: guard.Call{Verb: "patch", Resource: "pods"}, Status: 409})
	j.Sent("prod", guard.Write{Call: guard.Call{Verb: "patch", Resource: "pods"}, Err: errors.New("refused, token=" + canary)})

	lines := read(t, path)
	want := record{
		Time: began.UTC(), Context: "prod", ID: e.ID, User: "ann", Verb: "scale", Group: "apps", Version: "v1", Resource: "deployments",
		Kind: "Deployment", Namespace: "pay", Name: "checkout", UID: "u-1", Summary: "replicas 3 → 5", Before: "3", After: "5", Undoes: "x",
		Result: "ok", Seconds: 1.5,
	}
	if len(lines) != 5 || lines[0] != want || lines[1].Result != "forbidden" {
		t.Fatalf("%+v", lines)
	}
	if r := lines[2]; r.Request != "patch pods/p in pay" || r.Status != 200 || r.Result != "ok" || r.Context != "prod" {
		t.Errorf("%+v", r)
	}
	if lines[3].Result != "refused by the server" || lines[4].Result != "refused, token=(hidden)" || len(j.Entries()) != 2 {
		t.Errorf("%+v, %d entries", lines[3:], len(j.Entries()))
	}
	if runtime.GOOS == "windows" {
		return
	}
	for name, want := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil { // as somebody might have made it
		t.Fatal(err)
	}
	add(t, j, Done{})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can still read it: %v, %v", info.Mode(), err)
	}
}

func TestSeveralPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	var wg sync.WaitGroup
	const programs, each = 8, 50
	for range programs {
		j := New(Options{Path: path})
		wg.Go(func() {
			for i := range each {
				add(t, j, Done{Verb: fmt.Sprint(i), Summary: strings.Repeat("x", i*5)})
			}
		})
	}
	wg.Wait()
	if got := len(read(t, path)); got != programs*each {
		t.Errorf("%d lines, want %d", got, programs*each)
	}
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	const most = 4 << 10
	var wg sync.WaitGroup
	for range 4 {
		j := New(Options{Path: path, MaxBytes: most})
		wg.Go(func() {
			for range 100 {
				add(t, j, Done{Summary: strings.Repeat("x", 100)})
			}
		})
	}
	wg.Wait()
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		// While one program rotates, others go on writing.
		if read(t, name); info.Size() > 2*most {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
	if _, err := os.Stat(path + ".lock"); err == nil {
		t.Error("the lock is left behind")
	}
}

// Between another program's rotation and its next line there is no file.
func TestRotatedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	if err := (&file{path: path, max: 100}).rotate(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".lock"); err == nil {
		t.Error("the lock is left behind")
	}
}

func TestStaleLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	lock := path + ".lock"
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(lock, long, long); err != nil {
		t.Fatal(err)
	}
	j := New(Options{Path: path, MaxBytes: 200})
	for range 6 {
		add(t, j, Done{Summary: strings.Repeat("x", 100)})
	}
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Error(err)
	}
}

func TestHalfALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	if err := os.WriteFile(path, []byte(`{"time":"20`), 0o600); err != nil {
		t.Fatal(err)
	}
	add(t, New(Options{Path: path}), Done{Verb: "scale"})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `"verb":"scale"`) || lines[2] != "" {
		t.Errorf("%q", lines)
	}
}

func TestAFileThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "quarterdeck")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // where a directory should be
		t.Fatal(err)
	}
	j := New(Options{Path: filepath.Join(dir, "journal.jsonl")})
	j.Sent("prod", guard.Write{})
	if j.Err() == nil {
		t.Error("nobody knows")
	}
	j = New(Options{Path: filepath.Join(dir, "journal.jsonl")})
	if _, err := j.Add(Done{}); err == nil || !strings.Contains(err.Error(), "the journal cannot be written to "+dir) {
		t.Errorf("error %v", err)
	}
	if _, err := j.Add(Done{}); err != nil || j.Err() == nil {
		t.Errorf("said again: %v; %v", err, j.Err())
	}
	if len(j.Entries()) != 2 {
		t.Error("an entry is lost")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Add(Done{}); err != nil || j.Err() != nil {
		t.Errorf("after it can be: %v, %v", err, j.Err())
	}
}

func BenchmarkAdd(b *testing.B) {
	j := New(Options{Path: filepath.Join(b.TempDir(), "journal.jsonl")})
	for b.Loop() {
		if _, err := j.Add(Done{Verb: "scale", Edits: []Edit{{split("spec/replicas"), int64(3), int64(5)}}}); err != nil {
			b.Fatal(err)
		}
	}
}
