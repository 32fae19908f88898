package container

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
)

// Upload copies a local file or directory into a container. As with cp, what is
// copied to a directory that exists goes into it. The container needs tar; for
// a single file sh and cat do.
func Upload(ctx context.Context, c *kube.Client, t Target, local, remote string, o CopyOptions) (Copied, error) {
	info, err := os.Stat(local)
	if err != nil {
		return Copied{}, fmt.Errorf("copy %s: %w", local, plainPath(err))
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return Copied{}, fmt.Errorf("copy %s: it is neither a file nor a directory", local)
	}
	if remote == "" {
		return Copied{}, errors.New("copy to where? name a path in the container")
	}
	f, err := find(ctx, c, t)
	if err != nil {
		return Copied{}, err
	}
	u := &upload{client: c, target: f.Target, local: local, info: info}
	if u.remote, err = u.place(ctx, remote); err != nil {
		return Copied{}, copyTrouble("copy", local, remote, err)
	}
	total, err := sizeOf(ctx, local)
	if err != nil {
		return Copied{}, copyTrouble("copy", local, remote, err)
	}
	u.meter = newMeter(o, total)
	err = u.byTar(ctx)
	if errors.Is(err, ErrNoProgram) {
		if info.IsDir() {
			return Copied{}, say(ErrNoProgram, "%s has no tar, without which only single files can be copied: put the directory into one file first", u.target)
		}
		err = u.byCat(ctx)
	}
	if err == nil && !info.IsDir() {
		err = verify(ctx, c, u.target, u.remote, u.meter.Bytes)
	}
	u.meter.tell(true)
	if err != nil {
		return u.copied(), copyTrouble("copy", local, u.remote, err)
	}
	return u.copied(), nil
}

// upload is one copy into a container.
type upload struct {
	client  *kube.Client
	target  Target
	local   string
	info    fs.FileInfo
	remote  string // the file or directory to be
	meter   *meter
	skipped []string
}

func (u *upload) copied() Copied {
	return Copied{To: u.remote, Bytes: u.meter.Bytes, Files: u.meter.Files, Skipped: u.skipped}
}

// place returns the path that the copy will have.
func (u *upload) place(ctx context.Context, remote string) (string, error) {
	name := filepath.Base(u.local)
	if abs, err := filepath.Abs(u.local); err == nil {
		name = filepath.Base(abs) // of "." too
	}
	if remote[len(remote)-1] == '/' {
		return path.Join(remote, name), nil
	}
	err := command{client: u.client, target: u.target, args: []string{"test", "-d", remote}}.run(ctx)
	var no *failure
	switch {
	case err == nil:
		return path.Join(remote, name), nil
	case errors.As(err, &no), errors.Is(err, ErrNoProgram):
		return path.Clean(remote), nil
	}
	return "", err
}

// byTar sends an archive to tar.
func (u *upload) byTar(ctx context.Context) error {
	dir, base := split(u.remote)
	// The modification times are those of the copy: a clock that is ahead would
	// make tar complain.
	args := []string{"tar", "-xmf", "-", "-C", argument(dir)}
	return u.send(ctx, args, func(w io.Writer) error { return u.pack(ctx, tar.NewWriter(w), base) })
}

// byCat sends the one file to a shell.
func (u *upload) byCat(ctx context.Context) error {
	u.meter.Progress = Progress{Total: u.meter.Total}
	err := u.send(ctx, []string{"sh", "-c", `cat > "$1"`, "sh", u.remote}, func(w io.Writer) error {
		return u.content(w, u.local, u.info)
	})
	if errors.Is(err, ErrNoProgram) {
		return say(ErrNoProgram, "%s has neither tar nor sh: nothing can be copied to it, but a container to debug the pod can share its processes", u.target)
	}
	return err
}

// send runs a program in the container with what write writes as its input.
func (u *upload) send(ctx context.Context, args []string, write func(io.Writer) error) error {
	read, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		defer utilruntime.HandleCrash()
		err := write(w)
		_ = w.CloseWithError(err) // never fails
		written <- err
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := command{client: u.client, target: u.target, args: args, in: cutShort{read, cancel}}.run(ctx)
	_ = read.CloseWithError(errStopped) // never fails; ends write
	if own := <-written; own != nil && !errors.Is(own, errStopped) {
		return own // the reason for whatever the program said about its input
	}
	return err
}

// errStopped is what a writer gets whose reader is gone.
var errStopped = errors.New("the other side stopped reading")

// cutShort ends the program when its input breaks off: what it was sent so far
// must not pass for all.
type cutShort struct {
	from io.Reader
	end  context.CancelCauseFunc
}

func (c cutShort) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.end(err)
	}
	return n, err
}

// pack writes the archive, in which what is copied is called base.
func (u *upload) pack(ctx context.Context, w *tar.Writer, base string) error {
	root := u.local
	if !u.info.IsDir() {
		return errors.Join(u.entry(w, root, base, u.info), w.Close())
	}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		inside, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if inside == "." {
			info, err = u.info, nil // followed, should it be a link
		}
		if err != nil {
			return err
		}
		return u.entry(w, name, path.Join(base, filepath.ToSlash(inside)), info)
	})
	if err != nil {
		return plainPath(err)
	}
	return w.Close()
}

// entry writes one file, directory or link.
func (u *upload) entry(w *tar.Writer, local, name string, info fs.FileInfo) error {
	link := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(local)
		if err != nil {
			return plainPath(err)
		}
		link = filepath.ToSlash(target)
	case !info.IsDir() && !info.Mode().IsRegular():
		u.skipped = append(u.skipped, local+": it is neither a file nor a directory")
		return nil
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return fmt.Errorf("describe %s: %w", local, err)
	}
	// Who owns it here means nothing there: it belongs to whom tar runs as.
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = "./"+name, 0, 0, "", ""
	h.Mode &= 0o777
	if info.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	return u.content(w, local, info)
}

// content writes what is in a file: as much as there was when it was looked at.
func (u *upload) content(w io.Writer, local string, info fs.FileInfo) error {
	file, err := os.Open(local)
	if err != nil {
		return plainPath(err)
	}
	defer file.Close() //nolint:errcheck // opened for reading only
	u.meter.Name = local
	n, err := u.meter.copy(w, io.LimitReader(file, info.Size()))
	if err != nil {
		return err
	}
	if n < info.Size() {
		return fmt.Errorf("%s became shorter while it was copied: copy it again", local)
	}
	u.meter.Files++
	u.meter.tell(false)
	return nil
}

// sizeOf sums the files in local up.
func sizeOf(ctx context.Context, local string) (total int64, err error) {
	err = filepath.WalkDir(local, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if name == local {
			info, err = os.Stat(name)
		}
		if err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return errors.Join(err, ctx.Err())
	})
	return total, plainPath(err)
}

// plainPath takes the name of the system call off an error about a path.
func plainPath(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}
