package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
)

// files is the file system of a container.
type files struct{ root *os.Root }

// openFiles opens the file system, and furnishes it the first time.
func openFiles(c Container) (*files, error) {
	if err := os.MkdirAll(c.Root, 0o700); err != nil {
		return nil, fmt.Errorf("create scratch directory: %w", err)
	}
	root, err := os.OpenRoot(c.Root)
	if err != nil {
		return nil, fmt.Errorf("open scratch directory: %w", err)
	}
	f := &files{root: root}
	if _, err := root.Stat("etc"); err == nil {
		return f, nil
	}
	if err := f.furnish(c); err != nil {
		return nil, errors.Join(fmt.Errorf("fill scratch directory: %w", err), root.Close())
	}
	return f, nil
}

func (f *files) furnish(c Container) error {
	for _, dir := range []string{"app", "bin", "etc", "root", "tmp", "var/log"} {
		if err := f.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"etc/hostname":    c.Hostname + "\n",
		"etc/hosts":       "127.0.0.1\tlocalhost\n" + c.Address + "\t" + c.Hostname + "\n",
		"etc/os-release":  "NAME=\"Playground Linux\"\nID=playground\nVERSION_ID=1\n",
		"etc/resolv.conf": "search svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
		"app/README":      "This is a scratch directory of the playground, not a container.\n",
	} {
		if err := f.root.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if c.Bare {
		return nil
	}
	commands := slices.Concat([]string{"sh", "bash"}, builtins(), slices.Collect(maps.Keys(applets())))
	for _, name := range commands {
		if err := f.root.WriteFile("bin/"+name, nil, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) close() { _ = f.root.Close() }

// local turns a path inside the container into one that an os.Root takes.
func local(dir, name string) string {
	if !path.IsAbs(name) {
		name = path.Join(dir, name)
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	return name
}

func (f *files) open(dir, name string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	if path.Clean(name) == "/dev/null" {
		return null{}, nil
	}
	return f.root.OpenFile(local(dir, name), flag, perm.Perm())
}

func (f *files) stat(dir, name string) (fs.FileInfo, error) { return f.root.Stat(local(dir, name)) }

func (f *files) readDir(dir, name string) ([]fs.DirEntry, error) {
	opened, err := f.root.Open(local(dir, name))
	if err != nil {
		return nil, err
	}
	defer opened.Close() //nolint:errcheck // opened for reading only
	entries, err := opened.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (f *files) openHandler(ctx context.Context, name string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	return f.open(interp.HandlerCtx(ctx).Dir, name, flag, perm)
}

func (f *files) statHandler(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
	dir := interp.HandlerCtx(ctx).Dir
	if !follow {
		return f.root.Lstat(local(dir, name))
	}
	return f.stat(dir, name)
}

func (f *files) readDirHandler(ctx context.Context, name string) ([]fs.DirEntry, error) {
	return f.readDir(interp.HandlerCtx(ctx).Dir, name)
}

func (f *files) accessHandler(ctx context.Context, name string, _ interp.AccessMode) error {
	_, err := f.statHandler(ctx, name, true)
	return err
}

// null is /dev/null.
type null struct{}

func (null) Read([]byte) (int, error)    { return 0, io.EOF }
func (null) Write(p []byte) (int, error) { return len(p), nil }
func (null) Close() error                { return nil }
