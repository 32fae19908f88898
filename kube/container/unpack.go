package container

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"quarterdeck/kube/sanitize"
)

// unpack writes what a container sends below one local path.
type unpack struct {
	root    *os.Root // the directory that the path is in
	name    string   // of the path in it
	base    string   // what the container calls it
	replace bool
	meter   *meter
	tree    *os.Root        // the directory that is copied, nil for a file
	made    map[string]bool // directories in tree that are real ones
	skipped []string
}

func newUnpack(local, base string, replace bool, m *meter) (*unpack, error) {
	abs, err := filepath.Abs(local)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(abs))
	if err != nil {
		return nil, plainPath(err)
	}
	u := &unpack{root: root, name: filepath.Base(abs), base: base, replace: replace, meter: m, made: map[string]bool{".": true}}
	if _, err := root.Lstat(u.name); err == nil && !replace {
		u.close()
		return nil, say(ErrExists, "%s exists already: choose another name, or let it be replaced", local)
	}
	return u, nil
}

func (u *unpack) close() {
	if u.tree != nil {
		_ = u.tree.Close() // nothing is left to be written
	}
	_ = u.root.Close()
}

// archive unpacks a tar archive to its end.
func (u *unpack) archive(r io.Reader) error {
	ending := &zeros{from: r}
	in := tar.NewReader(ending)
	for first := true; ; first = false {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			if _, err := io.Copy(io.Discard, ending); err != nil { // the padding, and how the program ended
				return err
			}
			if first || ending.n < endOfArchive {
				return errors.New("the container's answer breaks off: copy it again")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.entry(in, h); err != nil {
			return err
		}
	}
}

// endOfArchive is how many zeros a whole archive ends with at least. Without
// them it may have been cut off between two files.
const endOfArchive = 1024

// zeros counts the zeros that a stream ends with.
type zeros struct {
	from io.Reader
	n    int
}

func (z *zeros) Read(p []byte) (int, error) {
	n, err := z.from.Read(p)
	for _, b := range p[:n] {
		z.n++
		if b != 0 {
			z.n = 0
		}
	}
	return n, err
}

// inside returns where an entry belongs below what is copied: "." is itself.
func (u *unpack) inside(name string) (string, error) {
	inside, err := filepath.Rel(u.base, filepath.Clean(filepath.FromSlash(name)))
	if err != nil || !filepath.IsLocal(inside) {
		return "", fmt.Errorf("the container sent %q, which is not below what was asked for: nothing more was copied", name)
	}
	return inside, nil
}

func (u *unpack) entry(in io.Reader, h *tar.Header) error {
	inside, err := u.inside(h.Name)
	if err != nil {
		return err
	}
	root, name := u.tree, inside
	if inside == "." {
		root, name = u.root, u.name
	}
	if root == nil {
		return fmt.Errorf("the container sent %q before the directory that it is in: nothing more was copied", h.Name)
	}
	if root == u.tree {
		if err := u.parents(filepath.Dir(inside)); err != nil {
			return err
		}
	}
	mode := fs.FileMode(h.Mode) & 0o777
	switch h.Typeflag {
	case tar.TypeDir:
		return u.dir(root, name, inside, mode)
	case tar.TypeReg:
		u.meter.Name = sanitize.Line(inside)
		if inside == "." {
			u.meter.Total = h.Size
		}
		return u.file(root, name, mode, func(w io.Writer) error {
			_, err := u.meter.copy(w, in)
			return err
		})
	case tar.TypeSymlink:
		return u.link(root, name, inside, h.Linkname)
	case tar.TypeLink:
		from, err := u.inside(h.Linkname)
		if err != nil {
			return err
		}
		if u.tree == nil || from == "." || inside == "." {
			return fmt.Errorf("the container sent %q as a link to %q: nothing more was copied", h.Name, h.Linkname)
		}
		if err := u.clear(root, name); err != nil {
			return err
		}
		return plainPath(root.Link(from, name))
	}
	u.skip(inside, "it is neither a file nor a directory")
	return nil
}

// parents makes the directories that an entry is in. They must be real: through
// a link an entry could reach elsewhere.
func (u *unpack) parents(dir string) error {
	if u.made[dir] {
		return nil
	}
	if err := u.parents(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := u.tree.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return plainPath(err)
	}
	info, err := u.tree.Lstat(dir)
	if err != nil {
		return plainPath(err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory here: nothing is copied through it; remove it or choose another place", dir)
	}
	u.made[dir] = true
	return nil
}

func (u *unpack) dir(root *os.Root, name, inside string, mode fs.FileMode) error {
	if err := root.Mkdir(name, mode|0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return plainPath(err)
	}
	if root == u.tree {
		return u.parents(inside)
	}
	if u.tree != nil {
		return nil // said twice
	}
	info, err := root.Lstat(name)
	if err != nil {
		return plainPath(err)
	}
	if !info.IsDir() {
		return say(ErrExists, "%s exists already and is no directory: choose another name", name)
	}
	u.tree, err = root.OpenRoot(name)
	return plainPath(err)
}

// file writes a file under another name and gives it its own when it is whole.
func (u *unpack) file(root *os.Root, name string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	if info, err := root.Lstat(name); err == nil && info.IsDir() {
		return say(ErrExists, "%s is a directory here and a file in the container: choose another place", name)
	}
	part := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".part")
	if err := u.clear(root, part); err != nil {
		return err
	}
	f, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode|0o600)
	if err != nil {
		return plainPath(err)
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		_ = root.Remove(part) // half a file is of no use
		return plainPath(err)
	}
	u.meter.Files++
	u.meter.tell(false)
	return nil
}

// single writes the one file that is copied; size is -1 if unknown.
func (u *unpack) single(r io.Reader, size int64) error {
	u.meter.Name = u.name
	return u.file(u.root, u.name, 0o644, func(w io.Writer) error {
		n, err := u.meter.copy(w, r)
		if err == nil && size >= 0 && n < size {
			err = fmt.Errorf("%d of %d bytes came: copy it again", n, size)
		}
		return err
	})
}

// link makes a symbolic link if it stays inside of what is copied.
func (u *unpack) link(root *os.Root, name, inside, target string) error {
	switch local := filepath.FromSlash(target); {
	case inside == ".":
		return fmt.Errorf("it is a link to %s in the container: copy that", sanitize.Line(target))
	case filepath.IsAbs(local) || strings.HasPrefix(target, "/") || filepath.Clean(local) != local || !filepath.IsLocal(filepath.Join(filepath.Dir(inside), local)):
		u.skip(inside, fmt.Sprintf("a link to %s, out of what is copied", target))
		return nil
	}
	if err := u.clear(root, name); err != nil {
		return err
	}
	if err := root.Symlink(filepath.FromSlash(target), name); err != nil {
		u.skip(inside, fmt.Sprintf("a link that cannot be made here: %v", plainPath(err)))
	}
	return nil
}

// skip notes what is left out, for the screen.
func (u *unpack) skip(name, why string) {
	u.skipped = append(u.skipped, sanitize.Line(name+": "+why))
}

// clear makes room for a file or link.
func (u *unpack) clear(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plainPath(err)
	}
	return nil
}
