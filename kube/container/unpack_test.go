package container

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// entries are what a container sends: a name that ends in a slash is a
// directory, "a -> b" a symbolic link, "a => b" a hard one.
func archiveOf(t *testing.T, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e, Typeflag: tar.TypeReg, Mode: 0o640, Size: int64(len("text"))}
		if from, to, ok := strings.Cut(e, " -> "); ok {
			h = &tar.Header{Name: from, Linkname: to, Typeflag: tar.TypeSymlink, Mode: 0o777}
		} else if from, to, ok := strings.Cut(e, " => "); ok {
			h = &tar.Header{Name: from, Linkname: to, Typeflag: tar.TypeLink}
		} else if name, ok := strings.CutSuffix(e, " (pipe)"); ok {
			h = &tar.Header{Name: name, Typeflag: tar.TypeFifo}
		} else if strings.HasSuffix(e, "/") {
			h = &tar.Header{Name: e, Typeflag: tar.TypeDir, Mode: 0o4511}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte("text")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree lists what is in a directory, with links and where they lead.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		switch rel = filepath.ToSlash(rel); {
		case err != nil:
			return err
		case d.Type()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(name)
			rel += " -> " + to
		case d.IsDir():
			rel += "/"
		}
		all = append(all, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all[1:], " ")
}

func TestUnpack(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the links of this test need rights there")
	}
	tests := []struct {
		name    string
		base    string
		entries []string
		want    string // what is in the directory of the destination after it
		skipped string
		err     string
	}{
		{"file", "f", []string{"./f"}, "to", "", ""},
		{"directory", "d", []string{"./d/", "./d/a", "./d/e/", "./d/e/b"}, "to/ to/a to/e/ to/e/b", "", ""},
		{"directories that are not sent", "d", []string{"d/", "d/x/y/z"}, "to/ to/x/ to/x/y/ to/x/y/z", "", ""},
		{"a whole file system", ".", []string{"./", "./etc/hosts"}, "to/ to/etc/ to/etc/hosts", "", ""},
		{"links inside", "d", []string{"d/", "d/a", "d/b -> a", "d/c => d/a", "d/e/f -> ../a"}, "to/ to/a to/b -> a to/c to/e/ to/e/f -> ../a", "", ""},
		{"links outside", "d", []string{"d/", "d/a -> /etc/passwd", "d/b -> ../x", "d/e/up -> x/../../../y"}, "to/ to/e/", "a: a link to /etc/passwd", ""},
		{"pipe", "d", []string{"d/", "d/p (pipe)", "d/a"}, "to/ to/a", "p: it is neither", ""},
		{"above", "d", []string{"d/", "d/../../evil"}, "to/", "", "not below"},
		{"beside", "d", []string{"d/", "evil"}, "to/", "", "not below"},
		{"absolute", "d", []string{"d/", "/tmp/evil"}, "to/", "", "not below"},
		{"absolute in a file system", ".", []string{"./", "/tmp/evil"}, "to/", "", "not below"},
		{"through a link", "d", []string{"d/", "d/l -> .", "d/l/evil"}, "to/ to/l -> .", "", "not a directory"},
		{"through two links", "d", []string{"d/", "d/x/y/up -> ../..", "d/x/y/up/l -> ../../../out"}, "to/ to/x/ to/x/y/ to/x/y/up -> ../..", "", "not a directory"},
		{"a link that becomes a directory", "d", []string{"d/", "d/l -> .", "d/l/"}, "to/ to/l -> .", "", "not a directory"},
		{"hard link outside", "d", []string{"d/", "d/h => ../../etc/passwd"}, "to/", "", "not below"},
		{"it is a link itself", "d", []string{"d -> /etc"}, "", "", "copy that"},
		{"a file before its directory", "d", []string{"d/a"}, "", "", "before the directory"},
		{"nothing", "d", nil, "", "", "breaks off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMeter(CopyOptions{}, 0)
			u, err := newUnpack(filepath.Join(dir, "to"), tt.base, false, m)
			if err != nil {
				t.Fatal(err)
			}
			defer u.close()
			err = u.archive(bytes.NewReader(archiveOf(t, tt.entries...)))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if got := tree(t, dir); got != tt.want {
				t.Errorf("it made %q, want %q", got, tt.want)
			}
			if got := strings.Join(u.skipped, ", "); !strings.Contains(got, tt.skipped) || tt.skipped == "" && got != "" {
				t.Errorf("skipped %q", got)
			}
		})
	}
}

// Links of the user's own do not lead a copy elsewhere.
func TestUnpackThroughOwnLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "to"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "to", "data")); err != nil {
		t.Fatal(err)
	}
	u, err := newUnpack(filepath.Join(dir, "to"), "d", true, newMeter(CopyOptions{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	if err := u.archive(bytes.NewReader(archiveOf(t, "d/", "d/data/", "d/data/x"))); err == nil {
		t.Error("it went through the link")
	}
	if got := tree(t, elsewhere); got != "" {
		t.Errorf("it wrote %q elsewhere", got)
	}
}

// An archive that is cut off anywhere is not taken for a whole one, and leaves
// no half files.
func TestUnpackCutOff(t *testing.T) {
	all := archiveOf(t, "d/", "d/a", "d/b")
	for n := 0; n < len(all); n += 256 {
		dir := t.TempDir()
		u, err := newUnpack(filepath.Join(dir, "to"), "d", false, newMeter(CopyOptions{}, 0))
		if err != nil {
			t.Fatal(err)
		}
		if err := u.archive(bytes.NewReader(all[:n])); err == nil {
			t.Errorf("%d of %d bytes were taken for all", n, len(all))
		}
		u.close()
		if got := tree(t, dir); strings.Contains(got, ".part") {
			t.Errorf("%d bytes left %q", n, got)
		}
	}
}

func TestUnpackExisting(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "to")
	if err := os.WriteFile(to, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newUnpack(to, "f", false, newMeter(CopyOptions{}, 0)); !errors.Is(err, ErrExists) {
		t.Errorf("error %v", err)
	}
	u, err := newUnpack(to, "f", true, newMeter(CopyOptions{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	if err := u.archive(bytes.NewReader(archiveOf(t, "./f"))); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(to); string(text) != "text" {
		t.Errorf("it holds %q", text)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add("d/../../x", "../y")
	f.Fuzz(func(t *testing.T, name, link string) {
		dir := t.TempDir()
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range []*tar.Header{
			{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "d/l", Linkname: link, Typeflag: tar.TypeSymlink},
			{Name: name, Typeflag: tar.TypeReg},
			{Name: "d/l/" + name, Typeflag: tar.TypeReg},
		} {
			if w.WriteHeader(h) != nil {
				t.Skip("no tar can send this")
			}
		}
		_ = w.Close() // to a buffer
		inside := filepath.Join(dir, "in")
		if err := os.Mkdir(inside, 0o700); err != nil {
			t.Fatal(err)
		}
		u, err := newUnpack(filepath.Join(inside, "to"), "d", false, newMeter(CopyOptions{}, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer u.close()
		_ = u.archive(&b) // whatever it says, it must stay where it belongs
		entries, _ := os.ReadDir(dir)
		in, _ := os.ReadDir(inside)
		if len(entries) != 1 || len(in) > 1 {
			t.Errorf("%q and %q: it wrote %v, %v", name, link, entries, in)
		}
		if to, err := filepath.EvalSymlinks(filepath.Join(inside, "to", "l")); err == nil && !strings.HasPrefix(to, inside+"/to") {
			t.Errorf("link %q leads to %s", link, to)
		}
	})
}
